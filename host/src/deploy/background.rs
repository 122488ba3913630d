//! Work that the line does not wait for steps back behind it.

use rustix::process::{getpriority_process, setpriority_process};

/// The nice value of such work: beside a lane that wants the same processor it gets about a tenth of it. With the lowest
/// of all (19) a replay on a busy machine would never end in its time.
pub(super) const NICE: i32 = 10;

/// Lowers the priority of the calling thread, and of the threads that it starts from now on. Never raises it.
///
/// On Linux a priority belongs to a thread, not to the process.
pub(super) fn step_back() {
    let lowered = getpriority_process(None).and_then(|nice| match nice {
        NICE.. => Ok(()),
        _ => setpriority_process(None, NICE),
    });
    if let Err(error) = lowered {
        tracing::warn!(%error, "work beside the line runs at the line's priority");
    }
}
