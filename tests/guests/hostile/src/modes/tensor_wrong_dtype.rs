//! Gives a model bytes where it takes floats.

use crate::assay::plugin::types::PluginError;
use crate::wasi::nn::errors::ErrorCode;
use crate::wasi::nn::graph;
use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let context = graph::load_by_name("demo").unwrap().init_execution_context().unwrap();
    let tensor = Tensor::new(&[1, 1, 8, 8], TensorType::U8, &[0; 64]);
    let error = context.compute(vec![("image".to_owned(), tensor)]).expect_err("refused");
    assert!(matches!(error.code(), ErrorCode::InvalidArgument), "{:?}", error.code());
    Err(PluginError::Inference(error.data()))
}
