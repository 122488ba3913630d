//! An input that the model does not know.

use crate::Answer;
use crate::assay::plugin::imaging::Image;

pub fn run(_: Image) -> Answer {
    crate::answer(vec![("picture".to_owned(), crate::input(0.5).1)])
}
