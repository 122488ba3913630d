//! Words that must not stand in a file.

use super::{File, Problem};

/// Folders of a developer's machine. Put together here, so that this file does not break its own rule.
const MACHINE: [&str; 5] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("C:\\Us", "ers"),
];

pub fn check(file: &File, problems: &mut Vec<Problem>) {
    let Some(text) = &file.text else { return };
    // Licences and libraries of others are kept as they came.
    if file.is_vendored() || file.path.contains("LICENSE") {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        for folder in MACHINE {
            if names_folder(line, folder) {
                problems.push(file.problem(
                    number + 1,
                    format!("`{folder}` is a folder of one machine; use a relative path or a variable"),
                ));
            }
        }
    }
    if let Some(code) = &file.code {
        check_allows(file, text, problems);
        for at in code.words("sleep").filter(|_| file.is_test()) {
            if code.after(at).starts_with("sleep(") {
                problems.push(file.problem(code.line(at), "a test waits for what it tests, not for a time: no sleep"));
            }
        }
        for name in ["unbounded", "unbounded_channel"] {
            for at in
                code.words(name).filter(|&at| !file.is_test() && code.after(at + name.len()).starts_with(['(', ':']))
            {
                problems.push(file.problem(code.line(at), "every queue has a bound"));
            }
        }
    }
}

/// As the beginning of a path: `network/root/` and addresses of the web are others.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).unwrap_or_default();
        !before.ends_with(|c: char| c.is_alphanumeric() || "._-}~)".contains(c))
    })
}

/// Every `allow` and `expect` says why. The lint does so too, but only where a workspace turns it on.
fn check_allows(file: &File, text: &str, problems: &mut Vec<Problem>) {
    let Some(code) = &file.code else { return };
    for name in ["allow", "expect"] {
        for at in code.words(name) {
            let before = code.0.get(..at).unwrap_or_default().trim_end();
            if !(before.ends_with("#[") || before.ends_with("#![")) {
                continue;
            }
            let end = code.close(at + name.len()).unwrap_or(at);
            let inside = text.get(at..end).unwrap_or_default();
            let reason = inside.split_once("reason").map(|(_, rest)| rest.trim_start_matches([' ', '=', '"', ')']));
            if reason.is_none_or(str::is_empty) {
                problems
                    .push(file.problem(code.line(at), format!("#[{name}] without a reason: write `reason = \"...\"`")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::problems_of;
    use super::*;

    #[test]
    fn no_folder_of_a_machine() {
        for folder in MACHINE {
            let found = problems_of(check, "docs/a.md", &format!("fine\nsee {folder}x\n"));
            assert_eq!(found.len(), 1, "{folder}: {found:?}");
            assert!(found.iter().all(|problem| problem.starts_with("docs/a.md:2: ")), "{found:?}");
        }
        assert!(problems_of(check, "docs/a.md", "https://x.org/network/root/a target/home ${X}/home/x").is_empty());
    }

    #[test]
    fn an_allow_says_why() {
        assert_eq!(problems_of(check, "host/src/a.rs", "#[allow(dead_code)]\nfn f() {}").len(), 1);
        assert_eq!(problems_of(check, "plugins/a/src/lib.rs", "#![expect(unsafe_code, reason = \"\")]").len(), 1);
        assert!(
            problems_of(
                check,
                "host/src/a.rs",
                "#[allow(\n  dead_code,\n  reason = \"(generated)\"\n)]\nx.expect(\"y\");"
            )
            .is_empty()
        );
    }

    #[test]
    fn tests_do_not_sleep() {
        assert_eq!(problems_of(check, "tests/it/a.rs", "fn a() { std::thread::sleep(x) }").len(), 1);
        assert_eq!(problems_of(check, "host/src/a/tests.rs", "tokio::time::sleep(x)").len(), 1);
        assert!(problems_of(check, "host/src/a/mod.rs", "std::thread::sleep(x)").is_empty());
    }

    #[test]
    fn queues_have_a_bound() {
        assert_eq!(problems_of(check, "host/src/a.rs", "let (a, b) = crossbeam_channel::unbounded();").len(), 1);
        assert_eq!(problems_of(check, "host/src/a.rs", "tokio::sync::mpsc::unbounded_channel::<u8>()").len(), 1);
        assert!(problems_of(check, "host/src/a/tests.rs", "crossbeam_channel::unbounded()").is_empty());
        assert!(problems_of(check, "host/src/a.rs", "crossbeam_channel::bounded(2) // unbounded()").is_empty());
    }
}
