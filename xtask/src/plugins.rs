//! `cargo xtask plugins`: builds the plugins and the test guests to core modules.
//!
//! `ASSAY_ARTIFACTS` (default: the target folder) gets `plugins/NAME.wasm`, `guests/NAME.wasm` and `frozen/NAME.wasm`;
//! NAME is the crate's folder. Beside them `sources.sha256` names what they were built from, so that a stale one can be told.

use crate::toolchain::Toolchain;
use crate::workspace::{Metadata, Workspace};
use crate::{files, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// The list of sources beside the modules.
pub const SOURCES_FILE: &str = "sources.sha256";
/// First words of the line that says how the modules were built.
const HOW: &str = "# built by ";
/// First words of a line that names a module.
const OUTPUT: &str = "# output ";

/// A workspace whose crates become modules.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    /// Folder below the artifacts folder.
    pub name: &'static str,
    /// The workspace, relative to the root.
    pub folder: &'static str,
    /// What its modules are made from, relative to the root.
    pub sources: &'static [&'static str],
}

/// The plugins that never change: their components and answers are kept beside their sources.
const FROZEN: Set = Set {
    name: "frozen",
    folder: "tests/fixtures/wit-0.1.0",
    sources: &[
        "tests/fixtures/wit-0.1.0/Cargo.toml",
        "tests/fixtures/wit-0.1.0/Cargo.lock",
        "tests/fixtures/wit-0.1.0/wit",
        "tests/fixtures/wit-0.1.0/preprocessor",
        "tests/fixtures/wit-0.1.0/detector",
        "tests/fixtures/wit-0.1.0/monitor",
    ],
};

pub const SETS: [Set; 3] = [
    Set { name: "plugins", folder: "plugins", sources: &["plugins", "sdk/rust", "wit"] },
    Set { name: "guests", folder: "tests/guests", sources: &["tests/guests", "sdk/rust", "wit"] },
    FROZEN,
];

/// Builds what is missing or stale.
pub fn build(workspace: &Workspace) -> Result<()> {
    let mut toolchain = None;
    for set in SETS {
        let out = workspace.artifacts().join(set.name);
        let sources = source_digests(workspace, &set)?;
        if is_fresh(&out, &sources) {
            ui::say(format!("{}: up to date in {}", set.name, out.display()));
            continue;
        }
        if toolchain.is_none() {
            toolchain = Some(Toolchain::choose()?);
        }
        if let Some(toolchain) = &toolchain {
            build_set(workspace, &set, toolchain, &out, &sources)?;
        }
    }
    Ok(())
}

/// The lines `DIGEST  PATH` of all that a set is made from; prose does not count, nor does what is not compiled.
fn source_digests(workspace: &Workspace, set: &Set) -> Result<String> {
    let mut list = files::list(&workspace.root, set.sources)?;
    list.retain(|file| file.extension().is_none_or(|extension| extension != "md" && extension != "wat"));
    files::digests(&workspace.root, &list)
}

/// Whether the modules of `out` are all there and were built from these sources, with the toolchain asked for.
fn is_fresh(out: &Path, sources: &str) -> bool {
    let Ok(stamp) = std::fs::read_to_string(out.join(SOURCES_FILE)) else { return false };
    let lines = |head: bool| stamp.lines().filter(move |line| line.starts_with('#') == head);
    let outputs: Vec<&str> = lines(true).filter_map(|line| line.strip_prefix(OUTPUT)).collect();
    let how = lines(true).find_map(|line| line.strip_prefix(HOW)).unwrap_or_default();
    lines(false).eq(sources.lines())
        && !outputs.is_empty()
        && outputs.iter().all(|name| out.join(name).is_file())
        && Toolchain::accepts(how)
}

