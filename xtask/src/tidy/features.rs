//! Features of dependencies: the same, whether the host alone is built or the whole workspace with its tests. Else cargo
//! compiles a crate twice, and with it all that stands on it; for the sandbox's engine that is a quarter of an hour.

use super::Problem;
use crate::workspace::Workspace;
use anyhow::Result;
use std::collections::{BTreeMap, BTreeSet};

/// Feature lists by package and version. One package may be built in several ways, such as for a build script.
type Packages = BTreeMap<String, BTreeSet<String>>;

pub fn check(workspace: &Workspace) -> Result<Vec<Problem>> {
    let tree = |what: &[&str]| -> Result<Packages> {
        let cmd = workspace.cargo().args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"]);
        Ok(packages(&cmd.args(what).read()?))
    };
    let alone = tree(&["--package", "assay", "--edges", "normal,build"])?;
    let together = tree(&["--workspace", "--edges", "normal,build,dev"])?;
    Ok(differences(&alone, &together))
}

/// Lines are `NAME vVERSION [(proc-macro) ][(PATH) ]FEATURES[ (*)]`.
fn packages(tree: &str) -> Packages {
    let mut found = Packages::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace().filter(|word| !word.starts_with('('));
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            found.entry(format!("{name} {version}")).or_default().insert(words.next().unwrap_or("").to_owned());
        }
    }
    found
}

fn differences(alone: &Packages, together: &Packages) -> Vec<Problem> {
    let differs = |(package, features): (&String, &BTreeSet<String>)| {
        let others = together.get(package).filter(|others| *others != features)?;
        let words =
            |lists: &BTreeSet<String>| lists.iter().map(|list| format!("[{list}]")).collect::<Vec<_>>().join(" ");
        Some(Problem {
            path: "host/Cargo.toml".to_owned(),
            line: 0,
            message: format!(
                "{package} is built with {} for the host alone and with {} for the whole workspace, so cargo compiles it \
                 and all that uses it twice: ask for the same features in both",
                words(features),
                words(others)
            ),
        })
    };
    alone.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_only_the_tests_ask_for_is_told() {
        let alone = packages("assay v0.1.0 (/somewhere/host) \nindexmap v2.14.2 std\nserde v1.0.0 derive,std (*)\n");
        let together = packages("indexmap v2.14.2 default,std\nserde v1.0.0 derive,std\nprost v0.14.0 std\n");
        let told = differences(&alone, &together);
        assert_eq!(told.len(), 1);
        let words = told.first().map(|problem| problem.message.clone()).unwrap_or_default();
        assert!(
            words.starts_with("indexmap v2.14.2 is built with [std] for the host alone and with [default,std]"),
            "{words}"
        );
    }
}
