//! What is through, on the disk: a soak that was cut off goes on there.

use anyhow::{Context as _, Result};
use assay::domain::Digest;
use assay_tests::artifacts;
use assay_tests::hostile::Row;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// A file with a first line that says what was soaked, and a row in each of the others.
pub struct Notes {
    file: File,
}

impl Notes {
    /// Opens the notes; gives the rows that count still. Those of another build or another number of runs do not, nor
    /// do those of a plugin that was not contained.
    pub fn open(path: &Path, runs: u32) -> Result<(Self, Vec<Row>)> {
        let of = subject(runs)?;
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut lines = text.lines();
        let same = lines.next() == Some(of.as_str());
        let rows: Vec<Row> = if same { lines.filter_map(sound).collect() } else { Vec::new() };
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut notes = Self { file };
        notes.line(&of)?;
        rows.iter().try_for_each(|row| notes.add(row))?;
        Ok((notes, rows))
    }

    pub fn add(&mut self, row: &Row) -> Result<()> {
        self.line(&serde_json::to_string(row)?)
    }

    fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.file, "{text}").context("cannot write the notes")
    }
}

/// A line that was cut off is none.
fn sound(line: &str) -> Option<Row> {
    serde_json::from_str(line).ok().filter(|row: &Row| row.wrong.is_none())
}

/// This program, the guests, and how often each runs.
fn subject(runs: u32) -> Result<String> {
    let program = Digest::of(&std::fs::read(std::env::current_exe()?)?);
    let guests = artifacts::folder().join("guests/sources.sha256");
    let guests = std::fs::read(&guests).with_context(|| format!("cannot read {}", guests.display()))?;
    Ok(format!("# {runs} runs; program {program}; guests {}", Digest::of(&guests)))
}
