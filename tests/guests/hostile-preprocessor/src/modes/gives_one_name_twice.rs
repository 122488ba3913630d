//! Two tensors of one name: which would the model take?

use crate::Answer;
use crate::assay::plugin::imaging::Image;

pub fn run(_: Image) -> Answer {
    crate::answer(vec![crate::input(0.1), crate::input(0.9)])
}
