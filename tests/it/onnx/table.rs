//! The table of outcomes, its snapshot, and what is known of the libraries.

use super::{case, known};
use crate::inference::ALL;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Passed,
    /// Passed with all inputs but the first as constants of the model; refused with them as inputs.
    Constants,
    /// The host has no words for it and says so before a backend sees it.
    Ours,
    /// The model is refused at load: by the library, or because its shapes depend on what it is given.
    Theirs,
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Passed, Self::Constants, Self::Ours, Self::Theirs, Self::Failed];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Constants => "constants",
            Self::Ours => "host",
            Self::Theirs => "backend",
            Self::Failed => "FAILED",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// What became of one case on one backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub outcome: Outcome,
    pub detail: String,
}

impl Found {
    /// `WORD DETAIL`.
    pub fn parse(line: &str) -> Option<Self> {
        let (word, detail) = line.split_once(' ').unwrap_or((line, ""));
        Some(Self { outcome: Outcome::parse(word)?, detail: detail.to_owned() })
    }
}

/// What the snapshot begins with.
const HEAD: &str = "\
# Node tests of ONNX on each backend. constants: passed with all inputs but the first as constants of the model; host:
# refused by the rules of the host; backend: refused at load by the library, or because its shapes depend on what it is
# given; FAILED: a reviewed fault of a library, see known.txt.
";

/// By case, then in the order of the backends.
pub struct Table {
    pub names: Vec<String>,
    pub backends: Vec<Vec<Found>>,
}

impl Table {
    /// One line per backend, then one per case.
    pub fn snapshot(&self) -> String {
        let mut text = HEAD.to_owned();
        text += &self.counts().lines().map(|line| format!("# {line}\n")).collect::<String>();
        for (index, name) in self.names.iter().enumerate() {
            let words: Vec<&str> = self.backends.iter().map(|found| found[index].outcome.word()).collect();
            let _ = writeln!(text, "{name} {}", words.join(" "));
        }
        text
    }

    fn counts(&self) -> String {
        let head = ["passed", "with constants", "unsupported by host", "unsupported by backend", "failed"];
        let [passed, constants, ours, theirs, failed] = head;
        let mut text = format!("{:<12}{passed:>8}{constants:>16}{ours:>22}{theirs:>24}{failed:>8}\n", "backend");
        for (backend, found) in ALL.iter().zip(&self.backends) {
            let of = |outcome| found.iter().filter(|found| found.outcome == outcome).count();
            let [passed, constants, ours, theirs, failed] = Outcome::ALL.map(of);
            let _ = writeln!(text, "{backend:<12}{passed:>8}{constants:>16}{ours:>22}{theirs:>24}{failed:>8}");
        }
        text
    }

    /// For a person: totals, reasons, and what failed.
    pub fn print(&self) {
        println!("\nONNX node tests, {} cases\n{}", self.names.len(), self.counts());
        for (backend, found) in ALL.iter().zip(&self.backends) {
            let all = || self.names.iter().zip(found);
            let ours = all().filter(|(_, found)| found.outcome == Outcome::Ours);
            println!("\n{backend}, unsupported by the host: {}", counted(ours.map(|(_, found)| found.detail.clone())));
            for (outcome, what) in [(Outcome::Theirs, "unsupported by the backend"), (Outcome::Failed, "failed")] {
                let of = all().filter(|(_, found)| found.outcome == outcome);
                let operators = of.map(|(name, _)| case::operator(name).unwrap_or_default());
                println!("{backend}, {what}, by operator: {}", counted(operators));
            }
            for (name, found) in all().filter(|(_, found)| found.outcome == Outcome::Failed) {
                println!(
                    "{backend} {name} FAILED {} [{}]",
                    found.detail,
                    known::reason(backend, name).unwrap_or("new")
                );
            }
        }
    }

    /// What is worse than the snapshot says, or failed without being known.
    pub fn worse(&self, snapshot: &str) -> Vec<String> {
        let before: BTreeMap<&str, Vec<Option<Outcome>>> = snapshot
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .map(|(name, words)| (name, words.split(' ').map(Outcome::parse).collect()))
            .collect();
        let mut worse = Vec::new();
        for (column, (backend, found)) in ALL.iter().zip(&self.backends).enumerate() {
            for (name, now) in self.names.iter().zip(found) {
                let was = before.get(name.as_str()).and_then(|words| words.get(column).copied().flatten());
                let known = known::reason(backend, name).is_some();
                let (outcome, detail) = (now.outcome.word(), &now.detail);
                match was {
                    _ if now.outcome == Outcome::Failed && !known => {
                        worse.push(format!("{backend} {name}: {outcome} {detail}"));
                    }
                    None => worse.push(format!("{backend} {name}: {outcome}, not in the snapshot")),
                    Some(was) if was < now.outcome && was <= Outcome::Constants => {
                        worse.push(format!("{backend} {name}: {} before, now {outcome} {detail}", was.word()));
                    }
                    Some(_) => {}
                }
            }
        }
        worse
    }
}

/// Each text once with its count, the most frequent first.
fn counted(texts: impl Iterator<Item = String>) -> String {
    let mut counts = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_insert(0u32) += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let texts: Vec<String> = counts.into_iter().map(|(text, count)| format!("{text} {count}")).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}
