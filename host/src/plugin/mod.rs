//! All that touches wasmtime, and nothing else does.
//!
//! Guarantees to the callers:
//! - nothing is compiled or even parsed by the engine before its digest, its WIT version and its imports are checked;
//! - every call runs under a deadline and under limits of memory, host bytes, handles, table elements, log lines and
//!   result size; in a fresh store, which is never used twice, unless the plugin's signed manifest asks for warm
//!   instances: then the plugin's own memory, and nothing else, goes on to the next call (docs/adr/0020);
//! - whatever a plugin does, the caller gets an answer that keeps the contract or a typed [`Failure`] that says which
//!   plugin, whose fault and what to change. No panic crosses this boundary.
//!
//! Nothing of `wasmtime` and nothing generated from the WIT appears in a public signature.
//!
//! [`Failure`]: crate::domain::Failure

mod api;
mod bindings;
mod resources;
mod limits;
mod failure;
mod reference;
mod host_calls;
mod state;
mod services;
mod op_cost;
mod imaging_host;
mod nn_host;
mod convert;
mod answers;
mod engine;
mod cache;
mod capabilities;
mod compile_cost;
mod componentize;
mod empty_wasi;
mod idle;
mod pool;
mod instance;
mod admit;

pub use admit::{AdmissionError, PluginHost, examine};
pub use api::{
    Activity, CacheOptions, CallDeadline, CallOutcome, DetectInput, Doing, LogLevel, LogLine, MonitorState,
    ObserveInput, PluginHostOptions, PluginSource,
};
pub use capabilities::CapabilityError;
pub use compile_cost::CompileCostError;
pub use componentize::{ComponentizeError, componentize};
pub use empty_wasi::componentize_with_empty_wasi;
pub use engine::EngineError;
pub use host_calls::{HostCalls, HostUse};
pub use idle::idle_component;
pub use instance::AdmittedPlugin;

/// The WIT package that this host implements.
pub const WIT_PACKAGE: &str = "assay:plugin@0.1.0";

#[cfg(test)]
mod tests;
