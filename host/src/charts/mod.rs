//! How the station is and was, for charts: one thread looks at the board once a second and writes every ten seconds.
//!
//! It only reads what the line publishes. What it cannot write is added to the next interval; nothing else of the station
//! depends on it.

mod keeper;
mod machine;
mod tally;

pub use keeper::ChartKeeper;
pub use machine::Machine;
pub use tally::{Recent, ShiftCounts, Verdicts};

use crate::journal::SeriesReader;
use arc_swap::ArcSwap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the admin reads of it: a pointer, and the database.
#[derive(Clone)]
pub struct ChartBoard {
    shared: Arc<Shared>,
}

struct Shared {
    now: ArcSwap<Now>,
    version: AtomicU64,
    reader: SeriesReader,
}

/// The last look.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// What the machine had; none where the system does not say.
    pub machine: Option<Machine>,
    /// Share of all processors that the station took, and that all programs took, in the second before.
    pub own_cpu: Option<f64>,
    pub busy_cpu: Option<f64>,
    /// Verdicts of the last hours.
    pub recent: Recent,
    /// By shift, where the station has shifts of its own and a history.
    pub shift: Option<Arc<ShiftCounts>>,
    /// True where no history can be written at the moment.
    pub in_trouble: bool,
    /// True where the history of before was damaged and moved aside.
    pub began_anew: bool,
}

impl ChartBoard {
    /// With nothing seen yet; `dir` is the journal's folder.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let reader = SeriesReader::new(dir);
        Self { shared: Arc::new(Shared { now: ArcSwap::default(), version: AtomicU64::new(1), reader }) }
    }

    #[must_use]
    pub fn now(&self) -> Arc<Now> {
        self.shared.now.load_full()
    }

    /// Grows with every look.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    #[must_use]
    pub fn reader(&self) -> &SeriesReader {
        &self.shared.reader
    }

    pub(crate) fn publish(&self, now: Now) {
        self.shared.now.store(Arc::new(now));
        self.shared.version.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
