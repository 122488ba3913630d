//! Filters that people have given a name, each with their own.

use super::{AuditEntry, Ledger, LedgerError, audit};
use crate::journal::now_us;
use rusqlite::params;

pub const TABLES: &str = "
CREATE TABLE views (
    owner TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL, saved_at_us INTEGER NOT NULL,
    PRIMARY KEY (owner, name)) STRICT, WITHOUT ROWID;
";

/// Views of one person.
pub const MAX_VIEWS: usize = 50;

/// A filter with a name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SavedView {
    pub name: String,
    /// The filter as the address of its list has it, behind the `?`.
    pub query: String,
}

impl Ledger {
    /// The views of a person, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn views(&self, owner: &str) -> Result<Vec<SavedView>, LedgerError> {
        let sql = "SELECT name, query FROM views WHERE owner = ? ORDER BY name";
        self.with("list saved views", |db| {
            let read = |row: &rusqlite::Row<'_>| Ok(SavedView { name: row.get(0)?, query: row.get(1)? });
            db.prepare(sql)?.query_map([owner], read)?.collect()
        })
    }

    /// Keeps a view; one of the same name is replaced. False where the person has as many as there may be.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_view(&self, owner: &str, view: &SavedView, entry: &AuditEntry) -> Result<bool, LedgerError> {
        let others = "SELECT count(*) FROM views WHERE owner = ? AND name <> ?";
        let put = "INSERT INTO views VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (owner, name) DO UPDATE SET query = ?3, saved_at_us = ?4";
        self.change("save a view", |tx| {
            let others: i64 = tx.query_row(others, [owner, &view.name], |row| row.get(0))?;
            if usize::try_from(others).is_ok_and(|others| others >= MAX_VIEWS) {
                return Ok(false);
            }
            tx.execute(put, params![owner, view.name, view.query, now_us()])?;
            audit::append(tx, &self.station, entry).map(|()| true)
        })
    }

    /// Forgets a view. False where there is none of that name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget_view(&self, owner: &str, name: &str, entry: &AuditEntry) -> Result<bool, LedgerError> {
        self.change("forget a view", |tx| {
            if tx.execute("DELETE FROM views WHERE owner = ? AND name = ?", [owner, name])? == 0 {
                return Ok(false);
            }
            audit::append(tx, &self.station, entry).map(|()| true)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::Actor;

    #[test]
    fn everybody_has_their_own_views_and_no_more_than_fifty() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), "line-1").unwrap();
        let entry = AuditEntry::new(&Actor::console(), "save-view", "x");
        let view = |name: &str, query: &str| SavedView { name: name.to_owned(), query: query.to_owned() };
        for number in 0..MAX_VIEWS {
            assert!(ledger.save_view("ada", &view(&format!("{number:02}"), "verdict=fail"), &entry).unwrap());
        }
        assert!(!ledger.save_view("ada", &view("one more", ""), &entry).unwrap());
        assert!(ledger.save_view("ada", &view("07", "label=b"), &entry).unwrap(), "one of them is replaced");
        assert!(ledger.save_view("bob", &view("07", "label=c"), &entry).unwrap());
        assert_eq!(ledger.views("ada").unwrap().len(), MAX_VIEWS);
        assert_eq!(ledger.views("ada").unwrap().get(7), Some(&view("07", "label=b")));
        assert!(ledger.forget_view("ada", "07", &entry).unwrap() && !ledger.forget_view("ada", "07", &entry).unwrap());
        assert_eq!(ledger.views("bob").unwrap(), [view("07", "label=c")]);
    }
}
