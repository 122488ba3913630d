//! Write a plugin for Assay in Rust: implement one trait, export it with one line.
//!
//! ```ignore
//! use assay_plugin::{Detection, Detector, Evidence, Finding, Frame, Result, settings};
//!
//! struct Bright {
//!     limit: f64,
//! }
//!
//! impl Detector for Bright {
//!     fn new() -> Result<Self> {
//!         Ok(Self { limit: settings::get("limit")? })
//!     }
//!
//!     fn detect(&mut self, _frame: &Frame, evidence: &Evidence) -> Result<Detection> {
//!         let mean = evidence.picture.statistics().mean;
//!         Ok(Detection::new().finding(Finding::new("too-bright", mean / 255.0).raised(mean > self.limit)))
//!     }
//! }
//!
//! assay_plugin::export_detector!(Bright);
//! ```
//!
//! Build it with `cargo build --release --target wasm32-unknown-unknown`, as `crate-type = ["cdylib"]`: the file has
//! no WASI import at all, and imports only what it uses.
//!
//! Pictures and tensors are handles: the pixels stay with the host, and [`Image`] does the work on them there. Code
//! that wants pixels reads them and uses [`kernels`].
//!
//! Everything that needs the host works only inside a station. Keep what can be tested in modules that take numbers
//! and slices: `cargo test` runs them natively.

pub mod bindings;
mod detector;
mod error;
mod finding;
#[doc(hidden)]
pub mod heap;
mod image;
#[doc(hidden)]
pub mod instance;
pub mod json;
pub mod kernels;
pub mod letterbox;
pub mod log;
pub mod math;
mod model;
mod monitor;
mod preprocessor;
pub mod reference;
pub mod settings;
pub mod state;
mod tensor;

pub use bindings::imports::assay::plugin::types::FrameInfo as Frame;
pub use detector::{Detection, Detector, Evidence};
pub use error::{Error, Result};
pub use finding::Finding;
pub use image::{
    ElementType, Image, PixelFormat, Region, ResizeFilter, Statistics, TensorLayout, TensorSpec, filter_by_name,
};
pub use model::Model;
pub use monitor::{Inspection, Monitor, Observation, Report};
pub use preprocessor::{Prepared, Preprocessor};
pub use tensor::{Tensor, Tensors};

/// What the `export_*` macros expand to.
#[doc(hidden)]
pub mod export {
    pub use crate::detector::run as detect;
    pub use crate::monitor::run as observe;
    pub use crate::preprocessor::run as preprocess;
}

/// Makes a type that implements [`Preprocessor`] the plugin of this crate.
#[macro_export]
macro_rules! export_preprocessor {
    ($plugin:ty) => {
        // Natively there is nothing to export to: the type is only checked, so that its pure parts can be tested.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            #[allow(dead_code, reason = "keeps the plugin's own code from being reported as never used")]
            fn check() -> $crate::Result<$plugin> {
                <$plugin as $crate::Preprocessor>::new()
            }
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::preprocessor::exports::assay::plugin::preprocess as wit;
            struct Export;
            ::std::thread_local! {
                static PLUGIN: $crate::instance::Instance<$plugin> = const { $crate::instance::Instance::new() };
            }
            impl wit::Guest for Export {
                fn preprocess(
                    frame: $crate::Frame,
                    picture: wit::Image,
                ) -> ::std::result::Result<wit::Prepared, wit::PluginError> {
                    PLUGIN.with(|plugin| $crate::export::preprocess(plugin, &frame, picture))
                }
            }
            $crate::bindings::preprocessor::export_preprocessor_world!(Export with_types_in $crate::bindings::preprocessor);
        };
    };
}

/// Makes a type that implements [`Detector`] the plugin of this crate.
#[macro_export]
macro_rules! export_detector {
    ($plugin:ty) => {
        // Natively there is nothing to export to: the type is only checked, so that its pure parts can be tested.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            #[allow(dead_code, reason = "keeps the plugin's own code from being reported as never used")]
            fn check() -> $crate::Result<$plugin> {
                <$plugin as $crate::Detector>::new()
            }
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::detector::exports::assay::plugin::detect as wit;
            struct Export;
            ::std::thread_local! {
                static PLUGIN: $crate::instance::Instance<$plugin> = const { $crate::instance::Instance::new() };
            }
            impl wit::Guest for Export {
                fn detect(
                    frame: $crate::Frame,
                    evidence: wit::Evidence,
                ) -> ::std::result::Result<wit::Detection, wit::PluginError> {
                    PLUGIN.with(|plugin| $crate::export::detect(plugin, &frame, evidence))
                }
            }
    $crate::bindings::detector::export_detector_world!(Export with_types_in $crate::bindings::detector);
        };
    };
}

/// Makes a type that implements [`Monitor`] the plugin of this crate.
#[macro_export]
macro_rules! export_monitor {
    ($plugin:ty) => {
        // Natively there is nothing to export to: the type is only checked, so that its pure parts can be tested.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            #[allow(dead_code, reason = "keeps the plugin's own code from being reported as never used")]
            fn check() -> $crate::Result<$plugin> {
                <$plugin as $crate::Monitor>::new()
            }
        };
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::monitor::exports::assay::plugin::observe as wit;
            struct Export;
            ::std::thread_local! {
                static PLUGIN: $crate::instance::Instance<$plugin> = const { $crate::instance::Instance::new() };
            }
            impl wit::Guest for Export {
                fn observe(
                    frame: $crate::Frame,
                    inspection: wit::Inspection,
                ) -> ::std::result::Result<wit::Observation, wit::PluginError> {
                    PLUGIN.with(|plugin| $crate::export::observe(plugin, &frame, inspection))
                }
            }
    $crate::bindings::monitor::export_monitor_world!(Export with_types_in $crate::bindings::monitor);
        };
    };
}
