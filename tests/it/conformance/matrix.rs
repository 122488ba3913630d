//! Languages x cases. A cell that is empty is as bad as one that failed.

use assay::config::Language;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What became of each case in one language.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Column {
    /// By the case's name, why it failed; nothing where it is met.
    pub cells: BTreeMap<String, Vec<String>>,
    /// Demands that were changed, one at a time, and put to the same answers.
    pub changed: usize,
    /// Those of them that the answers met all the same.
    pub met_too: Vec<String>,
}

impl Column {
    /// Nothing could be run.
    pub fn failed(names: &[String], why: &str) -> Self {
        let cells = names.iter().map(|name| (name.clone(), vec![why.to_owned()])).collect();
        Self { cells, ..Self::default() }
    }

    fn word(&self, name: &str) -> &'static str {
        match self.cells.get(name) {
            Some(why) if why.is_empty() => "ok",
            Some(_) => "FAILED",
            None => "EMPTY",
        }
    }

    /// A line for each cell that is not ok.
    pub fn faults(&self, language: Language, names: &[String]) -> Vec<String> {
        let language = language.name();
        let fault = |name: &String| match self.cells.get(name) {
            Some(why) if why.is_empty() => None,
            Some(why) => Some(format!("{language}, {name}: {}", why.join("; "))),
            None => Some(format!("{language}, {name}: it was not run")),
        };
        let unknown = self.cells.keys().filter(|name| !names.contains(name));
        let unknown = unknown.map(|name| format!("{language}, {name}: there is no such case"));
        names.iter().filter_map(fault).chain(unknown).collect()
    }
}

pub struct Matrix<'a> {
    pub names: &'a [String],
    /// In the order of [`Language::ALL`].
    pub columns: [&'a Column; Language::ALL.len()],
}

impl Matrix<'_> {
    pub fn faults(&self) -> Vec<String> {
        let columns = Language::ALL.into_iter().zip(self.columns);
        columns.flat_map(|(language, column)| column.faults(language, self.names)).collect()
    }

    /// For a person: the table, then why cells failed.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let wide = self.names.iter().map(String::len).max().unwrap_or(0);
        let row = |text: &mut String, name: &str, words: [&str; Language::ALL.len()]| {
            let words: String = words.iter().map(|word| format!("  {word:<6}")).collect();
            writeln!(text, "{name:<wide$}{}", words.trim_end())
        };
        row(text, "", Language::ALL.map(Language::name))?;
        for name in self.names {
            row(text, name, self.columns.map(|column| column.word(name)))?;
        }
        let (cells, faults) = (self.names.len() * Language::ALL.len(), self.faults());
        writeln!(
            text,
            "\n{} cases in {} languages: {} of {cells} cells ok",
            self.names.len(),
            Language::ALL.len(),
            self.ok()
        )?;
        faults.iter().try_for_each(|fault| writeln!(text, "{fault}"))
    }

    fn ok(&self) -> usize {
        let ok = |column: &&Column| self.names.iter().filter(|name| column.word(name) == "ok").count();
        self.columns.iter().map(ok).sum()
    }
}
