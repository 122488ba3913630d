//! The modules that `cargo xtask plugins` built: fresh ones, or an error that names that command.

use anyhow::{Context, Result, bail};
use assay::domain::Digest;
use std::path::{Path, PathBuf};

/// The core module of a plugin that ships.
pub fn plugin(name: &str) -> Result<Vec<u8>> {
    module("plugins", name)
}

/// The core module of a test guest.
pub fn guest(name: &str) -> Result<Vec<u8>> {
    module("guests", name)
}

/// The core module of a plugin that is frozen in `tests/fixtures/`, built from the source that is kept there.
pub fn frozen(name: &str) -> Result<Vec<u8>> {
    module("frozen", name)
}

/// The folder with `plugins/`, `guests/` and `frozen/`.
pub fn folder() -> PathBuf {
    std::env::var_os("ASSAY_ARTIFACTS").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    // As in xtask: clones may share a build folder.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().unwrap_or(Path::new(".")).to_owned()
}

fn module(set: &str, name: &str) -> Result<Vec<u8>> {
    let dir = folder().join(set);
    check_fresh(&dir, &root())?;
    let file = dir.join(format!("{name}.wasm"));
    std::fs::read(&file).with_context(|| format!("cannot read {}; run `cargo xtask plugins`", file.display()))
}

/// Compares the sources below `root` that `dir` records with the digests they had when its modules were built.
pub fn check_fresh(dir: &Path, root: &Path) -> Result<()> {
    let record = dir.join("sources.sha256");
    let text = std::fs::read_to_string(&record)
        .with_context(|| format!("{} is not there; run `cargo xtask plugins`", record.display()))?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((digest, path)) = line.split_once("  ") else {
            bail!("{} has the line {line:?}, not `DIGEST  PATH`; run `cargo xtask plugins`", record.display());
        };
        let now = std::fs::read(root.join(path)).map(|bytes| Digest::of(&bytes).to_string());
        if !now.is_ok_and(|now| now == digest) {
            bail!("{path} changed after the modules in {} were built; run `cargo xtask plugins`", dir.display());
        }
    }
    Ok(())
}
