//! Brings its own model.

use crate::assay::plugin::types::PluginError;
use crate::wasi::nn::errors::ErrorCode;
use crate::wasi::nn::graph::{self, ExecutionTarget, GraphEncoding};
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    for target in [ExecutionTarget::Cpu, ExecutionTarget::Gpu, ExecutionTarget::Tpu] {
        let error = graph::load(&[vec![1; 64]], GraphEncoding::Onnx, target).expect_err("refused");
        assert!(matches!(error.code(), ErrorCode::Security), "{:?}", error.code());
    }
    let error = graph::load(&[], GraphEncoding::Autodetect, ExecutionTarget::Cpu).expect_err("refused");
    Err(PluginError::Inference(error.data()))
}
