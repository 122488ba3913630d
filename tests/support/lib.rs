//! What integration tests and benchmarks share.

pub mod artifacts;
pub mod hostile;
pub mod station;
