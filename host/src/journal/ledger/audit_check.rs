//! Walks the audit chain again, and writes it out.

use super::audit::{COLUMNS, content, line};
use super::{Ledger, LedgerError, audit, schema};
use crate::domain::Digest;
use crate::journal::chain::{Checkpoint, Kind};
use rusqlite::{Connection, OptionalExtension as _};
use std::io::{self, Write};
use std::path::Path;

/// Rows that are read under one view of the database.
const STEP: i64 = 2_000;
/// Newest rows that a page checks; the whole is for `assay audit verify`.
const RECENT: i64 = 5_000;

/// The first place where the audit log does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    #[error("row {expected} of the audit log is missing: the next one is {found}")]
    Gap { expected: i64, found: i64 },
    #[error("row {row} of the audit log is not what was recorded: it, its place or its hash was changed")]
    Changed { row: i64 },
    #[error("the audit log ends at {found}, the checkpoint has {expected} rows: the end was cut off")]
    CutOff { expected: i64, found: i64 },
    #[error("row {row} of the audit log has another hash than the checkpoint: the log was written anew")]
    Rewritten { row: i64 },
    #[error("row {row} of the audit log cannot be read: {detail}")]
    Unreadable { row: i64, detail: String },
}

impl AuditFault {
    /// The row where it first does not hold.
    #[must_use]
    pub const fn row(&self) -> i64 {
        match self {
            Self::Gap { expected: row, .. }
            | Self::Changed { row }
            | Self::Rewritten { row }
            | Self::Unreadable { row, .. } => *row,
            Self::CutOff { found, .. } => *found + 1,
        }
    }
}

/// What a check of the audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerified {
    /// The last row that holds. Kept elsewhere, it shows later changes of all before it.
    pub checkpoint: Checkpoint,
    /// Rows that were checked.
    pub rows: i64,
    pub fault: Option<AuditFault>,
}

/// Checks the whole audit log in `dir`, also that of a running station. `given` is a checkpoint from an earlier time.
/// None where the station has no records yet.
///
/// # Errors
/// When the records cannot be read at all. What is wrong in the log is no error but the answer.
pub fn verify_audit(dir: &Path, given: Option<Checkpoint>) -> Result<Option<AuditVerified>, LedgerError> {
    let path = schema::database_in(dir);
    if !schema::is_there(&path)? {
        return Ok(None);
    }
    let db = schema::open_reader(&path)?;
    let mut all = AuditVerified { checkpoint: Checkpoint::START, rows: 0, fault: None };
    if let Some(given) = given.filter(|given| given.rows > 0) {
        all = extend(&db, all, given.rows);
        let found = all.checkpoint.rows;
        if all.fault.is_none() && found < given.rows {
            all.fault = Some(AuditFault::CutOff { expected: given.rows, found });
        } else if all.fault.is_none() && all.checkpoint != given {
            all.fault = Some(AuditFault::Rewritten { row: given.rows });
        }
    }
    Ok(Some(extend(&db, all, i64::MAX)))
}

impl Ledger {
    /// Checks the newest rows, a few thousand at most.
    ///
    /// # Errors
    /// When the log cannot be read at all.
    pub fn verify_recent_audit(&self) -> Result<AuditVerified, LedgerError> {
        self.with("check its audit log", |db| {
            let head = audit::head(db)?;
            let from = checkpoint_at(db, (head.rows - RECENT).max(0))?;
            let start = AuditVerified { checkpoint: from, rows: 0, fault: None };
            Ok(extend(db, start, head.rows))
        })
    }
}

/// Checks the rows behind `found` up to row `last`, a view of the database after another.
fn extend(db: &Connection, mut found: AuditVerified, last: i64) -> AuditVerified {
    while found.fault.is_none() {
        let from = found.checkpoint;
        let step = last.saturating_sub(from.rows).min(STEP);
        match walk(db, from, step) {
            Ok((checkpoint, fault)) => {
                found.rows += checkpoint.rows - from.rows;
                (found.checkpoint, found.fault) = (checkpoint, fault);
            }
            Err(error) => {
                found.fault = Some(AuditFault::Unreadable { row: from.rows + 1, detail: error.to_string() });
            }
        }
        if found.checkpoint.rows == from.rows {
            break;
        }
    }
    found
}

fn walk(db: &Connection, from: Checkpoint, most: i64) -> rusqlite::Result<(Checkpoint, Option<AuditFault>)> {
    let sql = format!("SELECT {COLUMNS}, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
    let mut statement = db.prepare(&sql)?;
    let mut rows = statement.query([from.rows, most])?;
    let mut last = from;
    while let Some(row) = rows.next()? {
        let (found, hash): (i64, Vec<u8>) = (row.get(0)?, row.get(10)?);
        let expected = last.rows + 1;
        if found != expected {
            return Ok((last, Some(AuditFault::Gap { expected, found })));
        }
        let next = last.then(Kind::Audit, &content(row)?);
        if next.hash.as_bytes().as_slice() != hash {
            return Ok((last, Some(AuditFault::Changed { row: expected })));
        }
        last = next;
    }
    Ok((last, None))
}

fn checkpoint_at(db: &Connection, rows: i64) -> rusqlite::Result<Checkpoint> {
    let hash = db.query_row("SELECT hash FROM audit WHERE seq = ?", [rows], |row| row.get(0)).optional()?;
    Ok(hash.map_or(Checkpoint::START, |hash| Checkpoint { rows, hash: Digest::from_bytes(hash) }))
}

/// Writes the audit log in `dir`, the oldest row first, one JSON object per line; says how many.
///
/// # Errors
/// When there is none, it cannot be read, or `out` cannot be written.
pub fn export_audit(dir: &Path, out: &mut dyn Write) -> Result<u64, LedgerError> {
    let path = schema::database_in(dir);
    if !schema::is_there(&path)? {
        return Err(LedgerError::Foreign { path, found: "not there".to_owned() });
    }
    let db = schema::open_reader(&path)?;
    let write = |error: io::Error| LedgerError::Export { source: error };
    let sql = format!("SELECT {COLUMNS}, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
    let (mut last, mut count) = (0, 0);
    loop {
        let read = || db.prepare(&sql)?.query_map([last, STEP], line)?.collect::<rusqlite::Result<Vec<_>>>();
        let lines = read().map_err(|error| LedgerError::query("read its audit log", error))?;
        for line in &lines {
            let text = serde_json::to_string(line).map_err(|error| write(error.into()))?;
            writeln!(out, "{text}").map_err(write)?;
            last = line.seq;
            count += 1;
        }
        if lines.is_empty() {
            out.flush().map_err(write)?;
            return Ok(count);
        }
    }
}
