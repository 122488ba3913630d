//! Events that wait until a receiver has confirmed them, and how far a receiver has read the journal.

use super::{Ledger, LedgerError};
use crate::journal::rows::unsigned;
use rusqlite::{Connection, OptionalExtension as _, params};

pub const TABLES: &str = "
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at_us INTEGER NOT NULL, body TEXT NOT NULL,
    bytes INTEGER NOT NULL) STRICT;
CREATE TABLE cursors (receiver TEXT PRIMARY KEY, row INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// Events that may wait, and their size together. A receiver that is gone for weeks does not fill the disk.
pub const MAX_EVENTS: u64 = 20_000;
pub const MAX_BYTES: u64 = 32 << 20;

/// Something that a receiver should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    pub id: String,
    pub at_us: i64,
    pub body: String,
}

/// An event that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEvent {
    pub seq: i64,
    pub id: String,
    pub body: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxState {
    pub pending: u64,
    pub oldest_at_us: Option<i64>,
}

/// Puts an event behind the others. Beyond the bounds the oldest go; says how many.
pub(super) fn put(db: &Connection, event: &NewEvent) -> rusqlite::Result<u64> {
    put_within(db, event, MAX_EVENTS, MAX_BYTES)
}

pub(super) fn put_within(db: &Connection, event: &NewEvent, most: u64, most_bytes: u64) -> rusqlite::Result<u64> {
    let sql = "INSERT INTO outbox (id, at_us, body, bytes) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING";
    let bytes = i64::try_from(event.body.len()).unwrap_or(i64::MAX);
    db.prepare(sql)?.execute(params![event.id, event.at_us, event.body, bytes])?;
    let mut dropped = 0;
    loop {
        let sql = "SELECT count(*), coalesce(sum(bytes), 0) FROM outbox";
        let (events, bytes): (i64, i64) = db.prepare(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if unsigned(events) <= most && unsigned(bytes) <= most_bytes {
            return Ok(dropped);
        }
        let oldest = "DELETE FROM outbox WHERE seq = (SELECT min(seq) FROM outbox)";
        dropped += db.prepare(oldest)?.execute([])? as u64;
    }
}

impl Ledger {
    /// The event that waits longest.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn oldest_event(&self) -> Result<Option<WaitingEvent>, LedgerError> {
        let sql = "SELECT seq, id, body FROM outbox ORDER BY seq LIMIT 1";
        self.with("read its outbox", |db| {
            let read =
                |row: &rusqlite::Row<'_>| Ok(WaitingEvent { seq: row.get(0)?, id: row.get(1)?, body: row.get(2)? });
            db.prepare(sql)?.query_row([], read).optional()
        })
    }

    /// The receiver has confirmed an event.
    ///
    /// # Errors
    /// When that cannot be written; the event is sent once more then.
    pub fn event_confirmed(&self, seq: i64) -> Result<(), LedgerError> {
        let sql = "DELETE FROM outbox WHERE seq = ?";
        self.change("write its outbox", |tx| tx.prepare(sql)?.execute([seq]).map(drop))
    }

    /// # Errors
    /// When it cannot be read.
    pub fn outbox_state(&self) -> Result<OutboxState, LedgerError> {
        let sql = "SELECT count(*), min(at_us) FROM outbox";
        self.with("read its outbox", |db| {
            let read =
                |row: &rusqlite::Row<'_>| Ok(OutboxState { pending: unsigned(row.get(0)?), oldest_at_us: row.get(1)? });
            db.prepare(sql)?.query_row([], read)
        })
    }

    /// The last row of the journal that a receiver has confirmed; none where it never did.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn cursor(&self, receiver: &str) -> Result<Option<i64>, LedgerError> {
        let sql = "SELECT row FROM cursors WHERE receiver = ?";
        self.with("read how far a receiver is", |db| {
            db.prepare(sql)?.query_row([receiver], |row| row.get(0)).optional()
        })
    }

    /// # Errors
    /// When it cannot be written; what came behind the old one is sent once more then.
    pub fn set_cursor(&self, receiver: &str, row: i64) -> Result<(), LedgerError> {
        let sql = "INSERT INTO cursors (receiver, row) VALUES (?, ?)
                   ON CONFLICT (receiver) DO UPDATE SET row = excluded.row";
        self.change("write how far a receiver is", |tx| tx.prepare(sql)?.execute(params![receiver, row]).map(drop))
    }
}
