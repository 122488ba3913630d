#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
use super::{SettingValue, Value, check_range, read};
use crate::error::Error;

fn is<T: SettingValue + PartialEq>(value: Value, expected: T) -> bool {
    read::<T>("key", Some(value)).is_ok_and(|found| found == Some(expected))
}

#[test]
fn settings_are_read_by_their_type() {
    assert!(is(Value::Number(0.5), 0.5f64));
    assert!(is(Value::Integer(2), 2.0f64), "a whole number is a number");
    assert!(is(Value::Integer(224), 224u32));
    assert!(is(Value::Flag(false), false));
    assert!(is(Value::Text("surface".to_owned()), "surface".to_owned()));
    assert!(is(Value::Integer(127), vec![127.0f32]), "one number stands for all channels");
    assert!(is(Value::Numbers(vec![1.0, 2.0]), vec![1.0, 2.0f64]));
    assert!(is(Value::Texts(vec!["a".to_owned()]), vec!["a".to_owned()]));
    assert!(is(Value::Numbers(Vec::new()), Vec::<String>::new()), "an empty list has no type of its own");
    assert!(is(Value::Texts(Vec::new()), Vec::<f64>::new()));
    assert_eq!(read::<f64>("threshold", None), Ok(None));
}

#[test]
fn an_error_names_the_key_and_what_is_expected() {
    let found = read::<u32>("width", Some(Value::Integer(-1))).unwrap_err();
    let expected = "setting width: expected a whole number, 0 or more, found -1";
    assert_eq!(found, Error::BadSetting(expected.to_owned()));
    let found = read::<f64>("threshold", Some(Value::Text("0.5".to_owned()))).unwrap_err();
    assert_eq!(found.to_string(), "setting threshold: expected a number, found \"0.5\"");
    assert!(read::<f64>("threshold", Some(Value::Number(f64::NAN))).is_err());
    assert!(read::<u32>("width", Some(Value::Number(3.5))).is_err());
    assert!(read::<Vec<String>>("names", Some(Value::Numbers(vec![1.0]))).is_err());
    assert!(read::<bool>("batched", Some(Value::Other("{}".to_owned()))).is_err());
}

#[test]
fn a_number_outside_its_range_is_an_error() {
    assert_eq!(check_range("temperature", 0.01, &(0.01..=100.0)), Ok(0.01));
    let found = check_range("temperature", 0.0, &(0.01..=100.0)).unwrap_err().to_string();
    assert_eq!(found, "setting temperature: expected a number from 0.01 to 100, found 0");
}
