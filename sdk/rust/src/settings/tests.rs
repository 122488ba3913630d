#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
use super::{check_range, read};
use crate::error::Error;

#[test]
fn settings_are_read_by_their_type() {
    assert_eq!(read::<f64>("threshold", Some("0.5")), Ok(Some(0.5)));
    assert_eq!(read::<u32>("width", Some("224")), Ok(Some(224)));
    assert_eq!(read::<bool>("batched", Some("false")), Ok(Some(false)));
    assert_eq!(read::<String>("model", Some("\"surface\"")), Ok(Some("surface".to_owned())));
    assert_eq!(read::<Vec<f32>>("mean", Some("127")), Ok(Some(vec![127.0])), "one number stands for all channels");
    assert_eq!(read::<Vec<f64>>("mean", Some("[1,2]")), Ok(Some(vec![1.0, 2.0])));
    assert_eq!(read::<Vec<String>>("names", Some("[\"a\"]")), Ok(Some(vec!["a".to_owned()])));
    assert_eq!(read::<f64>("threshold", None), Ok(None));
}

#[test]
fn an_error_names_the_key_and_what_is_expected() {
    let found = read::<u32>("width", Some("-1")).unwrap_err();
    let expected = "setting width: expected a whole number, 0 or more, found -1";
    assert_eq!(found, Error::BadSetting(expected.to_owned()));
    assert!(read::<f64>("threshold", Some("\"0.5\"")).is_err());
    assert!(read::<Vec<String>>("names", Some("[1]")).is_err());
}

#[test]
fn a_number_outside_its_range_is_an_error() {
    assert_eq!(check_range("temperature", 0.01, &(0.01..=100.0)), Ok(0.01));
    let found = check_range("temperature", 0.0, &(0.01..=100.0)).unwrap_err().to_string();
    assert_eq!(found, "setting temperature: expected a number from 0.01 to 100, found 0");
}
