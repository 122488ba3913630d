use super::watch::ShadowFrame;
use crate::domain::{Disagreement, FailureCode, ShadowReport, VerdictKind};
use crate::pipeline::SecondOpinion;

/// Disagreements that are kept with their frame.
const KEPT: usize = 20;

/// What a shadow may do and still be let to drive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShadowRules {
    /// Frames that it may pass where the running recipe did not.
    pub max_escapes: u64,
    /// Share of frames on which it may disagree at all, where it did not fail.
    pub max_disagreements: f64,
    /// Share of frames on which it may fail.
    pub max_failures: f64,
    /// Share of frames on which it may be late.
    pub max_timeouts: f64,
}

/// Counts one frame that both judged.
pub fn count(report: &mut ShadowReport, frame: &ShadowFrame, opinion: &SecondOpinion) {
    report.frames += 1;
    let late = opinion.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::Timeout);
    report.failures += u64::from(opinion.failure.is_some() && !late);
    report.timeouts += u64::from(late);
    let (old, new) = (frame.verdict, opinion.verdict.kind());
    if old == new {
        return;
    }
    let kind = format!("{old}->{new}");
    // Where it failed it has said nothing that could disagree.
    if opinion.failure.is_none() {
        *report.disagreements.entry(kind.clone()).or_default() += 1;
    }
    let failure = opinion.failure.as_ref().map(ToString::to_string);
    report.kept.push(Disagreement { frame: frame.frame.meta.id.to_string(), kind, failure });
    if report.kept.len() > KEPT {
        report.kept.remove(0);
    }
}

/// Why the shadow is not let to drive; none while it may.
///
/// Escapes and repeated failures end it at once; the share of all disagreements counts at the end.
#[must_use]
pub fn refusal(report: &ShadowReport, rules: &ShadowRules, at_end: bool) -> Option<String> {
    let (frames, escapes) = (report.frames, escapes(report));
    if escapes > rules.max_escapes {
        return Some(format!(
            "the shadow passed {escapes} of {frames} frames that the running recipe did not pass, at most {} may be",
            rules.max_escapes
        ));
    }
    let over = |count: u64, limit: f64| count as f64 > limit * frames as f64;
    let faults = [("failed", report.failures, rules.max_failures), ("was late", report.timeouts, rules.max_timeouts)];
    for (what, count, limit) in faults {
        if over(count, limit) && (count >= 3 || at_end) {
            let cause = report.kept.iter().rev().find_map(|one| one.failure.as_deref()).unwrap_or("see the log");
            return Some(format!("the shadow {what} on {count} of {frames} frames: {cause}"));
        }
    }
    let disagreed: u64 = report.disagreements.values().sum();
    if at_end && over(disagreed, rules.max_disagreements) {
        let percent = rules.max_disagreements * 100.0;
        return Some(format!("the shadow disagreed on {disagreed} of {frames} frames, at most {percent:.0} % may be"));
    }
    None
}

/// The kind of disagreement that lets a bad part go.
fn escapes(report: &ShadowReport) -> u64 {
    let pass = VerdictKind::Pass;
    let kinds = [VerdictKind::Fail, VerdictKind::Undecided].map(|old| format!("{old}->{pass}"));
    kinds.iter().filter_map(|kind| report.disagreements.get(kind)).sum()
}
