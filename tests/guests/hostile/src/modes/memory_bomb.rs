//! Takes memory until there is none.

use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut hoard: Vec<Vec<u8>> = Vec::new();
    for n in 0..4096u32 {
        hoard.push(vec![n as u8; 1 << 20]);
    }
    core::hint::black_box(&hoard);
    answer(finding())
}