fn build_set(workspace: &Workspace, set: &Set, toolchain: &Toolchain, out: &Path, sources: &str) -> Result<()> {
    let dir = workspace.root.join(set.folder);
    ui::step(format!("Building {} for wasm32-unknown-unknown with {}", set.folder, toolchain.describe()));
    let target_dir = workspace.target.join(toolchain.target_folder());
    toolchain
        .cargo_build(&dir, &workspace.root, &target_dir)
        .live()
        .with_context(|| format!("the {} could not be built; the compiler's own message stands above", set.name))?;

    let built = target_dir.join("wasm32-unknown-unknown").join("release");
    let mut stamp = format!("{HOW}{}\n", toolchain.describe());
    let mut names = Vec::new();
    for (name, library) in modules(&dir)? {
        let file = format!("{name}.wasm");
        let from = built.join(format!("{}.wasm", library.replace('-', "_")));
        let bytes = std::fs::read(&from)
            .with_context(|| format!("cargo built no {}: does {name} have crate-type cdylib?", from.display()))?;
        let changed = files::write_if_changed(&out.join(&file), &bytes)?;
        let note = if changed { "" } else { ", unchanged" };
        ui::say(format!("    {} ({} KiB{note})", out.join(&file).display(), bytes.len() / 1024));
        stamp.push_str(&format!("{OUTPUT}{file}\n"));
        names.push(file);
    }
    if names.is_empty() {
        bail!("{} has no package with a cdylib target, so there is nothing to build", dir.display());
    }
    remove_others(out, &names)?;
    files::write_if_changed(&out.join(SOURCES_FILE), format!("{stamp}{sources}").as_bytes())?;
    Ok(())
}

/// Folder and library name of each crate that becomes a module.
fn modules(dir: &Path) -> Result<Vec<(String, String)>> {
    let metadata = Metadata::of(dir, &["--no-deps"])?;
    let mut found = Vec::new();
    for package in metadata.packages {
        let folder = package.manifest_path.parent().and_then(Path::file_name);
        let folder = folder.map_or_else(|| package.name.clone(), |name| name.to_string_lossy().into_owned());
        let library = package.targets.iter().find(|target| target.kind.iter().any(|kind| kind == "cdylib"));
        if let Some(library) = library {
            found.push((folder, library.name.clone()));
        }
    }
    found.sort();
    Ok(found)
}

/// A module whose crate is gone must not be taken for a fresh one.
fn remove_others(out: &Path, names: &[String]) -> Result<()> {
    let entries = std::fs::read_dir(out).with_context(|| format!("cannot list {}", out.display()))?;
    let files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    for file in files {
        let is_module = file.extension().is_some_and(|extension| extension == "wasm");
        let known = file.file_name().is_some_and(|name| names.iter().any(|known| name == known.as_str()));
        if is_module && !known {
            ui::say(format!("    {} is not built any more: removed", file.display()));
            std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const SOURCES: &str = "00aa  plugins/a/src/lib.rs\n00bb  wit/types.wit\n";

    fn out_with(name: &str, stamp: &str) -> PathBuf {
        let out = std::env::temp_dir().join(format!("assay-xtask-fresh-{name}-{}", std::process::id()));
        files::write_if_changed(&out.join(SOURCES_FILE), stamp.as_bytes()).unwrap();
        files::write_if_changed(&out.join("a.wasm"), b"\0asm").unwrap();
        out
    }

    #[test]
    fn modules_of_the_same_sources_are_fresh() {
        let out = out_with("same", &format!("{HOW}installed\n{OUTPUT}a.wasm\n{SOURCES}"));
        assert!(is_fresh(&out, SOURCES));
        std::fs::remove_file(out.join("a.wasm")).unwrap();
        assert!(!is_fresh(&out, SOURCES), "a module that is gone must be built again");
        std::fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn a_changed_or_added_source_makes_them_stale() {
        let out = out_with("changed", &format!("{HOW}installed\n{OUTPUT}a.wasm\n{SOURCES}"));
        assert!(!is_fresh(&out, &SOURCES.replace("00aa", "00ab")));
        assert!(!is_fresh(&out, &format!("{SOURCES}00cc  wit/new.wit\n")));
        std::fs::remove_dir_all(out).unwrap();
    }

    #[test]
    fn modules_of_a_removed_crate_go() {
        let out = out_with("others", "");
        remove_others(&out, &["b.wasm".to_owned()]).unwrap();
        assert!(!out.join("a.wasm").exists() && out.join(SOURCES_FILE).exists());
        std::fs::remove_dir_all(out).unwrap();
    }
}
