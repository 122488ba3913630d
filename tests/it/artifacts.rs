use assay::domain::Digest;
use assay_tests::artifacts::check_fresh;

#[test]
fn a_module_older_than_its_sources_names_the_command_to_run() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("lib.rs");
    std::fs::write(&source, "fn a() {}").unwrap();
    let record = format!("# built by installed\n{}  lib.rs\n", Digest::of(b"fn a() {}"));
    std::fs::write(root.path().join("sources.sha256"), record).unwrap();
    check_fresh(root.path(), root.path()).unwrap();

    std::fs::write(&source, "fn b() {}").unwrap();
    let error = check_fresh(root.path(), root.path()).unwrap_err().to_string();
    assert!(error.contains("lib.rs changed") && error.contains("cargo xtask plugins"), "{error}");

    std::fs::remove_file(&source).unwrap();
    check_fresh(root.path(), root.path()).unwrap_err();
}

#[test]
fn without_a_record_the_error_names_the_command_to_run() {
    let empty = tempfile::tempdir().unwrap();
    let error = check_fresh(empty.path(), empty.path()).unwrap_err().to_string();
    assert!(error.contains("cargo xtask plugins"), "{error}");
}
