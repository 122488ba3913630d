//! Alarms of now and of the past.

use super::outbox::{NewEvent, put};
use super::{AuditEntry, Ledger, LedgerError, audit};
use crate::domain::{Acknowledged, Alarm, AlarmKind, Severity};
use crate::journal::now_us;
use rusqlite::{OptionalExtension as _, Row, params};

pub const TABLES: &str = "
CREATE TABLE alarms (
    id TEXT PRIMARY KEY, rule TEXT NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, value REAL NOT NULL,
    bound REAL NOT NULL, about TEXT NOT NULL, raised_at_us INTEGER NOT NULL, cleared_at_us INTEGER,
    acknowledged_by TEXT, acknowledged_at_us INTEGER) STRICT;
CREATE INDEX alarms_raised ON alarms (raised_at_us);
CREATE INDEX alarms_open ON alarms (raised_at_us) WHERE cleared_at_us IS NULL;
";

pub(super) const COLUMNS: &str = "id, rule, kind, severity, value, bound, about, raised_at_us, cleared_at_us, acknowledged_by, \
     acknowledged_at_us";
/// Alarms that are kept; of more, the oldest cleared ones go.
const KEPT: i64 = 10_000;
/// Alarms of one page.
const MAX_PAGE: usize = 1000;

impl Ledger {
    /// Records an alarm, or what has become of it, together with the event that tells of it. Gives the number of older
    /// events that had to go for that one.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is.
    pub fn save_alarm(&self, alarm: &Alarm, event: Option<&NewEvent>) -> Result<u64, LedgerError> {
        let sql = format!(
            "INSERT INTO alarms ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)
             ON CONFLICT (id) DO UPDATE SET cleared_at_us = excluded.cleared_at_us"
        );
        let old = "DELETE FROM alarms WHERE cleared_at_us IS NOT NULL AND raised_at_us <
                   (SELECT raised_at_us FROM alarms ORDER BY raised_at_us DESC LIMIT 1 OFFSET ?)";
        self.change("record an alarm", |tx| {
            let Alarm { id, rule, kind, severity, value, limit, about, raised_at_us, cleared_at_us, .. } = alarm;
            tx.prepare(&sql)?.execute(params![
                id,
                rule,
                kind.name(),
                severity.name(),
                value,
                limit,
                about,
                raised_at_us,
                cleared_at_us
            ])?;
            tx.prepare(old)?.execute([KEPT])?;
            event.map_or(Ok(0), |event| put(tx, event))
        })
    }

    /// Alarms that are not cleared, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open_alarms(&self) -> Result<Vec<Alarm>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM alarms WHERE cleared_at_us IS NULL ORDER BY raised_at_us DESC");
        self.with("read its alarms", |db| db.prepare(&sql)?.query_map([], alarm)?.collect())
    }

    /// Alarms of the past and of now, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alarms(&self, limit: usize) -> Result<Vec<Alarm>, LedgerError> {
        let limit = i64::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(1);
        let sql = format!("SELECT {COLUMNS} FROM alarms ORDER BY raised_at_us DESC, id DESC LIMIT ?");
        self.with("read its alarms", |db| db.prepare(&sql)?.query_map([limit], alarm)?.collect())
    }

    /// Remembers who has seen an alarm, with an audit row; none where there is no such alarm or somebody was before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn acknowledge_alarm(&self, id: &str, entry: &AuditEntry) -> Result<Option<Acknowledged>, LedgerError> {
        let acknowledged = Acknowledged { by: entry.actor.clone(), at_us: now_us() };
        let sql = "UPDATE alarms SET acknowledged_by = ?, acknowledged_at_us = ?
                   WHERE id = ? AND acknowledged_at_us IS NULL";
        self.change("acknowledge an alarm", |tx| {
            let changed = tx.prepare(sql)?.execute(params![acknowledged.by, acknowledged.at_us, id])?;
            if changed == 0 {
                return Ok(None);
            }
            audit::append(tx, &self.station, entry)?;
            Ok(Some(acknowledged))
        })
    }

    /// One alarm.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn alarm(&self, id: &str) -> Result<Option<Alarm>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM alarms WHERE id = ?");
        self.with("read an alarm", |db| db.prepare(&sql)?.query_row([id], alarm).optional())
    }
}

pub(super) fn alarm(row: &Row<'_>) -> rusqlite::Result<Alarm> {
    let unknown = |column: usize, name: String| {
        let error = format!("{name:?} is no word of this version");
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    };
    let (kind, severity): (String, String) = (row.get(2)?, row.get(3)?);
    let by: Option<String> = row.get(9)?;
    let at_us: Option<i64> = row.get(10)?;
    Ok(Alarm {
        id: row.get(0)?,
        rule: row.get(1)?,
        kind: AlarmKind::from_name(&kind).ok_or_else(|| unknown(2, kind))?,
        severity: Severity::from_name(&severity).ok_or_else(|| unknown(3, severity))?,
        value: row.get(4)?,
        limit: row.get(5)?,
        about: row.get(6)?,
        raised_at_us: row.get(7)?,
        cleared_at_us: row.get(8)?,
        acknowledged: by.zip(at_us).map(|(by, at_us)| Acknowledged { by, at_us }),
    })
}
