//! The cases of `tests/conformance`, in the real host, in every language: one demand, seven plugins that have to meet it.
//!
//! Each language runs in a process of its own that is last in line for a processor: compilers and language runtimes
//! must not take the time of the tests beside this one.

mod bench;
mod case;
mod changed;
mod frame;
mod judge;
mod matrix;

use anyhow::{Context as _, Result, ensure};
use assay::config::Language;
use assay::domain::PluginKind;
use assay_tests::artifacts::root;
use bench::{Bench, Instances, Seen, build};
use case::Case;
use matrix::{Column, Matrix};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::Command;
use std::sync::OnceLock;

const WORLDS: [PluginKind; 3] = [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor];
const CHILD_LANGUAGE: &str = "ASSAY_TEST_CONFORMANCE_LANGUAGE";
const CHILD_OUT: &str = "ASSAY_TEST_CONFORMANCE_OUT";
/// Seconds; longer than three builds and all cases take on a machine that does much else. What hangs is ended.
const LONGEST: &str = "1800";

fn cases() -> Vec<Case> {
    case::written().and_then(|written| case::all(&written)).unwrap_or_else(|error| panic!("{error:#}"))
}

fn names(cases: &[Case]) -> Vec<String> {
    cases.iter().map(Case::name).collect()
}

/// Not a test of its own: the process that [`column`] starts for each language.
#[test]
#[ignore = "started by the tests of the languages"]
fn runs_the_cases_in_one_language() {
    let Ok(language) = std::env::var(CHILD_LANGUAGE) else { return };
    let language = Language::parse(&language).unwrap();
    let column = run(language).unwrap_or_else(|error| panic!("{error:#}"));
    std::fs::write(std::env::var_os(CHILD_OUT).unwrap(), serde_json::to_vec(&column).unwrap()).unwrap();
}

/// Builds the three plugins and puts every case to them, and every demand of it changed.
fn run(language: Language) -> Result<Column> {
    let mut plugins = Vec::new();
    for world in WORLDS {
        plugins.push(build(language, world).with_context(|| format!("{} {world}", language.name()))?);
    }
    let bench = Bench::new()?;
    let mut column = Column::default();
    for written in case::written()? {
        let case = &Case::parse(&written)?;
        let plugin = plugins.iter().find(|plugin| plugin.manifest.world == case.world).context("no plugin")?;
        let mut why = Vec::new();
        for instances in [Instances::Fresh, Instances::Warm] {
            let rounds = bench.run(case, plugin, instances).with_context(|| case.name());
            if instances == Instances::Fresh
                && let Ok(seen) = &rounds
            {
                change_demands(&written, seen, &mut column)?;
            }
            let found = rounds.map_or_else(|error| vec![format!("{error:#}")], |seen| differences(case, &seen));
            why.extend(found.into_iter().map(|line| format!("{instances:?}: {line}")));
        }
        column.cells.insert(case.name(), why);
    }
    Ok(column)
}

/// Each value that a case demands counts: with another one in its place, the same answers do not meet it.
fn change_demands(written: &serde_json::Value, seen: &[Seen], column: &mut Column) -> Result<()> {
    let demands = changed::demands(written);
    ensure!(!demands.is_empty(), "{written} demands nothing");
    for (place, changed) in demands {
        let case = Case::parse(&changed).with_context(|| format!("{written}, changed at {place}"))?;
        column.changed += 1;
        if differences(&case, seen).is_empty() {
            column.met_too.push(format!("{}: another value at {place} is met too", case.name()));
        }
    }
    Ok(())
}

fn differences(case: &Case, rounds: &[Seen]) -> Vec<String> {
    rounds.iter().flat_map(|seen| judge::differences(case, seen)).collect()
}

/// The column of a language, found once.
fn column(language: Language) -> &'static Column {
    static COLUMNS: [OnceLock<Column>; Language::ALL.len()] = [const { OnceLock::new() }; Language::ALL.len()];
    let place = Language::ALL.into_iter().position(|one| one == language).unwrap();
    let failed = |error: anyhow::Error| Column::failed(&names(&cases()), &format!("{error:#}"));
    COLUMNS[place].get_or_init(|| in_a_child(language).unwrap_or_else(failed))
}

