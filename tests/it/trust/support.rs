use assay::domain::{Capability, InstanceMode, PluginKind, PluginLimits, SettingValue, Settings};
use assay::trust::{
    BlobRole, BundleKind, Check, MAGIC, Manifest, NewBlob, PAYLOAD_TYPE, PluginManifest, PrivateKey, Role, SCHEMA,
    TrustStore, TrustedKey, VerifiedBundle, VerifyPolicy, pack, pre_authentication_encoding, sign, verify,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub fn key() -> PrivateKey {
    PrivateKey::generate().unwrap()
}

pub fn trusted(key: &PrivateKey, roles: &[&str]) -> TrustedKey {
    let roles = roles.iter().map(|role| role.parse::<Role>().unwrap()).collect();
    TrustedKey { public: key.public().clone(), roles, not_after: None, comment: None }
}

pub fn store(keys: &[&PrivateKey]) -> TrustStore {
    let mut store = TrustStore::new();
    for key in keys {
        store.trust(trusted(key, &["plugin:*", "model:*", "recipe:*"])).unwrap();
    }
    store
}

pub fn plugin_manifest() -> Manifest {
    let settings = Settings::from([("width".to_owned(), SettingValue::Integer(224))]);
    Manifest {
        schema: SCHEMA,
        kind: BundleKind::Plugin,
        name: "letterbox".to_owned(),
        version: "1.2.3".parse().unwrap(),
        counter: 7,
        created: "2026-01-01T00:00:00Z".to_owned(),
        not_after: None,
        description: None,
        blobs: Vec::new(),
        plugin: Some(PluginManifest {
            world: PluginKind::Preprocessor,
            wit: "assay:plugin@0.1.0".to_owned(),
            capabilities: vec![Capability::Imaging],
            limits: PluginLimits::default(),
            instance: InstanceMode::Fresh,
            warm: None,
            settings,
        }),
        model: None,
        recipe: None,
    }
}

pub fn component(bytes: &[u8]) -> NewBlob {
    NewBlob { name: "component.wasm".to_owned(), role: BlobRole::Component, bytes: bytes.to_vec() }
}

pub fn packed() -> Vec<u8> {
    pack(plugin_manifest(), &[component(b"component bytes")]).unwrap()
}

pub fn signed(key: &PrivateKey) -> Vec<u8> {
    sign(&packed(), key).unwrap()
}

/// The manifest's JSON inside a bundle, as text.
pub fn payload_of(file: &[u8]) -> String {
    let envelope = envelope_of(file);
    let start = envelope.find("\"payload\":\"").unwrap() + 11;
    let end = start + envelope[start..].find('"').unwrap();
    String::from_utf8(STANDARD.decode(&envelope[start..end]).unwrap()).unwrap()
}

pub fn envelope_of(file: &[u8]) -> String {
    String::from_utf8(file[12..12 + envelope_len(file)].to_vec()).unwrap()
}

pub fn envelope_len(file: &[u8]) -> usize {
    u32::from_le_bytes(file[8..12].try_into().unwrap()) as usize
}

pub fn blobs_of(file: &[u8]) -> &[u8] {
    &file[12 + envelope_len(file)..]
}

/// A file around any text for an envelope.
pub fn file_around(envelope: &str, blobs: &[u8]) -> Vec<u8> {
    let length = u32::try_from(envelope.len()).unwrap().to_le_bytes();
    [&MAGIC[..], &length, envelope.as_bytes(), blobs].concat()
}

/// A bundle with any text for a manifest, correctly signed by `keys`.
pub fn signed_payload(payload: &str, keys: &[&PrivateKey], blobs: &[u8]) -> Vec<u8> {
    let message = pre_authentication_encoding(PAYLOAD_TYPE, payload.as_bytes());
    let signatures: Vec<_> =
        keys.iter().map(|key| signature(&key.public().id().to_string(), &key.sign(&message))).collect();
    file_around(&envelope(PAYLOAD_TYPE, payload.as_bytes(), &signatures.join(",")), blobs)
}

pub fn signature(keyid: &str, bytes: &[u8]) -> String {
    format!(r#"{{"keyid":"{keyid}","sig":"{}"}}"#, STANDARD.encode(bytes))
}

pub fn envelope(payload_type: &str, payload: &[u8], signatures: &str) -> String {
    let payload = STANDARD.encode(payload);
    format!(r#"{{"payloadType":"{payload_type}","payload":"{payload}","signatures":[{signatures}]}}"#)
}

/// The check that refuses `file`, with the message; panics where it is accepted.
pub fn refusal(file: &[u8], store: &TrustStore, policy: &VerifyPolicy<'_>) -> (Check, String) {
    match verify(file, store, policy) {
        Ok(bundle) => panic!("accepted: {:?}", bundle.manifest()),
        Err(error) => (error.check(), with_causes(&error)),
    }
}

pub fn accepted(file: &[u8], store: &TrustStore) -> VerifiedBundle {
    verify(file, store, &VerifyPolicy::install()).unwrap_or_else(|error| panic!("{}", with_causes(&error)))
}

pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
