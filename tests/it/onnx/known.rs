//! Failures that were looked into and are faults of a library or of the suite: the library gives the same answer without
//! this project.

use assay_tests::artifacts;
use std::sync::LazyLock;

/// Lines `BACKEND CASE REASON`; a `#` begins a remark.
static KNOWN: LazyLock<String> = LazyLock::new(|| {
    let path = artifacts::root().join("tests/it/onnx/known.txt");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
});

pub fn reason(backend: &str, case: &str) -> Option<&'static str> {
    KNOWN.lines().find_map(|line| {
        let (by, rest) = line.split_once(' ')?;
        let (name, reason) = rest.split_once(' ')?;
        (by == backend && name == case).then_some(reason)
    })
}
