//! Gives a model everything but what it takes, and checks that each is refused.

use crate::assay::plugin::types::PluginError;
use crate::wasi::nn::errors::ErrorCode;
use crate::wasi::nn::graph;
use crate::wasi::nn::tensor::{Tensor, TensorType};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    let context = graph::load_by_name("demo").unwrap().init_execution_context().unwrap();
    let named = |name: &str, shape: &[u32], ty, bytes: usize| (name.to_owned(), Tensor::new(shape, ty, &vec![0; bytes]));
    let wrong = [
        vec![],
        vec![named("picture", &[1, 1, 8, 8], TensorType::Fp32, 256)],
        vec![named("image", &[1, 1, 8, 8], TensorType::U8, 64)],
        vec![named("image", &[1, 1, 8, 4], TensorType::Fp32, 128)],
        vec![named("image", &[64], TensorType::Fp32, 256)],
        vec![named("image", &[3, 1, 8, 8], TensorType::Fp32, 768)],
        vec![named("image", &[1, 1, 8, 8], TensorType::Fp32, 256), named("image", &[1, 1, 8, 8], TensorType::Fp32, 256)],
    ];
    let mut last = String::new();
    for inputs in wrong {
        let error = context.compute(inputs).expect_err("refused");
        assert!(matches!(error.code(), ErrorCode::InvalidArgument), "{:?}", error.code());
        last = error.data();
    }
    Err(PluginError::Inference(last))
}
