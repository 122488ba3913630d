//! What pages and comments send a reader to is there.

use super::{File, Problem};
use std::collections::BTreeSet;

/// A decision and a list of changes tell how things were when they were written.
const RECORDS: [&str; 4] = ["docs/adr/", "CHANGELOG.md", "wit/CHANGELOG.md", "tests/fixtures/"];
/// The tests of these rules name what is not there.
const EXAMPLES: &str = "xtask/src/tidy/";
const DECISIONS: &str = "docs/adr/";
/// Pages that any file may name.
const PAGES: &str = "docs/";

/// All files, and the folders that they lie in.
struct Tree<'a> {
    files: BTreeSet<&'a str>,
    folders: BTreeSet<&'a str>,
}

impl<'a> Tree<'a> {
    fn new(files: &'a [File]) -> Self {
        let files: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let ends = |path: &'a str| path.match_indices('/').filter_map(move |(at, _)| path.get(..at));
        let folders = files.iter().flat_map(|path| ends(path)).collect();
        Self { files, folders }
    }

    fn has(&self, path: &str) -> bool {
        self.files.contains(path) || self.folders.contains(path)
    }

    /// As it may be written on a page in `folder`: from the root, from there, or a file of Rust by its end alone.
    fn has_as_written(&self, folder: &str, path: &str) -> bool {
        let end = format!("/{path}");
        self.has(path)
            || joined(folder, path).is_some_and(|path| self.has(&path))
            || (is_rust(path) && self.files.iter().any(|file| file.ends_with(&end)))
    }
}

pub fn check(files: &[File], problems: &mut Vec<Problem>) {
    let tree = Tree::new(files);
    for file in files.iter().filter(|file| !file.is_vendored() && !file.path.starts_with(EXAMPLES)) {
        let Some(text) = &file.text else { continue };
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_page = file.path.ends_with(".md");
        let is_of_today = is_page && !RECORDS.iter().any(|start| file.path.starts_with(start));
        for (number, line) in text.lines().enumerate() {
            let gone_pages = pages(line).filter(|path| !is_page_there(&tree, path));
            let there = |path: &str| joined(folder, path).is_some_and(|path| tree.has(&path));
            let gone_links = links(line).filter(|path| is_page && !there(path));
            let named = quoted(line).filter(|path| is_of_today && is_of_the_project(&tree, path));
            let gone_names = named.filter(|path| !tree.has_as_written(folder, path) && !is_page_there(&tree, path));
            let gone: BTreeSet<&str> = gone_pages.chain(gone_links).chain(gone_names).collect();
            for path in gone {
                problems.push(file.problem(number + 1, format!("`{path}` is not there: name where it is now")));
            }
        }
    }
}

/// `docs/NAME.md` and `docs/adr/NNNN`, in whatever text they stand.
fn pages(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(PAGES).filter_map(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        if before.ends_with(|c: char| c.is_alphanumeric() || "_-./".contains(c)) {
            return None;
        }
        let rest = line.get(at..)?;
        let end = rest.find(|c: char| !is_of_a_path(c)).unwrap_or(rest.len());
        let path = rest.get(..end)?.trim_end_matches('.');
        let is_decision =
            path.strip_prefix(DECISIONS).is_some_and(|name| name.starts_with(|c: char| c.is_ascii_digit()));
        (is_decision || path.ends_with(".md")).then_some(path).filter(|path| !has_placeholder(path))
    })
}

/// A decision may be named by its number alone.
fn is_page_there(tree: &Tree<'_>, path: &str) -> bool {
    let by_number =
        || path.starts_with(DECISIONS) && tree.files.iter().any(|file| file.starts_with(&format!("{path}-")));
    tree.has(path) || by_number() || tree.has(&format!("{path}.md"))
}

/// What stands between backticks and looks like a path.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split('`').skip(1).step_by(2);
    let paths = words.filter(|word| word.contains('/') && word.chars().all(is_of_a_path) && !has_placeholder(word));
    paths.map(|path| path.trim_end_matches('/'))
}

/// Targets of links to other files, without their anchors.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let files = targets.map(|target| target.split_once('#').map_or(target, |(path, _)| path));
    files.filter(|path| !path.is_empty() && path.chars().all(is_of_a_path))
}

