//! The licences of all dependencies against the list in deny.toml. `cargo deny` checks the same and more; this runs
//! where it is not installed.

use super::Problem;
use super::project::WORKSPACES;
use crate::workspace::{Metadata, Workspace};
use crate::{files, ui};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

const LIST: &str = "deny.toml";
/// What Assay runs on; dependencies of other systems are never built.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

#[derive(Debug, Deserialize)]
struct DenyFile {
    licenses: Licences,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

/// Licences that one crate alone may have.
#[derive(Debug, Deserialize)]
struct Exception {
    allow: Vec<String>,
    #[serde(rename = "crate")]
    name: String,
}

pub fn check(workspace: &Workspace) -> Result<Vec<Problem>> {
    ui::step(format!("Licences of all dependencies against {LIST}"));
    let text = files::read_text(&workspace.root.join(LIST))?;
    let list: DenyFile = toml::from_str(&text).with_context(|| format!("cannot read {LIST}"))?;
    let mut found: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for folder in WORKSPACES {
        let dir = workspace.root.join(folder);
        if !dir.join("Cargo.toml").is_file() {
            continue;
        }
        // `--locked`: a lock file that is behind its Cargo.toml is a problem of its own.
        match Metadata::of(&dir, &["--locked", "--filter-platform", PLATFORM]) {
            Ok(metadata) => found.extend(dependencies(metadata)),
            Err(error) => {
                problems.push(Problem { path: format!("{folder}Cargo.lock"), line: 0, message: format!("{error:#}") });
            }
        }
    }
    problems.extend(found.iter().filter_map(|(package, licence)| judge(&list.licenses, package, licence.as_deref())));
    Ok(problems)
}

/// `NAME VERSION` and licence of what is built and is not ours.
fn dependencies(metadata: Metadata) -> BTreeMap<String, Option<String>> {
    let used: BTreeSet<String> =
        metadata.resolve.into_iter().flat_map(|resolve| resolve.nodes).map(|node| node.id).collect();
    let packages = metadata.packages.into_iter();
    packages
        .filter(|package| package.source.is_some() && used.contains(&package.id))
        .map(|package| (format!("{} {}", package.name, package.version), package.license))
        .collect()
}

fn judge(list: &Licences, package: &str, licence: Option<&str>) -> Option<Problem> {
    let name = package.split(' ').next().unwrap_or_default();
    let own = list.exceptions.iter().filter(|exception| exception.name == name).flat_map(|exception| &exception.allow);
    let allowed: Vec<&str> = list.allow.iter().chain(own).map(String::as_str).collect();
    let message = match licence {
        None => format!("{package} states no licence: read its text, then add an exception with the reason"),
        Some(text) if !satisfied(text, &allowed) => {
            format!("{package} has the licence `{text}`, which is not on the list")
        }
        Some(_) => return None,
    };
    Some(Problem { path: LIST.to_owned(), line: 0, message })
}

/// Whether the allowed licences satisfy an SPDX expression; `/` is an old way to write OR. What can't be read isn't.
fn satisfied(expression: &str, allowed: &[&str]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let result = either(&mut words, allowed);
    result == Some(true) && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn either(words: &mut Words<'_>, allowed: &[&str]) -> Option<bool> {
    let mut result = both(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        result |= both(words, allowed)?;
    }
    Some(result)
}

fn both(words: &mut Words<'_>, allowed: &[&str]) -> Option<bool> {
    let mut result = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed)?;
    }
    Some(result)
}

fn one(words: &mut Words<'_>, allowed: &[&str]) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let inner = either(words, allowed)?;
        return (words.next()? == ")").then_some(inner);
    }
    let mut name = word.to_owned();
    if words.next_if_eq(&"WITH").is_some() {
        name = format!("{name} WITH {}", words.next()?);
    }
    Some(allowed.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx_says() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        let good = [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ];
        let bad = [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT WITH LLVM-exception",
            "(MIT",
            "MIT MIT",
            "",
            "OR MIT",
            "MIT AND GPL-3.0 OR GPL-3.0",
        ];
        for text in good {
            assert!(satisfied(text, &allowed), "{text}");
        }
        for text in bad {
            assert!(!satisfied(text, &allowed), "{text}");
        }
    }

    #[test]
    fn a_licence_off_the_list_is_a_problem_unless_the_crate_has_an_exception() {
        let exception = Exception { allow: vec!["GPL-3.0".to_owned()], name: "odd".to_owned() };
        let list = Licences { allow: vec!["MIT".to_owned()], exceptions: vec![exception] };
        assert!(judge(&list, "plain 1.0.0", Some("MIT")).is_none());
        assert!(judge(&list, "odd 1.0.0", Some("GPL-3.0")).is_none());
        assert!(judge(&list, "plain 1.0.0", Some("GPL-3.0")).is_some());
        assert!(judge(&list, "plain 1.0.0", None).is_some());
    }
}
