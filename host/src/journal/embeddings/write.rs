use super::{EMBEDDINGS, MAX_KEPT};
use crate::domain::{Digest, Embedding};
use crate::journal::side::SideError;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// Rows over the bound before the oldest are removed, all at once.
const SLACK: usize = 1000;

/// One picture's.
#[derive(Debug, Clone)]
pub struct NewEmbedding {
    /// The journal's row.
    pub row: i64,
    pub judged_at_us: i64,
    /// What made it: others cannot be compared with it.
    pub model: Digest,
    pub embedding: Embedding,
}

/// The one that writes. Not for the way of a frame: each call is a transaction.
pub struct EmbeddingWriter {
    dir: PathBuf,
    db: Connection,
    most: usize,
    /// Not fewer than there are.
    kept: usize,
}

impl EmbeddingWriter {
    /// Opens the embeddings in `dir`, the journal's folder, whose newest row is `newest`; what is said to be newer is of
    /// another journal and is removed. A file that is damaged or is something else is moved to `embeddings.db.damaged`.
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be opened for another reason.
    pub fn open(dir: &Path, newest: i64) -> Result<Self, SideError> {
        Self::with_bound(dir, newest, MAX_KEPT)
    }

    pub(super) fn with_bound(dir: &Path, newest: i64, most: usize) -> Result<Self, SideError> {
        let (db, began_anew) = EMBEDDINGS.open(dir)?;
        if began_anew {
            tracing::warn!("the embeddings of pictures were damaged and begin anew");
        }
        let prepare = || {
            db.execute("DELETE FROM embeddings WHERE row > ?", [newest])?;
            count(&db)
        };
        let kept = prepare().map_err(EMBEDDINGS.failed("opened"))?;
        Ok(Self { dir: dir.to_owned(), db, most, kept })
    }

    /// Adds all of `new` or nothing, and forgets the oldest beyond the bound.
    ///
    /// # Errors
    /// When it cannot be written; a damaged file was moved aside by then, and the writer has to be opened again.
    pub fn add(&mut self, new: &[NewEmbedding]) -> Result<(), SideError> {
        let written = self.write(new).map_err(EMBEDDINGS.failed("written"));
        if let Err(error) = &written
            && error.is_damage()
        {
            // Closed first: what SQLite writes at the end belongs to the old file.
            self.db = Connection::open_in_memory().map_err(EMBEDDINGS.failed("closed"))?;
            EMBEDDINGS.move_aside(&self.dir)?;
        }
        written
    }

    fn write(&mut self, new: &[NewEmbedding]) -> rusqlite::Result<()> {
        let tx = self.db.transaction()?;
        {
            let mut insert = tx.prepare("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?, ?)")?;
            for NewEmbedding { row, judged_at_us, model, embedding } in new {
                insert.execute(params![row, judged_at_us, model.as_bytes(), embedding.bytes()])?;
            }
        }
        let mut kept = self.kept + new.len();
        if kept > self.most + SLACK.min(self.most) {
            kept = count(&tx)?;
            let over = kept.saturating_sub(self.most);
            let oldest = "DELETE FROM embeddings WHERE row IN (SELECT row FROM embeddings ORDER BY row LIMIT ?)";
            kept -= tx.execute(oldest, [over as i64])?;
        }
        tx.commit()?;
        self.kept = kept;
        Ok(())
    }
}

fn count(db: &Connection) -> rusqlite::Result<usize> {
    let rows: i64 = db.query_row("SELECT count(*) FROM embeddings", [], |row| row.get(0))?;
    Ok(usize::try_from(rows).unwrap_or(0))
}
