#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::secret;

#[test]
fn a_secret_is_one_line_and_neither_empty_nor_a_book() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        secret(&path).map(|secret| secret.as_str().to_owned())
    };
    assert_eq!(read("word \r\n").unwrap(), "word ");
    assert!(read("\n").is_err());
    assert!(read(&"x".repeat(5000)).is_err());
    std::fs::remove_file(&path).unwrap();
    assert!(secret(&path).unwrap_err().to_string().contains("secret"));
}
