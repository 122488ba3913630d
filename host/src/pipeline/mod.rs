//! The way of a frame: `inspect_frame`, the judging behind its seam, the lanes and the board that the admin reads.
//!
//! Invariants: a verdict leaves [`release`] only after its record is on disk; every queue is bounded; nothing on the
//! way of a frame waits for the admin or for a monitor.

mod trace;
mod judge;
mod inspect;
mod board;
mod live;
mod second;
mod monitors;
mod release;
mod keeper;
mod counter;
mod triggers;
mod lanes;

pub(crate) use board::percentile;
pub use board::{Board, BoardSnapshot, Counters, RecipeCard, StageLatency};
pub use inspect::{InspectContext, Inspected, inspect_frame, now_us};
pub use judge::{Judge, LiveRecipe};
pub use keeper::JournalKeeper;
pub use lanes::{LaneOptions, Line, LineError, LineParts};
pub use live::{LiveSlot, Watcher};
pub use monitors::MonitorStates;
pub use release::{Outcome, Record, RecordKeeper, RecordTicket};
pub use second::{SecondOpinion, second_opinion};
pub use trace::Trace;
pub use triggers::{LineHistory, Recorded};

#[cfg(test)]
mod tests;
