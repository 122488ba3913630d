use super::target::Try;
use anyhow::{Context as _, Result, ensure};
use assay::deploy::{EXPECTED, self_tests};
use assay::domain::{
    Capability, Digest, ElementType, InstanceMode, ModelFormat, ModelSpec, PluginKind, PluginLimits, Port, Precision,
    SettingValue, VerdictPolicy,
};
use assay::trust::{
    BlobRole, BundleKind, MAGIC, Manifest, ModelManifest, ModelPin, NewBlob, PAYLOAD_TYPE, PluginManifest, PluginPin,
    PrivateKey, RecipeManifest, SCHEMA, TrustError, TrustStore, TrustedKey, VerifiedBundle, VerifyPolicy, inspect,
    pack, pre_authentication_encoding, sign, verify,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use semver::Version;
use std::collections::BTreeMap;

const LABELS: [&str; 2] = ["good", "pit"];

/// The same key in every run, so that what one run found can be tried in the next. It is nobody's.
pub fn key() -> Result<PrivateKey> {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let der = [&head[..], &[7; 32]].concat();
    Ok(PrivateKey::from_pem(&format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der)
    ))?)
}

pub fn store() -> Result<TrustStore> {
    let roles = ["plugin:*", "model:*", "recipe:*"].iter().map(|role| role.parse()).collect::<Result<_, _>>();
    let roles = roles.map_err(|error| anyhow::anyhow!("{error}"))?;
    let mut store = TrustStore::new();
    let comment = Some("made for the fuzzer".to_owned());
    store.trust(TrustedKey { public: key()?.public().clone(), roles, not_after: None, comment })?;
    Ok(store)
}

fn policy() -> Result<VerifyPolicy<'static>> {
    Ok(VerifyPolicy::install().at("2026-06-01T00:00:00Z".parse()?))
}

/// A bundle of each kind, signed.
pub fn files() -> Result<Vec<Vec<u8>>> {
    let key = key()?;
    let all = [plugin(), model(), recipe(expected())];
    all.into_iter().map(|(manifest, blobs)| Ok(sign(&pack(manifest, &blobs)?, &key)?)).collect()
}

/// What is verified is what was signed: the payload and every blob, byte for byte. The envelope around them may be
/// written otherwise (white space, a key's name, further signatures): nobody signs it, and nothing of it is used.
pub fn verifies() -> Result<Try> {
    let (store, policy, key) = (store()?, policy()?, key()?);
    let mut known = BTreeMap::new();
    for file in files()? {
        let bundle = verify(&file, &store, &policy)?;
        known.insert(bundle.digest(), bundle);
    }
    Ok(Box::new(move |bytes| {
        if let Ok(inspected) = inspect(bytes) {
            super::author::plain(inspected.problems.into_iter())?;
        }
        let _ = sign(bytes, &key);
        let Ok(bundle) = verify(bytes, &store, &policy) else { return Ok(false) };
        let signed = known.get(&bundle.digest()).context("a payload that nobody signed is verified")?;
        ensure!(bundle.manifest() == signed.manifest(), "the manifest is not the signed one");
        for entry in &signed.manifest().blobs {
            let of = |bundle: &VerifiedBundle| bundle.blob_named(&entry.name);
            ensure!(of(&bundle) == of(signed), "{} is not the signed one", entry.name);
        }
        Ok(true)
    }))
}

/// The payloads of [`files`].
pub fn payloads() -> Result<Vec<Vec<u8>>> {
    let all = [plugin(), model(), recipe(expected())];
    let written = |(manifest, blobs): (Manifest, Vec<NewBlob>)| {
        let inspected = inspect(&pack(manifest, &blobs)?)?;
        Ok(serde_json::to_vec(&inspected.manifest)?)
    };
    all.into_iter().map(written).collect()
}

/// Whatever a trusted key signs is read by the rules of manifests, and written again as it was read.
pub fn takes_payload() -> Result<Try> {
    let (store, policy, key) = (store()?, policy()?, key()?);
    Ok(Box::new(move |payload| {
        let file = envelope(&key, payload)?;
        if let Ok(inspected) = inspect(&file) {
            let again = serde_json::to_vec(&inspected.manifest)?;
            let same = serde_json::from_slice::<Manifest>(&again)? == inspected.manifest;
            ensure!(same, "written and read, the manifest is another");
        }
        // Past its own rules, only its blobs are missing.
        let past = |error: TrustError| matches!(error.check().name(), "layout" | "blobs");
        Ok(verify(&file, &store, &policy).map_or_else(past, |_| true))
    }))
}

/// A bundle's file around any payload, validly signed, without blobs.
fn envelope(key: &PrivateKey, payload: &[u8]) -> Result<Vec<u8>> {
    let signature = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload));
    let envelope = serde_json::to_vec(&serde_json::json!({
        "payloadType": PAYLOAD_TYPE,
        "payload": STANDARD.encode(payload),
        "signatures": [{ "keyid": key.public().id().to_string(), "sig": STANDARD.encode(signature) }],
    }))?;
    let length = u32::try_from(envelope.len())?.to_le_bytes();
    Ok([&MAGIC[..], &length, &envelope].concat())
}

