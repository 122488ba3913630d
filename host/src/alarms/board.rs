use crate::domain::{Acknowledged, Alarm};
use crate::journal::{AuditEntry, Ledger, LedgerError};
use crate::telemetry::Gauges;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The alarms that are raised now, and what a scrape shows beside the counters. Readers load a pointer.
#[derive(Clone)]
pub struct AlarmBoard {
    shared: Arc<Shared>,
}

struct Shared {
    active: ArcSwap<AlarmSnapshot>,
    gauges: ArcSwap<Gauges>,
    version: AtomicU64,
    ledger: Arc<Ledger>,
}

#[derive(Debug, Clone, Default)]
pub struct AlarmSnapshot {
    /// Newest first.
    pub active: Vec<Alarm>,
}

impl AlarmBoard {
    /// With no alarm raised.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>) -> Self {
        let active = ArcSwap::default();
        let shared = Shared { active, gauges: ArcSwap::default(), version: AtomicU64::new(1), ledger };
        Self { shared: Arc::new(shared) }
    }

    #[must_use]
    pub fn snapshot(&self) -> Arc<AlarmSnapshot> {
        self.shared.active.load_full()
    }

    /// Grows whenever an alarm is raised, cleared or acknowledged.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// The figures of the last look at the station, not older than a second.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        self.shared.gauges.load_full()
    }

    /// Alarms of the past and of now, the newest first.
    ///
    /// # Errors
    /// When the station's records cannot be read.
    pub fn history(&self, limit: usize) -> Result<Vec<Alarm>, LedgerError> {
        self.shared.ledger.alarms(limit)
    }

    /// Remembers that somebody has seen an alarm; false where there is no such alarm, or somebody was before.
    ///
    /// # Errors
    /// When the station's records cannot be written.
    pub fn acknowledge(&self, id: &str, entry: &AuditEntry) -> Result<bool, LedgerError> {
        let Some(acknowledged) = self.shared.ledger.acknowledge_alarm(id, entry)? else { return Ok(false) };
        self.change(|active| {
            if let Some(alarm) = active.iter_mut().find(|alarm| alarm.id == id) {
                alarm.acknowledged = Some(Acknowledged::clone(&acknowledged));
            }
        });
        Ok(true)
    }

    /// Changes what is shown; what is recorded is the watcher's business.
    pub(crate) fn change(&self, change: impl Fn(&mut Vec<Alarm>)) {
        self.shared.active.rcu(|before| {
            let mut next = AlarmSnapshot::clone(before);
            change(&mut next.active);
            next
        });
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn set_gauges(&self, gauges: Gauges) {
        self.shared.gauges.store(Arc::new(gauges));
    }
}