fn in_a_child(language: Language) -> Result<Column> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("column.json");
    // `timeout` ends the compilers that the child started, too.
    let ended = Command::new("timeout")
        .args(["--kill-after=10", LONGEST, "nice", "-n", "19"])
        .arg(std::env::current_exe()?)
        .args(["conformance::runs_the_cases_in_one_language", "--exact", "--ignored", "--nocapture"])
        .env(CHILD_LANGUAGE, language.name())
        .env(CHILD_OUT, &out)
        .output()?;
    let said = [ended.stdout, ended.stderr].map(|said| end_of(&said)).join(" | ");
    ensure!(ended.status.code() != Some(124), "no answer after {LONGEST} s: {said}");
    ensure!(ended.status.success(), "{}: {said}", ended.status);
    Ok(serde_json::from_slice(&std::fs::read(out)?)?)
}

/// The last that a child said, as one line.
fn end_of(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(&said[said.len().saturating_sub(2000)..]).into_owned();
    text.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" | ")
}

/// The column of one language has no fault.
fn meets_every_case(language: Language) {
    let names = names(&cases());
    let faults = column(language).faults(language, &names);
    assert!(faults.is_empty(), "{} of {} cases are not met:\n{}", faults.len(), names.len(), faults.join("\n"));
}

#[test]
fn rust() {
    meets_every_case(Language::Rust);
}

#[test]
fn c() {
    meets_every_case(Language::C);
}

#[test]
fn cpp() {
    meets_every_case(Language::Cpp);
}

#[test]
fn zig() {
    meets_every_case(Language::Zig);
}

#[test]
fn python() {
    meets_every_case(Language::Python);
}

#[test]
fn javascript() {
    meets_every_case(Language::JavaScript);
}

#[test]
fn go() {
    meets_every_case(Language::Go);
}

#[test]
fn the_matrix_of_languages_and_cases_is_full() {
    let names = names(&cases());
    let matrix = Matrix { names: &names, columns: Language::ALL.map(column) };
    let text = matrix.text();
    // Past the test's own capture: the matrix is worth reading when it is full, too.
    std::io::stdout().write_all(format!("\n{text}").as_bytes()).unwrap();
    let target = root().join("target");
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("conformance.txt"), &text).unwrap();
    assert!(matrix.faults().is_empty(), "cells are empty or failed:\n{text}");
}

#[test]
fn a_cell_that_is_empty_failed_or_unknown_is_a_fault() {
    let names = ["detector log".to_owned(), "monitor quiet".to_owned()];
    let with = |cells: &[(&str, &[&str])]| {
        let cell =
            |(name, why): &(&str, &[&str])| ((*name).to_owned(), why.iter().map(|&why| why.to_owned()).collect());
        let cells = cells.iter().map(cell).collect::<BTreeMap<String, Vec<String>>>();
        Column { cells, ..Column::default() }
    };
    let full = with(&[("detector log", &[]), ("monitor quiet", &[])]);
    let hole = with(&[("detector log", &[])]);
    let failed = with(&[("detector log", &[]), ("monitor quiet", &["call 1: found 2"])]);
    let unknown = with(&[("detector log", &[]), ("monitor quiet", &[]), ("monitor loud", &[])]);
    for (column, fault) in [
        (&hole, "zig, monitor quiet: it was not run"),
        (&failed, "zig, monitor quiet: call 1: found 2"),
        (&unknown, "zig, monitor loud: there is no such case"),
    ] {
        let columns = Language::ALL.map(|language| if language == Language::Zig { column } else { &full });
        assert_eq!(Matrix { names: &names, columns }.faults(), [fault]);
    }
    let columns = Language::ALL.map(|language| if language == Language::Zig { &hole } else { &full });
    let text = Matrix { names: &names, columns }.text();
    assert!(text.contains("monitor quiet  ok      ok      ok      EMPTY   ok      ok      ok\n"), "{text}");
    assert!(text.contains("2 cases in 7 languages: 13 of 14 cells ok\nzig, monitor quiet: it was not run\n"), "{text}");
    assert!(Matrix { names: &names, columns: [&full; Language::ALL.len()] }.faults().is_empty());
    let nothing = Column::failed(&names, "it does not compile");
    assert_eq!(nothing.faults(Language::C, &names).len(), 2);
}

