//! Which module of the host may use which, and which crate is named where.

use super::{File, Problem};

/// A module and those it may use. `cli` stands on top of all.
const LAYERS: [(&str, &[&str]); 18] = [
    ("domain", &[]),
    ("trust", &["domain"]),
    ("imaging", &["domain"]),
    ("inference", &["domain"]),
    ("journal", &["domain"]),
    ("telemetry", &["domain"]),
    ("config", &["domain", "trust", "inference"]),
    ("plugin", &["domain", "imaging", "inference"]),
    ("source", &["domain", "imaging", "config"]),
    ("pipeline", &["domain", "config", "trust", "imaging", "inference", "plugin", "source", "journal", "telemetry"]),
    ("access", &["domain", "journal"]),
    ("alarms", &["domain", "config", "journal", "telemetry", "pipeline"]),
    ("charts", &["domain", "journal", "telemetry", "pipeline", "alarms"]),
    ("likeness", &["domain", "journal", "pipeline"]),
    ("outputs", &["domain", "config", "journal", "telemetry", "pipeline", "alarms"]),
    (
        "deploy",
        &["domain", "config", "trust", "imaging", "inference", "plugin", "source", "pipeline", "journal", "telemetry"],
    ),
    ("toolbox", &["domain", "config", "trust", "imaging", "plugin", "pipeline"]),
    (
        "admin",
        &[
            "domain",
            "trust",
            "imaging",
            "source",
            "journal",
            "access",
            "telemetry",
            "config",
            "pipeline",
            "alarms",
            "charts",
            "deploy",
        ],
    ),
];

/// The top of the host.
const TOP: &str = "cli";

/// Crates that one module alone names.
const OWNED: [(&str, &str); 17] = [
    ("wasmtime", "plugin"),
    ("rusqlite", "journal"),
    ("argon2", "access"),
    ("axum", "admin"),
    ("hyper", "admin"),
    ("hyper_util", "admin"),
    ("maud", "admin"),
    ("notify", "source"),
    ("ort", "inference"),
    ("openvino", "inference"),
    ("openvino_sys", "inference"),
    ("tract_onnx", "inference"),
    ("ed25519_dalek", "trust"),
    ("rumqttc", "outputs"),
    ("opentelemetry_otlp", "outputs"),
    ("opentelemetry_sdk", "outputs"),
    ("prometheus_client", "telemetry"),
];

/// The one file that generates bindings.
const BINDINGS: &str = "host/src/plugin/bindings.rs";

pub fn check(file: &File, problems: &mut Vec<Problem>) {
    let (Some(inside), Some(code)) = (file.path.strip_prefix("host/src/"), &file.code) else { return };
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    for at in code.words("bindgen") {
        if code.after(at).starts_with("bindgen!") && file.path != BINDINGS {
            problems.push(file.problem(code.line(at), format!("bindings are generated in {BINDINGS} only")));
        }
    }
    for (name, owner) in OWNED {
        for at in code.words(name).filter(|&at| is_path(&code.0, at, name)) {
            if module != owner {
                let message =
                    format!("the crate {name} is named only in host/src/{owner}/; use what that module offers");
                problems.push(file.problem(code.line(at), message));
            }
        }
    }
    let allowed = LAYERS.iter().find(|(name, _)| *name == module).map(|(_, allowed)| *allowed);
    let Some(allowed) = allowed else {
        // The crate's root and the top may use everything.
        if !["lib", "main", TOP].contains(&module) {
            problems.push(file.problem(0, format!("module {module} has no layer: add it to xtask/src/tidy/layers.rs")));
        }
        return;
    };
    for (at, used) in uses(&code.0, depth(inside)) {
        if is_module(used) && used != module && !allowed.contains(&used) {
            let may = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
            problems
                .push(file.problem(code.line(at), format!("{module} uses {used}; it may use {may} (ARCHITECTURE.md)")));
        }
    }
}

fn is_module(name: &str) -> bool {
    name == TOP || LAYERS.iter().any(|(module, _)| *module == name)
}

/// Modules between the crate's root and a file's own: `plugin/mod.rs` 1, `plugin/pool.rs` 2.
fn depth(inside: &str) -> usize {
    inside.split('/').filter(|part| !matches!(*part, "mod.rs" | "lib.rs" | "main.rs")).count()
}

