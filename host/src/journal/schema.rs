//! The database file: its tables, its settings, and the checks before anything is written to it.

use super::options::JournalOptions;
use super::{Durability, Files, JournalError};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// "ASSY": says whose file it is, also to `file` and other programs.
pub const APPLICATION_ID: u32 = 0x4153_5359;
pub const SCHEMA_VERSION: u32 = 4;

/// The WAL is cut back to this size when it starts anew.
const JOURNAL_SIZE_LIMIT: i64 = 64 << 20;
pub const BUSY_MS: u64 = 2000;

/// Version 1. `seq` is the place in the chain. Tables without it are derived, or do not belong to the record.
/// Nothing writes `audit`: the audit log has a database of its own. Rows that are there are verified.
///
/// `findings` has the raised ones only, for the lists. `inspections` is narrow because lists and percentiles read much of it; the rest of a record is one JSON text.
const VERSION_1: &str = "
CREATE TABLE chain (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE boots (
    seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL UNIQUE, station TEXT NOT NULL,
    started_at_us INTEGER NOT NULL, version TEXT NOT NULL) STRICT;
CREATE TABLE inspections (
    seq INTEGER PRIMARY KEY,
    station TEXT NOT NULL, boot INTEGER NOT NULL, trigger INTEGER NOT NULL,
    captured_at_us INTEGER NOT NULL, judged_at_us INTEGER NOT NULL,
    source TEXT NOT NULL, origin TEXT, product TEXT, serial TEXT, simulated INTEGER NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'undecided')),
    label TEXT, score REAL, code TEXT, stage TEXT, blame TEXT,
    recipe TEXT NOT NULL, recipe_version TEXT NOT NULL, recipe_digest BLOB NOT NULL, picture BLOB,
    backend TEXT, device TEXT, flagged INTEGER NOT NULL,
    source_us INTEGER, decode_us INTEGER, preprocess_us INTEGER, infer_us INTEGER, detect_us INTEGER,
    decide_us INTEGER, total_us INTEGER NOT NULL,
    UNIQUE (boot, trigger, station)) STRICT;
CREATE INDEX inspections_time ON inspections (judged_at_us);
CREATE INDEX inspections_verdict ON inspections (verdict, judged_at_us);
CREATE INDEX inspections_label ON inspections (label, judged_at_us) WHERE label IS NOT NULL;
CREATE INDEX inspections_product ON inspections (product, judged_at_us) WHERE product IS NOT NULL;
CREATE INDEX inspections_serial ON inspections (serial, judged_at_us) WHERE serial IS NOT NULL;
CREATE INDEX inspections_flagged ON inspections (judged_at_us) WHERE flagged = 1;
CREATE TABLE details (seq INTEGER PRIMARY KEY REFERENCES inspections, detail TEXT NOT NULL) STRICT;
CREATE TABLE findings (
    label TEXT NOT NULL, judged_at_us INTEGER NOT NULL, inspection INTEGER NOT NULL, plugin TEXT NOT NULL, score REAL,
    PRIMARY KEY (label, judged_at_us, inspection)) STRICT, WITHOUT ROWID;
CREATE TABLE observations (
    seq INTEGER NOT NULL, ord INTEGER NOT NULL, boot INTEGER NOT NULL, trigger INTEGER NOT NULL,
    at_us INTEGER NOT NULL, plugin TEXT NOT NULL, feature TEXT NOT NULL, statistic TEXT NOT NULL,
    value REAL, threshold REAL, drifted INTEGER NOT NULL, frames INTEGER NOT NULL,
    PRIMARY KEY (seq, ord)) STRICT, WITHOUT ROWID;
CREATE INDEX observations_frame ON observations (boot, trigger);
CREATE INDEX observations_series ON observations (plugin, feature, statistic, seq);
CREATE TABLE latest_reports (
    plugin TEXT NOT NULL, feature TEXT NOT NULL, statistic TEXT NOT NULL, at_us INTEGER NOT NULL,
    value REAL, threshold REAL, drifted INTEGER NOT NULL, frames INTEGER NOT NULL,
    PRIMARY KEY (plugin, feature, statistic)) STRICT, WITHOUT ROWID;
