//! The plugin's own settings: the defaults of its manifest with the recipe's values over them.

use crate::bindings::imports::assay::plugin::config;
use crate::error::{Error, Result};
use crate::json::Json;

/// A type that a setting can have.
pub trait SettingValue: Sized {
    /// For the error message: `a number`, `a list of texts`.
    const EXPECTED: &'static str;

    /// `None` where the value has another type.
    fn from_json(json: Json<'_>) -> Option<Self>;
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
    read(key, config::get(key).as_deref())?.ok_or_else(|| Error::bad_setting(key, T::EXPECTED, "nothing"))
}

/// One setting, or `default` where neither manifest nor recipe has it.
///
/// # Errors
/// [`Error::BadSetting`] where it is there with another type.
pub fn get_or<T: SettingValue>(key: &str, default: T) -> Result<T> {
    Ok(read(key, config::get(key).as_deref())?.unwrap_or(default))
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

fn read<T: SettingValue>(key: &str, text: Option<&str>) -> Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let value = Json::parse(text).and_then(T::from_json);
    value.map(Some).ok_or_else(|| Error::bad_setting(key, T::EXPECTED, text))
}

impl SettingValue for f64 {
    const EXPECTED: &'static str = "a number";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.as_f64()
    }
}

impl SettingValue for f32 {
    const EXPECTED: &'static str = "a number";

    #[allow(clippy::cast_possible_truncation, reason = "settings are written by people; f32 holds their digits")]
    fn from_json(json: Json<'_>) -> Option<Self> {
        json.as_f64().map(|value| value as Self)
    }
}

impl SettingValue for u32 {
    const EXPECTED: &'static str = "a whole number, 0 or more";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.text().parse().ok()
    }
}

impl SettingValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.as_bool()
    }
}

impl SettingValue for String {
    const EXPECTED: &'static str = "a text";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.as_text()
    }
}

impl SettingValue for Vec<f64> {
    const EXPECTED: &'static str = "a list of numbers";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.as_numbers()
    }
}

impl SettingValue for Vec<f32> {
    const EXPECTED: &'static str = "a number or a list of numbers";

    #[allow(clippy::cast_possible_truncation, reason = "settings are written by people; f32 holds their digits")]
    fn from_json(json: Json<'_>) -> Option<Self> {
        let numbers = json.as_f64().map(|one| vec![one]).or_else(|| json.as_numbers())?;
        Some(numbers.into_iter().map(|value| value as f32).collect())
    }
}

impl SettingValue for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";

    fn from_json(json: Json<'_>) -> Option<Self> {
        json.text().starts_with('[').then(|| json.items().map(|item| item.as_text()).collect())?
    }
}

#[cfg(test)]
mod tests;
