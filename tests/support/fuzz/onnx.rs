use super::target::Try;
use crate::artifacts::root;
use anyhow::{Context as _, Result};
use assay::domain::{Digest, ElementType, ModelFormat, ModelSpec, Port, Precision};
use assay::inference::{BackendOptions, Backends, DeviceRequest, LoadOptions, ModelSource};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub fn models() -> Result<Vec<Vec<u8>>> {
    let read = |name| {
        let path = root().join("tests/fixtures/models").join(name);
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    ["tiny.onnx", "tiny-int8.onnx"].into_iter().map(read).collect()
}

/// Loads a model as a station does, on the backend that is always there, and lets it answer its warm-up. Where a model is
/// loaded a panic of the library is caught, and is that candidate's end.
pub fn loads() -> Result<Try> {
    let order = vec!["tract".to_owned()];
    let backends = Backends::discover(&BackendOptions { openvino_dir: None, onnxruntime_dir: None, order });
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    let spec = ModelSpec {
        inputs: vec![port("input", &[3, 16, 16])],
        outputs: vec![port("logits", &[5]), port("embedding", &[12])],
        batch_sizes: vec![1],
    };
    Ok(Box::new(move |bytes| {
        let bytes: Arc<[u8]> = bytes.into();
        let (name, digest, spec) = ("fuzzed".to_owned(), Digest::of(&bytes), spec.clone());
        let source = ModelSource { name, digest, format: ModelFormat::Onnx, bytes, weights: None, spec };
        let request = DeviceRequest { wish: vec!["CPU".to_owned()], precision: Precision::F32Exact };
        let options = LoadOptions { threads: 1, parallel: 1, cache_dir: None };
        let loaded = catch_unwind(AssertUnwindSafe(|| backends.load(&source, &request, &options)));
        Ok(loaded.is_ok_and(|loaded| loaded.is_ok()))
    }))
}
