//! A suite is only worth what its judge is worth: each value that a case demands is changed, one at a time.

use serde_json::{Value, json};

/// The keys that demand something.
const DEMANDS: [&str; 6] = ["calls", "log", "log_lines", "log_dropped", "failure", "refused"];

/// The case with one value changed, for each value; where it was changed stands before it.
pub fn demands(case: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    for key in DEMANDS {
        if let Some(value) = case.get(key) {
            leaves(value, &format!("/{key}"), &mut places);
        }
    }
    let change = |place: String| {
        let mut changed = case.clone();
        let value = changed.pointer_mut(&place).unwrap();
        *value = other(value, &place);
        (place, changed)
    };
    places.into_iter().map(change).collect()
}

/// The case with a key more, for each object in it.
pub fn with_a_key_more(case: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    objects(case, "", &mut places);
    let change = |place: String| {
        let mut changed = case.clone();
        let object = changed.pointer_mut(&place).unwrap().as_object_mut().unwrap();
        object.insert("unheard-of".to_owned(), json!("x"));
        (place, changed)
    };
    places.into_iter().map(change).collect()
}

fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match children(value, place) {
        children if children.is_empty() => found.push(place.to_owned()),
        children => children.into_iter().for_each(|(place, child)| leaves(child, &place, found)),
    }
}

fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    // The keys of these are names that a case may choose.
    let free = ["/settings", "/frame/inputs", "/frame/outputs"].contains(&place);
    if value.is_object() && !free {
        found.push(place.to_owned());
    }
    children(value, place).into_iter().for_each(|(place, child)| objects(child, &place, found));
}

fn children<'a>(value: &'a Value, place: &str) -> Vec<(String, &'a Value)> {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, child)| (format!("{place}/{key}"), child)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, child)| (format!("{place}/{at}"), child)).collect(),
        _ => Vec::new(),
    }
}

/// Another value of the same type, by more than a comparison lets pass.
fn other(value: &Value, place: &str) -> Value {
    let key = place.rsplit('/').next().unwrap_or_default();
    match value {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => match number.as_u64() {
            Some(whole) => json!(whole + 1),
            None => json!(number.as_f64().unwrap() * 1.25 + 1.0),
        },
        Value::String(text) if key == "code" => json!(if text == "trap" { "internal" } else { "trap" }),
        Value::String(text) if place.starts_with("/log/") && key == "0" => {
            json!(if text == "info" { "warn" } else { "info" })
        }
        Value::String(text) => json!(format!("{text} or not")),
        Value::Null if key == "region" => json!({"x": 0, "y": 0, "width": 1, "height": 1}),
        Value::Null => json!("something"),
        Value::Array(_) => json!([["a", "b"]]),
        Value::Object(_) => json!({"attributes": [["a", "b"]]}),
    }
}
