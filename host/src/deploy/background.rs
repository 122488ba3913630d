//! Work that the line does not wait for steps back behind it.

/// How much less urgent it is, as a nice value: beside a lane that wants the same processor it gets a tenth of it. With
/// the most that there is (19) a replay on a busy machine would never end in its time.
const NICE: libc::c_int = 10;

/// Lowers the priority of the calling thread, and of the threads that it starts from now on: on Linux a priority is a
/// thread's, not the process's.
#[allow(unsafe_code, reason = "the standard library has no priorities; argued where it happens")]
pub(super) fn step_back() {
    // SAFETY: takes and gives a number, and touches no memory of ours. Less urgent is never refused.
    let _ = unsafe { libc::nice(NICE) };
}
