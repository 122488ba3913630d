//! Alarms: rules over what the station looks like, raised and cleared with hysteresis, remembered, acknowledged.
//!
//! One thread samples the board and the journal once a second. It takes no lock of the frame path but the journal's
//! health, for the time of a copy.

mod rules;
mod history;
mod board;
mod watch;

pub use board::{AlarmBoard, AlarmSnapshot};
pub use history::Sample;
pub use rules::{Change, Standing, measure, step};
pub use watch::{AlarmWatch, Probe, WatchError, WatchParts};

#[cfg(test)]
mod tests;
