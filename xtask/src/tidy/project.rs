//! Records that must keep up with what they record.

use super::{File, Problem};
use crate::process::Cmd;
use crate::wit_docs;
use crate::workspace::Workspace;
use anyhow::Result;
use std::collections::BTreeSet;

const WIT_RECORD: &str = "wit/CHANGELOG.md";
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// One page.
const ARCHITECTURE_LINES: usize = 150;
/// Workspaces; each commits its lock file.
pub const WORKSPACES: [&str; 6] =
    ["", "sdk/rust/", "plugins/", "tests/guests/", "tests/conformance/rust/", "tests/fuzz/engine/"];
/// Command that prints the digest of the WIT files, for people too.
const WIT_DIGEST: &str = "LC_ALL=C; export LC_ALL; find wit -name '*.wit' | sort | xargs cat | sha256sum";

pub fn check(workspace: &Workspace, files: &[File], problems: &mut Vec<Problem>) -> Result<()> {
    guests_are_named(files, problems);
    vendored_files_have_an_entry(files, problems);
    lock_files_are_committed(files, problems);
    architecture_names_every_module(files, problems);
    let digest = Cmd::new("sh").dir(&workspace.root).args(["-c", WIT_DIGEST]).read()?;
    wit_digest_is_recorded(files, digest.split_whitespace().next().unwrap_or_default(), problems);
    reference_is_current(files, &wit_docs::reference(&workspace.root)?, problems);
    Ok(())
}

fn text_of<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path)?.text.as_deref()
}

fn problem(path: &str, message: String) -> Problem {
    Problem { path: path.to_owned(), line: 0, message }
}

/// A guest that no test names tests nothing; nor does a way of a guest to misbehave.
fn guests_are_named(files: &[File], problems: &mut Vec<Problem>) {
    let is_test = |file: &&File| file.is_test() && file.code.is_some() && !file.path.starts_with("tests/guests/");
    let tests: Vec<&str> = files.iter().filter(is_test).filter_map(|file| file.text.as_deref()).collect();
    for file in files {
        let Some(name) = guest_or_mode(file) else { continue };
        let quoted = format!("\"{name}\"");
        if !tests.iter().any(|text| text.contains(&quoted)) {
            let message = format!("no test names the guest {quoted}: write one, or remove the guest");
            problems.push(problem(&file.path, message));
        }
    }
}

/// `tests/guests/NAME/Cargo.toml` of a module, `tests/guests/.../modes/NAME.rs` or `tests/guests/wat/NAME.wat`.
fn guest_or_mode(file: &File) -> Option<&str> {
    let inside = file.path.strip_prefix("tests/guests/")?;
    if let Some((_, mode)) = inside.split_once("/modes/") {
        return mode.strip_suffix(".rs").filter(|mode| *mode != "mod");
    }
    if let Some(text) = inside.strip_prefix("wat/") {
        return text.strip_suffix(".wat");
    }
    let is_module = file.text.as_deref().is_some_and(|text| text.contains("cdylib"));
    inside.strip_suffix("/Cargo.toml").filter(|name| is_module && !name.contains('/'))
}

/// Whose it is, which version, and under which licence: in the README.md of the folder.
fn vendored_files_have_an_entry(files: &[File], problems: &mut Vec<Problem>) {
    for file in files.iter().filter(|file| file.is_vendored()) {
        let Some((folder, name)) = file.path.rsplit_once('/') else { continue };
        if name == "README.md" || name.starts_with("LICENSE") {
            continue;
        }
        let record = format!("{folder}/README.md");
        if !text_of(files, &record).unwrap_or_default().contains(name) {
            let message = format!("{record} does not name {name}: add its origin, version and licence");
            problems.push(problem(&file.path, message));
        }
    }
}

fn lock_files_are_committed(files: &[File], problems: &mut Vec<Problem>) {
    for folder in WORKSPACES {
        let (manifest, lock) = (format!("{folder}Cargo.toml"), format!("{folder}Cargo.lock"));
        if text_of(files, &manifest).is_some() && text_of(files, &lock).is_none() {
            problems.push(problem(&manifest, format!("{lock} is not committed: git add {lock}")));
        }
    }
}

/// The map of the code stays one page and shows all of it.
fn architecture_names_every_module(files: &[File], problems: &mut Vec<Problem>) {
    let Some(text) = text_of(files, ARCHITECTURE) else {
        problems.push(problem(
            ARCHITECTURE,
            "is missing: one page with the flow, the map of the code and the invariants".to_owned(),
        ));
        return;
    };
    let lines = text.lines().count();
    if lines > ARCHITECTURE_LINES {
        problems.push(problem(ARCHITECTURE, format!("{lines} lines; at most {ARCHITECTURE_LINES}: it is one page")));
    }
    let modules: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("host/src/")?.split_once('/').map(|(module, _)| module))
        .collect();
    for module in modules {
        if !text.contains(&format!("{module}/")) && !text.contains(&format!("`{module}`")) {
            problems.push(problem(ARCHITECTURE, format!("does not name the module {module}/")));
        }
    }
}

