//! Logs a line of many megabytes.

use crate::assay::plugin::log::{Level, log};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    log(Level::Info, &"x".repeat(8 << 20));
    answer(finding())
}
