use crate::domain::{LatencyCounts, LatencyHistogram};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Commits whose times are remembered.
const REMEMBERED: usize = 10_000;

/// How little room is left on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pressure {
    #[default]
    None,
    /// Below 15 % (at most 4 GiB): somebody should look.
    Low,
    /// Below 5 % (at most 1 GiB): no more pictures are kept, records are.
    NoPictures,
    /// The ballast is used up: the next records may be refused, and refused ones are never a pass.
    Full,
}

impl Pressure {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Low => "low",
            Self::NoPictures => "no-pictures",
            Self::Full => "full",
        }
    }
}

/// How the journal is.
#[derive(Debug, Clone, Default)]
pub struct Health {
    pub pressure: Pressure,
    pub picture_bytes: u64,
    /// Pictures that could not be kept since the start.
    pub pictures_failed: u64,
    /// Pages of 4 KiB in the WAL. Many and ever more: some program holds an old view of the database.
    pub wal_pages: i64,
    /// Commits since the start, and the entries in them.
    pub commits: u64,
    pub entries: u64,
    /// The last fault, also when the journal has come over it.
    pub last_fault: Option<String>,
    /// Why the last records were refused; absent since one could be kept.
    pub refusing: Option<String>,
    /// Why nothing is recorded any more, until a restart; absent while the journal works.
    pub stopped: Option<String>,
}

impl Health {
    /// Why verdicts are withheld at the moment.
    #[must_use]
    pub fn trouble(self) -> Option<String> {
        self.stopped.or(self.refusing)
    }

    const fn is_in_trouble(&self) -> bool {
        self.stopped.is_some() || self.refusing.is_some()
    }
}

/// What the writer tells everybody else.
#[derive(Default)]
pub struct Shared {
    state: Mutex<(Health, VecDeque<u64>)>,
    /// Beside the lock: whoever watches the station must not make its writer wait.
    commit_times: LatencyHistogram,
    lost: AtomicU64,
    /// Whether there is a reason why verdicts are withheld, beside the lock for the same end.
    in_trouble: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (Health, VecDeque<u64>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn health(&self) -> Health {
        self.lock().0.clone()
    }

    pub fn change(&self, change: impl FnOnce(&mut Health)) {
        let mut state = self.lock();
        change(&mut state.0);
        self.in_trouble.store(state.0.is_in_trouble(), Ordering::Release);
    }

    /// Why verdicts are withheld at the moment. Takes the writer's lock only where there is something to tell.
    pub fn trouble(&self) -> Option<String> {
        if self.in_trouble.load(Ordering::Acquire) { self.health().trouble() } else { None }
    }

    pub fn add_lost(&self, triggers: u64) {
        self.lost.fetch_add(triggers, Ordering::Relaxed);
    }

    /// Triggers that were recorded as lost since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    pub fn commit_times(&self) -> LatencyCounts {
        self.commit_times.read()
    }

    /// Remembers how long a commit took, and how long its records waited from `submit` until they were durable.
    pub fn committed(&self, took: Duration, waited_us: impl Iterator<Item = u64>) {
        self.commit_times.record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        let mut state = self.lock();
        state.0.commits += 1;
        state.0.refusing = None;
        self.in_trouble.store(state.0.is_in_trouble(), Ordering::Release);
        for waited in waited_us {
            state.0.entries += 1;
            if state.1.len() == REMEMBERED {
                state.1.pop_front();
            }
            state.1.push_back(waited);
        }
    }

    /// The newest of those times, at most `last`.
    pub fn waited(&self, last: usize) -> Vec<u64> {
        self.lock().1.iter().rev().take(last).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_until_a_commit_goes_well() {
        let shared = Shared::default();
        assert_eq!(shared.trouble(), None);
        shared.change(|health| health.refusing = Some("full".to_owned()));
        assert_eq!(shared.trouble().as_deref(), Some("full"));
        shared.committed(Duration::from_millis(1), [1].into_iter());
        assert_eq!(shared.trouble(), None);
        shared.change(|health| health.stopped = Some("gone".to_owned()));
        shared.committed(Duration::from_millis(1), [1].into_iter());
        assert_eq!(shared.trouble().as_deref(), Some("gone"));
    }
}
