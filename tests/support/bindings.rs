//! The C bindings of the worlds, as `sdk/c/gen` holds them.

use crate::artifacts;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use wit_bindgen_core::{Files, wit_parser::Resolve};

/// Command that writes them anew.
pub const COMMAND: &str = "cargo xtask bindings";
/// One set of files each.
const WORLDS: [&str; 3] = ["preprocessor", "detector", "monitor"];

/// Where they lie.
#[must_use]
pub fn folder() -> PathBuf {
    artifacts::root().join("sdk/c/gen")
}

/// What the files have to be, by name, made from `wit/`.
///
/// # Errors
/// When `wit/` cannot be understood.
pub fn generate() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut made = BTreeMap::new();
    for name in WORLDS {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(artifacts::root().join("wit"))?;
        let world = resolve.select_world(&[package], Some(name))?;
        let mut files = Files::default();
        wit_bindgen_c::Opts::default().build().generate(&mut resolve, world, &mut files)?;
        made.extend(files.iter().map(|(file, bytes)| (file.to_owned(), bytes.to_vec())));
    }
    Ok(made)
}

/// Writes them, and removes what is not generated any more.
///
/// # Errors
/// When `wit/` cannot be understood or the folder not be written.
pub fn write() -> Result<()> {
    let made = generate()?;
    let folder = folder();
    for name in present(&folder)?.keys().filter(|name| !made.contains_key(*name)) {
        std::fs::remove_file(folder.join(name)).with_context(|| format!("cannot remove {name}"))?;
    }
    for (name, bytes) in made {
        std::fs::write(folder.join(&name), bytes).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// Compares what is generated with a folder.
///
/// # Errors
/// With the names of all files that differ, are missing or are too many.
pub fn check(folder: &Path) -> Result<()> {
    let (made, there) = (generate()?, present(folder)?);
    let names = made.keys().chain(there.keys());
    let mut stale: Vec<&str> = names.filter(|name| made.get(*name) != there.get(*name)).map(String::as_str).collect();
    stale.sort_unstable();
    stale.dedup();
    if stale.is_empty() {
        return Ok(());
    }
    bail!("{} is not what wit/ says: {}. Run: {COMMAND}", folder.display(), stale.join(", "))
}

fn present(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let bytes = std::fs::read(entry.path()).with_context(|| format!("cannot read {}", entry.path().display()))?;
        found.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(found)
}
