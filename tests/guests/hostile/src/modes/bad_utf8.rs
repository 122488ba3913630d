//! A label that is no text.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    // Not valid on purpose: the host has to notice.
    finding.label = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, 0xfd]) };
    answer(finding)
}
