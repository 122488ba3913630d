use super::bundles::{key, store};
use super::target::Try;
use anyhow::{Context as _, Result, ensure};
use assay::config::Language;
use assay::domain::{Capability, Digest, PluginKind, PluginLimits, Settings};
use assay::journal::{Checkpoint, Cursor};
use assay::plugin::{PluginSource, WIT_PACKAGE, componentize, examine, idle_component};
use assay::trust::{KeyId, NamePattern, PrivateKey, PublicKey, Role, TrustStore};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

const KINDS: [PluginKind; 3] = [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor];

pub fn stores() -> Result<Vec<Vec<u8>>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("trust.json");
    store()?.save(&path)?;
    Ok(vec![std::fs::read(&path)?])
}

/// A store that is read is written as one that says the same.
pub fn reads_store() -> Result<Try> {
    let dir = tempfile::tempdir()?;
    Ok(Box::new(move |bytes| {
        let Ok(store) = TrustStore::parse(bytes) else { return Ok(false) };
        let path = dir.path().join("trust.json");
        store.save(&path)?;
        let again = TrustStore::load(&path).context("what was written cannot be read")?;
        let ids = |store: &TrustStore| store.keys().iter().map(|key| key.public.id()).collect::<Vec<_>>();
        ensure!(ids(&store) == ids(&again), "written and read, it has other keys");
        Ok(true)
    }))
}

pub fn keys() -> Result<Vec<Vec<u8>>> {
    let (dir, key) = (tempfile::tempdir()?, key()?);
    let path = dir.path().join("key.pem");
    key.save_new(&path)?;
    Ok(vec![std::fs::read(&path)?, key.public().to_pem()?.into_bytes()])
}

pub fn reads_key() -> Result<Try> {
    Ok(Box::new(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(false) };
        let private = PrivateKey::from_pem(text);
        let public = PublicKey::from_pem(text);
        if let Ok(key) = &private {
            ensure!(key.public().verifies(b"message", &key.sign(b"message")), "a key that does not know its signature");
        }
        if let Ok(key) = &public {
            ensure!(PublicKey::from_pem(&key.to_pem()?)?.id() == key.id(), "written and read, it is another");
        }
        Ok(private.is_ok() || public.is_ok())
    }))
}

pub fn texts() -> Result<Vec<Vec<u8>>> {
    let digest = Digest::of(b"x").to_string();
    let checkpoint = format!("17:{digest}");
    let texts = [digest.as_str(), &checkpoint, "1767225600000000-42", "recipe:surface-*", "inference:demo", "engineer"];
    Ok(texts
        .into_iter()
        .map(|text| text.as_bytes().to_vec())
        .chain([key()?.public().id().to_string().into()])
        .collect())
}

/// What is read from a text is written as a text that is read as the same.
pub fn reads_text() -> Result<Try> {
    Ok(Box::new(|bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(false) };
        let read = [
            comes_back::<Digest>(text)?,
            comes_back::<Checkpoint>(text)?,
            comes_back::<Cursor>(text)?,
            comes_back::<KeyId>(text)?,
            comes_back::<Role>(text)?,
            comes_back::<assay::domain::Role>(text)?,
            Language::from_str(text).is_ok(),
            serde_json::from_value::<Capability>(text.into()).is_ok(),
            serde_json::from_value::<NamePattern>(text.into()).is_ok(),
        ];
        Ok(read.contains(&true))
    }))
}

fn comes_back<T: FromStr + Display + PartialEq>(text: &str) -> Result<bool> {
    let Ok(value) = T::from_str(text) else { return Ok(false) };
    let written = value.to_string();
    ensure!(T::from_str(&written).is_ok_and(|again| again == value), "{text:?} is written as {written:?}");
    Ok(true)
}

pub fn components() -> Result<Vec<Vec<u8>>> {
    KINDS.into_iter().map(|kind| Ok(idle_component(kind)?)).collect()
}

/// All of admission that comes before the compiler. What it lets through has been walked whole.
pub fn examines() -> Result<Try> {
    let everything = vec![Capability::Imaging, Capability::Log, Capability::Config, Capability::State];
    Ok(Box::new(move |bytes| {
        let made = componentize(bytes);
        let component: std::sync::Arc<[u8]> = made.map_or_else(|_| bytes.into(), Into::into);
        let mut passes = false;
        for kind in KINDS {
            let source = PluginSource {
                name: "fuzzed".to_owned(),
                kind,
                digest: Digest::of(&component),
                component: std::sync::Arc::clone(&component),
                wit: WIT_PACKAGE.to_owned(),
                asked: everything.clone(),
                granted: everything.clone(),
                limits: PluginLimits::default(),
                warm: None,
                settings: Settings::new(),
                labels: Vec::new(),
                reference: None,
                models: BTreeMap::new(),
            };
            match examine(&source) {
                Ok(()) => passes = true,
                Err(error) => super::author::plain(std::iter::once(assay::domain::with_causes(&error)))?,
            }
        }
        Ok(passes)
    }))
}
