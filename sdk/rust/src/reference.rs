//! The reference distributions that the model bundle carries: how each feature lay while the model was made. The host
//! has parsed them; a plugin asks for the values that it needs.

use crate::bindings::imports::assay::plugin::config;
use crate::error::{Error, Result};
use crate::settings::{SettingValue, Value};

/// SHA-256 of the reference, as 64 hexadecimal digits: the same digest, the same reference.
///
/// # Errors
/// [`Error::BadSetting`] where the model bundle carries none.
pub fn digest() -> Result<String> {
    config::reference_digest().ok_or_else(no_reference)
}

/// The reference of the recipe's model, as JSON text: for what [`feature`] does not reach.
///
/// # Errors
/// As [`digest`].
pub fn text() -> Result<String> {
    config::reference().ok_or_else(no_reference)
}

/// The feature of that name. Nothing is asked of the host yet: what is missing shows when it is read.
#[must_use]
pub const fn feature(name: &str) -> Feature<'_> {
    Feature { name }
}

/// The threshold of a detector that calibration found for a share of false alarms, which is written as the reference has
/// it: `0.05`. None where the reference has none for it, or the model bundle carries no reference.
///
/// ```ignore
/// let threshold = reference::threshold("adv-squeeze", "0.05").unwrap_or(0.5);
/// ```
#[must_use]
pub fn threshold(detector: &str, false_alarms: &str) -> Option<f64> {
    let path = ["detectors/", detector, "/thresholds/", false_alarms].concat();
    f64::from_value(config::reference_value(&path)?).ok()
}

/// One feature of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature<'a> {
    name: &'a str,
}

impl Feature<'_> {
    /// A number: `mean`, `sd`, `min`, `max`.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where it is missing.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.value(key).ok_or_else(|| self.missing(key, f64::EXPECTED))
    }

    /// A list of numbers, at least one: `quantiles`, `samples`, `bins/edges`, `bins/shares`.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where it is missing or empty.
    pub fn numbers(&self, path: &str) -> Result<Vec<f64>> {
        let numbers = self.value(path).filter(|numbers: &Vec<f64>| !numbers.is_empty());
        numbers.ok_or_else(|| self.missing(path, Vec::<f64>::EXPECTED))
    }

    fn value<T: SettingValue>(&self, path: &str) -> Option<T> {
        let value: Value = config::reference_value(&["features/", self.name, "/", path].concat())?;
        T::from_value(value).ok()
    }

    fn missing(&self, key: &str, expected: &str) -> Error {
        if config::reference_digest().is_none() {
            return no_reference();
        }
        Error::bad_setting("reference", &format!("{key} of {} as {expected}", self.name), "none")
    }
}

fn no_reference() -> Error {
    let advice = "a model bundle with a blob of role \"reference\"";
    Error::bad_setting("reference", advice, "a model bundle without one")
}
