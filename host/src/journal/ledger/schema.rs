//! The file `station.db`: its tables, its settings, and the checks before anything is written to it.

use super::LedgerError;
use super::{accounts, alarms, audit, deployments, outbox, views};
use crate::journal::schema::{APPLICATION_ID as JOURNAL_ID, Header, header, open_to_read, open_with};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "ASST": the station's records; the journal has another.
const APPLICATION_ID: u32 = 0x4153_5354;
const BUSY_MS: u64 = 2000;

/// What each version adds, the oldest first. Only ever added to: a station in the field has run the others.
const MIGRATIONS: [&str; 6] =
    [audit::TABLES, accounts::TABLES, alarms::TABLES, outbox::TABLES, deployments::TABLES, views::TABLES];
const VERSION: u32 = MIGRATIONS.len() as u32;

pub fn database_in(dir: &Path) -> PathBuf {
    dir.join("station.db")
}

/// Whether a ledger lies there. Reads the header without SQLite, so that a file that is not ours is not touched.
pub fn is_there(path: &Path) -> Result<bool, LedgerError> {
    let foreign = |found: &str| Err(LedgerError::Foreign { path: path.to_owned(), found: found.to_owned() });
    match header(path).map_err(|error| LedgerError::folder(path, error))? {
        Header::Missing => Ok(false),
        Header::NotSqlite => foreign("not a SQLite database"),
        Header::Sqlite { application_id: JOURNAL_ID, .. } => foreign("a journal"),
        Header::Sqlite { application_id, .. } if application_id != APPLICATION_ID => {
            foreign(&format!("a SQLite database of another program (application_id {application_id:#010x})"))
        }
        Header::Sqlite { version: 1..=VERSION, .. } => Ok(true),
        Header::Sqlite { version: 0, .. } => foreign("a database that was never finished"),
        Header::Sqlite { version, .. } => {
            Err(LedgerError::TooNew { path: path.to_owned(), found: version, known: VERSION })
        }
    }
}

/// Makes a whole new database beside its place and moves it there, unless another process was faster.
pub fn create(path: &Path) -> Result<(), LedgerError> {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    let wal = PathBuf::from(wal);
    if wal.exists() {
        // SQLite would play it into the new one.
        return Err(LedgerError::Missing { database: path.to_owned(), found: wal });
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let folder = |error| LedgerError::folder(dir, error);
    std::fs::create_dir_all(dir).map_err(folder)?;
    let new = tempfile::Builder::new().prefix("station.db.new").tempfile_in(dir).map_err(folder)?;
    write_schema(new.path()).map_err(|error| LedgerError::opening(new.path(), error))?;
    new.as_file().sync_all().map_err(folder)?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => return Err(folder(error.error)),
        _ => {}
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(folder)
}

fn write_schema(path: &Path) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    // The rollback journal stays in memory: a cut here leaves only the file that is not yet in its place.
    db.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(&mut db)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.close().map_err(|(_, error)| error)
}

/// Opens the connection that reads and writes, and brings an older schema to the present one.
pub fn open_writer(path: &Path, vfs: Option<&str>) -> Result<Connection, LedgerError> {
    let opening = |error| LedgerError::opening(path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = open_with(path, flags, vfs).map_err(opening)?;
    if db.is_readonly("main").map_err(opening)? {
        return Err(LedgerError::ReadOnly { path: path.to_owned() });
    }
    set_up(&db).map_err(opening)?;
    confirm(&db, "journal_mode", "wal")?;
    confirm(&db, "synchronous", "2")?;
    confirm(&db, "mmap_size", "0")?;
    migrate(&mut db).map_err(opening)?;
    Ok(db)
}

/// Opens a connection that only reads, for the check of the chain.
pub fn open_reader(path: &Path) -> Result<Connection, LedgerError> {
    open_to_read(path).map_err(|error| LedgerError::opening(path, error))
}

fn set_up(db: &Connection) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_millis(BUSY_MS))?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", 2)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))
}

fn confirm(db: &Connection, pragma: &'static str, expected: &'static str) -> Result<(), LedgerError> {
    let read = db.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0));
    let found = match read.map_err(|error| LedgerError::query("read the settings of its records", error))? {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if found == expected { Ok(()) } else { Err(LedgerError::Setting { pragma, expected, found }) }
}

/// Runs what is missing, all of it or nothing. Two processes may do so at once: the second finds nothing to do.
fn migrate(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..)).unwrap_or_default();
    for migration in missing {
        tx.execute_batch(migration)?;
    }
    if !missing.is_empty() {
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}
