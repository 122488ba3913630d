//! One struct per observable fact: telling it writes its log line and moves its metrics.

use super::metrics::Metrics;
use crate::domain::{Blame, Failure, FailureCode, FrameId, Inspection, Verdict, VerdictKind};

/// The label by which a detector says that somebody tampered with the picture.
const ADVERSARIAL: &str = "adversarial";

/// Something that happened.
pub trait Fact {
    fn log(&self);
    fn count(&self, metrics: &Metrics);
}

impl Metrics {
    pub fn tell(&self, fact: &impl Fact) {
        fact.log();
        fact.count(self);
    }
}

/// A verdict left the station, or would have.
#[derive(Debug)]
pub struct VerdictReleased<'a> {
    pub inspection: &'a Inspection,
}

impl Fact for VerdictReleased<'_> {
    fn log(&self) {
        let Inspection { meta, verdict, recipe, .. } = self.inspection;
        tracing::debug!(frame = %meta.id, verdict = verdict.kind().name(), recipe, "verdict released");
    }

    fn count(&self, metrics: &Metrics) {
        let inspection = self.inspection;
        let kind = inspection.verdict.kind();
        metrics.frames.add(1);
        match kind {
            VerdictKind::Pass => metrics.passed.add(1),
            VerdictKind::Fail => metrics.failed.add(1),
            VerdictKind::Undecided => metrics.undecided.add(1),
        }
        if missed_deadline(inspection) {
            metrics.deadline_missed.add(1);
        }
        if inspection.findings().any(|(_, finding)| finding.raised && finding.label == ADVERSARIAL) {
            metrics.adversarial.add(1);
        }
        count_times(metrics, inspection);
        metrics.recipes.with([&inspection.recipe], |recipe| {
            recipe.verdict(kind);
            for time in &inspection.stages {
                recipe.stage(time.stage, time.micros);
            }
            for run in &inspection.runs {
                recipe.plugins.with([&run.plugin], |times| times.record(run.micros));
            }
        });
        if inspection.findings().any(|(_, finding)| finding.raised) {
            metrics.flagged_frames.add(1);
        }
        for run in &inspection.runs {
            metrics.memory.with([&run.plugin], |memory| memory.see(run.memory_bytes));
            metrics.host_held.with([&run.plugin], |held| held.see(run.host_bytes));
            if run.findings.iter().any(|finding| finding.raised) {
                metrics.flagged.with([&run.plugin], |flagged| flagged.add(1));
            }
            if let Some(failure) = &run.failure {
                count_fault(metrics, &run.plugin, failure);
            }
        }
    }
}

fn count_times(metrics: &Metrics, inspection: &Inspection) {
    let mut whole = 0u64;
    for time in &inspection.stages {
        if let Some(histogram) = metrics.stages.get(time.stage as usize) {
            histogram.record(time.micros);
        }
        whole = whole.saturating_add(time.micros);
    }
    metrics.whole.record(whole);
    metrics.judged.record(inspection.judged_in_us());
}

fn missed_deadline(inspection: &Inspection) -> bool {
    let late = FailureCode::Timeout;
    match &inspection.verdict {
        Verdict::Pass { .. } => false,
        Verdict::Fail { reason, .. } => reason == late.name(),
        Verdict::Undecided { code, .. } => code == late.name(),
    }
}

fn count_fault(metrics: &Metrics, plugin: &str, failure: &Failure) {
    // What somebody else is to blame for is a failed call, and no fault that the plugin's author could mend.
    if failure.blame == Blame::Plugin {
        metrics.plugin_faults.add(1);
        metrics.faulty.with([plugin], |faults| faults.add(1));
    }
    metrics.faults.with([plugin, failure.code.name()], |faults| faults.add(1));
}

/// A record did not get to the disk, so its verdict was withheld.
#[derive(Debug)]
pub struct RecordNotDurable<'a> {
    pub frame: &'a FrameId,
    pub failure: &'a Failure,
}

impl Fact for RecordNotDurable<'_> {
    fn log(&self) {
        tracing::error!(frame = %self.frame, error = %self.failure, "record is not durable: verdict withheld");
    }

    fn count(&self, metrics: &Metrics) {
        metrics.not_durable.add(1);
    }
}

/// A monitor saw a released frame.
#[derive(Debug)]
pub struct MonitorCalled<'a> {
    pub frame: &'a FrameId,
    pub recipe: &'a str,
    pub plugin: &'a str,
    pub micros: u64,
    pub failure: Option<&'a Failure>,
}

impl Fact for MonitorCalled<'_> {
    fn log(&self) {
        if let Some(failure) = self.failure {
            tracing::warn!(frame = %self.frame, error = %failure, "monitor gave no answer");
        }
    }

    fn count(&self, metrics: &Metrics) {
        metrics.recipes.with([self.recipe], |recipe| {
            recipe.plugins.with([self.plugin], |times| times.record(self.micros));
        });
        if let Some(failure) = self.failure {
            count_fault(metrics, self.plugin, failure);
        }
    }
}

/// Events that a receiver will never get.
#[derive(Debug)]
pub struct EventsDropped<'a> {
    pub receiver: &'a str,
    pub count: u64,
    pub reason: &'a str,
}

impl Fact for EventsDropped<'_> {
    fn log(&self) {
        tracing::error!(receiver = self.receiver, count = self.count, reason = self.reason, "events are given up");
    }

    fn count(&self, metrics: &Metrics) {
        metrics.outbox_dropped.add(self.count);
    }
}

/// Traces that no collector will get.
#[derive(Debug)]
pub struct TracesDropped {
    pub count: u64,
}

impl Fact for TracesDropped {
    fn log(&self) {
        tracing::debug!(count = self.count, "traces are dropped");
    }

    fn count(&self, metrics: &Metrics) {
        metrics.traces_dropped.add(self.count);
    }
}

/// No monitor sees a frame, since they were too slow to take it.
#[derive(Debug)]
pub struct FrameUnmonitored;

impl Fact for FrameUnmonitored {
    fn log(&self) {
        tracing::debug!("monitors are too slow: a frame is skipped");
    }

    fn count(&self, metrics: &Metrics) {
        metrics.unmonitored.add(1);
    }
}
