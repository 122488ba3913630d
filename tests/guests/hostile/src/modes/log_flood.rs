//! Logs ten thousand lines, then answers well.

use crate::assay::plugin::log::{Level, log};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    for n in 0..10_000 {
        log(Level::Warn, &format!("line {n}"));
    }
    answer(finding())
}
