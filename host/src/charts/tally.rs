use crate::domain::ShiftSpan;
use crate::journal::{Figures, PluginFigures, StageKey};
use crate::telemetry::Reading;

/// Verdicts of some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verdicts {
    pub passed: u64,
    pub failed: u64,
    pub undecided: u64,
}

impl Verdicts {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.passed.saturating_add(self.failed).saturating_add(self.undecided)
    }

    fn add(&mut self, other: &Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.undecided = self.undecided.saturating_add(other.undecided);
    }
}

impl From<&Figures> for Verdicts {
    fn from(figures: &Figures) -> Self {
        Self { passed: figures.passed, failed: figures.failed, undecided: figures.undecided }
    }
}

/// Verdicts of the last hours, or since the running shift began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recent {
    /// Of the time before the station last wrote...
    written: Verdicts,
    /// ...and its counters at that moment.
    at: Verdicts,
}

impl Recent {
    /// How far back they go where no shift says it.
    pub const HOURS: u32 = 8;

    #[must_use]
    pub const fn new(written: Verdicts, at: Verdicts) -> Self {
        Self { written, at }
    }

    /// With what came since, by the counters of now.
    #[must_use]
    pub fn until(&self, now: Verdicts) -> Verdicts {
        let mut all = self.written;
        all.add(&Verdicts {
            passed: now.passed.saturating_sub(self.at.passed),
            failed: now.failed.saturating_sub(self.at.failed),
            undecided: now.undecided.saturating_sub(self.at.undecided),
        });
        all
    }
}

/// What the shift that runs has come to, and the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftCounts {
    pub running: ShiftSpan,
    pub counts: Recent,
    pub before: Option<(ShiftSpan, Verdicts)>,
}

/// What was counted between two readings.
pub fn between(before: &Reading, now: &Reading) -> Figures {
    let stages = now.stages.iter().map(|(stage, now)| {
        let before = before.stages.iter().find(|(before, _)| before == stage).map(|(_, before)| before);
        (StageKey::Stage(*stage), before.map_or_else(|| now.clone(), |before| now.since(before)))
    });
    let whole = (StageKey::Whole, now.whole.since(&before.whole));
    let judged = (StageKey::Judged, now.judged.since(&before.judged));
    let plugins = now.plugins.iter().map(|(name, now)| {
        let before = before.plugins.get(name).copied().unwrap_or_default();
        let figures = PluginFigures {
            calls: now.calls.saturating_sub(before.calls),
            micros: now.micros.saturating_sub(before.micros),
            failures: now.failures.saturating_sub(before.failures),
            memory_bytes: now.memory_peak_bytes,
        };
        (name.clone(), figures)
    });
    Figures {
        passed: now.passed.saturating_sub(before.passed),
        failed: now.failed.saturating_sub(before.failed),
        undecided: now.undecided.saturating_sub(before.undecided),
        flagged: now.flagged.saturating_sub(before.flagged),
        deadline_missed: now.deadline_missed.saturating_sub(before.deadline_missed),
        plugin_faults: now.plugin_faults.saturating_sub(before.plugin_faults),
        not_durable: now.not_durable.saturating_sub(before.not_durable),
        stages: stages.chain([whole, judged]).filter(|(_, counts)| counts.count() > 0).collect(),
        plugins: plugins.filter(|(_, figures)| figures.calls + figures.failures > 0).collect(),
        ..Figures::default()
    }
}
