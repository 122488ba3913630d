//! `cargo xtask tidy`: the habits of this project, checked by machine.
//!
//! Every rule is a function from files to problems; all problems are shown at once. What compiles comes last.

mod cargo_checks;
mod catalogues;
mod features;
mod layers;
mod licences;
mod paths;
mod project;
mod sizes;
mod source;
mod text;

use crate::options::Options;
use crate::process::Cmd;
use crate::ui;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use source::{Masked, mask};
use std::fmt;

/// Something to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    /// 1 is the first; 0 where no line is meant.
    pub line: usize,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// One file of the project.
#[derive(Debug, Clone)]
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    /// None for what is not text.
    pub text: Option<String>,
    /// A Rust file's code without comments and literals.
    pub code: Option<Masked>,
}

impl File {
    pub fn new(path: &str, bytes: Vec<u8>) -> Self {
        let text = String::from_utf8(bytes).ok();
        let code = text.as_deref().filter(|_| path.ends_with(".rs")).map(mask);
        Self { path: path.to_owned(), text, code }
    }

    fn problem(&self, line: usize, message: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), line, message: message.into() }
    }

    /// Whether it holds nothing but tests.
    fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs" || self.path.contains("/tests/") || self.path.starts_with("tests/")
    }

    /// Whether somebody else wrote it, or a program.
    fn is_vendored(&self) -> bool {
        self.path.split('/').any(|part| part == "vendor")
    }
}

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let quick = options.flag("--quick");
    options.finish()?;
    let files = read_all(workspace)?;
    ui::say(format!("tidy with {}", Cmd::new("rustc").arg("--version").read()?.trim()));
    ui::step(format!("Reading {} files: layers, sizes, texts, records", files.len()));
    let mut problems = Vec::new();
    for file in &files {
        layers::check(file, &mut problems);
        sizes::check(file, &mut problems);
        text::check(file, &mut problems);
    }
    paths::check(&files, &mut problems);
    catalogues::check(&files, &mut problems);
    project::check(workspace, &files, &mut problems)?;
    // Before the slow part, so that it can be mended while that runs.
    problems.iter().for_each(|problem| println!("{problem}"));
    let mut failed = cargo_checks::fmt(workspace)?;
    for problem in licences::check(workspace)?.into_iter().chain(features::check(workspace)?) {
        println!("{problem}");
        problems.push(problem);
    }
    if !quick {
        failed.extend(cargo_checks::clippy(workspace)?);
        failed.extend(cargo_checks::deny(workspace)?);
    }
    if problems.is_empty() && failed.is_empty() {
        ui::say("tidy: nothing to mend");
        return Ok(());
    }
    failed.iter().for_each(|command| ui::say(format!("failed: {command}")));
    bail!("tidy found {} to mend above", count(problems.len(), failed.len()))
}

fn count(problems: usize, failed: usize) -> String {
    match (problems, failed) {
        (problems, 0) => format!("{problems} thing(s)"),
        (0, failed) => format!("{failed} failed command(s)"),
        (problems, failed) => format!("{problems} thing(s) and {failed} failed command(s)"),
    }
}

/// All files that git knows or would take.
fn read_all(workspace: &Workspace) -> Result<Vec<File>> {
    let list = Cmd::new("git")
        .dir(&workspace.root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .read()
        .context("tidy checks the files that git knows")?;
    let mut files = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // A file that was removed but not yet committed is still listed.
        if let Ok(bytes) = std::fs::read(workspace.root.join(path)) {
            files.push(File::new(path, bytes));
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Ok(files)
}

/// The problems that a rule finds in one file: for the rules' own tests.
#[cfg(test)]
fn problems_of(rule: fn(&File, &mut Vec<Problem>), path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    rule(&File::new(path, text.as_bytes().to_vec()), &mut problems);
    problems.iter().map(ToString::to_string).collect()
}
