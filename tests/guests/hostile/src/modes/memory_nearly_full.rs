//! Fills most of its memory, which is allowed, and answers well.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let hoard: Vec<Vec<u8>> = (0..24u8).map(|n| vec![n | 1; 1 << 20]).collect();
    core::hint::black_box(&hoard);
    answer(finding())
}