/// Begins with one of the project's own folders, or is a file of Rust: other paths are those of a reader's machine.
fn is_of_the_project(tree: &Tree<'_>, path: &str) -> bool {
    let top = path.split('/').next().unwrap_or_default();
    is_rust(path) && path != "src/lib.rs" || tree.folders.contains(top)
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

const fn is_of_a_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}

/// `TARGET/NAME` and `docs/adr/NNNN-title.md` stand for any.
fn has_placeholder(path: &str) -> bool {
    let is_capital = |part: &str| part.len() > 1 && part.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    path.split(['/', '.', '-'])
        .any(|part| is_capital(part) && !["README", "CHANGELOG", "LICENSE", "LICENSES"].contains(&part))
}

/// A relative path from a folder; `None` where it leads out of the project.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: [&str; 7] = [
        "host/src/plugin/admit.rs",
        "docs/json.md",
        "docs/adr/0016-triggers.md",
        "sdk/models/README.md",
        "sdk/models/src/kit/surface/train.py",
        "tests/it/line.rs",
        "LICENSE",
    ];

    fn found(path: &str, text: &str) -> Vec<String> {
        let mut files: Vec<File> = TREE.iter().map(|path| File::new(path, Vec::new())).collect();
        files.push(File::new(path, text.as_bytes().to_vec()));
        let mut problems = Vec::new();
        check(&files, &mut problems);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_path_of_the_project_on_a_page_has_to_be_there() {
        for there in [
            "`host/src/plugin/`",
            "`host/src/plugin/admit.rs`, `plugin/admit.rs`",
            "see `docs/json.md`, `docs/adr/0016` and [json](docs/json.md#keys), [here](#above)",
            "`tests/it/line.rs` and `target/demo`, `pictures/part.png`, `image/png`, `./golden/part.json`",
            "`tests/fixtures/TARGET/` stands for each; so does `docs/adr/NNNN-title.md`",
            "[elsewhere](https://example.org/docs/a.html)",
        ] {
            assert_eq!(found("README.md", there), [""; 0], "{there}");
        }
        for gone in ["`host/src/plugins/`", "`plugin/admission.rs`", "`docs/jsons.md`", "`sdk/models/surface/train.py`"]
        {
            let path = gone.trim_matches(['`', '/']).trim_end_matches('/');
            assert_eq!(found("README.md", gone), [format!("README.md:1: `{path}` is not there: name where it is now")]);
        }
        assert_eq!(found("README.md", "\n[json](docs/jsons.html)").len(), 1);
        assert_eq!(found("docs/a.md", "[json](docs/json.md)").len(), 1);
    }

    #[test]
    fn a_page_may_name_what_lies_beside_it() {
        assert!(found("sdk/models/more.md", "`src/kit/surface/` and `src/kit/gone/`, [text](README.md)").is_empty());
        assert_eq!(found("sdk/more.md", "[text](README.md)").len(), 1);
        assert!(found("sdk/more.md", "[up](../LICENSE)").is_empty());
        assert_eq!(found("sdk/more.md", "[up](../../LICENSE)").len(), 1);
    }

    #[test]
    fn pages_and_decisions_are_there_wherever_they_are_named() {
        for there in ["// docs/json.md, docs/adr/0016.", "(docs/adr/0016-triggers.md)", "my/docs/a.md", "docs/adr/"] {
            assert_eq!(found("host/src/a.rs", there), [""; 0], "{there}");
        }
        assert_eq!(found("host/src/a.rs", "// docs/jsons.md.").len(), 1);
        assert_eq!(found("host/src/a.py", "# docs/adr/0017").len(), 1);
        assert!(found("xtask/src/tidy/text.rs", "// docs/jsons.md").is_empty());
        assert_eq!(found("docs/adr/0016-triggers.md", "docs/adr/0018").len(), 1);
    }

    #[test]
    fn records_tell_how_things_were() {
        assert!(found("docs/adr/0017-a.md", "`host/src/gone.rs`").is_empty());
        assert!(found("CHANGELOG.md", "`host/src/gone.rs`").is_empty());
    }
}
