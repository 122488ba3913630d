//! What was done to a station, and what was raised, within a span of time.

use super::audit::{COLUMNS, head, line};
use super::{AuditLine, Ledger, LedgerError, alarms};
use crate::domain::Alarm;
use crate::journal::SpanUs;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

/// Rows of one answer.
const MAX_ROWS: usize = 500;
/// Newest rows of the audit log that a look for some actions goes through.
const LOOKED_AT: i64 = 50_000;
/// What people and machines do all day: no change of the station.
const NOT_OF_NOTE: [&str; 12] = [
    "sign-in",
    "sign-out",
    "review",
    "replay",
    "save-view",
    "forget-view",
    "acknowledge-alarm",
    "request",
    "inspect",
    "set-up-secret",
    "refusals-unlisted",
    "deploy",
];

impl Ledger {
    /// Changes of the station that were made within a span, the newest first, but for the states of deployments, which
    /// have records of their own.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn changes_within(&self, span: SpanUs, limit: usize) -> Result<Vec<AuditLine>, LedgerError> {
        let words = vec!["?"; NOT_OF_NOTE.len()].join(", ");
        let sql = format!(
            "SELECT {COLUMNS}, hash FROM audit WHERE seq >= ? AND seq < ? AND at_us >= ? AND at_us < ?
             AND refused IS NULL AND action NOT IN ({words}) AND action NOT LIKE 'deployment-%'
             ORDER BY seq DESC LIMIT ?"
        );
        self.with("read its audit log", |db| {
            let (first, end) = (first_row_at(db, span.from_us)?, first_row_at(db, span.to_us)?);
            let mut values: Vec<Value> = [first, end, span.from_us, span.to_us].map(Value::Integer).to_vec();
            values.extend(NOT_OF_NOTE.map(|word| Value::Text(word.to_owned())));
            values.push(Value::Integer(bounded(limit)));
            db.prepare(&sql)?.query_map(params_from_iter(values), line)?.collect()
        })
    }

    /// The newest rows of some actions, the refused ones among them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn audit_lines_of(&self, actions: &[&str], limit: usize) -> Result<Vec<AuditLine>, LedgerError> {
        let words = vec!["?"; actions.len()].join(", ");
        let sql = format!(
            "SELECT {COLUMNS}, hash FROM (SELECT * FROM audit ORDER BY seq DESC LIMIT {LOOKED_AT})
             WHERE action IN ({words}) ORDER BY seq DESC LIMIT ?"
        );
        self.with("read its audit log", |db| {
            let mut values: Vec<Value> = actions.iter().map(|word| Value::Text((*word).to_owned())).collect();
            values.push(Value::Integer(bounded(limit)));
            db.prepare(&sql)?.query_map(params_from_iter(values), line)?.collect()
        })
    }

    /// Alarms that stood at any time of a span, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alarms_within(&self, span: SpanUs, limit: usize) -> Result<Vec<Alarm>, LedgerError> {
        let columns = alarms::COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM alarms WHERE raised_at_us < ? AND (cleared_at_us IS NULL OR cleared_at_us >= ?)
             ORDER BY raised_at_us DESC, id DESC LIMIT ?"
        );
        self.with("read its alarms", |db| {
            let bounds = params![span.to_us, span.from_us, bounded(limit)];
            db.prepare(&sql)?.query_map(bounds, alarms::alarm)?.collect()
        })
    }
}

fn bounded(limit: usize) -> i64 {
    i64::try_from(limit.clamp(1, MAX_ROWS)).unwrap_or(1)
}

/// The first row of the audit log that was written at a time or later. Its rows are numbered without gaps and in the
/// order of time, so that it is found by halving; where a clock was set back, a row or two may be missed.
fn first_row_at(db: &Connection, at_us: i64) -> rusqlite::Result<i64> {
    let mut time = db.prepare("SELECT at_us FROM audit WHERE seq >= ? ORDER BY seq LIMIT 1")?;
    let (mut low, mut high) = (1, head(db)?.rows + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if time.query_row([middle], |row| row.get::<_, i64>(0))? >= at_us {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::{Actor, AlarmKind, Severity};
    use crate::journal::AuditEntry;

    const ALL: SpanUs = SpanUs { from_us: 0, to_us: i64::MAX };

    fn write(ledger: &Ledger, action: &str, refused: bool) {
        let entry = AuditEntry::new(&Actor::console(), action, "x");
        ledger.audit(&if refused { entry.refused("no") } else { entry }).unwrap();
    }

    fn actions(lines: &[AuditLine]) -> Vec<&str> {
        lines.iter().map(|line| line.action.as_str()).collect()
    }

    #[test]
    fn changes_are_what_was_done_and_matters() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), "line-1").unwrap();
        assert!(ledger.changes_within(ALL, 10).unwrap().is_empty());
        for action in ["sign-in", "user-add", "deployment-trial", "roll-back", "review", "replay", "export"] {
            write(&ledger, action, false);
        }
        write(&ledger, "user-role", true);
        assert_eq!(actions(&ledger.changes_within(ALL, 10).unwrap()), ["export", "roll-back", "user-add"]);
        assert_eq!(actions(&ledger.changes_within(ALL, 1).unwrap()), ["export"]);
        let lines = ledger.audit_lines(None, 100).unwrap();
        for line in lines.iter().filter(|line| ["export", "roll-back", "user-add"].contains(&line.action.as_str())) {
            let of = |from_us, to_us| ledger.changes_within(SpanUs { from_us, to_us }, 10).unwrap();
            assert!(of(line.at_us, line.at_us + 1).contains(line), "the beginning is included");
            assert!(!of(0, line.at_us).contains(line), "the end is not");
            assert!(!of(line.at_us + 1, i64::MAX).contains(line));
        }
    }

    #[test]
    fn rows_of_some_actions_are_found_with_those_that_were_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), "line-1").unwrap();
        for (action, refused) in [("sign-in", true), ("user-add", false), ("sign-out", false), ("sign-in", false)] {
            write(&ledger, action, refused);
        }
        let found = ledger.audit_lines_of(&["sign-in", "sign-out"], 10).unwrap();
        assert_eq!(actions(&found), ["sign-in", "sign-out", "sign-in"]);
        assert_eq!(found[2].refused.as_deref(), Some("no"));
        assert_eq!(ledger.audit_lines_of(&["sign-in"], 1).unwrap().len(), 1);
    }

    #[test]
    fn an_alarm_belongs_to_every_span_that_it_stands_in() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), "line-1").unwrap();
        let alarm = |id: &str, raised_at_us, cleared_at_us| Alarm {
            id: id.to_owned(),
            rule: "disk".to_owned(),
            kind: AlarmKind::Disk,
            severity: Severity::Critical,
            value: 1.0,
            limit: 1.0,
            about: String::new(),
            raised_at_us,
            cleared_at_us,
            acknowledged: None,
        };
        for one in [alarm("a", 10, Some(20)), alarm("b", 30, None)] {
            ledger.save_alarm(&one, None).unwrap();
        }
        let within = |from_us, to_us| {
            let found = ledger.alarms_within(SpanUs { from_us, to_us }, 10).unwrap();
            found.into_iter().map(|alarm| alarm.id).collect::<Vec<_>>().join("")
        };
        assert_eq!(within(0, 10), "");
        assert_eq!(within(0, 11), "a");
        assert_eq!(within(15, 40), "ba");
        assert_eq!(within(21, 30), "");
        assert_eq!(within(100, 200), "b");
    }
}
