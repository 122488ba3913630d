//! What the record knows of the line's own numbers and files: for sources that must not record one part twice.

use super::rows::unsigned;
use super::{Entry, JournalError, Reader};
use crate::domain::Digest;
use rusqlite::{OptionalExtension as _, params};

/// Numbers and files that a look back gives, at most: far more than are ever in flight.
pub const MAX_LINE_HISTORY: usize = 512;
/// Inspections that are looked through for a source's newest files.
const LOOKED_AT: i64 = 20_000;

/// A number of a source's counter that has a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineNumber {
    pub number: u64,
    pub judged_at_us: i64,
}

/// Numbers that are recorded as lost, first and last.
pub type LineRange = (u64, u64);

/// The newest that is recorded of a source's counter, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LineHistory {
    pub numbers: Vec<LineNumber>,
    pub lost: Vec<LineRange>,
}

/// A file that has a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    pub origin: String,
    pub picture: Digest,
    pub captured_at_us: i64,
}

impl Reader {
    /// The newest record under a number of a source's counter.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn line_trigger(&self, source: &str, number: u64) -> Result<Option<Entry>, JournalError> {
        // A larger number cannot be recorded.
        let Ok(number) = i64::try_from(number) else { return Ok(None) };
        let sql = "SELECT max(inspection) FROM line_triggers WHERE source = ? AND number = ?";
        let row: Option<i64> =
            self.with("find a line's trigger", |db| db.query_row(sql, params![source, number], |row| row.get(0)))?;
        row.map_or(Ok(None), |row| self.get_row(row))
    }

    /// The newest numbers of a source's counter, and what is recorded as lost since the oldest of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn line_history(&self, source: &str) -> Result<LineHistory, JournalError> {
        self.with("read a line's counter", |db| {
            let sql = "SELECT number, judged_at_us, inspection FROM line_triggers JOIN inspections ON seq = inspection
                       WHERE line_triggers.source = ? ORDER BY inspection DESC LIMIT ?";
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query(params![source, MAX_LINE_HISTORY as i64])?;
            let (mut numbers, mut oldest) = (Vec::new(), 0i64);
            while let Some(row) = rows.next()? {
                numbers.push(LineNumber { number: unsigned(row.get(0)?), judged_at_us: row.get(1)? });
                oldest = row.get(2)?;
            }
            numbers.reverse();
            let sql = "SELECT first, last FROM line_lost WHERE source = ? AND seq > ? ORDER BY seq DESC LIMIT ?";
            let mut statement = db.prepare(sql)?;
            let ranges = statement.query_map(params![source, oldest, MAX_LINE_HISTORY as i64], |row| {
                Ok((unsigned(row.get(0)?), unsigned(row.get(1)?)))
            })?;
            let mut lost = ranges.collect::<rusqlite::Result<Vec<_>>>()?;
            lost.reverse();
            Ok(LineHistory { numbers, lost })
        })
    }

    /// The newest files of a source that have a record, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn recorded_files(&self, source: &str) -> Result<Vec<StoredFile>, JournalError> {
        let sql = "SELECT origin, picture, captured_at_us FROM inspections
                   WHERE seq > ? AND source = ? AND origin IS NOT NULL AND picture IS NOT NULL
                   ORDER BY seq DESC LIMIT ?";
        self.with("read a source's files", |db| {
            let newest = "SELECT seq FROM inspections ORDER BY seq DESC LIMIT 1";
            let newest: i64 = db.query_row(newest, [], |row| row.get(0)).optional()?.unwrap_or(0);
            let mut statement = db.prepare(sql)?;
            let files = statement.query_map(params![newest - LOOKED_AT, source, MAX_LINE_HISTORY as i64], |row| {
                Ok(StoredFile {
                    origin: row.get(0)?,
                    picture: Digest::from_bytes(row.get(1)?),
                    captured_at_us: row.get(2)?,
                })
            })?;
            files.collect()
        })
    }
}
