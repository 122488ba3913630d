//! The file `series.db`: its tables, its settings, and what becomes of one that is not as it should be.

use super::SeriesError;
use crate::journal::schema::{BUSY_MS, Header, header};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// "ASSS".
const APPLICATION_ID: u32 = 0x4153_5353;
/// No older version is brought to this one: it is moved aside like any other file that is not as it should be.
const VERSION: u32 = 1;
/// The WAL is cut back to this size when it starts anew.
const WAL_BYTES: i64 = 4 << 20;

/// `tier` is the length of its intervals in seconds, `at_s` their start in seconds since 1970.
const TABLES: &str = "
CREATE TABLE intervals (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    passed INTEGER NOT NULL, failed INTEGER NOT NULL, undecided INTEGER NOT NULL, flagged INTEGER NOT NULL,
    deadline_missed INTEGER NOT NULL, plugin_faults INTEGER NOT NULL, not_durable INTEGER NOT NULL,
    other_device_ms INTEGER NOT NULL, own_cpu_ms INTEGER NOT NULL, busy_cpu_ms INTEGER NOT NULL,
    all_cpu_ms INTEGER NOT NULL, queue_frames INTEGER NOT NULL, outbox_pending INTEGER NOT NULL,
    own_memory_bytes INTEGER NOT NULL, memory_free_bytes INTEGER, disk_free_bytes INTEGER,
    PRIMARY KEY (tier, at_s)) STRICT, WITHOUT ROWID;
CREATE TABLE stage_times (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, stage TEXT NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (tier, at_s, stage)) STRICT, WITHOUT ROWID;
CREATE TABLE plugin_calls (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, plugin TEXT NOT NULL, calls INTEGER NOT NULL,
    micros INTEGER NOT NULL, failures INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,
    PRIMARY KEY (tier, at_s, plugin)) STRICT, WITHOUT ROWID;
";

pub fn database_in(dir: &Path) -> PathBuf {
    dir.join("series.db")
}

/// Opens the file, and makes it where there is none. One that is not as it should be is moved aside first; says so.
pub fn open(dir: &Path) -> Result<(Connection, bool), SeriesError> {
    let path = database_in(dir);
    let folder = |source| SeriesError::Folder { path: path.clone(), source };
    let ours = match header(&path).map_err(folder)? {
        Header::Missing => true,
        Header::Sqlite { application_id: APPLICATION_ID, version: VERSION } => is_whole(&path),
        Header::Sqlite { .. } | Header::NotSqlite => false,
    };
    if !ours {
        move_aside(&path).map_err(folder)?;
    }
    match connect(&path) {
        Err(error) if ours && error.is_damage() => {
            move_aside(&path).map_err(folder)?;
            Ok((connect(&path)?, true))
        }
        other => Ok((other?, !ours)),
    }
}

/// Takes a file out of the way, with what SQLite keeps beside it. Of those that were, one is kept.
pub fn move_aside(path: &Path) -> std::io::Result<()> {
    for end in ["", "-wal", "-shm"] {
        let with = |name: &str| PathBuf::from(format!("{}{name}{end}", path.display()));
        match fs::rename(with(""), with(".damaged")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Looks at every page: a station that starts has the time, and the file is small.
fn is_whole(path: &Path) -> bool {
    let check = || {
        let db = connect(path)?;
        let query = db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        query.map_err(|source| SeriesError::Database { doing: "checked", source })
    };
    check().is_ok_and(|answer| answer == "ok")
}

fn connect(path: &Path) -> Result<Connection, SeriesError> {
    let opened = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_millis(BUSY_MS))?;
        make(&mut db)?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // A power cut may cost the last seconds of the charts, never the file.
        db.pragma_update(None, "synchronous", 1)?;
        db.pragma_update(None, "trusted_schema", false)?;
        db.pragma_update(None, "cell_size_check", true)?;
        db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
        db.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
        Ok(db)
    };
    opened().map_err(|source| SeriesError::Database { doing: "opened", source })
}

/// Makes the tables where there are none. Before the WAL is switched on, so that the file itself says whose it is from
/// its first moment on, also to a start that follows a power cut.
fn make(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    if tx.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? == 0 {
        tx.execute_batch(TABLES)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", VERSION)?;
    }
    tx.commit()
}
