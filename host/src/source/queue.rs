//! The queue between the sources and the lanes: bounded by frames and by the bytes of what waits.

use super::{Arrival, Receipt, StopFlag};
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, TrySendError, bounded};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long a full queue is waited for before the stop flag is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Reports of lost triggers that may wait to be recorded.
const LOST_REPORTS: usize = 64;

/// Bounds of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueLimits {
    /// Arrivals that may wait for a lane.
    pub frames: usize,
    /// Bytes of picture files from their arrival until their verdict is released. A larger file than this passes
    /// alone.
    pub bytes: u64,
}

/// Numbers of a source's triggers that gave no frame, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTriggers {
    pub source: String,
    pub first: u64,
    pub last: u64,
    pub reason: String,
}

/// The sources' end of the queue.
#[derive(Clone)]
pub struct Outlet {
    arrivals: Sender<Arrival>,
    lost: Sender<LostTriggers>,
    budget: Arc<Budget>,
}

/// Why an arrival was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No room for it now; it is dropped.
    Full,
    /// Nobody listens any more.
    Closed,
}

/// A new queue: the sources' end, what the lanes take from, and what its sources report as lost.
#[must_use]
pub fn queue(limits: QueueLimits) -> (Outlet, Receiver<Arrival>, Receiver<LostTriggers>) {
    let (arrivals_in, arrivals) = bounded(limits.frames);
    let (lost_in, lost) = bounded(LOST_REPORTS);
    let budget = Arc::new(Budget { bytes: limits.bytes, held: Mutex::new(0), freed: Condvar::new() });
    (Outlet { arrivals: arrivals_in, lost: lost_in, budget }, arrivals, lost)
}

impl Outlet {
    /// Sends, however long the queue is full, but not past a stop.
    pub fn send(&self, mut arrival: Arrival, stop: &StopFlag) -> ControlFlow<()> {
        while !stop.is_stopped() {
            let Some(held) = self.budget.take(size_of_payload(&arrival), LOOK_EVERY) else { continue };
            hold(&mut arrival, held);
            while !stop.is_stopped() {
                match self.arrivals.send_timeout(arrival, LOOK_EVERY) {
                    Ok(()) => return ControlFlow::Continue(()),
                    Err(SendTimeoutError::Timeout(back)) => arrival = back,
                    Err(SendTimeoutError::Disconnected(_)) => return ControlFlow::Break(()),
                }
            }
        }
        ControlFlow::Break(())
    }

    /// Sends if there is room now.
    ///
    /// # Errors
    /// When there is none; the arrival's receipt then says that it was not judged.
    pub fn offer(&self, mut arrival: Arrival) -> Result<(), Refused> {
        let Some(held) = self.budget.take(size_of_payload(&arrival), Duration::ZERO) else {
            return Err(Refused::Full);
        };
        hold(&mut arrival, held);
        self.arrivals.try_send(arrival).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Full,
            TrySendError::Disconnected(_) => Refused::Closed,
        })
    }

    /// Has numbers recorded that gave no frame; waits while many such reports wait, but not past a stop.
    pub fn report_lost(&self, mut lost: LostTriggers, stop: &StopFlag) -> ControlFlow<()> {
        loop {
            match self.lost.send_timeout(lost, LOOK_EVERY) {
                Ok(()) => return ControlFlow::Continue(()),
                Err(SendTimeoutError::Timeout(back)) if !stop.is_stopped() => lost = back,
                Err(_) => return ControlFlow::Break(()),
            }
        }
    }
}

fn size_of_payload(arrival: &Arrival) -> u64 {
    arrival.payload.as_ref().map_or(0, |bytes| bytes.len() as u64)
}

fn hold(arrival: &mut Arrival, held: Held) {
    arrival.receipt.get_or_insert_with(Receipt::silent).hold(held);
}

/// Bytes that arrivals on their way hold together.
struct Budget {
    bytes: u64,
    held: Mutex<u64>,
    freed: Condvar,
}

/// A share of the budget, until it is dropped.
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Budget {
    /// Takes a share; none where there is no room for it within `wait`.
    fn take(self: &Arc<Self>, bytes: u64, wait: Duration) -> Option<Held> {
        // What is larger than the whole budget has to pass too: alone.
        let full = |held: &mut u64| *held > 0 && held.saturating_add(bytes) > self.bytes;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut held, timeout) =
            self.freed.wait_timeout_while(held, wait, full).unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return None;
        }
        *held = held.saturating_add(bytes);
        Some(Held { budget: Arc::clone(self), bytes })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = held.saturating_sub(self.bytes);
        self.budget.freed.notify_all();
    }
}
