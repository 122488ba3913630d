//! Models by name on one of three backends.
//!
//! Guarantees to the callers: nothing is loaded, compiled or warmed up while a frame is judged; every input is
//! checked against the model's signed specification before a backend sees it; the device that is used was asked for.

mod model;

pub use model::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
