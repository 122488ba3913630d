use super::files::{FileError, read_regular_file, write_atomically};
use super::key::{KeyError, KeyId, PublicKey};
use super::manifest::BundleKind;
use super::names::NamePattern;
use super::strict::parse_utc;
use crate::domain::Digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

const SCHEMA: u32 = 1;
const MAX_STORE_BYTES: u64 = 1 << 20;
/// Bounds the work that a bundle with many signatures can ask for.
const MAX_KEYS: usize = 64;
const MAX_REVOCATIONS: usize = 4096;

/// What a key may sign: one kind, and some names of that kind. Written `plugin:acme-*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    pub kind: BundleKind,
    pub names: Vec<NamePattern>,
}

impl Role {
    #[must_use]
    pub fn allows(&self, kind: BundleKind, name: &str) -> bool {
        self.kind == kind && self.names.iter().any(|pattern| pattern.matches(name))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(ToString::to_string).collect();
        write!(f, "{}:{}", self.kind, names.join(","))
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("a role is KIND:NAMES such as plugin:*, model:surface or recipe:acme-*,demo; found {text:?}");
        let (kind, names) = text.split_once(':').ok_or_else(bad)?;
        let kind = BundleKind::from_name(kind).ok_or_else(bad)?;
        let names = names.split(',').map(|name| NamePattern::try_from(name.to_owned())).collect::<Result<_, _>>()?;
        Ok(Self { kind, names })
    }
}

/// How hard a revocation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing new is installed with it; what runs goes on.
    BlockNew,
    /// What runs stops.
    Stop,
}

/// A key that may sign.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    pub public: PublicKey,
    pub roles: Vec<Role>,
    /// After it, nothing new that this key signed is installed.
    pub not_after: Option<Timestamp>,
    pub comment: Option<String>,
}

/// Why and how hard something is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    pub severity: Severity,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedKey {
    pub id: KeyId,
    pub severity: Severity,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedBundle {
    pub bundle: Digest,
    pub severity: Severity,
    pub reason: String,
}

/// How many different keys must sign, by kind. At least one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    pub plugin: u32,
    pub model: u32,
    pub recipe: u32,
}

