//! The short form of `cargo xtask fuzz`: the same seeded mutations in every run, in a process of its own, whose memory is
//! limited and whose end shows.

use assay_tests::fuzz::{PLANTED, TARGETS, files_of};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Output};

const CASES: &str = "1500";

fn short(words: &[&str]) -> (Output, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_assay-fuzz"));
    let output = command.arg("short").args(words).arg("--folder").arg(folder.path()).output().unwrap();
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    (output, String::from_utf8_lossy(&text).into_owned(), folder)
}

#[test]
fn nothing_that_takes_bytes_from_outside_panics_hangs_takes_too_much_memory_or_lets_pass_what_it_must_not() {
    let (output, text, _folder) = short(&["--cases", CASES]);
    // Past the test's own capture: how much was taken and refused is worth reading when all is well, too.
    std::io::stdout().write_all(&output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{text}", output.status);
}

/// Each fault is two edits away from its seed.
#[test]
fn a_fault_that_is_planted_is_found_and_its_input_is_kept() {
    let is_bad = |bytes: &[u8]| bytes.contains(&0xff) && bytes.contains(&0) && bytes.starts_with(b"len");
    for (name, words, kept) in [
        ("planted-panic", "panicked: ", "smallest"),
        ("planted-caught-panic", "panicked: ", "smallest"),
        ("planted-wrong", "what must hold does not", "smallest"),
        ("planted-memory", "memory allocation of 8388608 bytes failed", "current"),
        ("planted-hang", "an input takes longer than 2s", "current"),
    ] {
        let (output, text, folder) = short(&["--only", name, "--cases", "20000", "--patience-ms", "2000"]);
        assert!(!output.status.success() && text.contains(words), "{name}: {}\n{text}", output.status);
        let input = std::fs::read(folder.path().join(format!("{name}-{kept}"))).unwrap();
        assert!(is_bad(&input), "{name}: {:?}", input.escape_ascii().to_string());
    }
    assert_eq!(PLANTED.len(), 5);
}

#[test]
fn what_was_found_once_belongs_to_a_target() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len());
    let folder = assay_tests::artifacts::root().join("tests/fixtures/fuzz");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name == "README.md" || names.contains(&name), "{name} is no target");
    }
    TARGETS.iter().for_each(|target| drop(files_of(target).unwrap()));
}
