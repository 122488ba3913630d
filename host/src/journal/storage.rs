//! What the record takes of the disk and what is left: sizes of files and the inventory of pictures. The pictures'
//! own files are not looked at.

use super::embeddings::EMBEDDINGS;
use super::health::Pressure;
use super::options::database_in;
use super::pictures::Class;
use super::rows::unsigned;
use super::series::SERIES;
use super::space::{ballast_in, pressure, room_in};
use super::{JournalError, Reader, ledger};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What lies in the folder of a journal, and the disk below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// Those that are there, the journal first.
    pub databases: Vec<DatabaseUse>,
    /// Entries of the chain.
    pub rows: i64,
    /// Those of which pictures are kept, the most wanted first; none where there was no time to count.
    pub pictures: Option<Vec<ClassUse>>,
    /// 0 while its space is given to the database.
    pub ballast_bytes: u64,
    /// None where the system does not say.
    pub disk: Option<DiskRoom>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUse {
    /// The file's name.
    pub file: String,
    pub bytes: u64,
    /// What is written and not yet moved into the file.
    pub wal_bytes: u64,
}

/// Pictures of one class by the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassUse {
    pub class: Class,
    pub pictures: u64,
    pub bytes: u64,
    pub oldest_us: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskRoom {
    pub free_bytes: u64,
    pub whole_bytes: u64,
    pub pressure: Pressure,
}

impl Reader {
    /// How the storage is now. Pictures that are not counted by `due` are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn storage(&self, due: Instant) -> Result<Storage, JournalError> {
        let pictures = match self.with_until(due, "count the pictures", class_uses) {
            Ok(pictures) => Some(pictures),
            Err(JournalError::TookTooLong { .. }) => None,
            Err(error) => return Err(error),
        };
        let dir = self.dir();
        let files = [database_in(dir), ledger::database_in(dir), SERIES.path_in(dir), EMBEDDINGS.path_in(dir)];
        let ballast_bytes = size(&ballast_in(dir)).unwrap_or(0);
        let disk = room_in(dir).map(|(free_bytes, whole_bytes)| DiskRoom {
            free_bytes,
            whole_bytes,
            pressure: pressure(free_bytes, whole_bytes, ballast_bytes > 0),
        });
        let databases = files.iter().filter_map(|path| database_use(path)).collect();
        Ok(Storage { databases, rows: self.newest_row()?, pictures, ballast_bytes, disk })
    }
}

/// Of an index alone, which has all that is asked for.
fn class_uses(db: &Connection) -> rusqlite::Result<Vec<ClassUse>> {
    let sql = "SELECT class, count(*), sum(bytes), min(stored_at_us) FROM pictures INDEXED BY pictures_evict
               GROUP BY class ORDER BY class DESC";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut uses = Vec::new();
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        // One that a later program has added is not known here.
        let Some(class) = Class::ALL.into_iter().find(|class| *class as i64 == number) else { continue };
        uses.push(ClassUse {
            class,
            pictures: unsigned(row.get(1)?),
            bytes: unsigned(row.get(2)?),
            oldest_us: row.get(3)?,
        });
    }
    Ok(uses)
}

fn database_use(path: &Path) -> Option<DatabaseUse> {
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    Some(DatabaseUse {
        file: path.file_name()?.to_string_lossy().into_owned(),
        bytes: size(path)?,
        wal_bytes: size(&wal).unwrap_or(0),
    })
}

fn size(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| meta.len())
}
