//! Where frames come from.
//!
//! A source runs on a thread of its own, gives what arrives to a bounded channel and ends when it is told to stop, when
//! nobody listens any more or when it has nothing left. What it cannot read it still reports: the part was there.

mod stop;
mod folder;
mod files;

pub use files::FilesSource;
pub use folder::{AfterReading, FolderMode, FolderOptions, FolderSource, NameFields};
pub use stop::StopFlag;

use crate::domain::Failure;
use crossbeam_channel::{SendTimeoutError, Sender};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// One picture file, or why there is none.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The source's name in the station's configuration.
    pub source: String,
    /// What the source calls it: a file name, a camera's frame number.
    pub origin: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    /// Microseconds since 1970-01-01 UTC.
    pub captured_at_us: i64,
    /// The file as it came, not decoded.
    pub payload: Result<Arc<[u8]>, Failure>,
    /// True where the frame does not come from the line.
    pub simulated: bool,
}

/// Something that gives pictures.
pub trait Source: Send {
    /// Its name in the station's configuration.
    fn name(&self) -> &str;

    /// Gives pictures until there are none left, `stop` is set or `out` is closed. Blocks while `out` is full.
    fn run(self: Box<Self>, out: &Sender<Arrival>, stop: &StopFlag);
}

/// How long a full channel is waited for before the stop flag is looked at again.
const SEND_WAIT: Duration = Duration::from_millis(50);

/// Sends, however long the channel is full, but not past a stop.
fn send(mut arrival: Arrival, out: &Sender<Arrival>, stop: &StopFlag) -> ControlFlow<()> {
    while !stop.is_stopped() {
        match out.send_timeout(arrival, SEND_WAIT) {
            Ok(()) => return ControlFlow::Continue(()),
            Err(SendTimeoutError::Timeout(back)) => arrival = back,
            Err(SendTimeoutError::Disconnected(_)) => break,
        }
    }
    ControlFlow::Break(())
}

/// Microseconds since 1970-01-01 UTC; 0 on a clock that stands before that.
fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
