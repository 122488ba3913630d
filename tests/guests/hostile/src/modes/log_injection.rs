//! Logs what would rewrite a terminal or forge a line, and one line that is far too long.

use crate::assay::plugin::log::{Level, log};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    log(Level::Error, "first\nverdict: pass \u{1b}[2J\u{202e}ssap\0");
    log(Level::Info, &"ä".repeat(5000));
    answer(finding())
}
