//! The durable, hash-chained record of inspections and reviews (SQLite) and the picture store.
//!
//! One thread writes ([`Journal`]), in group commits: it takes all records that wait, makes them durable together,
//! then answers each. Any number of threads read ([`Reader`]), each query on its own. What the journal promises:
//!
//! - A record that was answered is on the disk, after a power cut too, and no record is there twice.
//! - A record never names a stored picture that is not there.
//! - Any later change before a checkpoint that was kept elsewhere is found by `assay journal verify`.
//! - Nothing is written to, and nothing deleted beside, a database that is not a journal of assay.

mod batch;
mod chain;
mod embeddings;
mod drift;
mod error;
mod export;
mod files;
mod filter;
mod gaps;
mod given;
mod health;
mod keeping;
mod ledger;
mod line;
mod open;
mod options;
mod pictures;
mod place;
mod quality;
mod reader;
mod record;
mod report;
mod recovery;
mod refused;
mod reviews;
mod rows;
mod sample;
mod schema;
mod search;
mod series;
mod side;
mod space;
mod storage;
mod streams;
mod verify;
mod verify_derived;
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{Checkpoint, CheckpointParseError, Kind};
pub use drift::{DriftPoints, FeatureValues, KeptPictures};
pub use embeddings::{Alike, EmbeddingReader, EmbeddingWriter, Like, NewEmbedding};
pub use error::JournalError;
pub use export::{ExportError, ExportFormat, csv_cell, csv_head, csv_line, export};
pub use files::{Files, SystemFiles};
pub use filter::{Cursor, CursorParseError, Filter, MAX_PAGE, MIN_PART_DIGITS, Page, PartParseError, PartPrefix};
pub use given::{Given, GivenBy, MAX_GIVEN};
pub use health::{Health, Pressure};
pub use ledger::{
    AuditEntry, AuditFault, AuditLine, AuditVerified, Changed, Ledger, LedgerError, MAX_VIEWS, NewEvent, NewToken,
    NewUser, OutboxState, Outcome, SavedView, Token, User, UserChange, WaitingEvent, export_audit, verify_audit,
};
pub use line::{LineHistory, LineNumber, LineRange, MAX_LINE_HISTORY, StoredFile};
pub use options::{Durability, JournalOptions, KeepDays, PictureLimits};
pub use pictures::Class as PictureClass;
pub use place::network_name;
pub use quality::MAX_LABELLED;
pub use reader::{MAX_LATENCY_ROWS, MAX_POINTS, Reader};
pub use record::{Record, StoredImage};
pub use report::{
    DriftSummary, MAX_RANKED, MAX_RANKED_ROWS, Reason, Reasons, SpanFigures, SpanUs, Undecided, UndecidedBy,
};
pub use reviews::{MAX_LABEL_CHARS, MAX_REASON_CHARS, NewReview, Review, ReviewDesk, ReviewError, Reviewed};
pub use rows::{Counts, DriftPoint, Entry, Latency, Line, Listing, LostFrames, Observed, TrendPoint};
pub use sample::is_drawn;
pub use search::{Budget, Found, Turn};
pub use series::{Figures, PluginFigures, SeriesReader, SeriesWriter, StageKey, Tier};
pub use side::SideError;
pub use storage::{ClassUse, DatabaseUse, DiskRoom, Storage};
pub use streams::Direction;
pub use verify::{ChainFault, Verified, verify};

use crate::domain::{FrameId, LatencyCounts, Observation};
use batch::Work;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender};
use health::Shared;
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use writer::{Command, Ticket};

/// A record is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its number in the chain; later records have higher ones.
    pub row: i64,
    /// From `submit` until it was durable.
    pub micros: u64,
}

/// A record on its way. Dropping it does not stop the record.
#[must_use = "a record counts only after wait() said so"]
pub struct Pending {
    reply: Receiver<Result<Committed, JournalError>>,
}

impl Pending {
    /// Waits until the record is on the disk.
    ///
    /// # Errors
    /// When it is not, or when that is not known; either way it was not confirmed and must not count as a pass.
    pub fn wait(self) -> Result<Committed, JournalError> {
        let gone = |_| JournalError::Stopped { detail: "its writer has ended".to_owned() };
        self.reply.recv().map_err(gone)?
    }
}

/// The record of one station. Holds the lock of the data folder until it is dropped.
pub struct Journal {
    options: JournalOptions,
    boot: u64,
    sending: Sending,
    writer: Mutex<Option<JoinHandle<()>>>,
    shared: Arc<Shared>,
    reader: Reader,
    lock: File,
}

impl Journal {
    /// Opens the journal in `options.dir`, and makes it where there is nothing yet. Counts a new start of the station.
    ///
    /// # Errors
    /// When the folder is in use or not writable, or the database is not a journal that this program understands,
    /// or is missing although pictures are there. Then nothing was changed.
    pub fn open(options: JournalOptions) -> Result<Self, JournalError> {
        open::open(options)
    }

    /// The number of this start of the station.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Hands a record to the writer. Waits at most `queue_wait_ms` for a place in its queue.
    ///
    /// # Errors
    /// When the record is malformed, of another station or start, or the queue stays full.
    pub fn submit(&self, record: Record) -> Result<Pending, JournalError> {
        self.check_id(&record.inspection.meta.id)?;
        let record = record::prepare(record, &self.options)?;
        self.send(Work::Record(Box::new(record)))
    }