CREATE TABLE lost (
    seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    reason TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
    subject TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE TABLE monitor_state (
    plugin TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (plugin, key)) STRICT, WITHOUT ROWID;
CREATE TABLE pictures (
    digest BLOB PRIMARY KEY, class INTEGER NOT NULL, bytes INTEGER NOT NULL, stored_at_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
CREATE INDEX pictures_evict ON pictures (class, stored_at_us, bytes);
";

/// What version 2 adds: numbers of the line's own counters.
///
/// `line_triggers` is derived from the records, as `findings` is. `line_lost` has an entry of the chain for each row.
const VERSION_2: &str = "
CREATE TABLE line_triggers (
    source TEXT NOT NULL, number INTEGER NOT NULL, inspection INTEGER NOT NULL,
    PRIMARY KEY (source, number, inspection)) STRICT, WITHOUT ROWID;
CREATE INDEX line_triggers_newest ON line_triggers (source, inspection);
CREATE TABLE line_lost (
    seq INTEGER PRIMARY KEY, boot INTEGER NOT NULL, source TEXT NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, reason TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT;
CREATE INDEX line_lost_newest ON line_lost (source, seq);
";

/// What version 3 adds: indexes for scores and recipes, which parts a recipe has, and what people say of parts.
///
/// `recipe_parts`, `reviewed` and `review_samples` are derived. `reviews` has an entry of the chain for each row.
/// `review_samples` has the passes that were drawn to be looked at, each with the rate of that time.
const VERSION_3: &str = "
CREATE INDEX inspections_score ON inspections (CAST(score * 20 AS INTEGER), judged_at_us);
CREATE INDEX inspections_recipe ON inspections (substr(recipe_digest, 1, 8), judged_at_us);
CREATE TABLE recipe_parts (part BLOB NOT NULL, recipe BLOB NOT NULL, PRIMARY KEY (part, recipe)) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO recipe_parts
    SELECT unhex(json_extract(run.value, '$.component')), recipe_digest
    FROM inspections JOIN details USING (seq), json_each(detail, '$.inspection.runs') AS run
    UNION SELECT unhex(json_extract(detail, '$.inspection.answer.digest')), recipe_digest
    FROM inspections JOIN details USING (seq) WHERE json_extract(detail, '$.inspection.answer.digest') IS NOT NULL;
CREATE TABLE reviews (
    seq INTEGER PRIMARY KEY, inspection INTEGER NOT NULL, at_us INTEGER NOT NULL, reviewer TEXT NOT NULL,
    kind TEXT NOT NULL, role TEXT NOT NULL, verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'undecided')),
    label TEXT, reason TEXT, before INTEGER NOT NULL) STRICT;
CREATE INDEX reviews_inspection ON reviews (inspection, seq);
CREATE TABLE reviewed (
    inspection INTEGER PRIMARY KEY, judged_at_us INTEGER NOT NULL, latest INTEGER NOT NULL, reviews INTEGER NOT NULL,
    verdict TEXT NOT NULL, label TEXT, first_reviewer TEXT NOT NULL, first_verdict TEXT NOT NULL, first_label TEXT,
    second_reviewer TEXT, second_verdict TEXT, second_label TEXT) STRICT;
CREATE INDEX reviewed_time ON reviewed (judged_at_us);
CREATE INDEX reviewed_once ON reviewed (judged_at_us) WHERE second_reviewer IS NULL;
CREATE INDEX reviewed_disputed ON reviewed (judged_at_us)
    WHERE second_reviewer IS NOT NULL AND first_verdict <> second_verdict;
CREATE TABLE review_samples (
    inspection INTEGER PRIMARY KEY, judged_at_us INTEGER NOT NULL, one_in INTEGER NOT NULL) STRICT;
CREATE INDEX review_samples_time ON review_samples (judged_at_us);
";

/// What version 4 adds: the reports at which a series of a monitor began to drift, or ceased to. Derived: each names a
/// report of `observations`, so that the story of years is read without reading all reports.
const VERSION_4: &str = "
CREATE TABLE drift_changes (seq INTEGER NOT NULL, ord INTEGER NOT NULL, PRIMARY KEY (seq, ord)) STRICT, WITHOUT ROWID;
INSERT INTO drift_changes SELECT seq, ord FROM (
    SELECT seq, ord, drifted,
        lag(drifted, 1, 0) OVER (PARTITION BY plugin, feature, statistic ORDER BY seq, ord) AS before
    FROM observations) WHERE drifted <> before;
";

/// From nothing to the present schema, one step per version.
const STEPS: [&str; SCHEMA_VERSION as usize] = [VERSION_1, VERSION_2, VERSION_3, VERSION_4];

/// What lies where the database should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Nothing,
    Journal { version: u32 },
}

