//! Keeps how the model sees each released picture, for "more like this": one thread takes the embeddings that verdicts
//! bring along and writes them every few seconds.
//!
//! The line never waits for it: what finds no room, or cannot be written, is not among the pictures that are compared.

use crate::domain::with_causes;
use crate::journal::{EmbeddingWriter, NewEmbedding, Reader, SideError};
use crate::pipeline::{Board, Outcome};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Verdicts that wait: two seconds of a fast line.
const QUEUE: usize = 512;
/// Embeddings of one write.
const BATCH: usize = 256;
/// Before a file that could not be opened, or was damaged, is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(60);
/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_secs(2);

/// The thread that keeps embeddings.
pub struct LikenessKeeper {
    board: Board,
    thread: Option<JoinHandle<()>>,
}

impl LikenessKeeper {
    /// `dir` is the journal's folder, and `journal` reads it. What is wrong there is logged and tried again.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(dir: &Path, board: &Board, journal: Reader) -> std::io::Result<Self> {
        let (outcomes_in, outcomes) = bounded(QUEUE);
        let mut keeper = Keeper::new(dir, journal);
        let thread = std::thread::Builder::new().name("likeness".to_owned()).spawn(move || keeper.run(&outcomes))?;
        board.keep(Some(outcomes_in));
        Ok(Self { board: board.clone(), thread: Some(thread) })
    }

    /// Writes what is not yet written, and ends.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for LikenessKeeper {
    fn drop(&mut self) {
        // The thread ends once the queue is empty, since nobody holds its other end.
        self.board.keep(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Why something was not written.
struct NotKept {
    said: String,
    /// The file was moved aside, so that another has to be opened.
    damaged: bool,
}

impl From<SideError> for NotKept {
    fn from(error: SideError) -> Self {
        Self { said: with_causes(&error), damaged: error.is_damage() }
    }
}

struct Keeper {
    dir: PathBuf,
    journal: Reader,
    writer: Option<EmbeddingWriter>,
    /// Not before, where it could not be opened.
    opens_at: Instant,
    /// So that a disk that stays full is one line of the log.
    told: bool,
}

impl Keeper {
    fn new(dir: &Path, journal: Reader) -> Self {
        Self { dir: dir.to_owned(), journal, writer: None, opens_at: Instant::now(), told: false }
    }

    fn run(&mut self, outcomes: &Receiver<Arc<Outcome>>) {
        let mut waiting = Vec::with_capacity(BATCH);
        let mut due = Instant::now() + WRITE_EVERY;
        loop {
            let ended = match outcomes.recv_deadline(due) {
                Ok(outcome) => {
                    waiting.extend(new(&outcome));
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if ended || waiting.len() >= BATCH || Instant::now() >= due {
                self.write(&waiting);
                waiting.clear();
                due = Instant::now() + WRITE_EVERY;
            }
            if ended {
                return;
            }
        }
    }

    fn write(&mut self, new: &[NewEmbedding]) {
        if new.is_empty() || (self.writer.is_none() && Instant::now() < self.opens_at) {
            return;
        }
        match self.try_write(new) {
            Ok(()) => self.told = false,
            Err(error) => {
                // What is open stays so: opening looks at the whole file, and a disk that is full has better things to do.
                if self.writer.is_none() || error.damaged {
                    (self.writer, self.opens_at) = (None, Instant::now() + REOPEN_AFTER);
                }
                if !std::mem::replace(&mut self.told, true) {
                    tracing::error!(error = error.said, "embeddings of pictures are not kept until this is mended");
                }
            }
        }
    }

    fn try_write(&mut self, new: &[NewEmbedding]) -> Result<(), NotKept> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let newest = self.journal.newest_row();
                let newest = newest.map_err(|error| NotKept { said: with_causes(&error), damaged: false })?;
                self.writer.insert(EmbeddingWriter::open(&self.dir, newest)?)
            }
        };
        Ok(writer.add(new)?)
    }
}

/// None where no record was made, or no model answered.
fn new(outcome: &Outcome) -> Option<NewEmbedding> {
    let inspection = &outcome.inspection;
    Some(NewEmbedding {
        row: outcome.row?,
        judged_at_us: inspection.judged_at_us,
        model: inspection.answer.as_ref()?.digest,
        embedding: outcome.embedding.clone()?,
    })
}

#[cfg(test)]
mod tests;