    /// Records what a monitor reports on a frame. Nothing is written where it reports nothing.
    ///
    /// # Errors
    /// As [`Journal::submit`].
    pub fn observe(&self, frame: &FrameId, plugin: &str, observation: &Observation) -> Result<Pending, JournalError> {
        self.check_id(frame)?;
        let rows = record::observation_rows(frame, plugin, observation, now_us())?;
        self.send(Work::Observation(rows))
    }

    /// Records that the triggers `first` to `last` of this start have no record, and why.
    ///
    /// # Errors
    /// When the range is empty, or as [`Journal::submit`].
    pub fn lost(&self, first: u64, last: u64, reason: &str) -> Result<Pending, JournalError> {
        let id = format!("triggers {first} to {last}");
        if first == 0 || first > last {
            return Err(JournalError::BadRecord { id, detail: "a range of triggers goes upwards from 1".to_owned() });
        }
        let columns = gaps::lost_columns(self.boot, first, last, reason)
            .map_err(|detail| JournalError::BadRecord { id, detail })?;
        let pending = self.send(Work::Lost(columns))?;
        self.shared.add_lost(last - first + 1);
        Ok(pending)
    }

    /// Records that the numbers `first` to `last` of a source's own counter gave no frame, and why.
    ///
    /// # Errors
    /// When the range is empty, or as [`Journal::submit`].
    pub fn line_lost(&self, source: &str, first: u64, last: u64, reason: &str) -> Result<Pending, JournalError> {
        let id = format!("numbers {first} to {last} of {source}");
        if first > last {
            return Err(JournalError::BadRecord { id, detail: "a range of numbers goes upwards".to_owned() });
        }
        let columns = gaps::line_lost_columns(self.boot, source, first, last, reason)
            .map_err(|detail| JournalError::BadRecord { id, detail })?;
        let pending = self.send(Work::LineLost(columns))?;
        self.shared.add_lost((last - first).saturating_add(1));
        Ok(pending)
    }

    /// What a monitor stored before.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn load_state(&self, plugin: &str) -> Result<BTreeMap<String, Vec<u8>>, JournalError> {
        self.reader.monitor_state(plugin)
    }

    /// Replaces all that a monitor has stored.
    ///
    /// # Errors
    /// As [`Journal::submit`].
    pub fn save_state(&self, plugin: &str, state: BTreeMap<String, Vec<u8>>) -> Result<Pending, JournalError> {
        self.send(Work::State { plugin: plugin.to_owned(), state })
    }

    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Why verdicts are withheld at the moment. Takes the writer's lock only where there is something to tell.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// Times of the commits since the start, and triggers recorded as lost. Takes no lock of the writer.
    #[must_use]
    pub fn commit_times(&self) -> LatencyCounts {
        self.shared.commit_times()
    }

    #[must_use]
    pub fn lost_triggers(&self) -> u64 {
        self.shared.lost()
    }

    #[must_use]
    pub const fn picture_limits(&self) -> PictureLimits {
        PictureLimits { quota_bytes: self.options.image_quota_bytes, keep_days: self.options.keep_days }
    }

    /// Free space where the journal lies, in bytes; 0 where the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.options.dir);
        disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Makes durable what waits, moves the WAL into the database, and ends the writer. Later calls are refused.
    pub fn close(&self) {
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // Fails only when the writer has ended already.
            let _ = self.sending.commands.send(Command::Stop);
            if thread.join().is_err() {
                let stopped = Some("its writer has panicked".to_owned());
                self.shared.change(|health| health.stopped = stopped);
            }
        }
    }

    fn check_id(&self, id: &FrameId) -> Result<(), JournalError> {
        if id.station == self.options.station && id.boot == self.boot {
            return Ok(());
        }
        let expected = format!("this is station {}, start {}", self.options.station, self.boot);
        Err(JournalError::BadRecord { id: id.to_string(), detail: expected })
    }

    fn send(&self, work: Work) -> Result<Pending, JournalError> {
        self.sending.send(work)
    }
}

/// The way to the writer.
#[derive(Clone)]
struct Sending {
    commands: Sender<Command>,
    queue: usize,
    queue_wait_ms: u64,
    shared: Arc<Shared>,
}

impl Sending {
    fn send(&self, work: Work) -> Result<Pending, JournalError> {
        let (reply, pending) = crossbeam_channel::bounded(1);
        let command = Command::Work(Ticket { work, reply, since: Instant::now() });
        let waited_ms = self.queue_wait_ms;
        match self.commands.send_timeout(command, Duration::from_millis(waited_ms)) {
            Ok(()) => Ok(Pending { reply: pending }),
            Err(SendTimeoutError::Timeout(_)) => Err(JournalError::QueueFull { queue: self.queue, waited_ms }),
            Err(SendTimeoutError::Disconnected(_)) => {
                let stopped = self.shared.health().stopped;
                Err(JournalError::Stopped { detail: stopped.unwrap_or_else(|| "it was closed".to_owned()) })
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
        // Not only by closing the file: a process that is being started at this moment may still have it open.
        let _ = rustix::fs::flock(&self.lock, rustix::fs::FlockOperation::Unlock);
    }
}

/// Microseconds since 1970-01-01 UTC.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
