//! The node tests that ONNX makes for backends, through a guest and `wasi:nn`, on every backend of ours.
//!
//! `cargo xtask onnx-tests` fetches them. A case passes, or is refused with a reason, by the host or by the backend. All
//! else is a fault: ours, or one of a library or of the suite, which is then in `onnx/known.txt`. A case that the snapshot
//! counts as passed has to pass.

mod case;
mod child;
mod known;
mod proto;
mod run;
mod table;

use crate::inference::ALL;
use std::path::{Path, PathBuf};
use table::{Outcome, Table};

const CHILD_BACKEND: &str = "ASSAY_TEST_ONNX_BACKEND";
const CHILD_FIRST: &str = "ASSAY_TEST_ONNX_FIRST";
const CHILD_CACHE: &str = "ASSAY_TEST_ONNX_CACHE";
/// Set to any value, the snapshot is written instead of compared.
const WRITE: &str = "ASSAY_WRITE_SNAPSHOT";

/// Not a test of its own: the process that the next one starts for each backend.
#[test]
#[ignore = "started by the test of the suite"]
fn runs_cases_until_one_takes_it_down() {
    let Ok(backend) = std::env::var(CHILD_BACKEND) else { return };
    let (first, cache) = (std::env::var(CHILD_FIRST).unwrap(), std::env::var(CHILD_CACHE).unwrap());
    let judge = child::Judge::new(&backend, Path::new(&cache));
    for name in case::names().into_iter().skip_while(|name| *name != first) {
        let (outcome, detail) = judge.judge(&name);
        println!("\ndone {} {detail}", outcome.word());
    }
}

#[test]
fn every_backend_passes_the_node_tests_of_onnx_or_refuses_them_cleanly() {
    let (names, cache) = (case::names(), tempfile::tempdir().unwrap());
    assert!(names.len() > 1_000, "{} cases are no suite; run `cargo xtask onnx-tests`", names.len());
    let backends = std::thread::scope(|scope| {
        let start = |backend| {
            let (names, cache) = (&names, cache.path());
            scope.spawn(move || run::all(backend, names, cache))
        };
        let running: Vec<_> = ALL.into_iter().map(start).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let table = Table { names, backends };
    table.print();
    let path = snapshot();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, table.snapshot()).unwrap();
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let worse = table.worse(&before);
    assert!(worse.is_empty(), "worse than {}:\n{}", path.display(), worse.join("\n"));
    if before != table.snapshot() {
        println!("{} is out of date; run this test with {WRITE}=1", path.display());
    }
}

fn snapshot() -> PathBuf {
    assay_tests::artifacts::root().join("tests/it/onnx/snapshot.txt")
}

/// The suite is only worth what its judge is worth: numbers that are wrong by little, or of another shape, are found.
#[test]
fn a_guest_finds_answers_that_differ() {
    let cache = tempfile::tempdir().unwrap();
    let judge = child::Judge::new("tract", cache.path());
    assert_eq!(judge.judge("test_abs"), (Outcome::Passed, String::new()));
    let (outcome, detail) = judge.judge_changed("test_abs", |bytes| bytes[0] ^= 1);
    assert_eq!(outcome, Outcome::Passed, "{detail}");
    let (outcome, detail) = judge.judge_changed("test_abs", |bytes| bytes[2] ^= 1);
    assert!(outcome == Outcome::Failed && detail.starts_with("mismatch"), "{detail}");
}
