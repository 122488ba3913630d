//! A box whose right edge overflows.

use crate::assay::plugin::types::Region;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.region = Some(Region { x: u32::MAX, y: u32::MAX, width: u32::MAX, height: u32::MAX });
    answer(finding)
}
