//! Recurses without end and without touching its own memory.

use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

#[inline(never)]
fn deeper(n: u64) -> u64 {
    if n == u64::MAX { 0 } else { core::hint::black_box(deeper)(n + 1).wrapping_mul(3).wrapping_add(n) }
}

pub fn run(evidence: Evidence) -> Answer {
    panic!("reached {}", deeper(evidence.inputs.len() as u64))
}
