//! The reference that a model's bundle carries, parsed once: a plugin that starts anew for every frame asks for single
//! values, and parses nothing.

use crate::domain::{Digest, SettingValue};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// Values that are offered by path. A reference of the demo has about 60; what lies behind the limit is only in the text.
const MAX_VALUES: usize = 16_384;
const MAX_DEPTH: usize = 8;

pub(super) struct Reference {
    text: Arc<str>,
    digest: String,
    values: HashMap<String, SettingValue>,
}

impl Reference {
    /// Text that is no JSON has no values; a plugin still gets it as it is.
    pub(super) fn new(text: Arc<str>) -> Self {
        let mut values = HashMap::new();
        if let Ok(json) = serde_json::from_str(&text) {
            collect(&json, "", 0, &mut values);
        }
        Self { digest: Digest::of(text.as_bytes()).to_string(), text, values }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// An object is entered by its key, a list of objects by their `name`, with a slash between.
    pub(super) fn value(&self, path: &str) -> Option<&SettingValue> {
        self.values.get(path)
    }
}

fn collect(json: &Value, path: &str, depth: usize, values: &mut HashMap<String, SettingValue>) {
    if depth > MAX_DEPTH || values.len() >= MAX_VALUES {
        return;
    }
    let below = |word: &str| if path.is_empty() { word.to_owned() } else { format!("{path}/{word}") };
    if let Some(value) = plain(json) {
        values.insert(path.to_owned(), value);
        return;
    }
    match json {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| collect(value, &below(key), depth + 1, values));
        }
        Value::Array(items) => {
            let named = items.iter().filter_map(|item| Some((item.get("name")?.as_str()?, item)));
            named.for_each(|(name, item)| collect(item, &below(name), depth + 1, values));
        }
        _ => {}
    }
}

/// What is one value: not an object, and not a list of anything but numbers or texts.
fn plain(json: &Value) -> Option<SettingValue> {
    Some(match json {
        Value::Bool(flag) => SettingValue::Bool(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => SettingValue::Integer(integer),
            None => SettingValue::Number(number.as_f64()?),
        },
        Value::String(text) => SettingValue::Text(text.clone()),
        Value::Array(items) => {
            let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
            let texts = || items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            numbers.map(SettingValue::Numbers).or_else(|| texts().map(SettingValue::Texts))?
        }
        Value::Object(_) | Value::Null => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Reference;
    use crate::domain::SettingValue;

    fn reference(text: &str) -> Reference {
        Reference::new(text.into())
    }

    #[test]
    fn a_value_is_found_by_its_path() {
        let reference = reference(
            r#"{"schema":1,"labels":["a","b"],"features":[{"name":"focus","mean":2.5,"sd":1,"bins":{"edges":[0,1.5]}},
                {"name":"other","mean":7}, {"mean":8}], "empty":[]}"#,
        );
        let value = |path| reference.value(path);
        assert_eq!(value("features/focus/mean"), Some(&SettingValue::Number(2.5)));
        assert_eq!(value("features/focus/sd"), Some(&SettingValue::Integer(1)));
        assert_eq!(value("features/focus/bins/edges"), Some(&SettingValue::Numbers(vec![0.0, 1.5])));
        assert_eq!(value("features/other/mean"), Some(&SettingValue::Integer(7)));
        assert_eq!(value("labels"), Some(&SettingValue::Texts(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(value("empty"), Some(&SettingValue::Numbers(Vec::new())));
        for path in
            ["", "features", "features/focus", "features/focus/bins", "/schema", "schema/", "features/gone/mean"]
        {
            assert_eq!(value(path), None, "{path:?}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_kept_and_has_no_values() {
        let reference = reference("{\"features\":[");
        assert_eq!(reference.text(), "{\"features\":[");
        assert!(reference.value("features").is_none());
        assert_eq!(reference.digest().len(), 64);
    }

    #[test]
    fn nesting_and_number_of_values_are_bounded() {
        let deep = format!("{}1{}", "{\"a\":".repeat(12), "}".repeat(12));
        assert!(reference(&deep).values.is_empty());
        let many: Vec<String> = (0..super::MAX_VALUES + 5).map(|at| format!("\"{at}\":1")).collect();
        assert_eq!(reference(&format!("{{{}}}", many.join(","))).values.len(), super::MAX_VALUES);
    }
}
