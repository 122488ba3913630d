//! Wants to remember more than it may, and unwraps.

use crate::Answer;
use crate::assay::plugin::state;

pub fn run() -> Answer {
    state::set("all", &vec![7; 900_000]).unwrap();
    state::set("more", &vec![7; 900_000]).unwrap();
    crate::answer(Vec::new())
}
