//! Who did what to the station, when and why, also what was refused. Rows are only ever added, and hash-chained.

use super::{Ledger, LedgerError};
use crate::domain::{Actor, Digest};
use crate::journal::chain::{Checkpoint, Content, ContentHasher, Kind, content_of};
use crate::journal::now_us;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};

pub const TABLES: &str = "
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, station TEXT NOT NULL, actor TEXT NOT NULL, kind TEXT NOT NULL,
    role TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, reason TEXT, refused TEXT, hash BLOB NOT NULL
    ) STRICT;
";

/// What the chain answers for, in the order of the schema.
pub(super) const COLUMNS: &str = "seq, at_us, station, actor, kind, role, action, target, reason, refused";
/// Characters of a text; what somebody else wrote may be longer and is cut.
const MAX_CHARS: usize = 500;
/// Rows of one page.
const MAX_PAGE: usize = 1000;

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Nothing was changed; why, in kebab-case.
    Refused(String),
}

/// What somebody did to the station, or was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub actor: String,
    /// `user`, `token`, `local`, or `unknown` where nobody showed who they are.
    pub kind: &'static str,
    /// The role's name; `none` where nobody showed who they are.
    pub role: &'static str,
    /// Kebab-case, such as `deploy`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    pub outcome: Outcome,
}

impl AuditEntry {
    /// Something that was done.
    #[must_use]
    pub fn new(actor: &Actor, action: &str, target: impl Into<String>) -> Self {
        Self {
            actor: actor.name.clone(),
            kind: actor.kind.name(),
            role: actor.role.name(),
            action: action.to_owned(),
            target: target.into(),
            reason: None,
            outcome: Outcome::Done,
        }
    }

    /// The same of somebody who did not show who they are; `name` is what they say.
    #[must_use]
    pub fn unknown(name: &str, action: &str, target: impl Into<String>) -> Self {
        Self {
            actor: name.to_owned(),
            kind: "unknown",
            role: "none",
            action: action.to_owned(),
            target: target.into(),
            reason: None,
            outcome: Outcome::Done,
        }
    }

    #[must_use]
    pub fn because(mut self, reason: Option<&str>) -> Self {
        self.reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        self
    }

    /// `code` in kebab-case, such as `wrong-role`.
    #[must_use]
    pub fn refused(mut self, code: &str) -> Self {
        self.outcome = Outcome::Refused(code.to_owned());
        self
    }
}

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AuditLine {
    /// Its number; later rows have higher ones.
    pub seq: i64,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
    pub station: String,
    pub actor: String,
    pub kind: String,
    pub role: String,
    pub action: String,
    pub target: String,
    pub reason: Option<String>,
    /// Why it was refused; none where it was done.
    pub refused: Option<String>,
    pub hash: Digest,
}

impl Ledger {
    /// Adds a row; it is on the disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written. Then what it speaks of must not be done either.
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), LedgerError> {
        self.change("write its audit log", |tx| append(tx, &self.station, entry))
    }

    /// Rows, the newest first, older than row `before`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn audit_lines(&self, before: Option<i64>, limit: usize) -> Result<Vec<AuditLine>, LedgerError> {
        let limit = i64::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(1);
        self.with("read its audit log", |db| {
            let sql = format!("SELECT {COLUMNS}, hash FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?");
            db.prepare(&sql)?.query_map([before.unwrap_or(i64::MAX), limit], line)?.collect()
        })
    }
}

pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<AuditLine> {
    Ok(AuditLine {
        seq: row.get(0)?,
        at_us: row.get(1)?,
        station: row.get(2)?,
        actor: row.get(3)?,
        kind: row.get(4)?,
        role: row.get(5)?,
        action: row.get(6)?,
        target: row.get(7)?,
        reason: row.get(8)?,
        refused: row.get(9)?,
        hash: Digest::from_bytes(row.get(10)?),
    })
}

/// The end of the chain.
pub(super) fn head(db: &Connection) -> rusqlite::Result<Checkpoint> {
    let last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
    let read =
        db.query_row(last, [], |row| Ok(Checkpoint { rows: row.get(0)?, hash: Digest::from_bytes(row.get(1)?) }));
    Ok(read.optional()?.unwrap_or(Checkpoint::START))
}

/// Adds a row behind the last one. Runs inside a transaction that holds the write lock, so that two processes cannot
/// both build on the same row.
pub(super) fn append(db: &Connection, station: &str, entry: &AuditEntry) -> rusqlite::Result<()> {
    let head = head(db)?;
    let text = |text: &str| Value::Text(text.chars().take(MAX_CHARS).collect());
    let optional = |value: Option<&str>| value.map_or(Value::Null, text);
    let refused = match &entry.outcome {
        Outcome::Done => None,
        Outcome::Refused(code) => Some(code.as_str()),
    };
    let mut values = vec![
        Value::Integer(head.rows + 1),
        Value::Integer(now_us()),
        text(station),
        text(&entry.actor),
        text(entry.kind),
        text(entry.role),
        text(&entry.action),
        text(&entry.target),
        optional(entry.reason.as_deref()),
        optional(refused),
    ];
    let next = head.then(Kind::Audit, &content_of(&values));
    values.push(Value::Blob(next.hash.as_bytes().to_vec()));
    let sql = format!("INSERT INTO audit ({COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    db.prepare(&sql)?.execute(params_from_iter(values)).map(drop)
}

/// What the chain answers for of a row that was read with [`COLUMNS`].
pub(super) fn content(row: &Row<'_>) -> rusqlite::Result<Content> {
    let mut hasher = ContentHasher::default();
    for column in 0..10 {
        hasher.column(row.get_ref(column)?);
    }
    Ok(hasher.finish())
}
