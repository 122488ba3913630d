use super::Sample;
use crate::domain::{AlarmKind, AlarmRule};

/// The value of a rule between two samples; none where nothing can be said. Pure.
#[must_use]
pub fn measure(rule: &AlarmRule, now: &Sample, before: &Sample) -> Option<f64> {
    let grown = |figure: fn(&Sample) -> u64| figure(now).saturating_sub(figure(before));
    let count = |figure| Some(grown(figure) as f64);
    let share = |figure| {
        let frames = grown(|sample| sample.frames);
        (frames > 0 && frames >= rule.min_frames).then(|| grown(figure) as f64 / frames as f64)
    };
    match rule.kind {
        AlarmKind::DeadlineMisses => count(|sample| sample.deadline_missed),
        AlarmKind::UndecidedRate => share(|sample| sample.undecided),
        AlarmKind::AdversarialRate => share(|sample| sample.adversarial),
        AlarmKind::Drift => Some(now.drifted.len() as f64),
        AlarmKind::DeviceNotAsAsked => Some(f64::from(!now.device_as_asked)),
        AlarmKind::Disk => Some(f64::from(now.disk_level)),
        // Beyond the last bound of the histogram nothing more is known than that.
        AlarmKind::JournalLatency => now.commits.since(&before.commits).percentile_ms(99).map(|ms| ms.min(1000.0)),
        AlarmKind::PluginFailures => count(|sample| sample.plugin_faults),
        AlarmKind::PluginTakenOut => Some(now.plugins_out.len() as f64),
        AlarmKind::LineStopped => Some(f64::from(now.line_stopped.is_some())),
        AlarmKind::LaneAbandoned => count(|sample| sample.lanes_abandoned),
        AlarmKind::OutboxDropped => count(|sample| sample.outbox_dropped),
        AlarmKind::RolledBack => count(|sample| sample.rolled_back),
    }
}

/// How a rule stands. Times are those of [`Sample::at_ms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    #[default]
    Quiet,
    /// At the upper limit, not yet for long enough.
    Rising {
        since_ms: u64,
    },
    Raised,
    /// At the lower limit, not yet for long enough.
    Falling {
        since_ms: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Raised,
    Cleared,
}

impl Standing {
    #[must_use]
    pub const fn is_raised(self) -> bool {
        matches!(self, Self::Raised | Self::Falling { .. })
    }
}

/// The next standing of a rule, and what changed for people. Without a value everything stays as it is. Pure.
#[must_use]
pub fn step(rule: &AlarmRule, standing: Standing, value: Option<f64>, now_ms: u64) -> (Standing, Option<Change>) {
    let Some(value) = value else { return (standing, None) };
    let over = |since_ms: u64, wait_s: u32| now_ms.saturating_sub(since_ms) >= u64::from(wait_s) * 1000;
    match standing {
        Standing::Quiet | Standing::Rising { .. } if value < rule.raise => (Standing::Quiet, None),
        Standing::Quiet | Standing::Rising { .. } => {
            let since_ms = if let Standing::Rising { since_ms } = standing { since_ms } else { now_ms };
            if over(since_ms, rule.raise_after_s) {
                (Standing::Raised, Some(Change::Raised))
            } else {
                (Standing::Rising { since_ms }, None)
            }
        }
        Standing::Raised | Standing::Falling { .. } if value > rule.clear => (Standing::Raised, None),
        Standing::Raised | Standing::Falling { .. } => {
            let since_ms = if let Standing::Falling { since_ms } = standing { since_ms } else { now_ms };
            if over(since_ms, rule.clear_after_s) {
                (Standing::Quiet, Some(Change::Cleared))
            } else {
                (Standing::Falling { since_ms }, None)
            }
        }
    }
}
