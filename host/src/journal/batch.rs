//! The SQL of one transaction of the writer.

use super::JournalError;
use super::chain::{Checkpoint, Content, ContentHasher, Kind, content_of, real};
use super::pictures::{Class, NewPicture};
use super::record::{COLUMN_COUNT, COLUMNS, Prepared};
use super::reviews::PreparedReview;
use crate::domain::Digest;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};

/// Parts of recipes that are remembered as listed: far more than one recipe has.
const MAX_KNOWN_PARTS: usize = 4096;

/// Something to write.
pub enum Work {
    Record(Box<Prepared>),
    /// Rows of one observation, behind `seq`.
    Observation(Vec<Vec<Value>>),
    /// Columns of `lost` behind `seq`.
    Lost(Vec<Value>),
    /// Columns of `line_lost` behind `seq`.
    LineLost(Vec<Value>),
    Review(Box<PreparedReview>),
    State {
        plugin: String,
        state: BTreeMap<String, Vec<u8>>,
    },
}

/// What becomes of one piece of work inside a transaction that goes on: its row, or why it is refused.
pub type Outcome = Result<i64, JournalError>;

/// Prepared statements of the writing connection.
pub struct Statements<'c> {
    pub(super) db: &'c Connection,
    chain: Statement<'c>,
    inspection: Statement<'c>,
    detail: Statement<'c>,
    finding: Statement<'c>,
    line_trigger: Statement<'c>,
    observation: Statement<'c>,
    drift_change: Statement<'c>,
    latest: Statement<'c>,
    picture_known: Statement<'c>,
    picture: Statement<'c>,
    victims: Statement<'c>,
    expired: Statement<'c>,
    forget: Statement<'c>,
    drawn: Statement<'c>,
    part: Statement<'c>,
    /// Parts of recipes that are listed already.
    known_parts: BTreeSet<(Digest, Digest)>,
}

