use super::files::{Files, SystemFiles};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far a commit goes before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is flushed to the disk first. What a station uses.
    Full,
    /// A power cut can take confirmed records away. Only there so that the power-cut test can show that it sees this.
    LosesConfirmedRows,
    /// Records are answered before they are committed. Only there for the same reason.
    AnswersBeforeCommit,
}

/// How many days pictures are kept, by what became of the part. 0 keeps none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepDays {
    pub fail: u32,
    pub undecided: u32,
    /// Passed, with a raised finding.
    pub flagged: u32,
    /// Passed, without one.
    pub pass: u32,
}

impl KeepDays {
    /// Only the quota ends the stay of a picture.
    pub const FOREVER: Self = Self { fail: u32::MAX, undecided: u32::MAX, flagged: u32::MAX, pass: u32::MAX };
}

/// What bounds the pictures that a journal keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureLimits {
    pub quota_bytes: u64,
    pub keep_days: KeepDays,
}

/// Where a journal lies, and its limits.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// Holds the database, the pictures, the ballast and the lock.
    pub dir: PathBuf,
    pub station: String,
    /// Stored pictures take at most this many bytes; beyond it the least wanted go first. While many large ones come
    /// in at once it may be an eighth more (at most 256 MiB), and those that would go beyond that are not kept.
    pub image_quota_bytes: u64,
    pub keep_days: KeepDays,
    /// Of the passed parts without a raised finding, the pictures of one in so many are kept. 0 keeps none.
    pub pass_one_in: u64,
    /// Of the passed parts one in so many is drawn for people to look at, and its picture kept like any other. 0 draws
    /// none.
    pub review_one_in: u64,
    /// Space held back for the moment when the disk is full: 1 to 64 MiB.
    pub ballast_bytes: u64,
    /// Commands that wait for the writer.
    pub queue: usize,
    /// `submit` waits at most this long for a place in the queue.
    pub queue_wait_ms: u64,
    /// Most records in one commit.
    pub batch_rows: usize,
    /// A commit waits this long for more records once the first is there. 0: takes what waits, and goes.
    pub batch_wait_us: u64,
    /// Pages of 4 KiB in the WAL after which a quiet moment is used to move them into the database.
    pub checkpoint_pages: i64,
    pub durability: Durability,
    /// SQLite VFS by name; the system's own when absent. For tests that simulate a bad disk.
    pub vfs: Option<String>,
    /// All files but those of SQLite. For tests that simulate a bad disk.
    pub files: Arc<dyn Files>,
}

impl JournalOptions {
    #[must_use]
    pub fn new(dir: &Path, station: &str) -> Self {
        Self {
            dir: dir.to_owned(),
            station: station.to_owned(),
            image_quota_bytes: 2 << 30,
            keep_days: KeepDays::FOREVER,
            pass_one_in: 1,
            review_one_in: 50,
            ballast_bytes: 16 << 20,
            queue: 512,
            queue_wait_ms: 1000,
            batch_rows: 256,
            batch_wait_us: 0,
            checkpoint_pages: 2000,
            durability: Durability::Full,
            vfs: None,
            files: Arc::new(SystemFiles),
        }
    }

    #[must_use]
    pub fn database(&self) -> PathBuf {
        database_in(&self.dir)
    }

    #[must_use]
    pub fn pictures(&self) -> PathBuf {
        pictures_in(&self.dir)
    }
}

pub(super) fn database_in(dir: &Path) -> PathBuf {
    dir.join("journal.db")
}

pub(super) fn pictures_in(dir: &Path) -> PathBuf {
    dir.join("pictures")
}
