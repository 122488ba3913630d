//! Collects errors of wasi:nn without end.

use crate::wasi::nn::graph;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let mut hoard = Vec::new();
    loop {
        hoard.push(graph::load_by_name("nobody"));
    }
}
