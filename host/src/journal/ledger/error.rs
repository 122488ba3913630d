use std::io;
use std::path::{Path, PathBuf};

/// Why the station's own records could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the station's records cannot use {}: create it, or let the station's user write there", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} is read-only, the station must write there: remount it writable, or set another data folder", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} is locked by another program: close what has it open (database browser, backup) and try again", path.display())]
    Locked { path: PathBuf },
    #[error("{} is {found}, expected the records of a station: move the file away, or set another data folder", path.display())]
    Foreign { path: PathBuf, found: String },
    #[error(
        "{} has schema version {found}, this program knows 1 to {known}: start the assay that wrote it, or a newer one",
        path.display()
    )]
    TooNew { path: PathBuf, found: u32, known: u32 },
    #[error(
        "{} is missing although {} is there: restore the database from its backup, or move that away to start afresh",
        database.display(), found.display()
    )]
    Missing { database: PathBuf, found: PathBuf },
    #[error(
        "{pragma} is {found} after setting it to {expected}: this SQLite build cannot keep the promise of the records"
    )]
    Setting { pragma: &'static str, expected: &'static str, found: String },
    #[error("no space to {doing}: free some, and do it again")]
    DiskFull { doing: &'static str },
    #[error("the station could not {doing}")]
    Database { doing: &'static str, source: rusqlite::Error },
    #[error("the export cannot be written")]
    Export { source: io::Error },
}

impl LedgerError {
    pub(super) fn folder(path: &Path, source: io::Error) -> Self {
        if matches!(source.kind(), io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied) {
            return Self::ReadOnly { path: path.to_owned() };
        }
        Self::Folder { path: path.to_owned(), source }
    }

    /// Names the usual reasons for which a database does not open.
    pub(super) fn opening(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked { path },
            Some(Code::ReadOnly | Code::PermissionDenied) => Self::ReadOnly { path },
            Some(Code::NotADatabase) => Self::Foreign { path, found: "not a SQLite database".to_owned() },
            _ => Self::query("open its records", source),
        }
    }

    pub(super) fn query(doing: &'static str, source: rusqlite::Error) -> Self {
        if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) {
            return Self::DiskFull { doing };
        }
        Self::Database { doing, source }
    }
}
