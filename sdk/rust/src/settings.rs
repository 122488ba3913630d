//! The plugin's own settings: the defaults of its manifest with the recipe's values over them. The host gives each in
//! its own type: nothing is parsed here.

use crate::bindings::imports::assay::plugin::config;
use crate::error::{Error, Result};

pub use crate::bindings::imports::assay::plugin::config::Value;

/// A type that a setting can have.
pub trait SettingValue: Sized {
    /// For the error message: `a number`, `a list of texts`.
    const EXPECTED: &'static str;

    /// # Errors
    /// Gives the value back where it has another type.
    fn from_value(value: Value) -> std::result::Result<Self, Value>;
}

/// One setting that has to be there.
///
/// # Errors
/// [`Error::BadSetting`] with the key, what was expected and what was found.
///
/// ```ignore
/// let threshold = settings::get::<f64>("threshold")?;
/// ```
pub fn get<T: SettingValue>(key: &str) -> Result<T> {
    read(key, config::setting(key))?.ok_or_else(|| Error::bad_setting(key, T::EXPECTED, "nothing"))
}

/// One setting, or none where neither manifest nor recipe has it.
///
/// # Errors
/// [`Error::BadSetting`] where it is there with another type.
pub fn find<T: SettingValue>(key: &str) -> Result<Option<T>> {
    read(key, config::setting(key))
}

/// One setting, or `default` where neither manifest nor recipe has it.
///
/// # Errors
/// [`Error::BadSetting`] where it is there with another type.
pub fn get_or<T: SettingValue>(key: &str, default: T) -> Result<T> {
    Ok(read(key, config::setting(key))?.unwrap_or(default))
}

/// A number that has to lie inside `range`, or `default`.
///
/// # Errors
/// [`Error::BadSetting`] where it is no number or outside.
pub fn number_in(key: &str, range: std::ops::RangeInclusive<f64>, default: f64) -> Result<f64> {
    check_range(key, get_or(key, default)?, &range)
}

/// Labels of the recipe's model, in the order of its outputs.
#[must_use]
pub fn labels() -> Vec<String> {
    config::labels()
}

fn check_range(key: &str, value: f64, range: &std::ops::RangeInclusive<f64>) -> Result<f64> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("a number from {} to {}", range.start(), range.end());
    Err(Error::bad_setting(key, &expected, &value.to_string()))
}

fn read<T: SettingValue>(key: &str, value: Option<Value>) -> Result<Option<T>> {
    let Some(value) = value else { return Ok(None) };
    match T::from_value(value) {
        Ok(value) => Ok(Some(value)),
        Err(other) => Err(Error::bad_setting(key, T::EXPECTED, &shown(&other))),
    }
}

/// For a person.
fn shown(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Numbers(numbers) => format!("{numbers:?}"),
        Value::Texts(texts) => format!("{texts:?}"),
        Value::Other(json) => json.clone(),
    }
}

impl SettingValue for f64 {
    const EXPECTED: &'static str = "a number";

    #[allow(clippy::cast_precision_loss, reason = "settings are written by people; f64 holds their digits")]
    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Number(number) if number.is_finite() => Ok(number),
            Value::Integer(integer) => Ok(integer as Self),
            other => Err(other),
        }
    }
}

impl SettingValue for f32 {
    const EXPECTED: &'static str = "a number";

    #[allow(clippy::cast_possible_truncation, reason = "settings are written by people; f32 holds their digits")]
    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        f64::from_value(value).map(|value| value as Self)
    }
}

impl SettingValue for u32 {
    const EXPECTED: &'static str = "a whole number, 0 or more";

    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Integer(integer) => Self::try_from(integer).map_err(|_| value),
            other => Err(other),
        }
    }
}

impl SettingValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Flag(flag) => Ok(flag),
            other => Err(other),
        }
    }
}

impl SettingValue for String {
    const EXPECTED: &'static str = "a text";

    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        }
    }
}

impl SettingValue for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";

    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Numbers(numbers) => Ok(numbers),
            // An empty list has no type of its own.
            Value::Texts(texts) if texts.is_empty() => Ok(Self::new()),
            other => Err(other),
        }
    }
}

impl SettingValue for Vec<f32> {
    const EXPECTED: &'static str = "a number or a list of numbers";

    #[allow(clippy::cast_possible_truncation, reason = "settings are written by people; f32 holds their digits")]
    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        let numbers = match f64::from_value(value) {
            Ok(one) => return Ok(vec![one as f32]),
            Err(other) => Vec::<f64>::from_value(other)?,
        };
        Ok(numbers.into_iter().map(|value| value as f32).collect())
    }
}

impl SettingValue for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";

    fn from_value(value: Value) -> std::result::Result<Self, Value> {
        match value {
            Value::Texts(texts) => Ok(texts),
            Value::Numbers(numbers) if numbers.is_empty() => Ok(Self::new()),
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests;
