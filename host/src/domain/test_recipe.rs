//! A recipe for tests of everything around a recipe, here and in the crate of integration tests, which takes this file in.

// Of the module that takes it in: the library itself there, its public names elsewhere.
use super::{DeviceUse, Digest, ModelUse, Recipe, VerdictPolicy};

/// Without plugins: a model `surface` of two labels, of which `good` passes.
pub fn recipe() -> Recipe {
    let model = ModelUse {
        name: "surface".into(),
        version: "1.0.0".into(),
        model: Digest::of(b"model"),
        bundle: Digest::of(b"bundle"),
        signers: vec![],
        labels: vec!["good".into(), "pit".into()],
        devices: vec!["CPU".into()],
        logits: "logits".into(),
        temperature: 1.0,
        reference: None,
        heatmap: None,
        origin: None,
    };
    let policy = VerdictPolicy {
        pass_labels: vec!["good".into()],
        min_pass_probability: 0.6,
        min_fail_probability: 0.5,
        undecided_on: vec![],
        fail_on: vec![],
    };
    Recipe {
        name: "test".into(),
        version: "1.0.0".into(),
        digest: Digest::of(b"recipe"),
        signers: vec![],
        preprocessors: vec![],
        model,
        detectors: vec![],
        monitors: vec![],
        policy,
        frame_budget_ms: 100,
    }
}

/// The processor, whatever else was asked for.
pub fn device(asked: &[&str]) -> DeviceUse {
    DeviceUse {
        backend: "fake".into(),
        asked: asked.iter().map(|name| (*name).to_owned()).collect(),
        used: "CPU".into(),
        precision: "f32-exact".into(),
    }
}
