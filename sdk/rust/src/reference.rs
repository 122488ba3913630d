//! The reference distributions that the model bundle carries: how each feature lay while the model was made.

use crate::bindings::imports::assay::plugin::config;
use crate::error::{Error, Result};
use crate::json::Json;

/// The reference of the recipe's model, as JSON text.
///
/// # Errors
/// [`Error::BadSetting`] where the model bundle carries none.
pub fn text() -> Result<String> {
    config::reference().ok_or_else(|| {
        let advice = "a model bundle with a blob of role \"reference\"";
        Error::bad_setting("reference", advice, "a model bundle without one")
    })
}

/// A reference, read where it stands: a field that nobody asks for costs only its skipping.
#[derive(Debug, Clone)]
pub struct Reference<'a> {
    features: Vec<Feature<'a>>,
}

/// One feature of a reference.
#[derive(Debug, Clone)]
pub struct Feature<'a> {
    name: String,
    json: Json<'a>,
}

impl<'a> Reference<'a> {
    /// Finds the features of a reference's text.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where the text is no reference.
    pub fn parse(text: &'a str) -> Result<Self> {
        let features = Json::parse(text).and_then(|json| json.get("features"));
        let features =
            features.ok_or_else(|| Error::bad_setting("reference", "an object with \"features\"", "other text"))?;
        let named = |json: Json<'a>| Some(Feature { name: json.get("name")?.as_text()?, json });
        Ok(Self { features: features.items().filter_map(named).collect() })
    }

    /// The feature of that name.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where there is none.
    pub fn feature(&self, name: &str) -> Result<&Feature<'a>> {
        self.features.iter().find(|feature| feature.name == name).ok_or_else(|| {
            let names: Vec<_> = self.features.iter().map(|feature| feature.name.as_str()).collect();
            Error::bad_setting("reference", &format!("the feature {name}"), &format!("only {names:?}"))
        })
    }
}

impl Feature<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A number: `mean`, `sd`, `min`, `max`.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where it is missing.
    pub fn number(&self, key: &str) -> Result<f64> {
        self.json.get(key).and_then(|value| value.as_f64()).ok_or_else(|| self.missing(key, "a number"))
    }

    /// A list of numbers, at least one: `quantiles`, `samples`, `bins/edges`, `bins/shares`.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where it is missing or empty.
    pub fn numbers(&self, path: &str) -> Result<Vec<f64>> {
        let found = path.split('/').try_fold(self.json, |json, key| json.get(key));
        let numbers = found.and_then(|value| value.as_numbers()).filter(|numbers| !numbers.is_empty());
        numbers.ok_or_else(|| self.missing(path, "a list of numbers"))
    }

    fn missing(&self, key: &str, expected: &str) -> Error {
        Error::bad_setting("reference", &format!("{key} of {} as {expected}", self.name), "none")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::Reference;

    const TEXT: &str = r#"{"schema":1,"features":[
        {"name":"contrast","samples":[1,2],"mean":3},
        {"name":"focus","mean":22.5,"bins":{"edges":[0,1,2],"shares":[0.5,0.5]},"samples":[]}]}"#;

    #[test]
    fn a_feature_is_found_by_its_name() {
        let reference = Reference::parse(TEXT).unwrap();
        let focus = reference.feature("focus").unwrap();
        assert_eq!(focus.number("mean").unwrap(), 22.5);
        assert_eq!(focus.numbers("bins/edges").unwrap(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn an_error_says_what_is_missing() {
        let reference = Reference::parse(TEXT).unwrap();
        let focus = reference.feature("focus").unwrap();
        let expected = "setting reference: expected sd of focus as a number, found none";
        assert_eq!(focus.number("sd").unwrap_err().to_string(), expected);
        assert!(focus.numbers("samples").is_err(), "an empty list is of no use");
        assert!(reference.feature("colour").is_err());
        assert!(Reference::parse("[]").is_err());
    }
}
