//! What `wit-bindgen` makes of `wit/`. Plugins use the wrappers of the other modules; this one is public because the
//! `export_*` macros expand to paths in it.
//!
//! The imports are generated once, and each world once more for its export: so `Image` and `Tensor` are the same
//! types in all worlds, and a plugin carries the description of its own world only.
#![allow(missing_docs, reason = "generated")]
#![allow(
    clippy::indexing_slicing,
    clippy::undocumented_unsafe_blocks,
    clippy::allow_attributes_without_reason,
    clippy::missing_safety_doc,
    reason = "generated"
)]

pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package assay:sdk;
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
        world: "assay:sdk/imports",
        generate_all,
        additional_derives: [PartialEq],
    });
}

pub mod preprocessor {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "assay:plugin/preprocessor",
        pub_export_macro: true,
        export_macro_name: "export_preprocessor_world",
        default_bindings_module: "assay_plugin::bindings::preprocessor",
        with: {
            "assay:plugin/types@0.1.0": crate::bindings::imports::assay::plugin::types,
            "assay:plugin/log@0.1.0": crate::bindings::imports::assay::plugin::log,
            "assay:plugin/config@0.1.0": crate::bindings::imports::assay::plugin::config,
            "assay:plugin/imaging@0.1.0": crate::bindings::imports::assay::plugin::imaging,
            "wasi:nn/tensor@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::tensor,
        },
    });
}

pub mod detector {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "assay:plugin/detector",
        pub_export_macro: true,
        export_macro_name: "export_detector_world",
        default_bindings_module: "assay_plugin::bindings::detector",
        with: {
            "assay:plugin/types@0.1.0": crate::bindings::imports::assay::plugin::types,
            "assay:plugin/log@0.1.0": crate::bindings::imports::assay::plugin::log,
            "assay:plugin/config@0.1.0": crate::bindings::imports::assay::plugin::config,
            "assay:plugin/imaging@0.1.0": crate::bindings::imports::assay::plugin::imaging,
            "wasi:nn/tensor@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::tensor,
            "wasi:nn/graph@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::graph,
            "wasi:nn/inference@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::inference,
            "wasi:nn/errors@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::errors,
        },
    });
}

pub mod monitor {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "assay:plugin/monitor",
        pub_export_macro: true,
        export_macro_name: "export_monitor_world",
        default_bindings_module: "assay_plugin::bindings::monitor",
        with: {
            "assay:plugin/types@0.1.0": crate::bindings::imports::assay::plugin::types,
            "assay:plugin/log@0.1.0": crate::bindings::imports::assay::plugin::log,
            "assay:plugin/config@0.1.0": crate::bindings::imports::assay::plugin::config,
            "assay:plugin/state@0.1.0": crate::bindings::imports::assay::plugin::state,
            "assay:plugin/imaging@0.1.0": crate::bindings::imports::assay::plugin::imaging,
            "wasi:nn/tensor@0.2.0-rc-2024-10-28": crate::bindings::imports::wasi::nn::tensor,
        },
    });
}
