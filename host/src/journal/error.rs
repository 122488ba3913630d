use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the journal could not do what it was asked. Cheap to clone: one failed commit answers many tickets.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    #[error("the journal cannot use {}: create it, or let the station's user write there", path.display())]
    Folder { path: PathBuf, source: Arc<io::Error> },
    #[error("{} is read-only, the journal must write there: remount it writable, or set another data folder", path.display())]
    ReadOnly { path: PathBuf },
    #[error(
        "{} is on the network file system {kind}, which does not keep what it says is on the disk: set a data folder \
         on a disk of this machine",
        path.display()
    )]
    NetworkFolder { path: PathBuf, kind: String },
    #[error("the data folder {} is in use by another station: stop that one, or give this one its own folder", path.display())]
    InUse { path: PathBuf },
    #[error("{} is locked by another program: close what has it open (database browser, backup) and try again", path.display())]
    Locked { path: PathBuf },
    #[error("{} is {found}, expected a journal of assay: move the file away, or set another data folder", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "{} has schema version {found}, this program knows 1 to {known}: start the assay that wrote it, or a newer one",
        path.display()
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{} is missing although {} is there: restore the database from its backup, or move that away to start \
         afresh (nothing was deleted)",
        database.display(), found.display()
    )]
    DatabaseMissing { database: PathBuf, found: PathBuf },
    #[error("SQLite {found} is linked, 3.51.3 or newer is needed (older ones can corrupt a WAL): build assay anew")]
    OldSqlite { found: &'static str },
    #[error("{pragma} is {found} after setting it to {expected}: this SQLite build cannot keep the journal's promise")]
    Setting { pragma: &'static str, expected: String, found: String },
    #[error("the journal's queue of {queue} was full for {waited_ms} ms: the disk is too slow for this line")]
    QueueFull { queue: usize, waited_ms: u64 },
    #[error("no space for the record in {}: free some; the station goes on by itself", path.display())]
    DiskFull { path: PathBuf },
    #[error("the frame {id} is in the journal already, and a frame is recorded once: count triggers upwards")]
    Duplicate { id: String },
    #[error("a review had seen review {seen}, the latest is {latest}")]
    StaleReview { seen: i64, latest: i64 },
    #[error("the record of {id} is refused: {detail}")]
    BadRecord { id: String, detail: String },
    /// The record may or may not be found later; it was not confirmed.
    #[error("the record was not confirmed durable: {detail}; the database is opened again and checked")]
    NotDurable { detail: String },
    #[error("the journal has stopped: {detail}")]
    Stopped { detail: String },
    #[error("the journal could not {doing}")]
    Database { doing: &'static str, source: Arc<rusqlite::Error> },
    #[error("the journal could not {doing} in the time that it has for it")]
    TookTooLong { doing: &'static str },
    #[error("row {row} of the journal cannot be read ({detail}): run `assay journal verify`")]
    DamagedRow { row: i64, detail: String },
    #[error("the stored picture {digest} is damaged: its bytes have digest {found}")]
    DamagedPicture { digest: String, found: String },
    #[error("the journal has a schema that cannot be understood: {detail}; restore it from its backup")]
    Schema { detail: String },
}

impl JournalError {
    pub(super) fn folder(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::ReadOnlyFilesystem || source.kind() == io::ErrorKind::PermissionDenied {
            return Self::ReadOnly { path: path.to_owned() };
        }
        Self::Folder { path: path.to_owned(), source: Arc::new(source) }
    }

    /// Names the usual reasons for which a database does not open; `path` is the database.
    pub(super) fn opening(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked { path },
            Some(Code::ReadOnly | Code::PermissionDenied) => Self::ReadOnly { path },
            Some(Code::DiskFull) => Self::DiskFull { path },
            _ if super::writer::is_index_full(&source) => Self::DiskFull { path },
            Some(Code::NotADatabase) => Self::Foreign { path, found: "not a SQLite database".to_owned() },
            _ => Self::Database { doing: "open its database", source: Arc::new(source) },
        }
    }

    pub(super) fn query(doing: &'static str, source: rusqlite::Error) -> Self {
        Self::Database { doing, source: Arc::new(source) }
    }
}
