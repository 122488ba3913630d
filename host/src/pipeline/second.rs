use super::inspect::decide_on;
use super::{Judge, Trace};
use crate::domain::{Failure, Frame, Verdict};
use std::time::{Duration, Instant};

/// What another recipe says of a frame: for a shadow. Nothing of it is recorded.
#[derive(Debug)]
pub struct SecondOpinion {
    pub verdict: Verdict,
    /// What failed on the way, also where the verdict does not show it.
    pub failure: Option<Failure>,
}

/// Judges a frame that is decoded already.
#[must_use]
pub fn second_opinion(frame: &Frame, judge: &dyn Judge) -> SecondOpinion {
    let mut trace = Trace::start();
    let deadline = Instant::now() + Duration::from_millis(u64::from(judge.recipe().frame_budget_ms));
    let judgement = judge.judge(frame, deadline, &mut trace);
    let verdict = decide_on(judge.recipe(), &judgement);
    let failure = judgement.failure.or_else(|| judgement.runs.into_iter().find_map(|run| run.failure));
    SecondOpinion { verdict, failure }
}
