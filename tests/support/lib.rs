//! What integration tests and benchmarks share.

pub mod artifacts;
