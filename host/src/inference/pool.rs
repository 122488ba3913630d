use super::InferenceError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// How often a waiting caller asks parked slots whether they are idle again.
const POLL: Duration = Duration::from_millis(1);
/// A run that is this long over its deadline hangs: its slot is written off, and another is made.
const HANGS_AFTER: Duration = Duration::from_millis(100);
/// Slots that may be written off at one time. Each is memory and a thread that may never come back.
const MAX_WRITTEN_OFF: usize = 4;
/// Time between two attempts to make a slot.
const MAKE_EVERY: Duration = Duration::from_secs(1);

/// What becomes of a slot after its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    Free,
    /// It may still be at work: kept, with all that it reads, until it proves to be idle.
    Park,
}

/// No slot came free before the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted {
    /// True where every slot hangs: its run was cancelled, or is long over its deadline, and never came back.
    pub(super) all_hang: bool,
}

impl Exhausted {
    pub(super) fn error(self, model: &str, device: &str) -> InferenceError {
        let model = model.to_owned();
        if self.all_hang {
            let detail =
                "every inference on it is over its deadline and none has ended; restart the station".to_owned();
            return InferenceError::DeviceLost { model, device: device.to_owned(), detail };
        }
        InferenceError::Timeout { model }
    }
}

/// A fixed number of slots, each used by one caller at a time. The lock is held for moving a slot, never for a run.
/// The slot used last is taken first: its memory is still warm.
///
/// A slot whose run hangs, or that is parked and does not become idle, is written off, and a new one is made on a
/// thread of its own, so that one run that never ends does not keep the others out for ever. When as many are written
/// off as may be, callers are refused at once until one ends.
pub(super) struct Pool<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    freed: Condvar,
    size: usize,
    make: Box<dyn Fn() -> Option<T> + Send + Sync>,
}

struct State<T> {
    free: Vec<T>,
    /// With the time from which on they hang.
    parked: Vec<(T, Instant)>,
    /// Parked and written off: dropped, or used again, once they are idle.
    given_up: Vec<T>,
    /// Runs that are not known to hang: their numbers and deadlines.
    leased: Vec<(u64, Instant)>,
    next: u64,
    written_off: usize,
    making: bool,
    make_again: Option<Instant>,
}

impl<T> State<T> {
    /// Slots that exist or are being made, without those that are written off.
    fn slots(&self) -> usize {
        self.free.len() + self.parked.len() + self.leased.len() + usize::from(self.making)
    }

    fn lease(&mut self, deadline: Instant) -> u64 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.leased.push((number, deadline));
        number
    }

    /// Runs that are long over their deadline count no more; neither do slots that are parked for as long.
    fn write_off(&mut self, now: Instant) {
        let mut room = MAX_WRITTEN_OFF.saturating_sub(self.written_off);
        let before = room;
        let mut hangs = |since: Instant| {
            let hangs = room > 0 && since < now;
            room -= usize::from(hangs);
            hangs
        };
        self.leased.retain(|(_, deadline)| !hangs(*deadline + HANGS_AFTER));
        for (slot, since) in std::mem::take(&mut self.parked) {
            if hangs(since) {
                self.given_up.push(slot);
            } else {
                self.parked.push((slot, since));
            }
        }
        self.written_off += before - room;
    }

    /// Takes back what was given up and is idle after all; gives what is not needed any more.
    fn take_back(&mut self, size: usize, idle: impl Fn(&mut T) -> bool) -> Vec<T> {
        let mut surplus = Vec::new();
        while let Some(index) = self.given_up.iter_mut().position(&idle) {
            let slot = self.given_up.swap_remove(index);
            self.written_off = self.written_off.saturating_sub(1);
            if self.slots() < size { self.free.push(slot) } else { surplus.push(slot) }
        }
        surplus
    }

    /// Slots of which one may come free: those that do not hang.
    fn at_work(&self, now: Instant) -> usize {
        let runs = self.leased.iter().filter(|(_, deadline)| *deadline + HANGS_AFTER >= now).count();
        runs + usize::from(self.making)
    }

    fn all_hang(&self, now: Instant) -> bool {
        self.at_work(now) == 0 && self.parked.iter().all(|(_, since)| *since < now)
    }
}