/// A change of the contract is written down in the same commit.
fn wit_digest_is_recorded(files: &[File], digest: &str, problems: &mut Vec<Problem>) {
    if !text_of(files, WIT_RECORD).unwrap_or_default().contains(digest) {
        let message = format!(
            "the WIT files changed: write what changed for plugins into an entry, with the line\n    sha256 {digest}\n  (printed by: {WIT_DIGEST})"
        );
        problems.push(problem(WIT_RECORD, message));
    }
}

/// What authors read of the contract is the contract.
fn reference_is_current(files: &[File], wanted: &str, problems: &mut Vec<Problem>) {
    if text_of(files, wit_docs::PAGE) != Some(wanted) {
        problems.push(problem(wit_docs::PAGE, "is not what wit/ says: run `cargo xtask wit-docs`".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: fn(&[File], &mut Vec<Problem>), files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files.iter().map(|(path, text)| File::new(path, text.as_bytes().to_vec())).collect();
        let mut problems = Vec::new();
        rule(&files, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_guest_is_named_by_a_test() {
        let guest = ("tests/guests/spin/Cargo.toml", "[lib]\ncrate-type = [\"cdylib\"]");
        assert_eq!(found(guests_are_named, &[guest]).len(), 1);
        assert_eq!(found(guests_are_named, &[guest, ("tests/guests/spin/src/lib.rs", "\"spin\"")]).len(), 1);
        assert!(found(guests_are_named, &[guest, ("tests/it/limits.rs", "guest(\"spin\")")]).is_empty());
        assert!(found(guests_are_named, &[guest, ("host/src/plugin/tests.rs", "guest(\"spin\")")]).is_empty());
        let mode = ("tests/guests/hostile/src/modes/bomb.rs", "");
        assert_eq!(found(guests_are_named, &[mode, ("tests/guests/hostile/src/modes/mod.rs", "\"bomb\"")]).len(), 1);
        assert!(found(guests_are_named, &[mode, ("tests/it/hostile.rs", "(\"bomb\", 1)")]).is_empty());
        let text = ("tests/guests/wat/lie.wat", "(module)");
        assert_eq!(found(guests_are_named, &[text]).len(), 1);
        assert!(found(guests_are_named, &[text, ("tests/support/cases.rs", "wat(\"lie\")")]).is_empty());
    }

    #[test]
    fn every_vendored_file_has_an_entry() {
        let asset = ("host/assets/vendor/chart.js", "x");
        let record = "host/assets/vendor/README.md";
        assert_eq!(found(vendored_files_have_an_entry, &[asset]).len(), 1);
        assert_eq!(found(vendored_files_have_an_entry, &[asset, (record, "other.js")]).len(), 1);
        let licence = ("host/assets/vendor/LICENSE-chart", "");
        assert!(found(vendored_files_have_an_entry, &[asset, licence, (record, "chart.js 1.0, MIT")]).is_empty());
    }

    #[test]
    fn every_workspace_commits_its_lock_file() {
        assert_eq!(found(lock_files_are_committed, &[("plugins/Cargo.toml", "")]).len(), 1);
        assert!(found(lock_files_are_committed, &[("plugins/Cargo.toml", ""), ("plugins/Cargo.lock", "")]).is_empty());
    }

    #[test]
    fn the_map_is_one_page_and_names_every_module() {
        let module = ("host/src/trust/mod.rs", "");
        assert_eq!(found(architecture_names_every_module, &[module]).len(), 1);
        assert_eq!(found(architecture_names_every_module, &[module, (ARCHITECTURE, "nothing")]).len(), 1);
        assert!(found(architecture_names_every_module, &[module, (ARCHITECTURE, "    trust/ keys")]).is_empty());
        assert_eq!(found(architecture_names_every_module, &[(ARCHITECTURE, &"x\n".repeat(151))]).len(), 1);
    }

    #[test]
    fn a_changed_wit_is_recorded() {
        let check = |text: &str| {
            let files = [File::new(WIT_RECORD, text.as_bytes().to_vec())];
            let mut problems = Vec::new();
            wit_digest_is_recorded(&files, "00aa", &mut problems);
            problems.len()
        };
        assert_eq!((check("sha256 00ab"), check("sha256 00aa")), (1, 0));
    }
    #[test]
    fn the_reference_is_as_the_wit_files_are() {
        let check = |files: &[File]| {
            let mut problems = Vec::new();
            reference_is_current(files, "new", &mut problems);
            problems.len()
        };
        let page = |text: &str| File::new(wit_docs::PAGE, text.as_bytes().to_vec());
        assert_eq!((check(&[]), check(&[page("old")]), check(&[page("new")])), (1, 1, 0));
    }
}
