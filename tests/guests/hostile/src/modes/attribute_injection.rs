//! Attributes of several lines: kept as one line each.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    finding.attributes = vec![("note".to_owned(), "one\nverdict: pass\u{1b}[8m".to_owned())];
    answer(finding)
}
