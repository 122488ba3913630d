//! A database of its own beside the journal, of what may be lost: its file, its settings, and what becomes of one that is
//! not as it should be.

use super::schema::{BUSY_MS, Header, header};
use rusqlite::{Connection, OpenFlags};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The WAL is cut back to this size when it starts anew.
const WAL_BYTES: i64 = 4 << 20;

/// One such database.
#[derive(Debug)]
pub struct Side {
    /// What lies in it, for messages: "the figures for charts".
    pub what: &'static str,
    pub file: &'static str,
    pub application_id: u32,
    /// No older version is brought to this one: it is moved aside like any other file that is not as it should be.
    pub version: u32,
    pub tables: &'static str,
}

/// Why what may be lost cannot be kept or read. Nothing else of the station suffers.
#[derive(Debug, thiserror::Error)]
pub enum SideError {
    #[error("{what} cannot use {}: let the station's user write there", path.display())]
    Folder { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{what} could not be {doing}")]
    Database { what: &'static str, doing: &'static str, source: rusqlite::Error },
}

impl SideError {
    /// True where the file itself is at fault, so that a new one would do.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        let Self::Database { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(Code::DatabaseCorrupt | Code::NotADatabase))
            || matches!(source, rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..))
    }
}

impl Side {
    pub fn path_in(&self, dir: &Path) -> PathBuf {
        dir.join(self.file)
    }

    /// Names what was done to it when SQLite failed.
    pub fn failed(&self, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> SideError + use<> {
        let what = self.what;
        move |source| SideError::Database { what, doing, source }
    }

    /// Opens the file, and makes it where there is none. One that is not as it should be is moved aside first; says so.
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be opened for another reason.
    pub fn open(&self, dir: &Path) -> Result<(Connection, bool), SideError> {
        let path = self.path_in(dir);
        let ours = match header(&path).map_err(|source| self.folder(&path, source))? {
            Header::Missing => true,
            Header::Sqlite { application_id, version } => {
                application_id == self.application_id && version == self.version && self.is_whole(&path)
            }
            Header::NotSqlite => false,
        };
        if !ours {
            self.move_aside(dir)?;
        }
        match self.connect(&path) {
            Err(error) if ours && error.is_damage() => {
                self.move_aside(dir)?;
                Ok((self.connect(&path)?, true))
            }
            other => Ok((other?, !ours)),
        }
    }

    /// Takes the file out of the way, with what SQLite keeps beside it. Of those that were, one is kept.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn move_aside(&self, dir: &Path) -> Result<(), SideError> {
        let path = self.path_in(dir);
        for end in ["", "-wal", "-shm"] {
            let with = |name: &str| PathBuf::from(format!("{}{name}{end}", path.display()));
            match fs::rename(with(""), with(".damaged")) {
                Err(source) if source.kind() != ErrorKind::NotFound => return Err(self.folder(&path, source)),
                _ => {}
            }
        }
        Ok(())
    }

    fn folder(&self, path: &Path, source: std::io::Error) -> SideError {
        SideError::Folder { what: self.what, path: path.to_owned(), source }
    }

    /// Looks at every page: a station that starts has the time, and the file is small.
    fn is_whole(&self, path: &Path) -> bool {
        let check = || {
            let query = self.connect(path)?.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
            query.map_err(self.failed("checked"))
        };
        check().is_ok_and(|answer| answer == "ok")
    }

    fn connect(&self, path: &Path) -> Result<Connection, SideError> {
        let opened = || {
            let flags =
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut db = Connection::open_with_flags(path, flags)?;
            db.busy_timeout(Duration::from_millis(BUSY_MS))?;
            self.make(&mut db)?;
            db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            // A power cut may cost the last seconds of what is in it, never the file.
            db.pragma_update(None, "synchronous", 1)?;
            db.pragma_update(None, "trusted_schema", false)?;
            db.pragma_update(None, "cell_size_check", true)?;
            db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
            db.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
            Ok(db)
        };
        opened().map_err(self.failed("opened"))
    }

    /// Makes the tables where there are none. Before the WAL is switched on, so that the file itself says whose it is from
    /// its first moment on, also to a start that follows a power cut.
    fn make(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let tx = db.transaction()?;
        if tx.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0))? == 0 {
            tx.execute_batch(self.tables)?;
            tx.pragma_update(None, "application_id", self.application_id)?;
            tx.pragma_update(None, "user_version", self.version)?;
        }
        tx.commit()
    }
}
