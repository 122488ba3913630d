//! Asks a model and gives it nothing.

use crate::assay::plugin::types::PluginError;
use crate::wasi::nn::errors::ErrorCode;
use crate::wasi::nn::graph;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let context = graph::load_by_name("demo").unwrap().init_execution_context().unwrap();
    let error = context.compute(Vec::new()).expect_err("refused");
    assert!(matches!(error.code(), ErrorCode::InvalidArgument), "{:?}", error.code());
    Err(PluginError::Inference(error.data()))
}