/// Whether the word is a crate's name: `name::`, `use name;`, `use name as`, and not a part of another path.
fn is_path(code: &str, at: usize, name: &str) -> bool {
    let before = code.get(..at).unwrap_or_default().trim_end();
    let after = code.get(at + name.len()..).unwrap_or_default().trim_start();
    let inner = before.ends_with("::") && !before.trim_end_matches(':').is_empty() && !leading(before);
    let imported = before.ends_with("use") && (after.starts_with(';') || after.starts_with("as "));
    !inner && !before.ends_with('.') && (after.starts_with("::") || imported)
}

/// Whether a path begins with these colons: `::ort::x`.
fn leading(before: &str) -> bool {
    let word = before.trim_end_matches(':');
    word.ends_with(|c: char| c.is_whitespace() || "({[<,&=;".contains(c))
}

/// The first name of every path that begins at the crate's root.
fn uses(code: &str, depth: usize) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let up = "super::".repeat(depth.max(1));
    for start in ["crate::", up.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code.get(..at).unwrap_or_default();
            // `super::super::x` holds `super::x` too: only the whole of it counts.
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$') {
                continue;
            }
            first_names(code, at + start.len(), &mut found);
        }
    }
    found
}

/// `name...`, or each first name of `{a::b, c}`.
fn first_names<'a>(code: &'a str, at: usize, found: &mut Vec<(usize, &'a str)>) {
    let rest = code.get(at..).unwrap_or_default();
    if !rest.starts_with('{') {
        found.push((at, word(rest)));
        return;
    }
    let (mut nesting, mut expect) = (0_usize, false);
    for (offset, character) in rest.char_indices() {
        match character {
            '{' => (nesting, expect) = (nesting + 1, nesting == 0),
            '}' if nesting == 1 => return,
            '}' => nesting -= 1,
            ',' => expect = nesting == 1,
            other if expect && !other.is_whitespace() => {
                found.push((at + offset, word(rest.get(offset..).unwrap_or_default())));
                expect = false;
            }
            _ => {}
        }
    }
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::problems_of;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        problems_of(check, path, text)
    }

    #[test]
    fn a_module_uses_only_its_layers() {
        let upward = found("host/src/domain/frame.rs", "use std::fmt;\nuse crate::plugin::Host;");
        assert_eq!(upward, ["host/src/domain/frame.rs:2: domain uses plugin; it may use nothing (ARCHITECTURE.md)"]);
        assert_eq!(found("host/src/trust/mod.rs", "fn f() { crate::journal::open() }").len(), 1);
        assert_eq!(
            found("host/src/source/folder.rs", "use crate::{domain::Frame, journal::{a, b}, imaging};").len(),
            1
        );
        assert_eq!(found("host/src/imaging/mod.rs", "use super::config::Station;").len(), 1);
        assert_eq!(found("host/src/imaging/ops.rs", "use super::super::config::Station;").len(), 1);
        assert_eq!(found("host/src/admin/mod.rs", "use crate::cli::Command;").len(), 1);
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert!(found("host/src/plugin/mod.rs", "use crate::{domain::Frame, imaging, inference};").is_empty());
        assert!(
            found("host/src/plugin/pool.rs", "use super::config; use crate::plugin::x; // crate::journal").is_empty()
        );
        assert!(found("host/src/cli/run.rs", "use crate::{admin, journal, pipeline};").is_empty());
        assert!(found("sdk/rust/src/lib.rs", "use crate::journal;").is_empty());
    }

    #[test]
    fn a_new_module_needs_a_layer() {
        assert_eq!(found("host/src/cloud/mod.rs", "").len(), 1);
        assert!(found("host/src/lib.rs", "pub mod domain;").is_empty());
    }

    #[test]
    fn a_crate_is_named_by_its_owner_only() {
        assert_eq!(found("host/src/pipeline/mod.rs", "use wasmtime::Engine;").len(), 1);
        assert_eq!(found("host/src/cli/mod.rs", "fn f() { let x = ::rusqlite::Connection::open(y); }").len(), 1);
        assert_eq!(found("host/src/pipeline/mod.rs", "use axum;").len(), 1);
        assert!(found("host/src/plugin/engine.rs", "use wasmtime::Engine;").is_empty());
        assert!(
            found("host/src/cli/mod.rs", "let ort = 1; // ort::x\nlet s = \"ort::y\"; self.ort; backend::ort::new();")
                .is_empty()
        );
    }

    #[test]
    fn bindings_have_one_place() {
        assert_eq!(found("host/src/plugin/engine.rs", "wasmtime::component::bindgen!({});").len(), 1);
        assert!(found(BINDINGS, "wasmtime::component::bindgen!({});").is_empty());
    }
}
