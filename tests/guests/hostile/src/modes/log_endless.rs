//! Logs long lines without end.

use crate::assay::plugin::log::{Level, log};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let line = "a line that nobody wants to read ".repeat(20_000);
    loop {
        log(Level::Error, &line);
    }
}