pub fn expectations() -> Result<Vec<Vec<u8>>> {
    Ok(vec![expected().to_vec()])
}

pub fn reads_expectation() -> Result<Try> {
    let (store, policy, key) = (store()?, policy()?, key()?);
    Ok(Box::new(move |bytes| {
        let (manifest, blobs) = recipe(bytes);
        let Ok(file) = pack(manifest, &blobs) else { return Ok(false) };
        let bundle = verify(&sign(&file, &key)?, &store, &policy)?;
        let tests = self_tests(&bundle, &LABELS.map(str::to_owned));
        if let Ok(tests) = &tests {
            let whole = |test: &assay::deploy::SelfTest| {
                test.tolerance >= 0.0
                    && test.logits.len() == LABELS.len()
                    && test.logits.iter().all(|one| one.is_finite())
            };
            ensure!(tests.iter().all(whole), "a self-test that cannot be compared: {tests:?}");
        }
        Ok(tests.is_ok())
    }))
}

const fn expected() -> &'static [u8] {
    br#"{"backend": "tract", "tolerance": 0.5, "labels": ["good", "pit"],
 "pictures": [{"file": "a.png", "truth": "good", "logits": [4.1, -0.6], "verdict": "pass"}]}"#
}

fn manifest(name: &str, kind: BundleKind) -> Manifest {
    Manifest {
        schema: SCHEMA,
        kind,
        name: name.to_owned(),
        version: Version::new(1, 2, 3),
        counter: 7,
        created: "2026-01-01T00:00:00Z".to_owned(),
        not_after: Some("2036-01-01T00:00:00Z".to_owned()),
        description: Some("what it does".to_owned()),
        blobs: Vec::new(),
        plugin: None,
        model: None,
        recipe: None,
    }
}

fn blob(name: &str, role: BlobRole, bytes: &[u8]) -> NewBlob {
    NewBlob { name: name.to_owned(), role, bytes: bytes.to_vec() }
}

fn plugin() -> (Manifest, Vec<NewBlob>) {
    let plugin = PluginManifest {
        world: PluginKind::Detector,
        wit: "assay:plugin@0.1.0".to_owned(),
        capabilities: vec![Capability::Imaging, Capability::Config, Capability::Inference("demo".to_owned())],
        limits: PluginLimits::default(),
        instance: InstanceMode::Fresh,
        warm: None,
        settings: [("threshold".to_owned(), SettingValue::Integer(3))].into(),
    };
    let manifest = Manifest { plugin: Some(plugin), ..manifest("squeeze", BundleKind::Plugin) };
    (manifest, vec![blob("component.wasm", BlobRole::Component, b"\0asm, so to say")])
}

fn model() -> (Manifest, Vec<NewBlob>) {
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    let spec = ModelSpec {
        inputs: vec![port("input", &[3, 16, 16])],
        outputs: vec![port("logits", &[2])],
        batch_sizes: vec![1, 3],
    };
    let labels = LABELS.map(str::to_owned).to_vec();
    let model = ModelManifest {
        format: ModelFormat::Onnx,
        spec,
        labels,
        logits: "logits".to_owned(),
        temperature: 1.5,
        encoding: None,
        heatmap: None,
    };
    let manifest = Manifest { model: Some(model), ..manifest("demo", BundleKind::Model) };
    let blobs = vec![blob("model.onnx", BlobRole::Model, b"a model"), blob("card.json", BlobRole::ReportCard, b"{}")];
    (manifest, blobs)
}

fn recipe(expected: &[u8]) -> (Manifest, Vec<NewBlob>) {
    let pin = |plugin: &str| PluginPin {
        plugin: plugin.to_owned(),
        bundle: Digest::of(plugin.as_bytes()),
        grants: vec![Capability::Imaging],
        settings: [("side".to_owned(), SettingValue::Integer(16))].into(),
        on_failure: None,
        failures: None,
    };
    let devices = vec!["NPU".to_owned(), "CPU".to_owned()];
    let (model, bundle) = ("demo".to_owned(), Digest::of(b"demo"));
    let recipe = RecipeManifest {
        preprocessors: vec![pin("letterbox")],
        model: ModelPin { model, bundle, devices, precision: Precision::F32Exact },
        detectors: vec![pin("squeeze")],
        monitors: Vec::new(),
        policy: VerdictPolicy {
            pass_labels: vec!["good".to_owned()],
            min_pass_probability: 0.6,
            min_fail_probability: 0.5,
            undecided_on: vec!["adversarial".to_owned()],
            fail_on: Vec::new(),
        },
        frame_budget_ms: 100,
        max_model_bytes: Some(10_000_000),
        max_load_ms: Some(5000),
        max_p95_ms: Some(80),
        failures: None,
    };
    let manifest = Manifest { recipe: Some(recipe), ..manifest("surface", BundleKind::Recipe) };
    let picture = blob("a.png", BlobRole::SelfTest, b"a picture");
    (manifest, vec![blob(EXPECTED, BlobRole::SelfTest, expected), picture])
}
