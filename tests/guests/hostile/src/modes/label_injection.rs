//! A label that reads backwards.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.label = "\u{202e}ssap".to_owned();
    answer(finding)
}
