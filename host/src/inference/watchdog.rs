use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// Something that can be told to stop. Called on the watchdog's thread: it sets a flag, and returns. One that does not
/// return keeps the later ones from being cancelled, but nobody else waiting.
pub(super) trait Cancel: Send + Sync {
    fn cancel(&self);
}

/// One thread that cancels runs at their deadlines, for libraries that can be stopped from outside but can't wait
/// with a time limit.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    armed: BTreeMap<(Instant, u64), Arc<Target>>,
    next: u64,
    /// Until when the thread sleeps; none while it waits for the first deadline.
    sleeps_until: Option<Instant>,
    closed: bool,
}

struct Target {
    cancel: Arc<dyn Cancel>,
    state: Mutex<TargetState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TargetState {
    Watched,
    Cancelled,
    Ended,
}

/// A deadline that is being watched. Dropping it ends the watch.
pub(super) struct Watch<'a> {
    watchdog: &'a Watchdog,
    key: (Instant, u64),
    target: Arc<Target>,
}

impl Watchdog {
    /// The one of this process; its thread starts with the first call.
    pub(super) fn shared() -> Result<&'static Self, String> {
        static SHARED: OnceLock<Result<Watchdog, String>> = OnceLock::new();
        let start = || Self::start().map_err(|error| format!("the thread for deadlines can't be started: {error}"));
        SHARED.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new() });
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("inference-deadline".to_owned()).spawn(move || theirs.watch())?;
        Ok(Self { shared })
    }

    /// Cancels `target` at `deadline`, unless the watch has ended before.
    pub(super) fn arm(&self, deadline: Instant, cancel: Arc<dyn Cancel>) -> Watch<'_> {
        let target = Arc::new(Target { cancel, state: Mutex::new(TargetState::Watched) });
        let mut state = self.shared.lock();
        let key = (deadline, state.next);
        state.next = state.next.wrapping_add(1);
        state.armed.insert(key, Arc::clone(&target));
        // Waking the thread costs more than the rest of this function. Deadlines mostly grow, so it nearly always
        // sleeps until an earlier one, and finds this one when it wakes by itself.
        let wake = state.sleeps_until.is_none_or(|until| deadline < until);
        drop(state);
        if wake {
            self.shared.changed.notify_one();
        }
        Watch { watchdog: self, key, target }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_one();
    }
}

impl Watch<'_> {
    /// Ends the watch; true where the target was cancelled. After this call it can't be cancelled any more.
    pub(super) fn end(self) -> bool {
        self.target.end() == TargetState::Cancelled
    }
}

impl Target {
    /// Waits for a cancellation that is under way: only the one whose run it is.
    fn end(&self) -> TargetState {
        std::mem::replace(&mut *self.lock(), TargetState::Ended)
    }

    fn cancel(&self) {
        let mut state = self.lock();
        if *state == TargetState::Watched {
            self.cancel.cancel();
            *state = TargetState::Cancelled;
        }
    }

    fn lock(&self) -> MutexGuard<'_, TargetState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.watchdog.shared.lock().armed.remove(&self.key);
        self.target.end();
    }
}

impl State {
    /// Takes out what is due.
    fn due(&mut self, now: Instant) -> Vec<Arc<Target>> {
        let mut due = Vec::new();
        while let Some(first) = self.armed.first_entry().filter(|first| first.key().0 <= now) {
            due.push(first.remove());
        }
        due
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut state = self.lock();
        while !state.closed {
            let now = Instant::now();
            let due = state.due(now);
            if !due.is_empty() {
                // Without the lock, so that whoever arms or ends another watch does not wait for these.
                drop(state);
                due.iter().for_each(|target| target.cancel());
                state = self.lock();
                continue;
            }
            let next = state.armed.keys().next().map(|(deadline, _)| *deadline);
            state.sleeps_until = next;
            state = match next {
                Some(next) => {
                    let wait = next.saturating_duration_since(now);
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
