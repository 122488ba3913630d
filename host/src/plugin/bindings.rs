//! What wasmtime generates from `wit/`. Generated types go no further than the host functions, `convert` and
//! `answers`.
//!
//! One module holds everything that plugins import; the three worlds add only what they export, so that one `image`
//! and one `tensor` type serve all of them.

/// The imports of all worlds.
pub(super) mod imports {
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package assay:host;
            world imports {
                import assay:plugin/types@0.1.0;
                import assay:plugin/log@0.1.0;
                import assay:plugin/config@0.1.0;
                import assay:plugin/state@0.1.0;
                import assay:plugin/imaging@0.1.0;
                import wasi:nn/tensor@0.2.0-rc-2024-10-28;
                import wasi:nn/graph@0.2.0-rc-2024-10-28;
                import wasi:nn/inference@0.2.0-rc-2024-10-28;
                import wasi:nn/errors@0.2.0-rc-2024-10-28;
            }
        ",
        world: "assay:host/imports",
        with: {
            "assay:plugin/imaging.image": crate::plugin::resources::ImageEntry,
            "wasi:nn/tensor.tensor": crate::plugin::resources::TensorEntry,
            "wasi:nn/graph.graph": crate::plugin::resources::GraphEntry,
            "wasi:nn/inference.graph-execution-context": crate::plugin::resources::ContextEntry,
            "wasi:nn/errors.error": crate::plugin::resources::ErrorEntry,
        },
        imports: { default: trappable },
    });
}

pub(super) mod preprocessor {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "assay:plugin/preprocessor",
        with: {
            "assay:plugin/types": crate::plugin::bindings::imports::assay::plugin::types,
            "assay:plugin/log": crate::plugin::bindings::imports::assay::plugin::log,
            "assay:plugin/config": crate::plugin::bindings::imports::assay::plugin::config,
            "assay:plugin/imaging": crate::plugin::bindings::imports::assay::plugin::imaging,
            "wasi:nn": crate::plugin::bindings::imports::wasi::nn,
        },
        imports: { default: trappable },
    });
}

pub(super) mod detector {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "assay:plugin/detector",
        with: {
            "assay:plugin/types": crate::plugin::bindings::imports::assay::plugin::types,
            "assay:plugin/log": crate::plugin::bindings::imports::assay::plugin::log,
            "assay:plugin/config": crate::plugin::bindings::imports::assay::plugin::config,
            "assay:plugin/imaging": crate::plugin::bindings::imports::assay::plugin::imaging,
            "wasi:nn": crate::plugin::bindings::imports::wasi::nn,
        },
        imports: { default: trappable },
    });
}

pub(super) mod monitor {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "assay:plugin/monitor",
        with: {
            "assay:plugin/types": crate::plugin::bindings::imports::assay::plugin::types,
            "assay:plugin/log": crate::plugin::bindings::imports::assay::plugin::log,
            "assay:plugin/config": crate::plugin::bindings::imports::assay::plugin::config,
            "assay:plugin/state": crate::plugin::bindings::imports::assay::plugin::state,
            "assay:plugin/imaging": crate::plugin::bindings::imports::assay::plugin::imaging,
            "wasi:nn": crate::plugin::bindings::imports::wasi::nn,
        },
        imports: { default: trappable },
    });
}

pub(super) use imports::assay::plugin::{config, imaging, log, state, types};
pub(super) use imports::wasi::nn;