impl<T: Send + 'static> Pool<T> {
    /// `make` makes another slot like these; none where it can't.
    pub(super) fn new(slots: Vec<T>, make: impl Fn() -> Option<T> + Send + Sync + 'static) -> Self {
        let size = slots.len();
        let state = State {
            free: slots,
            parked: Vec::new(),
            given_up: Vec::new(),
            leased: Vec::with_capacity(size),
            next: 0,
            written_off: 0,
            making: false,
            make_again: None,
        };
        let shared = Shared { state: Mutex::new(state), freed: Condvar::new(), size, make: Box::new(make) };
        Self { shared: Arc::new(shared) }
    }

    /// Runs `work` on a slot as soon as one is free. `idle` says of a parked slot whether it can be used again; it is
    /// called under the lock and must not block.
    pub(super) fn with<R>(
        &self,
        deadline: Instant,
        idle: impl Fn(&mut T) -> bool,
        work: impl FnOnce(&mut T) -> (R, After),
    ) -> Result<R, Exhausted> {
        let (slot, number) = self.take(deadline, idle)?;
        // Parked unless `work` says otherwise, so that a panic does not free a slot that is still at work.
        let mut lease = Lease { shared: &self.shared, number, slot: Some(slot), after: After::Park };
        let Some(slot) = lease.slot.as_mut() else { return Err(Exhausted { all_hang: false }) };
        let (answer, after) = work(slot);
        lease.after = after;
        Ok(answer)
    }

    /// Shows every slot to `work` once, stopping at the first error. For warming up: the slots are taken all together,
    /// so that a run beside it only waits.
    pub(super) fn all<E>(&self, mut work: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        // Given back when it is dropped, so that a panic does not lose the slots.
        let mut taken = Taken { slots: std::mem::take(&mut self.shared.lock().free), shared: &self.shared };
        taken.slots.iter_mut().try_for_each(&mut work)
    }

    fn take(&self, deadline: Instant, idle: impl Fn(&mut T) -> bool) -> Result<(T, u64), Exhausted> {
        // Dropped after the lock is let go: a slot's end may take its time.
        let mut surplus = Vec::new();
        let mut state = self.shared.lock();
        loop {
            if let Some(slot) = state.free.pop() {
                return Ok((slot, state.lease(deadline)));
            }
            if let Some(index) = state.parked.iter_mut().position(|(slot, _)| idle(slot)) {
                return Ok((state.parked.swap_remove(index).0, state.lease(deadline)));
            }
            surplus.append(&mut state.take_back(self.shared.size, &idle));
            if !state.free.is_empty() {
                continue;
            }
            let now = Instant::now();
            state.write_off(now);
            if state.slots() < self.shared.size && state.make_again.is_none_or(|again| again <= now) {
                state.make_again = Some(now + MAKE_EVERY);
                state.making = self.make();
            }
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() || state.all_hang(now) {
                return Err(Exhausted { all_hang: state.at_work(now) == 0 });
            }
            let wait = state.patience(left);
            state = self.shared.freed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Makes a slot on a thread of its own: it may take long, and hang as the one that it replaces.
    fn make(&self) -> bool {
        let shared = Arc::clone(&self.shared);
        let made = Builder::new().name("inference-slot".to_owned()).spawn(move || {
            let slot = (shared.make)();
            let mut state = shared.lock();
            state.making = false;
            let fresh = slot.is_some();
            if let Some(slot) = slot {
                state.free.push(slot);
                state.make_again = None;
            }
            drop(state);
            shared.freed.notify_all();
            // False: it could not be made, and is tried again.
            tracing::warn!(fresh, "an inference hangs; its place was made anew");
        });
        made.inspect_err(|error| tracing::error!(%error, "an inference hangs; no thread to make its place anew"))
            .is_ok()
    }
}

impl<T> State<T> {
    /// How long a caller sleeps that has `left` until its deadline.
    fn patience(&self, left: Duration) -> Duration {
        if self.parked.is_empty() { left.min(HANGS_AFTER / 10) } else { left.min(POLL) }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Taken<'a, T> {
    shared: &'a Shared<T>,
    slots: Vec<T>,
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        self.shared.lock().free.append(&mut self.slots);
        self.shared.freed.notify_all();
    }
}

struct Lease<'a, T> {
    shared: &'a Shared<T>,
    number: u64,
    slot: Option<T>,
    after: After,
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let mut state = self.shared.lock();
        match state.leased.iter().position(|(number, _)| *number == self.number) {
            Some(index) => drop(state.leased.swap_remove(index)),
            None => state.written_off = state.written_off.saturating_sub(1),
        }
        // One that was written off and came back is only needed where no other was made.
        let surplus = if state.slots() >= self.shared.size {
            Some(slot)
        } else {
            match self.after {
                After::Free => state.free.push(slot),
                After::Park => state.parked.push((slot, Instant::now() + HANGS_AFTER)),
            }
            None
        };
        drop(state);
        self.shared.freed.notify_one();
        // Without the lock: a request's end waits for its run.
        drop(surplus);
    }
}
