//! Answers one thing on one frame and another on the next, for no reason in the picture.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};
use core::sync::atomic::{AtomicU32, Ordering};

/// Would count the calls, if an instance lived longer than one.
static CALLS: AtomicU32 = AtomicU32::new(0);

pub fn run(_: Evidence) -> Answer {
    let mut finding = finding();
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    finding.score = ((crate::trigger() + calls) % 2) as f32;
    finding.attributes = vec![("calls".to_owned(), calls.to_string())];
    answer(finding)
}
