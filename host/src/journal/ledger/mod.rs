//! The station's own records beside the journal, in a database of their own (`station.db`): who may do what, who did
//! what, what is deployed, what is still to be sent.
//!
//! Small and rarely written, never by the frame path: one connection behind a lock serves the whole admin plane. Every
//! change is one transaction that is on the disk when it is answered. Other processes (`assay user`, `assay token`) may
//! have the file open at the same time.

mod accounts;
mod alarms;
mod outbox;
mod audit;
mod audit_check;
mod deployments;
mod error;
mod schema;
mod spans;
mod views;

#[cfg(test)]
mod tests;

pub use accounts::{Changed, NewToken, NewUser, Token, User, UserChange};
pub use audit::{AuditEntry, AuditLine, Outcome};
pub use audit_check::{AuditFault, AuditVerified, export_audit, verify_audit};
pub use error::LedgerError;
pub use outbox::{NewEvent, OutboxState, WaitingEvent};
pub(super) use schema::database_in;
pub use views::{MAX_VIEWS, SavedView};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The station's own records.
pub struct Ledger {
    station: String,
    db: Mutex<Connection>,
}

impl Ledger {
    /// Opens the records in `dir`, the journal's folder; makes them where there are none. `station` is named in every
    /// audit row.
    ///
    /// # Errors
    /// When the folder is not writable, or the database is not one that this program understands. Then nothing was
    /// changed.
    pub fn open(dir: &Path, station: &str) -> Result<Self, LedgerError> {
        Self::open_on(dir, station, None)
    }

    /// The same on a SQLite VFS by name: for tests that simulate a bad disk.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_on(dir: &Path, station: &str, vfs: Option<&str>) -> Result<Self, LedgerError> {
        let path = schema::database_in(dir);
        if !schema::is_there(&path)? {
            schema::create(&path)?;
        }
        let db = Mutex::new(schema::open_writer(&path, vfs)?);
        Ok(Self { station: station.to_owned(), db })
    }

    /// Whether [`Ledger::open`] would find records in `dir`. Changes nothing.
    ///
    /// # Errors
    /// When what lies there is not the records of a station.
    pub fn is_there(dir: &Path) -> Result<bool, LedgerError> {
        schema::is_there(&schema::database_in(dir))
    }

    /// Reads. `doing` completes "the station could not ...".
    pub(in crate::journal) fn with<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        query(&self.lock()).map_err(|error| LedgerError::query(doing, error))
    }

    /// One change: all of it is on the disk when this returns, or nothing was changed.
    pub(in crate::journal) fn change<T>(
        &self,
        doing: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let mut db = self.lock();
        let run = || {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let answer = change(&tx)?;
            tx.commit()?;
            Ok(answer)
        };
        run().map_err(|error| LedgerError::query(doing, error))
    }

    /// A change together with its audit row: neither is there without the other.
    pub(in crate::journal) fn audited<T>(
        &self,
        doing: &'static str,
        entry: &AuditEntry,
        change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        self.change(doing, |tx| {
            let answer = change(tx)?;
            audit::append(tx, &self.station, entry)?;
            Ok(answer)
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic between leaves no open transaction: it is rolled back when it is dropped.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
