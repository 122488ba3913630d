#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::installed::Installed;
use super::secret;
use crate::domain::Digest;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn the_secret_is_made_once_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.secret");
    let first = secret::load_or_make(&path).unwrap();
    assert_eq!(secret::load_or_make(&path).unwrap(), first);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_ne!(first, [0; 32]);
}

#[test]
fn a_secret_of_the_wrong_length_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.secret");
    for length in [0, 31, 33] {
        std::fs::write(&path, vec![1; length]).unwrap();
        assert!(secret::load_or_make(&path).unwrap_err().to_string().contains("expected 32"), "{length}");
    }
}

#[test]
fn only_the_very_recipe_that_ran_counts_as_installed() {
    let folder = tempfile::tempdir().unwrap();
    let installed = Installed::at(folder.path());
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    assert!(!installed.is(one), "nothing is installed at first");
    installed.set(one).unwrap();
    assert!(installed.is(one) && !installed.is(other));
    installed.set(other).unwrap();
    assert!(!installed.is(one) && installed.is(other));
    std::fs::write(folder.path().join("installed-recipe"), "damaged").unwrap();
    assert!(!installed.is(other), "what cannot be read has to pass as new");
}
