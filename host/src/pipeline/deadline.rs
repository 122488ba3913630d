//! Verdicts at their deadline, whatever a plugin or a driver is doing.
//!
//! A frame's seat stands in its lane's slot while the frame is judged. Whoever takes the seat out decides the verdict:
//! the lane when it comes back, or the keeper of deadlines when the deadline has passed. There is one seat, so there
//! is one verdict. A lane that finds its seat gone drops what it has and ends; a new lane has taken the seat.

use super::LineEvent;
use super::flight::{Flight, Look};
use super::lane::{self, LaneShared};
use super::release::Waiting;
use crate::domain::Failure;
use crate::source::{Arrival, Receipt};
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How soon the keeper tries again what it could not do.
const RETRY: Duration = Duration::from_millis(1);
/// The keeper looks around at least this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The right to judge frames and to hand on their verdicts. There are as many as lanes, and never more.
pub(super) struct Seat {
    pub number: usize,
    pub arrivals: Receiver<Arrival>,
    pub release: Sender<Waiting>,
    /// Of the frame that is being judged.
    pub receipt: Option<Receipt>,
    watch: Arc<Watch>,
}

/// The frames that are being judged, seat by seat.
pub(super) struct Watch {
    epoch: Instant,
    /// The locks are held for moving a seat, never for work.
    slots: Vec<Mutex<Option<InFlight>>>,
    /// Until when the keeper sleeps at most, in nanoseconds after `epoch`.
    sleeps_until: AtomicU64,
    /// Seats that somebody holds. The keeper ends with the last.
    seats: AtomicUsize,
    keeper: OnceLock<Thread>,
}

struct InFlight {
    flight: Arc<Flight>,
    seat: Seat,
}

/// A frame whose verdict was due, for the thread that records it.
pub(super) struct Overdue {
    flight: Arc<Flight>,
    look: Look,
    failure: Failure,
    receipt: Option<Receipt>,
    release: Sender<Waiting>,
}

impl Watch {
    pub(super) fn new(lanes: usize) -> Self {
        Self {
            epoch: Instant::now(),
            slots: (0..lanes).map(|_| Mutex::new(None)).collect(),
            sleeps_until: AtomicU64::new(0),
            seats: AtomicUsize::new(0),
            keeper: OnceLock::new(),
        }
    }

    pub(super) fn seat(self: &Arc<Self>, number: usize, arrivals: Receiver<Arrival>, release: Sender<Waiting>) -> Seat {
        self.seats.fetch_add(1, Ordering::AcqRel);
        Seat { number, arrivals, release, receipt: None, watch: Arc::clone(self) }
    }

    /// A lane begins with a frame: from here on the keeper may take its seat.
    pub(super) fn enter(&self, seat: Seat, flight: &Arc<Flight>) {
        let Some(slot) = self.slots.get(seat.number) else { return };
        let deadline = self.nanos(flight.deadline);
        *lock(slot) = Some(InFlight { flight: Arc::clone(flight), seat });
        // Deadlines mostly grow, so that the keeper is nearly always awake before this one by itself. The keeper says
        // until when it sleeps before it looks at the slots: either it sees this frame, or this sees its word.
        if deadline < self.sleeps_until.load(Ordering::Acquire) {
            self.wake();
        }
    }

    /// A lane is done with a frame. Its seat, and with it the right to the verdict; none where the keeper was first.
    pub(super) fn leave(&self, number: usize, flight: &Arc<Flight>) -> Option<Seat> {
        let mut slot = lock(self.slots.get(number)?);
        if !slot.as_ref().is_some_and(|inside| Arc::ptr_eq(&inside.flight, flight)) {
            return None;
        }
        slot.take().map(|inside| inside.seat)
    }

    /// Whether the keeper would get the seat now.
    #[cfg(test)]
    pub(super) fn claim_due(&self, number: usize, now: Instant) -> bool {
        self.slots.get(number).is_some_and(|slot| self.claim(slot, now).is_ok())
    }

    /// Takes the seat where the deadline has passed, else gives the deadline.
    fn claim(&self, slot: &Mutex<Option<InFlight>>, now: Instant) -> Result<InFlight, Option<Instant>> {
        let mut slot = lock(slot);
        let deadline = slot.as_ref().map(|inside| inside.flight.deadline);
        match deadline {
            Some(deadline) if deadline <= now => slot.take().ok_or(None),
            deadline => Err(deadline),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }

    fn wake(&self) {
        if let Some(keeper) = self.keeper.get() {
            keeper.unpark();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.watch.seats.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.watch.wake();
        }
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keeper of deadlines: one thread, awake at the earliest deadline. It never waits for the journal.
pub(super) fn keep(shared: &Arc<LaneShared>, overdue: &Sender<Overdue>) {
    let watch = &shared.watch;
    let _ = watch.keeper.set(std::thread::current());
    // Seats without a lane, since the system gave no thread.
    let mut vacant = Vec::new();
    while watch.seats.load(Ordering::Acquire) > 0 {
        let now = Instant::now();
        // A frame that begins after this look is due after its budget at the earliest.
        let mut until = now + shared.budget().min(LOOK_EVERY);
        watch.sleeps_until.store(watch.nanos(until), Ordering::Release);
        for slot in &watch.slots {
            if overdue.is_full() {
                until = until.min(now + RETRY);
                break;
            }
            match watch.claim(slot, now) {
                Ok(inside) => vacant.push(abandon(shared, inside, overdue)),
                Err(deadline) => until = deadline.map_or(until, |deadline| until.min(deadline)),
            }
        }
        vacant = vacant.into_iter().filter_map(|seat| lane::start(shared, seat).err()).collect();
        if !vacant.is_empty() {
            until = until.min(now + RETRY);
        }
        watch.sleeps_until.store(watch.nanos(until), Ordering::Release);
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Gives up on a lane: its frame is undecided, its seat is free.
fn abandon(shared: &LaneShared, inside: InFlight, overdue: &Sender<Overdue>) -> Seat {
    let InFlight { flight, mut seat } = inside;
    let look = flight.look();
    let failure = flight.overdue(&look);
    let hangs = shared.hanging.add();
    let (frame, hanging) = (flight.meta.id.clone(), shared.hanging.count());
    shared.control.events.emit(LineEvent::LaneAbandoned { frame, failure: failure.clone(), hanging });
    let _ = flight.hangs.set(hangs);
    // There is room: this thread is the only one that sends, and looked before.
    let (receipt, release) = (seat.receipt.take(), seat.release.clone());
    let _ = overdue.try_send(Overdue { flight, look, failure, receipt, release });
    seat
}

/// Records and hands on the frames that the keeper decided, in a thread of its own: a journal that is slow to take a
/// record must not keep the keeper from the next deadline.
pub(super) fn record(shared: &LaneShared, overdue: &Receiver<Overdue>) {
    for Overdue { flight, look, failure, receipt, release } in overdue {
        let inspected = flight.undecided(&failure, look);
        let recipe = Arc::clone(&flight.recipe);
        drop(flight);
        let _ = shared.hand_on(inspected, recipe, receipt, &release);
    }
}
