use super::EMBEDDINGS;
use crate::domain::likeness;
use crate::journal::Reader;
use crate::journal::schema::open_to_read;
use crate::journal::side::SideError;
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Rows between two looks at the clock.
const ROWS_BETWEEN_LOOKS: usize = 512;

/// Reads embeddings, each query on a connection of its own.
#[derive(Debug, Clone)]
pub struct EmbeddingReader {
    path: PathBuf,
}

/// A picture that is like another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Like {
    /// The journal's row, and its time: the row may be another part's in a journal that began anew.
    pub row: i64,
    pub judged_at_us: i64,
    /// Cosine, -1 to 1.
    pub likeness: f64,
}

/// What is like a picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Alike {
    /// The most alike first.
    pub found: Vec<Like>,
    /// Pictures that were compared, the newest of the same model.
    pub compared: usize,
    /// There are older ones that there was no time for.
    pub stopped: bool,
}

impl Reader {
    /// Of the pictures in this journal.
    #[must_use]
    pub fn embeddings(&self) -> EmbeddingReader {
        EmbeddingReader::new(self.dir())
    }
}

impl EmbeddingReader {
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { path: EMBEDDINGS.path_in(dir) }
    }

    /// The `most` pictures that are most like that of a row, among the newest that can be compared until `due`. None
    /// where nothing is kept of that picture itself.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alike(&self, row: i64, judged_at_us: i64, most: usize, due: Instant) -> Result<Option<Alike>, SideError> {
        // A station of which no picture has come yet, or whose model makes none.
        if !self.path.exists() {
            return Ok(None);
        }
        let query = || {
            let db = open_to_read(&self.path)?;
            let sql = "SELECT model, vector FROM embeddings WHERE row = ? AND judged_at_us = ?";
            let own = db.query_row(sql, [row, judged_at_us], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            own.map(|(model, vector)| compare(&db, &Own { row, model, vector }, most, due)).transpose()
        };
        query().map_err(EMBEDDINGS.failed("read"))
    }
}

/// The picture that others are compared with.
struct Own {
    row: i64,
    model: Vec<u8>,
    vector: Vec<u8>,
}

fn compare(db: &Connection, own: &Own, most: usize, due: Instant) -> rusqlite::Result<Alike> {
    let sql = "SELECT row, judged_at_us, model, vector FROM embeddings ORDER BY row DESC";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([])?;
    let (mut alike, mut looked) = (Alike::default(), 0usize);
    while let Some(row) = rows.next()? {
        looked += 1;
        if looked.is_multiple_of(ROWS_BETWEEN_LOOKS) && Instant::now() >= due {
            alike.stopped = true;
            break;
        }
        if let Some(like) = one(row, own)? {
            alike.compared += 1;
            insert(&mut alike.found, like, most);
        }
    }
    Ok(alike)
}

fn one(row: &Row<'_>, own: &Own) -> rusqlite::Result<Option<Like>> {
    let number = row.get(0)?;
    if number == own.row || row.get_ref(2)?.as_blob()? != own.model {
        return Ok(None);
    }
    let judged_at_us = row.get(1)?;
    let likeness = likeness(&own.vector, row.get_ref(3)?.as_blob()?);
    Ok(likeness.map(|likeness| Like { row: number, judged_at_us, likeness }))
}

/// Puts one into its place among the `most` best. Of those that are equally like, the newest stands first.
fn insert(found: &mut Vec<Like>, like: Like, most: usize) {
    let at = found.partition_point(|other| other.likeness >= like.likeness);
    if at < most {
        found.truncate(most.saturating_sub(1));
        found.insert(at, like);
    }
}
