//! No input at all.

use crate::Answer;
use crate::assay::plugin::imaging::Image;

pub fn run(_: Image) -> Answer {
    crate::answer(Vec::new())
}