impl<'c> Statements<'c> {
    pub fn new(db: &'c Connection) -> rusqlite::Result<Self> {
        let marks = vec!["?"; COLUMN_COUNT + 1].join(", ");
        Ok(Self {
            db,
            chain: db.prepare("INSERT INTO chain VALUES (?, ?, ?)")?,
            inspection: db.prepare(&format!("INSERT INTO inspections (seq, {COLUMNS}) VALUES ({marks})"))?,
            detail: db.prepare("INSERT INTO details VALUES (?, ?)")?,
            finding: db.prepare("INSERT INTO findings VALUES (?, ?, ?, ?, ?)")?,
            line_trigger: db.prepare("INSERT INTO line_triggers VALUES (?, ?, ?)")?,
            observation: db.prepare("INSERT INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
            // A series that nothing is known of does not drift.
            drift_change: db.prepare(
                "INSERT INTO drift_changes SELECT ?1, ?2 WHERE ?3 <> coalesce((SELECT drifted FROM latest_reports
                 WHERE plugin = ?4 AND feature = ?5 AND statistic = ?6), 0)",
            )?,
            latest: db.prepare("INSERT OR REPLACE INTO latest_reports VALUES (?, ?, ?, ?, ?, ?, ?, ?)")?,
            picture_known: db.prepare("SELECT 1 FROM pictures WHERE digest = ?")?,
            picture: db.prepare(
                "INSERT INTO pictures VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE
                 SET class = max(class, excluded.class), stored_at_us = max(stored_at_us, excluded.stored_at_us)",
            )?,
            victims: db.prepare("SELECT digest, bytes FROM pictures ORDER BY class, stored_at_us LIMIT ?")?,
            expired: db.prepare(
                "SELECT digest, bytes FROM pictures WHERE class = ? AND stored_at_us < ? ORDER BY stored_at_us LIMIT ?",
            )?,
            forget: db.prepare("DELETE FROM pictures WHERE digest = ?")?,
            drawn: db.prepare("INSERT INTO review_samples VALUES (?, ?, ?)")?,
            part: db.prepare("INSERT OR IGNORE INTO recipe_parts VALUES (?, ?)")?,
            known_parts: BTreeSet::new(),
        })
    }

    /// Begins, lets `body` write, commits. Rolls back on any error.
    pub fn transaction<T>(&mut self, body: impl FnOnce(&mut Self) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let done = body(self).and_then(|value| self.db.execute_batch("COMMIT").map(|()| value));
        if done.is_err() && !self.db.is_autocommit() {
            // The first error is the one to report; a connection that cannot roll back is closed for it.
            let _ = self.db.execute_batch("ROLLBACK");
        }
        if done.is_err() {
            // What it listed is not there.
            self.known_parts.clear();
        }
        done
    }

    /// Writes one piece of work behind `head`, which moves on when it made an entry of the chain.
    pub fn write(&mut self, head: &mut Checkpoint, work: &Work) -> rusqlite::Result<Outcome> {
        match work {
            Work::Record(record) => self.record(head, record),
            Work::Observation(rows) => self.observation(head, rows).map(Ok),
            Work::Lost(columns) => self.plain(head, Kind::Lost, columns).map(Ok),
            Work::LineLost(columns) => self.plain(head, Kind::LineLost, columns).map(Ok),
            Work::Review(review) => self.review(head, review),
            Work::State { plugin, state } => self.state(plugin, state).map(|()| Ok(head.rows)),
        }
    }

    fn record(&mut self, head: &mut Checkpoint, record: &Prepared) -> rusqlite::Result<Outcome> {
        let next = head.then(Kind::Inspection, &record.content);
        let seq = Value::Integer(next.rows);
        let inserted = self.inspection.execute(params_from_iter(std::iter::once(&seq).chain(&record.columns)));
        match inserted {
            Err(error) if is_taken(&error) => return Ok(Err(JournalError::Duplicate { id: record.id.to_string() })),
            other => other?,
        };
        self.detail.execute(params![next.rows, record.detail])?;
        for line in &record.findings {
            let score = real(f64::from(line.score));
            self.finding.execute(params![line.label, record.judged_at_us, next.rows, line.plugin, score])?;
        }
        if let Some(line) = &record.line_trigger {
            self.line_trigger.execute(params![line.source, line.number, next.rows])?;
        }
        if let Some(one_in) = record.drawn_one_in {
            self.drawn.execute(params![next.rows, record.judged_at_us, one_in])?;
        }
        self.parts(record)?;
        self.link(head, Kind::Inspection, &record.content).map(Ok)
    }

    /// Lists what the recipe of a record is made of; mostly it is listed already.
    fn parts(&mut self, record: &Prepared) -> rusqlite::Result<()> {
        for part in &record.parts {
            let key = (*part, record.recipe);
            if self.known_parts.contains(&key) {
                continue;
            }
            if self.known_parts.len() >= MAX_KNOWN_PARTS {
                self.known_parts.clear();
            }
            self.part.execute([part.as_bytes(), record.recipe.as_bytes()])?;
            self.known_parts.insert(key);
        }
        Ok(())
    }

    /// Nothing is written where a monitor reports nothing: an entry of the chain without rows would look deleted.
    fn observation(&mut self, head: &mut Checkpoint, rows: &[Vec<Value>]) -> rusqlite::Result<i64> {
        if rows.is_empty() {
            return Ok(head.rows);
        }
        let seq = Value::Integer(head.rows + 1);
        let mut content = ContentHasher::default();
        for row in rows {
            content.columns(row);
            self.observation.execute(params_from_iter(std::iter::once(&seq).chain(row)))?;
            if let [ord, _, _, at, plugin, feature, statistic, rest @ ..] = row.as_slice() {
                if let [_, _, drifted, ..] = rest {
                    self.drift_change.execute([&seq, ord, drifted, plugin, feature, statistic])?;
                }
                let columns = [plugin, feature, statistic, at].into_iter().chain(rest);
                self.latest.execute(params_from_iter(columns))?;
            }
        }
        self.link(head, Kind::Observation, &content.finish())
    }

    /// A row of a table that is only its columns.
    pub fn plain(&mut self, head: &mut Checkpoint, kind: Kind, columns: &[Value]) -> rusqlite::Result<i64> {
        let seq = Value::Integer(head.rows + 1);
        let marks = vec!["?"; columns.len() + 1].join(", ");
        let insert = format!("INSERT INTO {} VALUES ({marks})", kind.table());
        self.db.execute(&insert, params_from_iter(std::iter::once(&seq).chain(columns)))?;
        self.link(head, kind, &content_of(columns))
    }

    fn link(&mut self, head: &mut Checkpoint, kind: Kind, content: &Content) -> rusqlite::Result<i64> {
        let next = head.then(kind, content);
        self.chain.execute(params![next.rows, kind as i64, next.hash.as_bytes()])?;
        *head = next;
        Ok(next.rows)
    }

    fn state(&mut self, plugin: &str, state: &BTreeMap<String, Vec<u8>>) -> rusqlite::Result<()> {
        self.db.execute("DELETE FROM monitor_state WHERE plugin = ?", [plugin])?;
        let mut put = self.db.prepare("INSERT INTO monitor_state VALUES (?, ?, ?)")?;
        for (key, value) in state {
            put.execute(params![plugin, key, value])?;
        }
        Ok(())
    }

    /// True where a trigger of that range has a record.
    pub fn has_record(&self, boot: u64, first: u64, last: u64) -> rusqlite::Result<bool> {
        let [boot, first, last] = [boot, first, last].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        let sql = "SELECT EXISTS (SELECT 1 FROM inspections WHERE boot = ? AND trigger BETWEEN ? AND ?)";
        self.db.query_row(sql, [boot, first, last], |row| row.get(0))
    }

    pub fn knows_picture(&mut self, digest: &Digest) -> rusqlite::Result<bool> {
        self.picture_known.exists([digest.as_bytes()])
    }

    /// Takes a picture into the inventory; its file is on the disk already.
    pub fn picture(&mut self, picture: &NewPicture, at_us: i64) -> rusqlite::Result<()> {
        let bytes = i64::try_from(picture.bytes.len()).unwrap_or(i64::MAX);
        self.inventory(&picture.digest, picture.class as i64, bytes, at_us)
    }

    pub fn inventory(&mut self, digest: &Digest, class: i64, bytes: i64, at_us: i64) -> rusqlite::Result<()> {
        self.picture.execute(params![digest.as_bytes(), class, bytes, at_us]).map(|_| ())
    }

    /// The least wanted pictures that together free `excess` bytes, at most `most` of them.
    pub fn least_wanted(&mut self, excess: u64, most: i64) -> rusqlite::Result<Vec<Stored>> {
        let mut freed = 0u64;
        let mut gone = Vec::new();
        let victims = self.victims.query_map([most], stored)?;
        for victim in victims {
            if freed >= excess {
                break;
            }
            let victim = victim?;
            freed = freed.saturating_add(victim.1);
            gone.push(victim);
        }
        Ok(gone)
    }

    /// Pictures of a class that were stored before a time, the oldest first, at most `most` of them.
    pub fn expired(&mut self, class: Class, before_us: i64, most: i64) -> rusqlite::Result<Vec<Stored>> {
        self.expired.query_map(params![class as i64, before_us, most], stored)?.collect()
    }

    /// Takes pictures out of the inventory. Their files go after the commit.
    pub fn forget(&mut self, pictures: &[Stored]) -> rusqlite::Result<()> {
        pictures.iter().try_for_each(|(digest, _)| self.forget.execute([digest.as_bytes()]).map(|_| ()))
    }
}

/// Digest and size of a picture in the inventory.
pub type Stored = (Digest, u64);

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok((Digest::from_bytes(row.get(0)?), u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
}

fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|inner| inner.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// The end of the chain as the database has it.
pub fn head(db: &Connection) -> rusqlite::Result<Checkpoint> {
    let last = db.query_row("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1", [], |row| {
        Ok(Checkpoint { rows: row.get(0)?, hash: Digest::from_bytes(row.get(1)?) })
    });
    Ok(last.optional()?.unwrap_or(Checkpoint::START))
}