impl Thresholds {
    #[must_use]
    pub const fn of(&self, kind: BundleKind) -> u32 {
        match kind {
            BundleKind::Plugin => self.plugin,
            BundleKind::Model => self.model,
            BundleKind::Recipe => self.recipe,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreFile {
    schema: u32,
    keys: Vec<KeyFile>,
    threshold: Thresholds,
    revoked: RevokedFile,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    id: KeyId,
    /// SPKI, PEM.
    public: String,
    roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedFile {
    keys: Vec<RevokedKey>,
    bundles: Vec<RevokedBundle>,
}

/// Why a trust store is not used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the trust store is not the JSON that this release reads; make one with `assay key trust`")]
    BadJson(#[source] serde_json::Error),
    #[error("the trust store has schema {found}, this release reads {SCHEMA}")]
    Schema { found: u32 },
    #[error("key {id} of the trust store cannot be used")]
    BadKey { id: KeyId, source: KeyError },
    #[error("the trust store calls a key {found}, its id is {expected}; write that id")]
    WrongId { found: KeyId, expected: KeyId },
    #[error("key {id} stands in the trust store twice; keep one entry with all roles")]
    Twice { id: KeyId },
    #[error("key {id}: not_after is {found:?}, expected a time in UTC such as 2030-01-31T12:00:00Z")]
    BadTime { id: KeyId, found: String },
    #[error("the threshold of {kind} is {found}, expected 1 to {MAX_KEYS}: 0 would accept what nobody signed")]
    BadThreshold { kind: BundleKind, found: u32 },
    #[error("the trust store has {found} {what}, at most {max} are allowed")]
    TooMany { what: &'static str, found: usize, max: usize },
    #[error("key {id} is revoked and cannot be trusted again; make another with `assay key generate`")]
    Revoked { id: KeyId },
}

/// Which keys may sign what, and what is revoked.
#[derive(Debug, Clone)]
pub struct TrustStore {
    keys: Vec<TrustedKey>,
    thresholds: Thresholds,
    revoked_keys: Vec<RevokedKey>,
    revoked_bundles: Vec<RevokedBundle>,
}

impl Default for TrustStore {
    fn default() -> Self {
        Self::new()
    }
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub const fn new() -> Self {
        let thresholds = Thresholds { plugin: 1, model: 1, recipe: 1 };
        Self { keys: Vec::new(), thresholds, revoked_keys: Vec::new(), revoked_bundles: Vec::new() }
    }

    /// # Errors
    /// When the file cannot be read or anything in it is not as it should be. A damaged store trusts nobody.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        Self::parse(&read_regular_file(path, MAX_STORE_BYTES)?)
    }

    /// # Errors
    /// As [`TrustStore::load`].
    pub fn parse(json: &[u8]) -> Result<Self, StoreError> {
        let file: StoreFile = serde_json::from_slice(json).map_err(StoreError::BadJson)?;
        if file.schema != SCHEMA {
            return Err(StoreError::Schema { found: file.schema });
        }
        let mut store = Self {
            keys: Vec::new(),
            thresholds: file.threshold,
            revoked_keys: file.revoked.keys,
            revoked_bundles: file.revoked.bundles,
        };
        for entry in file.keys {
            let key = TrustedKey::from_file(entry)?;
            let id = key.public.id();
            if store.keys.iter().any(|known| known.public == key.public) {
                return Err(StoreError::Twice { id });
            }
            store.keys.push(key);
        }
        store.check()?;
        Ok(store)
    }

    fn check(&self) -> Result<(), StoreError> {
        for kind in BundleKind::ALL {
            let found = self.thresholds.of(kind);
            if found == 0 || found as usize > MAX_KEYS {
                return Err(StoreError::BadThreshold { kind, found });
            }
        }
        bounded("keys", self.keys.len(), MAX_KEYS)?;
        bounded("revoked keys", self.revoked_keys.len(), MAX_REVOCATIONS)?;
        bounded("revoked bundles", self.revoked_bundles.len(), MAX_REVOCATIONS)
    }

    /// Writes the store so that a reader sees the old one or the new one.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        let keys = self.keys.iter().map(TrustedKey::to_file).collect::<Result<_, _>>()?;
        let revoked = RevokedFile { keys: self.revoked_keys.clone(), bundles: self.revoked_bundles.clone() };
        let file = StoreFile { schema: SCHEMA, keys, threshold: self.thresholds, revoked };
        let mut json = serde_json::to_vec_pretty(&file).map_err(StoreError::BadJson)?;
        json.push(b'\n');
        Ok(write_atomically(path, &json, 0o644)?)
    }

    /// Trusts a key; an entry that it has already is replaced.
    ///
    /// # Errors
    /// When the key is revoked or the store is full.
    pub fn trust(&mut self, key: TrustedKey) -> Result<(), StoreError> {
        let id = key.public.id();
        if self.revoked_keys.iter().any(|revoked| revoked.id == id) {
            return Err(StoreError::Revoked { id });
        }
        self.keys.retain(|known| known.public != key.public);
        bounded("keys", self.keys.len() + 1, MAX_KEYS)?;
        self.keys.push(key);
        Ok(())
    }

    /// # Errors
    /// When the number is 0 or above the number of keys that a store can hold.
    pub fn set_threshold(&mut self, kind: BundleKind, count: u32) -> Result<(), StoreError> {
        match kind {
            BundleKind::Plugin => self.thresholds.plugin = count,
            BundleKind::Model => self.thresholds.model = count,
            BundleKind::Recipe => self.thresholds.recipe = count,
        }
        self.check()
    }

    /// Revokes a key, whether it is in the store or not. The entry of the key stays, to name it in messages.
    ///
    /// # Errors
    /// When the store is full.
    pub fn revoke_key(&mut self, revoked: RevokedKey) -> Result<(), StoreError> {
        self.revoked_keys.retain(|known| known.id != revoked.id);
        self.revoked_keys.push(revoked);
        self.check()
    }

    /// # Errors
    /// When the store is full.
    pub fn revoke_bundle(&mut self, revoked: RevokedBundle) -> Result<(), StoreError> {
        self.revoked_bundles.retain(|known| known.bundle != revoked.bundle);
        self.revoked_bundles.push(revoked);
        self.check()
    }

    #[must_use]
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    #[must_use]
    pub fn key(&self, id: KeyId) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.public.id() == id)
    }

    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    #[must_use]
    pub fn key_revocation(&self, id: KeyId) -> Option<&RevokedKey> {
        self.revoked_keys.iter().find(|revoked| revoked.id == id)
    }

    #[must_use]
    pub fn revoked_keys(&self) -> &[RevokedKey] {
        &self.revoked_keys
    }

    #[must_use]
    pub fn revoked_bundles(&self) -> &[RevokedBundle] {
        &self.revoked_bundles
    }

    #[must_use]
    pub fn bundle_revocation(&self, bundle: Digest) -> Option<&RevokedBundle> {
        self.revoked_bundles.iter().find(|revoked| revoked.bundle == bundle)
    }
}

impl TrustedKey {
    #[must_use]
    pub fn may_sign(&self, kind: BundleKind, name: &str) -> bool {
        self.roles.iter().any(|role| role.allows(kind, name))
    }

    fn from_file(file: KeyFile) -> Result<Self, StoreError> {
        let public = PublicKey::from_pem(&file.public).map_err(|source| StoreError::BadKey { id: file.id, source })?;
        if public.id() != file.id {
            return Err(StoreError::WrongId { found: file.id, expected: public.id() });
        }
        let not_after = match file.not_after {
            None => None,
            Some(text) => match parse_utc(&text) {
                Some(time) => Some(time),
                None => return Err(StoreError::BadTime { id: file.id, found: text }),
            },
        };
        Ok(Self { public, roles: file.roles, not_after, comment: file.comment })
    }

    fn to_file(&self) -> Result<KeyFile, StoreError> {
        let id = self.public.id();
        Ok(KeyFile {
            id,
            public: self.public.to_pem().map_err(|source| StoreError::BadKey { id, source })?,
            roles: self.roles.clone(),
            not_after: self.not_after.map(|time| time.to_string()),
            comment: self.comment.clone(),
        })
    }
}

fn bounded(what: &'static str, found: usize, max: usize) -> Result<(), StoreError> {
    if found > max { Err(StoreError::TooMany { what, found, max }) } else { Ok(()) }
}
