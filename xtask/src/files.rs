//! Lists and digests of source files.

use crate::process::Cmd;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Folders that hold no sources.
const SKIPPED: [&str; 5] = ["target", "build", "node_modules", "__pycache__", ".git"];

/// All files below the given files and folders, relative to `root`, sorted. What does not exist gives nothing.
pub fn list(root: &Path, places: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for place in places {
        walk(root, Path::new(place), &mut found)?;
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn walk(root: &Path, place: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let full = root.join(place);
    if full.is_file() {
        found.push(place.to_owned());
    }
    if !full.is_dir() {
        return Ok(());
    }
    let entries = std::fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))?;
    for entry in entries {
        let name = entry.with_context(|| format!("cannot list {}", full.display()))?.file_name();
        if !SKIPPED.iter().any(|skipped| name == *skipped) {
            walk(root, &place.join(name), found)?;
        }
    }
    Ok(())
}

/// One line `DIGEST  PATH` per file: what `sha256sum --check` reads.
pub fn digests(root: &Path, files: &[PathBuf]) -> Result<String> {
    if files.is_empty() {
        return Ok(String::new());
    }
    Cmd::new("sha256sum").dir(root).arg("--").args(files).read()
}

/// Writes only when the content differs, so that nothing downstream is rebuilt; says whether it wrote.
pub fn write_if_changed(file: &Path, content: &[u8]) -> Result<bool> {
    if std::fs::read(file).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(dir) = file.parent() {
        make_dir(dir)?;
    }
    // A reader never sees half a file.
    let part = file.with_extension("part");
    std::fs::write(&part, content).with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(true)
}

pub fn make_dir(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))
}

/// Removes a file or a folder, where there is one.
pub fn remove(path: &Path) -> Result<()> {
    let result = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

pub fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("assay-xtask-{name}-{}", std::process::id()));
        // A left-over of an earlier run with the same number.
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn lists_sources_and_not_what_was_built() {
        let dir = scratch("list");
        for file in ["a/src/lib.rs", "a/target/x.rs", "a/node_modules/y.js", "wit/w.wit"] {
            write_if_changed(&dir.join(file), b"x").unwrap();
        }
        let found = list(&dir, &["a", "wit", "a", "missing"]).unwrap();
        assert_eq!(found, [Path::new("a/src/lib.rs"), Path::new("wit/w.wit")]);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn digests_are_sha256_of_the_files() {
        let dir = scratch("digest");
        write_if_changed(&dir.join("abc"), b"abc").unwrap();
        let text = digests(&dir, &[PathBuf::from("abc")]).unwrap();
        assert_eq!(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc\n");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn writes_only_what_changed() {
        let dir = scratch("write");
        let file = dir.join("deep/file");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
