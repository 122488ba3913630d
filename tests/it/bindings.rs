//! The SDKs in C, C++ and Zig speak to the worlds of `wit/`: their bindings are generated from them and committed.

use assay_tests::bindings;

#[test]
fn committed_bindings_are_those_of_the_worlds() {
    bindings::check(&bindings::folder()).unwrap();
}

#[test]
fn a_changed_a_missing_and_a_further_file_are_each_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, mut bytes) in bindings::generate().unwrap() {
        match name.as_str() {
            "monitor.c" => continue,
            "detector.h" => bytes.push(b'\n'),
            _ => {}
        }
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    std::fs::write(folder.path().join("old.c"), b"").unwrap();
    let said = bindings::check(folder.path()).unwrap_err().to_string();
    assert!(said.contains(": detector.h, monitor.c, old.c. Run: cargo xtask bindings"), "{said}");
}
