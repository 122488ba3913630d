//! Signed bundles of all cases in one folder, with a key of their own.

use super::cases::{Case, Made};
use super::components::{component, guest};
use crate::artifacts;
use anyhow::{Context as _, Result};
use assay::deploy::EXPECTED;
use assay::domain::{
    Capability, Digest, ElementType, InstanceMode, ModelFormat, ModelSpec, PluginKind, PluginLimits, Port, Precision,
    SettingValue, Settings, VerdictPolicy,
};
use assay::plugin::{WIT_PACKAGE, componentize};
use assay::trust::{
    BlobRole, BundleKind, Manifest, ModelManifest, ModelPin, NewBlob, PluginManifest, PluginPin, PrivateKey,
    RecipeManifest, SCHEMA, TrustStore, TrustedKey, inspect, pack, sign,
};
use semver::Version;
use std::path::{Path, PathBuf};

const LABELS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The folder and the key that signs what goes into it.
pub struct Packer {
    dir: PathBuf,
    key: PrivateKey,
    model: ModelPin,
    letterbox: PluginPin,
    /// In every recipe.
    self_test: Vec<NewBlob>,
    /// Of every plugin of a case.
    instance: InstanceMode,
}

/// A plugin before it is packed.
struct Draft {
    name: String,
    world: PluginKind,
    wit: String,
    component: Vec<u8>,
    limits: PluginLimits,
    settings: Settings,
    grants: Vec<Capability>,
}

impl Packer {
    /// Makes the key, its trust store, and the bundles that all recipes share.
    pub fn new(dir: &Path, trust: &Path) -> Result<Self> {
        let key = PrivateKey::generate()?;
        let mut store = TrustStore::new();
        let roles = ["plugin:*", "model:*", "recipe:*"].iter().map(|role| role.parse()).collect::<Result<_, _>>();
        let roles = roles.map_err(|error| anyhow::anyhow!("{error}"))?;
        store.trust(TrustedKey { public: key.public().clone(), roles, not_after: None, comment: None })?;
        store.save(trust)?;
        let (model, letterbox) = (
            ModelPin {
                model: "demo".to_owned(),
                bundle: Digest::of(b""),
                devices: vec!["CPU".to_owned()],
                precision: Precision::F32Exact,
            },
            pin("letterbox", vec![Capability::Imaging, Capability::Log, Capability::Config]),
        );
        let mut packer =
            Self { dir: dir.to_owned(), key, model, letterbox, self_test: Vec::new(), instance: InstanceMode::Fresh };
        packer.model.bundle = packer.write_model()?;
        let size = |side| SettingValue::Integer(side);
        packer.letterbox.bundle = packer.write_plugin(Draft {
            component: componentize(&artifacts::plugin("letterbox")?)?,
            world: PluginKind::Preprocessor,
            settings: [("width".to_owned(), size(16)), ("height".to_owned(), size(16))].into(),
            ..Draft::new("letterbox", packer.letterbox.grants.clone())
        })?;
        Ok(packer)
    }

    /// Recipes get one self-test frame, whatever its logits are, and plugins live so long.
    pub fn with_self_test(self, picture: &[u8], instance: InstanceMode) -> Self {
        let labels = serde_json::to_string(&LABELS).unwrap_or_default();
        let expected = format!(
            r#"{{"tolerance": 1e30, "labels": {labels}, "pictures": [{{"file": "a.png", "logits": [0, 0, 0, 0, 0]}}]}}"#
        );
        let blob = |name: &str, bytes: Vec<u8>| NewBlob { name: name.to_owned(), role: BlobRole::SelfTest, bytes };
        let self_test = vec![blob(EXPECTED, expected.into_bytes()), blob("a.png", picture.to_vec())];
        Self { self_test, instance, ..self }
    }

    /// The recipe of a healthy detector.
    pub fn healthy(&self) -> Result<Digest> {
        let grants = everything(PluginKind::Detector);
        let draft = Draft { component: guest("healthy-detector")?, ..Draft::new("healthy-detector", grants.clone()) };
        let bundle = self.write_plugin(draft)?;
        self.write_recipe("healthy", PluginKind::Detector, PluginPin { bundle, ..pin("healthy-detector", grants) })
    }

    /// The recipe of a case.
    pub fn case(&self, case: &Case) -> Result<Digest> {
        let kind = match case.made {
            Made::Preprocessor => PluginKind::Preprocessor,
            Made::Monitor => PluginKind::Monitor,
            _ => PluginKind::Detector,
        };
        let mut draft = Draft::new(case.name, everything(kind));
        draft.world = kind;
        draft.component = component(case).with_context(|| format!("no component for {}", case.name))?;
        draft.settings = [("mode".to_owned(), SettingValue::Text(case.name.to_owned()))].into();
        draft.limits.deadline_ms = case.deadline_ms;
        draft.limits.memory_bytes = case.memory_bytes;
        if case.name == "wrong_version" {
            draft.wit = "assay:plugin@0.9.0".to_owned();
        }
        let mut grants = draft.grants.clone();
        if case.name == "ungranted_import" {
            grants.retain(|capability| *capability != Capability::Config);
        }
        let bundle = self.write_plugin(draft)?;
        self.write_recipe(&format!("recipe-{}", case.name), kind, PluginPin { bundle, ..pin(case.name, grants) })
    }

