#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
use super::Json;

#[test]
fn plain_values_are_read() {
    assert_eq!(Json::parse(" 1.5e2 ").unwrap().as_f64(), Some(150.0));
    assert_eq!(Json::parse("-3").unwrap().as_f64(), Some(-3.0));
    assert_eq!(Json::parse("true").unwrap().as_bool(), Some(true));
    assert_eq!(Json::parse(r#""a\n\"\u00e9\ud83d\ude00""#).unwrap().as_text().unwrap(), "a\n\"é😀");
    assert_eq!(Json::parse("[1, 2.5,3]").unwrap().as_numbers(), Some(vec![1.0, 2.5, 3.0]));
    assert_eq!(Json::parse("[]").unwrap().as_numbers(), Some(vec![]));
}

#[test]
fn a_value_of_another_type_is_none() {
    let text = Json::parse("\"inf\"").unwrap();
    assert_eq!((text.as_f64(), text.as_bool(), text.as_numbers()), (None, None, None));
    assert_eq!(Json::parse("1e999").unwrap().as_f64(), None, "numbers have to be finite");
    assert_eq!(Json::parse("nan").unwrap().as_f64(), None);
    assert_eq!(Json::parse("[1,\"2\"]").unwrap().as_numbers(), None);
}

#[test]
fn objects_are_searched_past_nested_values() {
    let text = r#"{"skip": {"a": [1, "}]", {"b": 2}]}, "take" : [ {"x":1}, {"x":2} ], "last":"v"}"#;
    let object = Json::parse(text).unwrap();
    let xs: Vec<_> = object.get("take").unwrap().items().map(|item| item.get("x").unwrap().as_f64().unwrap()).collect();
    assert_eq!(xs, [1.0, 2.0]);
    assert_eq!(object.get("last").unwrap().as_text().unwrap(), "v");
    assert_eq!(object.get("a"), None, "keys of inner objects are not this object's keys");
}

#[test]
fn damaged_text_ends_quietly() {
    for text in ["", "{", "[1,", "\"open", "{\"a\":", "}", "\"\\", "1 2", "{}x"] {
        assert_eq!(Json::parse(text), None, "{text}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(Json::parse(&deep), None);
    for text in ["[1 2 3]", "[1,,2]", "{\"a\" 1}", "[}", "{,}", "\"\\ud800\"", "\"\\u12\""] {
        if let Some(value) = Json::parse(text) {
            assert!(value.items().count() <= 3 && value.entries().count() <= 3, "{text}");
            let _ = value.as_text();
        }
    }
}

#[test]
fn long_values_are_skipped_to_their_right_end() {
    let numbers = (0..500).map(|at| at.to_string()).collect::<Vec<_>>().join(", ");
    for pad in 0..130 {
        let text = format!(r#"{{"list": [{}{numbers}], "text": "[{{]}}", "last": 7}}"#, " ".repeat(pad));
        assert_eq!(Json::parse(&text).unwrap().get("last").unwrap().as_f64(), Some(7.0), "{pad}");
    }
}
