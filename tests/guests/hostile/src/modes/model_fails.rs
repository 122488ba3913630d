//! Asks a model that fails, and unwraps.

use crate::wasi::nn::graph;
use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

pub fn run(_: Evidence) -> Answer {
    let context = graph::load_by_name("demo").unwrap().init_execution_context().unwrap();
    let tensor = Tensor::new(&[1, 1, 8, 8], TensorType::Fp32, &[0; 256]);
    context.compute(vec![("image".to_owned(), tensor)]).unwrap();
    answer(finding())
}
