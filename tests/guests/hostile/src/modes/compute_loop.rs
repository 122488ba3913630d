//! Asks the model again and again, until there is no time left for an answer.

use crate::wasi::nn::graph;
use crate::wasi::nn::tensor::Tensor;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(evidence: Evidence) -> Answer {
    let context = graph::load_by_name("demo").unwrap().init_execution_context().unwrap();
    let (name, input) = evidence.inputs.into_iter().next().unwrap();
    let (shape, ty, bytes) = (input.dimensions(), input.ty(), input.data());
    loop {
        context.compute(vec![(name.clone(), Tensor::new(&shape, ty, &bytes))]).unwrap();
    }
}