/// Refuses a SQLite that can corrupt a WAL with two connections (fixed in 3.51.3).
pub fn check_sqlite() -> Result<(), JournalError> {
    if rusqlite::version_number() < 3_051_003 {
        return Err(JournalError::OldSqlite { found: rusqlite::version() });
    }
    Ok(())
}

/// What a file says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    Missing,
    NotSqlite,
    Sqlite { application_id: u32, version: u32 },
}

/// Reads the header without SQLite, so that a file that is not ours is not touched at all.
pub fn header(path: &Path) -> io::Result<Header> {
    let mut head = Vec::new();
    match File::open(path).and_then(|file| file.take(100).read_to_end(&mut head)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Header::Missing),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    if head.len() < 100 || !head.starts_with(b"SQLite format 3\0") {
        return Ok(Header::NotSqlite);
    }
    let number = |at: usize| {
        head.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, |four: [u8; 4]| u32::from_be_bytes(four))
    };
    Ok(Header::Sqlite { version: number(60), application_id: number(68) })
}

/// Looks at what lies where the journal should be; changes nothing.
pub fn look_at(path: &Path) -> Result<Found, JournalError> {
    let foreign = |found: String| Err(JournalError::Foreign { path: path.to_owned(), found });
    match header(path).map_err(|error| JournalError::folder(path, error))? {
        Header::Missing => Ok(Found::Nothing),
        Header::NotSqlite => foreign("not a SQLite database".to_owned()),
        Header::Sqlite { application_id, .. } if application_id != APPLICATION_ID => {
            foreign(format!("a SQLite database of another program (application_id {application_id:#010x})"))
        }
        Header::Sqlite { version: version @ 1..=SCHEMA_VERSION, .. } => Ok(Found::Journal { version }),
        Header::Sqlite { version: 0, .. } => foreign("a journal that was never finished".to_owned()),
        Header::Sqlite { version, .. } => {
            Err(JournalError::TooNew { path: path.to_owned(), found: version, known: SCHEMA_VERSION })
        }
    }
}

/// Makes a whole new database beside its place and moves it there: it is there with its schema, or not at all.
pub fn create(options: &JournalOptions) -> Result<(), JournalError> {
    let path = options.database();
    let new = path.with_extension("db.new");
    let (folder, files) = (options.dir.as_path(), options.files.as_ref());
    let removed = files.remove(&new);
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(JournalError::folder(folder, error));
    }
    write_schema(&new, options.vfs.as_deref()).map_err(|error| JournalError::opening(&new, error))?;
    place(files, &new, &path).map_err(|error| JournalError::folder(folder, error))
}

fn place(files: &dyn Files, new: &Path, path: &Path) -> io::Result<()> {
    files.flush(new, &File::open(new)?)?;
    files.rename(new, path)?;
    files.flush_folder(path.parent().unwrap_or(Path::new(".")))
}

fn write_schema(path: &Path, vfs: Option<&str>) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = open_with(path, flags, vfs)?;
    // The rollback journal stays in memory: a cut here leaves only the file that is not yet in its place.
    db.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))?;
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    apply(&db, 0)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.close().map_err(|(_, error)| error)
}

pub fn open_with(path: &Path, flags: OpenFlags, vfs: Option<&str>) -> rusqlite::Result<Connection> {
    match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs),
        None => Connection::open_with_flags(path, flags),
    }
}

