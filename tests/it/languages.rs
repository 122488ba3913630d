//! A plugin of every kind in every language, as its author meets it: `assay plugin new`, build, test, run.

mod bad_input;
mod tutorial;
mod commands;

use anyhow::{Context, Result, ensure};
use assay_tests::artifacts::root;
use assay_tests::station::assay;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const KINDS: [&str; 3] = ["preprocessor", "detector", "monitor"];

/// Says where the compilers are: where `cargo xtask test` put them, if nobody says otherwise.
fn with_toolchains(command: &mut Command) {
    if std::env::var_os("ASSAY_TOOLCHAINS").is_none() {
        command.env("ASSAY_TOOLCHAINS", root().join("target/toolchains"));
    }
}

/// Runs `assay plugin WORDS` in a folder.
fn plugin(folder: &Path, words: &[&str]) -> Result<Output> {
    command(folder, words)?.output().context("assay cannot be started")
}

fn command(folder: &Path, words: &[&str]) -> Result<Command> {
    let mut assay = assay()?;
    if words.first() != Some(&"run") {
        // Compilers must not take the time of the tests beside them, some of which have deadlines to keep.
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(assay.get_program());
        assay = nice;
    }
    with_toolchains(&mut assay);
    assay.current_dir(folder).arg("plugin").args(words);
    Ok(assay)
}

pub fn succeeds(folder: &Path, words: &[&str]) -> Result<String> {
    let output = plugin(folder, words)?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "assay plugin {words:?} failed:\n{out}\n{err}");
    Ok(out.into_owned())
}

/// The tutorial's first minutes, in one language.
fn first_plugins(language: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    for kind in KINDS {
        let name = format!("first-{kind}");
        succeeds(folder.path(), &["new", "--lang", language, "--kind", kind, &name])?;
        let project = folder.path().join(&name);
        succeeds(&project, &["test"])?;
        let shown = succeeds(&project, &["run", "--no-build", "--json", "golden"])?;
        let shown: Value = serde_json::from_str(&shown)?;
        ensure!(shown.pointer("/pictures/0/file") == Some(&Value::from("golden/part.png")), "{shown}");
        let failure = shown.pointer("/pictures/0/failure");
        ensure!(failure.is_none(), "{language} {kind} gave no answer: {failure:?}");
        let sheet = project.join("build/run/part.png");
        ensure!(sheet.is_file(), "{} is missing", sheet.display());
        let check = succeeds(&project, &["check", "--no-build"])?;
        ensure!(check.contains("takes it\n"), "a station takes it with cuts, or not at all:\n{check}");
    }
    Ok(())
}

#[test]
fn rust() -> Result<()> {
    first_plugins("rust")
}

#[test]
fn c() -> Result<()> {
    first_plugins("c")
}

#[test]
fn cpp() -> Result<()> {
    first_plugins("cpp")
}

#[test]
fn zig() -> Result<()> {
    first_plugins("zig")
}

#[test]
fn python() -> Result<()> {
    first_plugins("python")
}

#[test]
fn javascript_and_typescript() -> Result<()> {
    first_plugins("js")
}

#[test]
fn go() -> Result<()> {
    first_plugins("go")
}

/// The shipped plugins that are not in the Rust workspace.
fn shipped() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("plugins"))? {
        let folder = entry?.path();
        let manifest = folder.join("plugin.toml");
        if manifest.is_file() && std::fs::read_to_string(&manifest)?.contains("\n[build]\n") {
            found.push(folder);
        }
    }
    found.sort();
    Ok(found)
}

#[test]
fn shipped_plugins_answer_as_their_golden_files_say() -> Result<()> {
    let all = shipped()?;
    ensure!(!all.is_empty(), "no plugin with a [build] section was found");
    for folder in all {
        let tested = succeeds(&folder, &["test"]).with_context(|| folder.display().to_string())?;
        ensure!(tested.contains("as expected"), "{tested}");
    }
    Ok(())
}
