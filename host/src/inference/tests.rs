#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod backends;
mod front;
mod hanging;
mod probabilities;
mod validation;

use super::pool::{After, Pool};
use super::validate::check_inputs;
use super::*;
use crate::domain::{DeviceUse, Digest, ElementType, ModelFormat, ModelSpec, NamedTensor, Port, Precision, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const TINY: &[u8] = include_bytes!("../../../tests/fixtures/models/tiny.onnx");

/// Makes a specification wrong in one way.
type Change = fn(&mut ModelSpec);
/// What a backend answers for a batch.
type Answer = fn(u32) -> Result<Vec<Tensor>, InferenceError>;

fn port(name: &str, shape: &[u32], ty: ElementType) -> Port {
    Port { name: name.to_owned(), shape: shape.to_vec(), ty }
}

fn spec() -> ModelSpec {
    ModelSpec {
        inputs: vec![port("picture", &[3, 4], ElementType::F32), port("mask", &[2], ElementType::U8)],
        outputs: vec![port("logits", &[2], ElementType::F32)],
        batch_sizes: vec![1, 3],
    }
}

fn tensor(name: &str, shape: &[u32], ty: ElementType) -> NamedTensor {
    NamedTensor { name: name.to_owned(), tensor: Tensor::build(shape, ty, |_| ()).unwrap() }
}

fn good(batch: u32) -> Vec<NamedTensor> {
    vec![tensor("mask", &[batch, 2], ElementType::U8), tensor("picture", &[batch, 3, 4], ElementType::F32)]
}

fn refusal(inputs: &[NamedTensor]) -> String {
    match check_inputs("m", &spec(), inputs) {
        Err(error @ InferenceError::BadTensor { .. }) => error.to_string(),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("accepted"),
    }
}

fn tiny(bytes: &[u8]) -> ModelSource {
    ModelSource {
        name: "tiny".to_owned(),
        digest: Digest::of(bytes),
        format: ModelFormat::Onnx,
        bytes: bytes.into(),
        weights: None,
        spec: ModelSpec {
            inputs: vec![port("input", &[3, 16, 16], ElementType::F32)],
            outputs: vec![port("logits", &[5], ElementType::F32), port("embedding", &[12], ElementType::F32)],
            batch_sizes: vec![1, 3],
        },
    }
}

fn tract() -> Backends {
    Backends::discover(&BackendOptions { order: vec!["tract".to_owned()], ..BackendOptions::default() })
}

fn cpu() -> DeviceRequest {
    DeviceRequest { wish: vec!["CPU".to_owned()], precision: Precision::F32Exact }
}

fn options() -> LoadOptions {
    LoadOptions { threads: 1, parallel: 2, cache_dir: None }
}

fn load(source: &ModelSource) -> Result<Arc<dyn LoadedModel>, InferenceError> {
    tract().load(source, &cpu(), &options())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// A model with one session at a time, as a backend with one stream keeps it. `session` hears which one runs: each
/// that is made in place of one that hangs has the next number.
pub(crate) fn one_stream(
    session: impl Fn(u32) + Send + Sync + 'static,
) -> impl Fn(Instant) -> Result<(), InferenceError> + Send + Sync {
    let made = AtomicU32::new(1);
    let pool = Pool::new(vec![1], move || Some(made.fetch_add(1, Ordering::SeqCst) + 1));
    move |deadline| {
        let run = |number: &mut u32| (session(*number), After::Free);
        pool.with(deadline, |_| true, run).map_err(|busy| busy.error("surface", "CPU"))
    }
}
