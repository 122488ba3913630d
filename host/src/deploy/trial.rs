use super::watch::{Fault, Seen};
use crate::domain::{TrialReport, VerdictKind};
use crate::pipeline::percentile;
use std::collections::VecDeque;

/// Frames of the last time before a swap that the new recipe is compared with.
pub const BASELINE_FRAMES: usize = 300;
/// With fewer frames a share or a percentile says nothing.
const ENOUGH_FRAMES: u64 = 20;
/// Faults that are no accident, however few frames there are.
const ENOUGH_FAULTS: u64 = 3;

/// What a recipe on trial may do and still go on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialRules {
    /// Share of frames on which it may fail.
    pub max_failures: f64,
    /// Share of frames on which it may be late.
    pub max_timeouts: f64,
    /// By how much the share of frames that do not pass may differ from before, beside three standard deviations.
    pub max_shift: f64,
    /// The recipe's own time for a frame.
    pub budget_us: u64,
}

/// The last frames before a swap.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    verdicts: VecDeque<VerdictKind>,
}

impl Baseline {
    pub fn add(&mut self, verdict: VerdictKind) {
        self.verdicts.push_back(verdict);
        if self.verdicts.len() > BASELINE_FRAMES {
            self.verdicts.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.verdicts.clear();
    }

    /// Share of frames that did not pass; none where too few were seen.
    #[must_use]
    pub fn rejected(&self) -> Option<f64> {
        let frames = self.verdicts.len() as u64;
        let rejected = self.verdicts.iter().filter(|verdict| **verdict != VerdictKind::Pass).count();
        (frames >= ENOUGH_FRAMES).then(|| rejected as f64 / frames as f64)
    }
}

/// The frames that a recipe on trial has judged.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    pub report: TrialReport,
    device_lost: bool,
    micros: Vec<u64>,
}

impl Trial {
    #[must_use]
    pub fn new(frames_wanted: u64, rejected_before: Option<f64>) -> Self {
        let report = TrialReport { frames_wanted, rejected_before, ..TrialReport::default() };
        Self { report, ..Self::default() }
    }

    pub fn add(&mut self, seen: &Seen) {
        let report = &mut self.report;
        report.frames += 1;
        match seen.verdict {
            VerdictKind::Pass => report.pass += 1,
            VerdictKind::Fail => report.fail += 1,
            VerdictKind::Undecided => report.undecided += 1,
        }
        match seen.fault {
            None => {}
            Some(Fault::Timeout) => report.timeouts += 1,
            Some(Fault::DeviceLost) => self.device_lost = true,
            Some(Fault::Other) => report.failures += 1,
        }
        let at = self.micros.partition_point(|micros| *micros <= seen.micros);
        self.micros.insert(at, seen.micros);
        report.p99_us = percentile(&self.micros, 99).unwrap_or(0);
    }

    /// Why the recipe is rolled back; none while it may go on.
    #[must_use]
    pub fn refusal(&self, rules: &TrialRules) -> Option<String> {
        let report = &self.report;
        let frames = report.frames;
        if self.device_lost {
            return Some("the device was lost".to_owned());
        }
        let too_many = |count: u64, limit: f64| count >= ENOUGH_FAULTS && count as f64 > limit * frames as f64;
        let percent = |limit: f64| limit * 100.0;
        if too_many(report.failures, rules.max_failures) {
            let (failures, limit) = (report.failures, percent(rules.max_failures));
            return Some(format!("it failed on {failures} of {frames} frames, at most {limit:.0} % may be"));
        }
        if too_many(report.timeouts, rules.max_timeouts) {
            let (timeouts, limit) = (report.timeouts, percent(rules.max_timeouts));
            return Some(format!("it was late on {timeouts} of {frames} frames, at most {limit:.0} % may be"));
        }
        if frames >= ENOUGH_FRAMES && report.p99_us > rules.budget_us {
            let (p99, budget) = (report.p99_us as f64 / 1000.0, rules.budget_us as f64 / 1000.0);
            return Some(format!("p99 is {p99:.1} ms over {frames} frames, its budget is {budget:.0} ms"));
        }
        self.shifted(rules)
    }

    /// The same when no more frames are to come: a share counts then, however few they were.
    #[must_use]
    pub fn refusal_at_end(&self, rules: &TrialRules) -> Option<String> {
        let report = &self.report;
        let too_many = |count: u64, limit: f64| count > 0 && count as f64 > limit * report.frames as f64;
        if too_many(report.failures, rules.max_failures) || too_many(report.timeouts, rules.max_timeouts) {
            let (failures, timeouts, frames) = (report.failures, report.timeouts, report.frames);
            return Some(format!(
                "it failed on {failures} and was late on {timeouts} of {frames} frames, all there were"
            ));
        }
        self.refusal(rules)
    }

    fn shifted(&self, rules: &TrialRules) -> Option<String> {
        let report = &self.report;
        let before = report.rejected_before?;
        if report.frames < ENOUGH_FRAMES {
            return None;
        }
        let (frames, rejected) = (report.frames as f64, (report.fail + report.undecided) as f64);
        let now = rejected / frames;
        // As on a p-chart: what is within three standard deviations of a sample of this size is chance.
        let spread = 3.0 * (before * (1.0 - before) / frames).sqrt();
        if (now - before).abs() <= rules.max_shift + spread {
            return None;
        }
        let (now, before) = (now * 100.0, before * 100.0);
        Some(format!("{now:.0} % of {frames:.0} frames did not pass, {before:.0} % before the swap"))
    }
}
