//! What integration tests and benchmarks share.

pub mod artifacts;
pub mod station;
