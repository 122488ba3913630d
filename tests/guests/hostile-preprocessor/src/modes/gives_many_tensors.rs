//! More tensors than any model takes.

use crate::Answer;
use crate::assay::plugin::imaging::Image;

pub fn run(_: Image) -> Answer {
    let many = (0..100).map(|n| (format!("input-{n}"), crate::input(0.5).1));
    crate::answer(many.collect())
}
