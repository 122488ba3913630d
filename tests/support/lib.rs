//! What integration tests and benchmarks share.

pub mod artifacts;
pub mod bindings;
pub mod fuzz;
pub mod hostile;
pub mod onnx_file;
pub mod recipe;
pub mod station;
