//! The bindings of the worlds that are generated and committed: those in C, and those in Go.

use crate::artifacts;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;
use wit_bindgen_core::{Files, wit_parser::Resolve};

/// Command that writes them anew.
pub const COMMAND: &str = "cargo xtask bindings";
/// One set of files each.
const WORLDS: [&str; 3] = ["preprocessor", "detector", "monitor"];
/// Where they lie, from the root. Nothing else lies there.
const C: &str = "sdk/c/gen";
const GO: &str = "sdk/go/internal/gen";
/// The generator's modules of Go, and what they are in the SDK: what it would have from a proxy is written there by hand.
const GO_MODULES: [(&str, &str); 3] = [
    ("\"wit_component/export_", "\"assay/internal/export_"),
    ("\"wit_component/", "\"assay/internal/gen/"),
    ("\"go.bytecodealliance.org/pkg/wit/", "\"assay/internal/wit/"),
];
/// The exports of a world are a program of their own for the generator, and a package in the SDK.
const GO_EXPORTS: &str = "wit_exports.go";
const GO_PROGRAM: &str = "\npackage main\n";
const GO_MAIN: &str = "// Unused, but present to make the compiler happy\nfunc main() {}\n";

/// What the files have to be, by path from the root, made from `wit/`.
///
/// # Errors
/// When `wit/` cannot be understood, or the generator writes another form than the SDK in Go expects.
pub fn generate() -> Result<BTreeMap<String, Vec<u8>>> {
    let mut made = BTreeMap::new();
    for world in WORLDS {
        for (file, bytes) in generated(world, |resolve, world, files| {
            wit_bindgen_c::Opts::default().build().generate(resolve, world, files)
        })? {
            made.insert(format!("{C}/{file}"), bytes);
        }
        for (file, bytes) in generated(world, |resolve, world, files| {
            wit_bindgen_go::Opts::default().build().generate(resolve, world, files)
        })? {
            let Some((file, bytes)) = go_file(world, &file, bytes)? else { continue };
            if let Some(other) = made.insert(file.clone(), bytes.clone())
                && other != bytes
            {
                bail!("{file} is another for {world} than for the worlds before: the SDK has one for all");
            }
        }
    }
    Ok(made)
}

type Generator = fn(&mut Resolve, wit_bindgen_core::wit_parser::WorldId, &mut Files) -> Result<()>;

fn generated(world: &str, generate: Generator) -> Result<Vec<(String, Vec<u8>)>> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(artifacts::root().join("wit"))?;
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = Files::default();
    generate(&mut resolve, world, &mut files)?;
    Ok(files.iter().map(|(file, bytes)| (file.to_owned(), bytes.to_vec())).collect())
}

/// A file of the generator as the SDK has it; nothing of its `go.mod`.
fn go_file(world: &str, file: &str, bytes: Vec<u8>) -> Result<Option<(String, Vec<u8>)>> {
    if file == "go.mod" {
        return Ok(None);
    }
    let mut text = String::from_utf8(bytes)?;
    for (theirs, ours) in GO_MODULES {
        text = text.replace(theirs, ours);
    }
    let mut place = format!("{GO}/{file}");
    if file == GO_EXPORTS {
        for part in [GO_PROGRAM, GO_MAIN] {
            anyhow::ensure!(text.contains(part), "{GO_EXPORTS} of {world} has no {part:?}");
        }
        text = text.replacen(GO_PROGRAM, &format!("\npackage {world}\n"), 1).replacen(GO_MAIN, "", 1);
        place = format!("{GO}/{world}/{file}");
    }
    Ok(Some((place, text.into_bytes())))
}

/// Writes them, and removes what is not generated any more.
///
/// # Errors
/// When `wit/` cannot be understood or a folder not be written.
pub fn write() -> Result<()> {
    let (made, root) = (generate()?, artifacts::root());
    for name in present(&root)?.keys().filter(|name| !made.contains_key(*name)) {
        std::fs::remove_file(root.join(name)).with_context(|| format!("cannot remove {name}"))?;
    }
    for (name, bytes) in made {
        let path = root.join(&name);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, bytes));
        written.with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// Compares what is generated with what lies below a root.
///
/// # Errors
/// With the names of all files that differ, are missing or are too many.
pub fn check(root: &Path) -> Result<()> {
    let (made, there) = (generate()?, present(root)?);
    let names = made.keys().chain(there.keys());
    let mut stale: Vec<&str> = names.filter(|name| made.get(*name) != there.get(*name)).map(String::as_str).collect();
    stale.sort_unstable();
    stale.dedup();
    if stale.is_empty() {
        return Ok(());
    }
    bail!("not what wit/ says: {}. Run: {COMMAND}", stale.join(", "))
}

fn present(root: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for folder in [C, GO] {
        collect(root, folder, &mut found)?;
    }
    Ok(found)
}

fn collect(root: &Path, folder: &str, found: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let path = root.join(folder);
    for entry in std::fs::read_dir(&path).with_context(|| format!("cannot list {}", path.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(root, &name, found)?;
        } else {
            let bytes = std::fs::read(entry.path()).with_context(|| format!("cannot read {name}"))?;
            found.insert(name, bytes);
        }
    }
    Ok(())
}
