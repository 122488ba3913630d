//! What was deployed, and where each deployment stands.

use super::{AuditEntry, Ledger, LedgerError};
use crate::domain::{DeployState, Deployment};
use crate::journal::SpanUs;
use rusqlite::{OptionalExtension as _, Row, params};

pub const TABLES: &str = "
CREATE TABLE deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, changed_at_us INTEGER NOT NULL, details TEXT NOT NULL
    ) STRICT;
";

const MAX_PAGE: usize = 200;
/// Newest deployments that a look at a span goes through.
const LOOKED_AT: i64 = 4000;

impl Ledger {
    /// Writes down a new deployment, in its first state; gives it with its number.
    ///
    /// # Errors
    /// When it cannot be written. Then there is no deployment.
    pub fn begin_deployment(&self, deployment: &Deployment, entry: &AuditEntry) -> Result<Deployment, LedgerError> {
        self.audited("write down a deployment", entry, |tx| {
            let sql = "INSERT INTO deployments (state, changed_at_us, details) VALUES (?, ?, '')";
            tx.execute(sql, params![deployment.state.name(), deployment.changed_at_us()])?;
            let id = tx.last_insert_rowid();
            let numbered = Deployment { id: id.unsigned_abs(), ..deployment.clone() };
            tx.execute("UPDATE deployments SET details = ? WHERE id = ?", params![json(&numbered)?, id])?;
            Ok(numbered)
        })
    }

    /// Writes down that a deployment enters its state. Only the ways of [`DeployState::may_become`] are open.
    ///
    /// # Errors
    /// When there is no such way from where it stands, or it cannot be written. Then it stands where it stood.
    pub fn move_deployment(&self, deployment: &Deployment, entry: &AuditEntry) -> Result<(), LedgerError> {
        self.audited("move a deployment to its next state", entry, |tx| {
            let id = deployment.id.cast_signed();
            let now: String = tx.query_row("SELECT state FROM deployments WHERE id = ?", [id], |row| row.get(0))?;
            let may = DeployState::from_name(&now).is_some_and(|now| now.may_become(deployment.state));
            if !may {
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            let sql = "UPDATE deployments SET state = ?, changed_at_us = ?, details = ? WHERE id = ?";
            tx.execute(sql, params![deployment.state.name(), deployment.changed_at_us(), json(deployment)?, id])?;
            Ok(())
        })
    }

    /// # Errors
    /// When it cannot be read.
    pub fn deployment(&self, id: u64) -> Result<Option<Deployment>, LedgerError> {
        self.with("read a deployment", |db| {
            let sql = "SELECT details FROM deployments WHERE id = ?";
            db.prepare(sql)?.query_row([id.cast_signed()], read).optional()
        })
    }

    /// Deployments, the newest first, older than number `before`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn deployments(&self, before: Option<u64>, limit: usize) -> Result<Vec<Deployment>, LedgerError> {
        let limit = i64::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(1);
        let before = before.and_then(|id| i64::try_from(id).ok()).unwrap_or(i64::MAX);
        self.with("read the deployments", |db| {
            let sql = "SELECT details FROM deployments WHERE id < ? ORDER BY id DESC LIMIT ?";
            db.prepare(sql)?.query_map([before, limit], read)?.collect()
        })
    }

    /// Deployments that entered a state within a span, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn deployments_within(&self, span: SpanUs, limit: usize) -> Result<Vec<Deployment>, LedgerError> {
        let limit = i64::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(1);
        // What has not moved since the span began is told by its column, and its text is not looked into.
        let sql = "SELECT details FROM (SELECT * FROM deployments ORDER BY id DESC LIMIT ?1)
                   WHERE changed_at_us >= ?2 AND EXISTS (
                       SELECT 1 FROM json_each(details, '$.history')
                       WHERE json_extract(value, '$.at_us') >= ?2 AND json_extract(value, '$.at_us') < ?3)
                   ORDER BY id DESC LIMIT ?4";
        self.with("read the deployments of a span", |db| {
            let bounds = params![LOOKED_AT, span.from_us, span.to_us, limit];
            db.prepare(sql)?.query_map(bounds, read)?.collect()
        })
    }

    /// Deployments in one of `states`, the newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn deployments_in(&self, states: &[DeployState]) -> Result<Vec<Deployment>, LedgerError> {
        let wanted: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
        let sql = format!(
            "SELECT details FROM deployments WHERE state IN ({}) ORDER BY id DESC LIMIT {MAX_PAGE}",
            wanted.join(", ")
        );
        self.with("read the deployments", |db| db.prepare(&sql)?.query_map([], read)?.collect())
    }
}

fn json(deployment: &Deployment) -> rusqlite::Result<String> {
    serde_json::to_string(deployment).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    let text: String = row.get(0)?;
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error));
    serde_json::from_str(&text).map_err(wrong)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::{Actor, Entered};

    fn received(at_us: i64) -> Deployment {
        Deployment {
            id: 0,
            state: DeployState::Received,
            bundle: None,
            actor: "ada".to_owned(),
            role: "engineer".to_owned(),
            reason: "a new lens".to_owned(),
            outcome: None,
            previous: None,
            history: vec![Entered { state: DeployState::Received, at_us }],
            admission: vec![],
            checks: vec![],
            shadow: None,
            trial: None,
            notes: vec![],
        }
    }

    #[test]
    fn deployments_of_an_old_span_are_found_behind_any_number_of_newer_ones() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), "line-1").unwrap();
        let entry = AuditEntry::new(&Actor::console(), "deploy", "x");
        let begin = |at_us| ledger.begin_deployment(&received(at_us), &entry).unwrap();
        let old = begin(10);
        let mut moved = begin(20);
        for _ in 0..=MAX_PAGE {
            begin(1000);
        }
        for at_us in [30, 1100] {
            (moved.state, moved.outcome) = (DeployState::Failed, Some("no signature".to_owned()));
            moved.history.push(Entered { state: moved.state, at_us });
        }
        ledger.move_deployment(&moved, &entry).unwrap();
        let within = |from_us, to_us| {
            let found = ledger.deployments_within(SpanUs { from_us, to_us }, MAX_PAGE).unwrap();
            found.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        assert_eq!(within(0, 100), [moved.id, old.id]);
        assert_eq!(within(10, 11), [old.id], "the beginning is included");
        assert_eq!(within(0, 10), [0; 0], "the end is not");
        assert_eq!(within(25, 40), [moved.id], "by any of its states, not by the newest");
        assert_eq!(within(31, 1000), [0; 0]);
        assert_eq!(within(1100, 2000), [moved.id]);
        assert_eq!(within(1000, 1001).len(), MAX_PAGE);
    }
}
