//! Opens a hundred execution contexts at one time, which is allowed.

use crate::wasi::nn::graph;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let graph = graph::load_by_name("demo").unwrap();
    let hoard: Vec<_> = (0..100).map(|_| graph.init_execution_context().unwrap()).collect();
    core::hint::black_box(&hoard);
    answer(finding())
}
