use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a waiting caller asks parked slots whether they are idle again.
const POLL: Duration = Duration::from_millis(1);

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
    /// True where every slot hangs in a run that was cancelled and never came back.
    pub(super) all_hang: bool,
}

/// A fixed number of slots, each used by one caller at a time. The lock is held for moving a slot, never for a run.
/// The slot used last is taken first: its memory is still warm.
pub(super) struct Pool<T> {
    state: Mutex<State<T>>,
    freed: Condvar,
    size: usize,
}

struct State<T> {
    free: Vec<T>,
    parked: Vec<T>,
}

impl<T> Pool<T> {
    pub(super) fn new(slots: Vec<T>) -> Self {
        let size = slots.len();
        Self { state: Mutex::new(State { free: slots, parked: Vec::new() }), freed: Condvar::new(), size }
    }

    /// Runs `work` on a slot as soon as one is free. `idle` says of a parked slot whether it can be used again; it is
    /// called under the lock and must not block.
    pub(super) fn with<R>(
        &self,
        deadline: Instant,
        idle: impl Fn(&mut T) -> bool,
        work: impl FnOnce(&mut T) -> (R, After),
    ) -> Result<R, Exhausted> {
        // Parked unless `work` says otherwise, so that a panic does not free a slot that is still at work.
        let mut lease = Lease { pool: self, slot: Some(self.take(deadline, idle)?), after: After::Park };
        let Some(slot) = lease.slot.as_mut() else { return Err(Exhausted { all_hang: false }) };
        let (answer, after) = work(slot);
        lease.after = after;
        Ok(answer)
    }

    /// Shows every slot to `work` once, stopping at the first error. For warming up: the slots are taken all together,
    /// so that a run beside it only waits.
    pub(super) fn all<E>(&self, mut work: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        let mut slots = std::mem::take(&mut self.lock().free);
        let answer = slots.iter_mut().try_for_each(&mut work);
        self.lock().free.append(&mut slots);
        self.freed.notify_all();
        answer
    }

    fn take(&self, deadline: Instant, idle: impl Fn(&mut T) -> bool) -> Result<T, Exhausted> {
        let mut state = self.lock();
        loop {
            if let Some(slot) = state.free.pop() {
                return Ok(slot);
            }
            if let Some(index) = state.parked.iter_mut().position(&idle) {
                return Ok(state.parked.swap_remove(index));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Exhausted { all_hang: state.parked.len() == self.size });
            }
            let wait = if state.parked.is_empty() { left } else { left.min(POLL) };
            state = self.freed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Lease<'a, T> {
    pool: &'a Pool<T>,
    slot: Option<T>,
    after: After,
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let mut state = self.pool.lock();
        match self.after {
            After::Free => state.free.push(slot),
            After::Park => state.parked.push(slot),
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}
