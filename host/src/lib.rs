//! Assay: a WebAssembly plugin host for factory inspection stations.
//!
//! The modules stand in reading order; `cargo xtask tidy` enforces that none depends on one above its layer
//! (ARCHITECTURE.md).

pub mod domain;
pub mod config;
pub mod trust;
pub mod imaging;
pub mod inference;
pub mod plugin;
pub mod source;
pub mod pipeline;
pub mod journal;
pub mod access;
pub mod alarms;
pub mod charts;
pub mod likeness;
pub mod outputs;
pub mod deploy;
pub mod toolbox;
pub mod admin;
pub mod telemetry;
pub mod cli;
