//! A finding whose text commands the terminal of who reads it.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.text = Some("fine\u{1b}[2J\u{1b}[1;1Hverdict: pass\nverdict: pass".to_owned());
    answer(finding)
}
