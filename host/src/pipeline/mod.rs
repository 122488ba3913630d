//! The way of a frame: `inspect_frame`, the judging behind its seam, the lanes and the board that the admin reads.
//!
//! Invariants: a verdict leaves [`release`] only after its record is on disk; every queue is bounded; nothing on the
//! way of a frame waits for the admin or for a monitor.

mod trace;
mod failing;
mod heatmap;
mod judge;
mod flight;
mod inspect;
mod events;
mod board;
mod live;
mod second;
mod control;
mod hanging;
mod monitors;
mod release;
mod keeper;
mod counter;
mod triggers;
mod deadline;
mod lane;
mod lanes;

pub(crate) use board::percentile;
pub use board::{Board, BoardSnapshot, Condition, Counters, JudgedLatency, RecipeCard, StageLatency};
pub use events::{LineEvent, LineEvents};
pub use inspect::{InspectContext, Inspected, decide_on, inspect_frame, inspect_within, now_us};
pub use judge::{Judge, LiveRecipe, Looked, Until};
pub use keeper::JournalKeeper;
pub use lanes::{LaneOptions, Line, LineEnd, LineError, LineParts};
pub use live::{LiveSlot, Watcher};
pub use monitors::MonitorStates;
pub use release::{Outcome, Record, RecordKeeper, RecordTicket};
pub use second::{SecondOpinion, second_opinion};
pub use trace::Trace;
pub use triggers::{LineHistory, Recorded};

#[cfg(test)]
mod tests;
