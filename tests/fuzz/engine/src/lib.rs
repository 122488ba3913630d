//! Nothing of its own: `cargo xtask fuzz` takes the library that libfuzzer-sys builds.