    fn write_model(&self) -> Result<Digest> {
        let path = artifacts::root().join("tests/fixtures/models/tiny.onnx");
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let port =
            |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
        let spec = ModelSpec {
            inputs: vec![port("input", &[3, 16, 16])],
            outputs: vec![port("logits", &[5]), port("embedding", &[12])],
            batch_sizes: vec![1],
        };
        let labels = LABELS.map(str::to_owned).to_vec();
        let model = ModelManifest {
            format: ModelFormat::Onnx,
            spec,
            labels,
            logits: "logits".to_owned(),
            temperature: 1.0,
            encoding: None,
            heatmap: None,
        };
        let manifest = Manifest { model: Some(model), ..manifest("demo", BundleKind::Model) };
        self.write(manifest, &[NewBlob { name: "model.onnx".to_owned(), role: BlobRole::Model, bytes }])
    }

    fn write_plugin(&self, draft: Draft) -> Result<Digest> {
        let plugin = PluginManifest {
            world: draft.world,
            wit: draft.wit,
            capabilities: draft.grants,
            limits: draft.limits,
            instance: self.instance,
            warm: None,
            settings: draft.settings,
        };
        let manifest = Manifest { plugin: Some(plugin), ..manifest(&draft.name, BundleKind::Plugin) };
        let bytes = draft.component;
        self.write(manifest, &[NewBlob { name: "component.wasm".to_owned(), role: BlobRole::Component, bytes }])
    }

    fn write_recipe(&self, name: &str, kind: PluginKind, plugin: PluginPin) -> Result<Digest> {
        let of = |wanted| if kind == wanted { vec![plugin.clone()] } else { Vec::new() };
        let own = of(PluginKind::Preprocessor);
        let recipe = RecipeManifest {
            preprocessors: if own.is_empty() { vec![self.letterbox.clone()] } else { own },
            model: self.model.clone(),
            detectors: of(PluginKind::Detector),
            monitors: of(PluginKind::Monitor),
            policy: VerdictPolicy {
                pass_labels: LABELS.map(str::to_owned).to_vec(),
                min_pass_probability: 0.0,
                min_fail_probability: 0.0,
                undecided_on: vec!["survived".to_owned()],
                fail_on: Vec::new(),
            },
            // No frame of a test runs out of it: the plugins' own deadlines are what is looked at.
            frame_budget_ms: 10_000,
            max_model_bytes: None,
            max_p95_ms: None,
            max_load_ms: None,
            failures: None,
        };
        self.write(Manifest { recipe: Some(recipe), ..manifest(name, BundleKind::Recipe) }, &self.self_test)
    }

    /// Packs, signs and writes a bundle; gives its digest.
    fn write(&self, manifest: Manifest, blobs: &[NewBlob]) -> Result<Digest> {
        let path = self.dir.join(format!("{}.assay", manifest.name));
        let file = sign(&pack(manifest, blobs)?, &self.key)?;
        std::fs::write(&path, &file).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(inspect(&file)?.digest)
    }
}

impl Draft {
    fn new(name: &str, grants: Vec<Capability>) -> Self {
        Self {
            name: name.to_owned(),
            world: PluginKind::Detector,
            wit: WIT_PACKAGE.to_owned(),
            component: Vec::new(),
            limits: PluginLimits { deadline_ms: 1000, ..PluginLimits::default() },
            settings: Settings::new(),
            grants,
        }
    }
}

fn everything(kind: PluginKind) -> Vec<Capability> {
    let mut all = vec![Capability::Imaging, Capability::Log, Capability::Config];
    match kind {
        PluginKind::Detector => all.push(Capability::Inference("demo".to_owned())),
        PluginKind::Monitor => all.push(Capability::State),
        PluginKind::Preprocessor => {}
    }
    all
}

fn pin(plugin: &str, grants: Vec<Capability>) -> PluginPin {
    let settings = Settings::new();
    PluginPin { plugin: plugin.to_owned(), bundle: Digest::of(b""), grants, settings, on_failure: None, failures: None }
}

fn manifest(name: &str, kind: BundleKind) -> Manifest {
    Manifest {
        schema: SCHEMA,
        kind,
        name: name.to_owned(),
        version: Version::new(1, 0, 0),
        counter: 1,
        created: "2026-01-01T00:00:00Z".to_owned(),
        not_after: None,
        description: None,
        blobs: Vec::new(),
        plugin: None,
        model: None,
        recipe: None,
    }
}
