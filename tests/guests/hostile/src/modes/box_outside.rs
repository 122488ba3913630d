//! A box that is partly outside the picture.

use crate::assay::plugin::types::Region;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(evidence: Evidence) -> Answer {
    let info = evidence.picture.info();
    let mut finding = finding();
    finding.region = Some(Region { x: info.width - 1, y: 0, width: 2, height: 1 });
    answer(finding)
}
