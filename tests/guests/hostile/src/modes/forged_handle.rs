//! Uses a handle that nobody gave it.

use crate::assay::plugin::imaging::Image;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let forged = unsafe { Image::from_handle(4_000_000) };
    core::hint::black_box(forged.info());
    core::mem::forget(forged);
    answer(finding())
}
