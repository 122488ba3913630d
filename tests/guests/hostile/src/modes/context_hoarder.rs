//! Opens execution contexts without end.

use crate::wasi::nn::graph;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let graph = graph::load_by_name("demo").unwrap();
    let mut hoard = Vec::new();
    loop {
        hoard.push(graph.init_execution_context().unwrap());
    }
}
