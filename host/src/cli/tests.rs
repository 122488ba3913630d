#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::secret;
use super::station::{compact, journal_options};
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
fn the_journal_keeps_pictures_as_long_as_the_configuration_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("station.toml");
    let text = "station = \"s\"\ndata_dir = \"d\"\nbundles_dir = \"b\"\nrecipe = \"r.assay\"\ntrust = \"t.json\"\n\
                [journal]\nimage_quota_mb = 7\nreview_pass_one_in = 9\n\
                [journal.retention_days]\nfail = 4\nundecided = 3\nflagged = 2\npass = 0\n";
    std::fs::write(&path, text).unwrap();
    let options = journal_options(&crate::config::load(&path).unwrap(), folder.path());
    let days = options.keep_days;
    assert_eq!((days.fail, days.undecided, days.flagged, days.pass), (4, 3, 2, 0));
    assert_eq!((options.image_quota_bytes, options.station.as_str(), options.review_one_in), (7 << 20, "s", 9));
}

#[test]
fn a_reference_loses_its_white_space_and_nothing_else() {
    assert_eq!(&*compact(&"{ \"a\": [ 1.5,\n 2 ] }".into()), "{\"a\":[1.5,2]}");
    assert_eq!(&*compact(&"no json".into()), "no json");
}
