//! Where frames come from.
//!
//! A source runs on a thread of its own, gives what arrives to a bounded queue and ends when it is told to stop, when
//! nobody listens any more or when it has nothing left. What it cannot read it still reports: the part was there.

mod stop;
mod receipt;
mod queue;
mod folder;
mod files;
mod intake;
mod setup;
mod replay;
mod burst;

pub use burst::{BurstOptions, BurstSource};
pub use files::FilesSource;
pub use folder::{
    AfterReading, FolderChanges, FolderMode, FolderOptions, FolderSource, LoadedPicture, NameFields, RecordedFile,
    WatchError, load_pictures,
};
pub use intake::{Intake, IntakeOptions, IntakeSource, IntakeState, UploadSeat, intake};
pub use queue::{LostTriggers, Outlet, QueueLimits, Refused, queue};
pub use receipt::{Receipt, Settlement};
pub use replay::{ReplaySource, StoredPicture};
pub use setup::{SourceCard, SourceSetup};
pub use stop::StopFlag;

use crate::domain::Failure;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// One picture file, or why there is none.
#[derive(Debug)]
pub struct Arrival {
    /// The source's name in the station's configuration.
    pub source: String,
    /// What the source calls it: a file name, a camera's frame number.
    pub origin: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    /// The line's own number of this trigger, where the source knows one: a PLC's or a camera's counter.
    pub trigger: Option<u64>,
    /// Microseconds since 1970-01-01 UTC.
    pub captured_at_us: i64,
    /// The file as it came, not decoded.
    pub payload: Result<Arc<[u8]>, Failure>,
    /// True where the frame does not come from the line.
    pub simulated: bool,
    /// Settled once the record is durable; none where the source does not want to know.
    pub receipt: Option<Receipt>,
}

/// Something that gives pictures.
pub trait Source: Send {
    /// Its name in the station's configuration.
    fn name(&self) -> &str;

    /// Gives pictures until there are none left, `stop` is set or nobody takes from `out`. Blocks while it is full.
    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag);
}

/// Microseconds since 1970-01-01 UTC; 0 on a clock that stands before that.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
