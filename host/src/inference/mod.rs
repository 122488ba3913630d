//! Models by name on one of three backends.
//!
//! Guarantees to the callers: nothing is loaded, compiled or warmed up while a frame is judged; every input is
//! checked against the model's signed specification before a backend sees it; the device that is used was asked for;
//! a backend that panics is a failed inference, never a dead station.

mod model;
mod validate;
mod checked;
mod pool;
mod watchdog;
mod library;
mod tract;
mod onnxruntime;
mod openvino;
mod backends;
mod softmax;
mod codec;
mod import;
mod trials;

pub use backends::{BackendOptions, Backends};
pub use codec::{CodecError, decode as decode_model, is_container};
pub use import::{
    Examined, ImportRefusal, MAX_MODEL_BYTES, ModelFacts, PortFacts, check as check_import, examine, spec_of,
};
pub use model::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
pub use softmax::softmax;
pub use trials::blank_inputs;

#[cfg(test)]
pub(crate) mod tests;
