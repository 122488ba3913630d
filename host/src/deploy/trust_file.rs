use crate::domain::Digest;
use crate::pipeline::LiveRecipe;
use crate::trust::{BundleKind, KeyId, Severity, StoreError, TrustStore, read_regular_file};
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const MAX_STORE_BYTES: u64 = 1 << 20;

/// The trust store's file, read again when it has changed.
pub struct TrustFile {
    path: PathBuf,
    store: ArcSwap<TrustStore>,
    seen: Mutex<Digest>,
}

impl TrustFile {
    /// # Errors
    /// When the file cannot be read or anything in it is not as it should be.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let bytes = read_regular_file(path, MAX_STORE_BYTES)?;
        let store = ArcSwap::from_pointee(TrustStore::parse(&bytes)?);
        Ok(Self { path: path.to_owned(), store, seen: Mutex::new(Digest::of(&bytes)) })
    }

    /// The newest store that could be read.
    #[must_use]
    pub fn store(&self) -> Arc<TrustStore> {
        self.store.load_full()
    }

    /// Looks at the file; true where it says something else than before. What runs goes on with the store before when
    /// the file cannot be used; nothing new is accepted then.
    ///
    /// # Errors
    /// When the file cannot be read or anything in it is not as it should be.
    pub fn refresh(&self) -> Result<bool, StoreError> {
        let bytes = read_regular_file(&self.path, MAX_STORE_BYTES)?;
        let digest = Digest::of(&bytes);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == digest {
            return Ok(false);
        }
        self.store.store(Arc::new(TrustStore::parse(&bytes)?));
        *seen = digest;
        Ok(true)
    }
}

/// A revocation that concerns a recipe: of its bundle, of one that it pins, or of the keys that signed one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    pub severity: Severity,
    /// What is revoked and why.
    pub what: String,
}

/// The hardest revocation that concerns `live`; none where nothing of it is revoked.
#[must_use]
pub fn revocation_of(live: &LiveRecipe, store: &TrustStore) -> Option<Revoked> {
    let recipe = &live.recipe;
    let places = recipe.preprocessors.iter().chain(&recipe.detectors).chain(&recipe.monitors);
    let mut parts = vec![(BundleKind::Recipe, recipe.name.as_str(), recipe.digest, recipe.signers.as_slice())];
    let model = &recipe.model;
    parts.push((BundleKind::Model, &model.name, model.bundle, &model.signers));
    parts.extend(places.map(|place| (BundleKind::Plugin, &*place.name, place.bundle, place.signers.as_slice())));
    let mut hardest: Option<Revoked> = None;
    for (kind, name, bundle, signers) in parts {
        let found = bundle_revocation(kind, name, bundle, store).or_else(|| key_revocation(kind, name, signers, store));
        let Some(found) = found else { continue };
        if hardest.as_ref().is_none_or(|known| known.severity == Severity::BlockNew) {
            hardest = Some(found);
        }
    }
    hardest
}

fn bundle_revocation(kind: BundleKind, name: &str, bundle: Digest, store: &TrustStore) -> Option<Revoked> {
    let revoked = store.bundle_revocation(bundle)?;
    let what = format!("{kind} {name} ({bundle}) is revoked: {}", revoked.reason);
    Some(Revoked { severity: revoked.severity, what })
}

/// Too few of the keys that signed it are left.
fn key_revocation(kind: BundleKind, name: &str, signers: &[String], store: &TrustStore) -> Option<Revoked> {
    let keys = signers.iter().filter_map(|id| id.parse::<KeyId>().ok());
    let revoked: Vec<_> = keys.filter_map(|id| store.key_revocation(id)).collect();
    let left = signers.len().saturating_sub(revoked.len());
    let key = revoked.iter().find(|key| key.severity == Severity::Stop).or(revoked.first())?;
    if left as u64 >= u64::from(store.thresholds().of(kind)) {
        return None;
    }
    let what = format!("{kind} {name} is signed by key {}, which is revoked: {}", key.id, key.reason);
    Some(Revoked { severity: key.severity, what })
}
