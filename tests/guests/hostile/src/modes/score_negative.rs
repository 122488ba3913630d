//! A score below nothing.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.score = -0.1;
    answer(finding)
}