/// Opens the one connection that writes.
pub fn open_writer(path: &Path, durability: Durability, vfs: Option<&str>) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = open_with(path, flags, vfs).map_err(|error| JournalError::opening(path, error))?;
    if db.is_readonly("main").map_err(|error| JournalError::opening(path, error))? {
        return Err(JournalError::ReadOnly { path: path.to_owned() });
    }
    let synchronous = match durability {
        Durability::Full | Durability::AnswersBeforeCommit => 2,
        Durability::LosesConfirmedRows => 1,
    };
    set_up(&db, synchronous).map_err(|error| JournalError::opening(path, error))?;
    confirm(&db, "journal_mode", "wal")?;
    confirm(&db, "synchronous", synchronous)?;
    confirm(&db, "mmap_size", 0)?;
    migrate(&db).map_err(|error| JournalError::opening(path, error))?;
    Ok(db)
}

fn set_up(db: &Connection, synchronous: i64) -> rusqlite::Result<()> {
    db.busy_timeout(Duration::from_millis(BUSY_MS))?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", synchronous)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", JOURNAL_SIZE_LIMIT, |_| Ok(()))?;
    // The writer moves the WAL into the database itself, after it has answered.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    db.pragma_update(None, "cache_size", -32_768)
}

fn confirm(db: &Connection, pragma: &'static str, expected: impl ToString) -> Result<(), JournalError> {
    let expected = expected.to_string();
    let read = db.pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0));
    let found = match read.map_err(|error| JournalError::query("read its settings", error))? {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        other => format!("{other:?}"),
    };
    if found == expected { Ok(()) } else { Err(JournalError::Setting { pragma, expected, found }) }
}

/// Brings an older schema to the present one, in one transaction.
fn migrate(db: &Connection) -> rusqlite::Result<()> {
    match version(db)? {
        SCHEMA_VERSION => Ok(()),
        0 => apply(db, 0),
        older => {
            // Steps read all of some tables: minutes for tens of millions of rows.
            tracing::warn!(from = older, to = SCHEMA_VERSION, "the journal is brought to a newer version: let it end");
            apply(db, older)?;
            tracing::warn!("the journal has the newer version");
            Ok(())
        }
    }
}

/// The schema's version as this connection sees it.
fn version(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Whether a table is there: an older database lacks those of later versions.
pub fn has_table(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    db.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")?.exists([name])
}

/// Takes all steps behind version `from`.
fn apply(db: &Connection, from: u32) -> rusqlite::Result<()> {
    let steps: String = STEPS.into_iter().skip(from as usize).collect();
    let done = db.execute_batch(&format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"));
    if done.is_err() && !db.is_autocommit() {
        // The first error is the one to report; a connection that cannot roll back is closed for it.
        let _ = db.execute_batch("ROLLBACK");
    }
    done
}

/// Opens a connection that only reads.
///
/// A database on a read-only disk whose WAL is empty is opened as a file that cannot change.
pub fn open_reader(path: &Path) -> Result<Connection, JournalError> {
    open_to_read(path).map_err(|error| JournalError::opening(path, error))
}

/// Opens a database of this module so that nothing can be written. On a disk that is read-only, without the files beside
/// the database that SQLite would make, it is opened as one that nobody changes.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let open = |target: &Path, extra: OpenFlags| {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
        let db = Connection::open_with_flags(target, flags)?;
        db.busy_timeout(Duration::from_millis(BUSY_MS))?;
        db.pragma_update(None, "query_only", true)?;
        db.pragma_update(None, "trusted_schema", false)?;
        db.pragma_update(None, "cell_size_check", true)?;
        db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(db)
    };
    match open(path, OpenFlags::empty()) {
        Err(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::CannotOpen && wal_is_empty(path) =>
        {
            let uri = format!("file:{}?immutable=1", escaped(path));
            open(Path::new(&uri), OpenFlags::SQLITE_OPEN_URI)
        }
        other => other,
    }
}

/// The path as part of a `file:` URI.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn wal_is_empty(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(wal).map_or(true, |meta| meta.len() == 0)
}
