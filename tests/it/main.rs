//! All integration tests in one binary: one link instead of many.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod inference;
mod import;
mod codec;
mod formats;
mod heatmap;
mod model_commands;
mod onnx;
mod artifacts;
mod bindings;
mod config;
mod conformance;
mod fake_model;
mod fuzz;
mod plugin_runtime;
mod line;
mod native_parts;
mod journal;
mod labels;
mod languages;
mod trust;
mod deploy;
mod station;
mod access;
mod outputs;
mod sources;
mod shipped_plugins;
mod wit;
