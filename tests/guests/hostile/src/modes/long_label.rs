//! A label that is a novel.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.label = "label".repeat(1000);
    answer(finding)
}