#[test]
fn a_demand_that_is_changed_is_not_met_in_any_language() {
    let changes: usize = case::written().unwrap().iter().map(|written| changed::demands(written).len()).sum();
    for language in Language::ALL {
        meets_every_case(language);
        let Column { changed, met_too, .. } = column(language);
        assert!(met_too.is_empty(), "{}: {}", language.name(), met_too.join("\n"));
        assert_eq!(*changed, changes, "{}: some demands were not changed", language.name());
    }
    println!("{changes} changed demands are not met, in {} languages", Language::ALL.len());
}

#[test]
fn what_no_code_reads_is_refused() {
    for written in case::written().unwrap() {
        for (place, changed) in changed::with_a_key_more(&written) {
            assert!(Case::parse(&changed).is_err(), "a key more at {place:?} of {written} is not refused");
        }
    }
}

#[test]
fn a_case_that_demands_nothing_or_twice_is_refused() {
    let (calls, failure) = (json!([{}]), json!({"code": "trap", "words": ["x"]}));
    let basis = json!({"world": "monitor", "case": "quiet"});
    let with = |keys: &[(&str, serde_json::Value)]| {
        let mut case = basis.clone();
        keys.iter().for_each(|(key, value)| case[*key] = value.clone());
        case
    };
    assert!(Case::parse(&with(&[("calls", calls.clone())])).is_ok());
    for keys in [
        vec![],
        vec![("calls", json!([]))],
        vec![("calls", calls.clone()), ("failure", failure.clone())],
        vec![("failure", json!({"code": "trap", "words": []}))],
        vec![("failure", json!({"code": "trap", "words": [" "]}))],
        vec![("failure", json!({"code": "no-such-code", "words": ["x"]}))],
        vec![("failure", failure.clone()), ("log_lines", json!(1))],
        vec![("refused", json!(["x"]))],
        vec![("without", json!("state")), ("calls", calls.clone())],
        vec![("without", json!("state")), ("ungranted", json!("state")), ("refused", json!(["x"]))],
        vec![("limits", json!({"patience": 1})), ("calls", calls.clone())],
        vec![("limits", json!({"handles": "few"})), ("calls", calls.clone())],
        vec![("frame", json!({"inputs": {"a": {"shape": [1], "values": [1.0]}}})), ("calls", calls.clone())],
    ] {
        assert!(Case::parse(&with(&keys)).is_err(), "{keys:?} is not refused");
    }
    let twice = [with(&[("calls", calls.clone())]), with(&[("calls", calls.clone())])];
    assert!(case::all(&twice).is_err());
    let apart = [with(&[("calls", calls.clone())]), with(&[("calls", calls), ("note", json!("again"))])];
    assert_eq!(case::all(&apart).unwrap().len(), 2);
}

/// A language with an SDK has plugins here, and no folder stands here that is not run.
#[test]
fn every_language_has_its_plugins() {
    let entries = std::fs::read_dir(root().join("tests/conformance")).unwrap().map(|entry| entry.unwrap().path());
    let folders =
        entries.filter(|path| path.is_dir()).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
    let wanted = Language::ALL.map(|language| language.name().to_owned());
    assert_eq!(folders.collect::<BTreeSet<String>>(), BTreeSet::from(wanted));
    for language in Language::ALL {
        for world in WORLDS {
            assert!(bench::project(language, world).join("plugin.toml").is_file(), "{} {world}", language.name());
        }
    }
}
