//! The SDKs in C, C++, Zig and Go speak to the worlds of `wit/`: their bindings are generated from them and committed.

use assay_tests::{artifacts, bindings};

#[test]
fn committed_bindings_are_those_of_the_worlds() {
    bindings::check(&artifacts::root()).unwrap();
}

#[test]
fn a_changed_a_missing_and_a_further_file_are_each_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for (name, mut bytes) in bindings::generate().unwrap() {
        match name.as_str() {
            "sdk/c/gen/monitor.c" => continue,
            "sdk/c/gen/detector.h" | "sdk/go/internal/gen/assay_plugin_log/wit_bindings.go" => bytes.push(b'\n'),
            _ => {}
        }
        write(&name, &bytes);
    }
    write("sdk/c/gen/old.c", b"");
    write("sdk/go/internal/gen/old/wit_bindings.go", b"");
    let said = bindings::check(folder.path()).unwrap_err().to_string();
    let stale = "sdk/c/gen/detector.h, sdk/c/gen/monitor.c, sdk/c/gen/old.c, \
                 sdk/go/internal/gen/assay_plugin_log/wit_bindings.go, sdk/go/internal/gen/old/wit_bindings.go";
    assert!(said.contains(&format!(": {stale}. Run: cargo xtask bindings")), "{said}");
}
