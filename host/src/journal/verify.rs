//! Walks the chain again, and says where it first does not hold.

use super::chain::{Checkpoint, Content, ContentHasher, Kind};
use super::options::database_in;
use super::record::{COLUMNS, Detail, FindingLine, finding_lines, line_trigger};
use super::verify_derived::ListedParts;
use super::{JournalError, schema, verify_derived};
use crate::domain::Digest;
use rusqlite::{Connection, OptionalExtension, Statement};
use std::path::Path;

/// Entries that are read under one view of the database; between two the writer may tidy its WAL.
const STEP: i64 = 2_000;
/// Problems of the file itself that are listed.
const INTEGRITY_LINES: u32 = 20;

/// The first place where the record does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    #[error("entry {expected} is missing: the next one is {found}")]
    Gap { expected: i64, found: i64 },
    #[error("entry {row} is of the unknown kind {kind}")]
    UnknownKind { row: i64, kind: i64 },
    #[error("entry {row} has no row in {table}: it was deleted")]
    Deleted { row: i64, table: &'static str },
    #[error("entry {row} in {table} is not what was recorded: it, its place or its hash was changed")]
    Changed { row: i64, table: &'static str },
    #[error("the findings listed for entry {row} are not those of its record")]
    Findings { row: i64 },
    #[error("the line's trigger listed for entry {row} is not that of its record")]
    LineTrigger { row: i64 },
    #[error("the recipe of entry {row} is not listed with all that its record names")]
    Parts { row: i64 },
    #[error("what is listed as reviewed does not follow from the reviews of entry {row}")]
    Reviewed { row: i64 },
    #[error("entry {row} is listed as drawn for a review, but was not drawn")]
    Drawn { row: i64 },
    #[error("whether a monitor's series began or ceased to drift at entry {row} is listed falsely")]
    DriftChange { row: i64 },
    #[error("{table} has {found} rows, the chain knows of {expected}")]
    Extra { table: &'static str, found: i64, expected: i64 },
    #[error("the chain ends at {found}, the checkpoint has {expected} entries: the end was cut off")]
    CutOff { expected: i64, found: i64 },
    #[error("entry {row} has another hash than the checkpoint: the record was written anew")]
    Rewritten { row: i64 },
    #[error("entry {row} cannot be read: {detail}")]
    Unreadable { row: i64, detail: String },
}

/// What a walk over a part of the chain found.
#[derive(Debug, Clone)]
pub struct Walked {
    /// The last entry that holds.
    pub last: Checkpoint,
    pub fault: Option<ChainFault>,
    /// Entries that hold, by [`Kind::ALL`].
    pub entries: [i64; Kind::ALL.len()],
    derived: Derived,
}

impl Walked {
    const fn from(last: Checkpoint) -> Self {
        Self { last, fault: None, entries: [0; Kind::ALL.len()], derived: Derived { findings: 0, line_triggers: 0 } }
    }
}

/// Lines that belong to records and are there for filters and look-ups.
#[derive(Debug, Clone, Copy, Default)]
struct Derived {
    findings: i64,
    line_triggers: i64,
}

impl Derived {
    const fn add(&mut self, more: Self) {
        self.findings += more.findings;
        self.line_triggers += more.line_triggers;
    }
}

/// What `assay journal verify` found.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The last entry that holds. Kept elsewhere, it shows later changes of all before it.
    pub checkpoint: Checkpoint,
    pub fault: Option<ChainFault>,
    /// What SQLite says of the file; empty when it is sound.
    pub integrity: Vec<String>,
    pub entries: Vec<(Kind, i64)>,
}

impl Verified {
    #[must_use]
    pub fn holds(&self) -> bool {
        self.fault.is_none() && self.integrity.is_empty()
    }
}

/// Checks the journal in `dir`, also that of a running station. `given` is a checkpoint from an earlier time.
///
/// # Errors
/// When there is no journal, or it cannot be read at all. What is wrong inside it is no error but the answer.
pub fn verify(dir: &Path, given: Option<Checkpoint>) -> Result<Verified, JournalError> {
    let path = database_in(dir);
    if schema::look_at(&path)? == schema::Found::Nothing {
        return Err(JournalError::Foreign { path, found: "not there".to_owned() });
    }
    let db = schema::open_reader(&path)?;
    let integrity = integrity_of(&db);
    let mut walked = walk_all(&db, given);
    if walked.fault.is_none() {
        let counted = count_rows(&db, &walked).and_then(|fault| match fault {
            None => verify_derived::fault_of(&db),
            some => Ok(some),
        });
        walked.fault = counted.unwrap_or_else(|error| Some(unreadable(walked.last.rows, &error)));
    }
    let entries = Kind::ALL.into_iter().zip(walked.entries).collect();
    Ok(Verified { checkpoint: walked.last, fault: walked.fault, integrity, entries })
}

fn integrity_of(db: &Connection) -> Vec<String> {
    let mut lines = Vec::new();
    let read = db.pragma(None, "integrity_check", INTEGRITY_LINES, |row| {
        lines.push(row.get::<_, String>(0)?);
        Ok(())
    });
    if let Err(error) = read {
        lines.push(error.to_string());
    }
    lines.retain(|line| line != "ok");
    lines
}

fn walk_all(db: &Connection, given: Option<Checkpoint>) -> Walked {
    let mut all = Walked::from(Checkpoint::START);
    loop {
        let ahead = given.map_or(STEP, |given| given.rows - all.last.rows);
        let step = if ahead > 0 { ahead.min(STEP) } else { STEP };
        let part = match walk(db, all.last, step) {
            Ok(part) => part,
            Err(error) => {
                all.fault = Some(unreadable(all.last.rows + 1, &error));
                return all;
            }
        };
        let moved = part.last.rows > all.last.rows;
        all.entries.iter_mut().zip(part.entries).for_each(|(sum, more)| *sum += more);
        all.derived.add(part.derived);
        (all.last, all.fault) = (part.last, part.fault);
        match given {
            Some(given) if all.fault.is_none() && all.last.rows == given.rows && all.last != given => {
                all.fault = Some(ChainFault::Rewritten { row: given.rows });
            }
            Some(given) if all.fault.is_none() && !moved && all.last.rows < given.rows => {
                all.fault = Some(ChainFault::CutOff { expected: given.rows, found: all.last.rows });
            }
            _ => {}
        }
        if all.fault.is_some() || !moved {
            return all;
        }
    }
}

fn unreadable(row: i64, error: &rusqlite::Error) -> ChainFault {
    ChainFault::Unreadable { row, detail: error.to_string() }
}

/// Checks at most `most` entries behind `from`.
pub fn walk(db: &Connection, from: Checkpoint, most: i64) -> rusqlite::Result<Walked> {
    let mut walked = Walked::from(from);
    let mut contents = Contents::new(db)?;
    let mut chain = db.prepare("SELECT seq, kind, hash FROM chain WHERE seq > ? ORDER BY seq LIMIT ?")?;
    let mut rows = chain.query([from.rows, most])?;
    while let Some(row) = rows.next()? {
        let (seq, kind, hash): (i64, i64, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let expected = walked.last.rows + 1;
        if seq != expected {
            walked.fault = Some(ChainFault::Gap { expected, found: seq });
            break;
        }
        match check(&mut contents, &walked.last, kind, &hash)? {
            Ok((kind, next, derived)) => {
                if let Some(count) = walked.entries.get_mut(kind as usize - 1) {
                    *count += 1;
                }
                walked.derived.add(derived);
                walked.last = next;
            }
            Err(fault) => {
                walked.fault = Some(fault);
                break;
            }
        }
    }
    Ok(walked)
}

/// Checks the entry behind `last`; gives its kind, the new end, and how many derived lines belong to it.
fn check(
    contents: &mut Contents<'_>,
    last: &Checkpoint,
    kind: i64,
    hash: &[u8],
) -> rusqlite::Result<Result<(Kind, Checkpoint, Derived), ChainFault>> {
    let row = last.rows + 1;
    let Some(kind) = Kind::from_number(kind) else { return Ok(Err(ChainFault::UnknownKind { row, kind })) };
    let table = kind.table();
    let Some(content) = contents.read(kind, row)? else { return Ok(Err(ChainFault::Deleted { row, table })) };
    let next = last.then(kind, &content);
    if next.hash.as_bytes().as_slice() != hash {
        return Ok(Err(ChainFault::Changed { row, table }));
    }
    if kind != Kind::Inspection {
        return Ok(Ok((kind, next, Derived::default())));
    }
    match contents.derived_hold(row)? {
        Ok(derived) => Ok(Ok((kind, next, derived))),
        Err(fault) => Ok(Err(fault)),
    }
}

/// Reads the rows behind the entries.
struct Contents<'c> {
    statements: Vec<(Kind, Statement<'c>)>,
    detail: Statement<'c>,
    finding: Statement<'c>,
    /// None in a database that is older than the table.
    line_trigger: Option<Statement<'c>>,
    parts: ListedParts<'c>,
}

fn select(kind: Kind) -> String {
    match kind {
        Kind::Boot => "SELECT boot, station, started_at_us, version FROM boots WHERE seq = ?".to_owned(),
        Kind::Inspection => format!("SELECT {COLUMNS}, detail FROM inspections JOIN details USING (seq) WHERE seq = ?"),
        Kind::Observation => {
            "SELECT ord, boot, trigger, at_us, plugin, feature, statistic, value, threshold, drifted, \
             frames FROM observations WHERE seq = ? ORDER BY ord"
                .to_owned()
        }
        Kind::Lost => "SELECT boot, first, last, reason, at_us FROM lost WHERE seq = ?".to_owned(),
        Kind::Audit => "SELECT at_us, actor, action, subject, detail FROM audit WHERE seq = ?".to_owned(),
        Kind::LineLost => "SELECT boot, source, first, last, reason, at_us FROM line_lost WHERE seq = ?".to_owned(),
        Kind::Review => {
            "SELECT inspection, at_us, reviewer, kind, role, verdict, label, reason, before FROM reviews WHERE seq = ?"
                .to_owned()
        }
    }
}

/// Entries of a kind whose table is not there count as deleted.
fn prepare_all(db: &Connection) -> rusqlite::Result<Vec<(Kind, Statement<'_>)>> {
    let mut all = Vec::with_capacity(Kind::ALL.len());
    for kind in Kind::ALL {
        if schema::has_table(db, kind.table())? {
            all.push((kind, db.prepare(&select(kind))?));
        }
    }
    Ok(all)
}

impl<'c> Contents<'c> {
    fn new(db: &'c Connection) -> rusqlite::Result<Self> {
        let line_trigger = "SELECT 1 FROM line_triggers WHERE source = ? AND number = ? AND inspection = ?";
        Ok(Self {
            statements: prepare_all(db)?,
            line_trigger: if schema::has_table(db, "line_triggers")? { Some(db.prepare(line_trigger)?) } else { None },
            parts: ListedParts::new(db)?,
            detail: db
                .prepare("SELECT judged_at_us, detail FROM inspections JOIN details USING (seq) WHERE seq = ?")?,
            finding: db.prepare(
                "SELECT plugin, score FROM findings
                 WHERE label = ? AND judged_at_us = ? AND inspection = ?",
            )?,
        })
    }

    fn read(&mut self, kind: Kind, seq: i64) -> rusqlite::Result<Option<Content>> {
        let Some((_, statement)) = self.statements.iter_mut().find(|(known, _)| *known == kind) else {
            return Ok(None);
        };
        let columns = statement.column_count();
        let mut rows = statement.query([seq])?;
        let mut hasher = ContentHasher::default();
        let mut found = false;
        while let Some(row) = rows.next()? {
            found = true;
            for column in 0..columns {
                hasher.column(row.get_ref(column)?);
            }
        }
        Ok(found.then(|| hasher.finish()))
    }

    /// The lines that filters and look-ups read must say what the record says.
    fn derived_hold(&mut self, row: i64) -> rusqlite::Result<Result<Derived, ChainFault>> {
        let read = self.detail.query_row([row], |found| Ok((found.get::<_, i64>(0)?, found.get::<_, String>(1)?)));
        let (judged_at_us, text) = read?;
        let detail: Detail = match serde_json::from_str(&text) {
            Ok(detail) => detail,
            Err(error) => return Ok(Err(ChainFault::Unreadable { row, detail: error.to_string() })),
        };
        let lines = finding_lines(&detail.inspection);
        for line in &lines {
            if !self.line_is_there(line, judged_at_us, row)? {
                return Ok(Err(ChainFault::Findings { row }));
            }
        }
        let line_trigger = line_trigger(&detail.inspection).unwrap_or(None);
        if let Some(line) = &line_trigger {
            let listed = match &mut self.line_trigger {
                Some(statement) => statement.exists(rusqlite::params![line.source, line.number, row])?,
                None => false,
            };
            if !listed {
                return Ok(Err(ChainFault::LineTrigger { row }));
            }
        }
        if !self.parts.has_all_of(&detail.inspection)? {
            return Ok(Err(ChainFault::Parts { row }));
        }
        let findings = i64::try_from(lines.len()).unwrap_or(i64::MAX);
        Ok(Ok(Derived { findings, line_triggers: line_trigger.is_some().into() }))
    }

    fn line_is_there(&mut self, line: &FindingLine, judged_at_us: i64, row: i64) -> rusqlite::Result<bool> {
        let key = rusqlite::params![line.label, judged_at_us, row];
        let found = self
            .finding
            .query_row(key, |found| Ok((found.get::<_, String>(0)?, found.get::<_, Option<f64>>(1)?)))
            .optional()?;
        let score = (!line.score.is_nan()).then(|| f64::from(line.score) + 0.0);
        Ok(found.is_some_and(|(plugin, known)| plugin == line.plugin && known == score))
    }
}

/// Rows that no entry speaks of were put there by somebody else.
fn count_rows(db: &Connection, walked: &Walked) -> rusqlite::Result<Option<ChainFault>> {
    let count = |table: &str, key: &str| {
        let sql = format!("SELECT count(DISTINCT {key}) FROM {table} WHERE {key} <= ?");
        db.query_row(&sql, [walked.last.rows], |row| row.get::<_, i64>(0))
    };
    for (kind, expected) in Kind::ALL.into_iter().zip(walked.entries) {
        let table = kind.table();
        if !schema::has_table(db, table)? {
            continue;
        }
        let found = count(table, "seq")?;
        if found != expected {
            return Ok(Some(ChainFault::Extra { table, found, expected }));
        }
    }
    for (table, expected) in [("findings", walked.derived.findings), ("line_triggers", walked.derived.line_triggers)] {
        if !schema::has_table(db, table)? {
            continue;
        }
        let sql = format!("SELECT count(*) FROM {table} WHERE inspection <= ?");
        let found: i64 = db.query_row(&sql, [walked.last.rows], |row| row.get(0))?;
        if found != expected {
            return Ok(Some(ChainFault::Extra { table, found, expected }));
        }
    }
    Ok(None)
}

/// The checkpoint behind so many entries; `None` where there are fewer.
pub fn checkpoint_at(db: &Connection, rows: i64) -> rusqlite::Result<Option<Checkpoint>> {
    if rows == 0 {
        return Ok(Some(Checkpoint::START));
    }
    let hash = db.query_row("SELECT hash FROM chain WHERE seq = ?", [rows], |row| row.get(0)).optional()?;
    Ok(hash.map(|hash| Checkpoint { rows, hash: Digest::from_bytes(hash) }))
}
