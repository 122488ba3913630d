//! A score beyond everything.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.score = f32::INFINITY;
    answer(finding)
}
