//! What was deployed, and where each deployment stands.

use super::{AuditEntry, Ledger, LedgerError};
use crate::domain::{DeployState, Deployment};
use rusqlite::{OptionalExtension as _, Row, params};

pub const TABLES: &str = "
CREATE TABLE deployments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, changed_at_us INTEGER NOT NULL, details TEXT NOT NULL
    ) STRICT;
";

const MAX_PAGE: usize = 200;

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
