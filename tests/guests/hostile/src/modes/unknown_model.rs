//! Asks for a model that it was not granted, and gives up.

use crate::assay::plugin::types::PluginError;
use crate::wasi::nn::errors::ErrorCode;
use crate::wasi::nn::graph;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    for name in ["secret", "", "../../etc/passwd", "/etc/passwd", "demo\0", "DEMO"] {
        let error = graph::load_by_name(name).expect_err("no such model");
        assert!(matches!(error.code(), ErrorCode::NotFound), "{name}: {:?}", error.code());
    }
    let error = graph::load_by_name("secret").expect_err("not granted");
    Err(PluginError::Inference(error.data()))
}
