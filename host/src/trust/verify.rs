use super::counters::{Counters, Mark};
use super::envelope::{Envelope, MAX_ENVELOPE_BYTES, PAYLOAD_TYPE};
use super::error::{Check, TrustError};
use super::files::{read_regular_file, read_start};
use super::key::KeyId;
use super::layout::{self, Blob, HEAD_BYTES, MAX_FILE_BYTES};
use super::manifest::{BlobRole, BundleKind, Manifest};
use super::rules;
use super::store::{Severity, TrustStore, TrustedKey};
use super::strict::parse_utc;
use crate::domain::Digest;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;

/// What a bundle is verified for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It comes in: expiry and every revocation count.
    Install,
    /// It is here already and a line depends on it: only revocations that say `stop` count.
    Run,
}

/// What a verification asks for beyond the trust store.
#[derive(Debug, Clone, Copy)]
pub struct VerifyPolicy<'a> {
    pub purpose: Purpose,
    /// The system's clock. The latest time of `counters` counts where it is later.
    pub now: Timestamp,
    /// The only kind that is accepted.
    pub kind: Option<BundleKind>,
    /// Marks against old releases. None for what a signed recipe pins by digest: the recipe's own counter guards it.
    pub counters: Option<&'a Counters>,
}

impl<'a> VerifyPolicy<'a> {
    #[must_use]
    pub fn install() -> Self {
        Self { purpose: Purpose::Install, now: Timestamp::now(), kind: None, counters: None }
    }

    #[must_use]
    pub fn run() -> Self {
        Self { purpose: Purpose::Run, ..Self::install() }
    }

    #[must_use]
    pub const fn only(self, kind: BundleKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    #[must_use]
    pub const fn not_before(self, counters: &'a Counters) -> Self {
        Self { counters: Some(counters), ..self }
    }

    #[must_use]
    pub const fn at(self, now: Timestamp) -> Self {
        Self { now, ..self }
    }

    fn time(&self) -> Timestamp {
        self.counters.map_or(self.now, |counters| counters.latest_time().max(self.now))
    }

    fn refuses(&self, severity: Severity) -> bool {
        self.purpose == Purpose::Install || severity == Severity::Stop
    }
}

/// A bundle whose signatures, authority and digests were checked. There is no other way to make one than [`verify`].
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    manifest: Manifest,
    digest: Digest,
    signers: Vec<KeyId>,
    blobs: Vec<Blob>,
}

impl VerifiedBundle {
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The SHA-256 of the signed payload: another signature does not change it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The keys that signed it and may do so, each once.
    #[must_use]
    pub fn signers(&self) -> Vec<String> {
        self.signers.iter().map(ToString::to_string).collect()
    }

    /// The first blob of a role. The bytes are those whose digest was checked.
    #[must_use]
    pub fn blob(&self, role: BlobRole) -> Option<Arc<[u8]>> {
        self.blobs.iter().find(|blob| blob.role == role).map(|blob| Arc::clone(&blob.bytes))
    }

    #[must_use]
    pub fn blob_named(&self, name: &str) -> Option<Arc<[u8]>> {
        self.blobs.iter().find(|blob| blob.name == name).map(|blob| Arc::clone(&blob.bytes))
    }

    /// The signed digest of the first blob of a role.
    #[must_use]
    pub fn blob_digest(&self, role: BlobRole) -> Option<Digest> {
        self.manifest.blobs.iter().find(|entry| entry.role == role).map(|entry| entry.sha256)
    }

    /// What [`Counters::commit`] takes.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { kind: self.manifest.kind, name: self.manifest.name.clone(), counter: self.manifest.counter }
    }
}

/// Opens a bundle's file once and reads it. All later steps work on these bytes.
///
/// # Errors
/// When the file cannot be read, is a link, a pipe or a device, or is too large.
pub fn read_bundle(path: &Path) -> Result<Vec<u8>, TrustError> {
    Ok(read_regular_file(path, MAX_FILE_BYTES)?)
}

/// The digest that a file's payload has, of which no more than the envelope is read. Nothing is authenticated: it tells
/// which file is worth reading and verifying.
///
/// # Errors
/// When the file cannot be read, is a link, a pipe or a device, or begins as no bundle does.
pub fn stated_digest(path: &Path) -> Result<Digest, TrustError> {
    let start = read_start(path, MAX_ENVELOPE_BYTES + HEAD_BYTES as u64)?;
    Ok(Digest::of(&Envelope::parse(layout::split(&start)?.envelope)?.payload))
}

/// Checks a bundle. The order matters: what is not authenticated is read no deeper than its envelope.
///
/// # Errors
/// With the first check that fails ([`TrustError::check`] names it).
pub fn verify(file: &[u8], store: &TrustStore, policy: &VerifyPolicy<'_>) -> Result<VerifiedBundle, TrustError> {
    verify_telling(file, store, policy, &mut |_, _| ())
}

/// As [`verify`]. `passed` hears of every step that was taken and has passed, with what was found; the step that does
/// not pass is the error's.
///
/// # Errors
/// As [`verify`].
pub fn verify_telling(
    file: &[u8],
    store: &TrustStore,
    policy: &VerifyPolicy<'_>,
    passed: &mut dyn FnMut(Check, String),
) -> Result<VerifiedBundle, TrustError> {
    let parts = layout::split(file)?;
    passed(Check::Size, format!("{} B", file.len()));
    passed(Check::Layout, format!("{} B + {} B", parts.envelope.len(), parts.blobs.len()));
    let envelope = Envelope::parse(parts.envelope)?;
    passed(Check::Envelope, PAYLOAD_TYPE.to_owned());
    let signed_by = authenticate(&envelope, store, policy)?;
    passed(Check::Signature, ids(signed_by.iter().map(|key| key.public.id())));
    // From here on the payload is what a trusted key signed.
    let manifest: Manifest = serde_json::from_slice(&envelope.payload).map_err(TrustError::BadPayload)?;
    rules::check(&manifest).map_err(TrustError::BadManifest)?;
    passed(Check::Manifest, format!("{} {} {}", manifest.kind, manifest.name, manifest.version));
    check_kind(&manifest, policy)?;
    if policy.kind.is_some() {
        passed(Check::Kind, manifest.kind.to_string());
    }
    let signers = check_authority(&manifest, &signed_by, store)?;
    let needed = store.thresholds().of(manifest.kind);
    passed(Check::Authority, format!("{} / {needed}: {}", signers.len(), ids(signers.iter().copied())));
    let digest = Digest::of(&envelope.payload);
    check_revocation(digest, store, policy)?;
    passed(Check::Revocation, digest.to_string());
    check_expiry(&manifest, policy)?;
    passed(Check::Expiry, manifest.not_after.clone().unwrap_or_else(|| "-".to_owned()));
    check_counter(&manifest, policy)?;
    if policy.counters.is_some() {
        passed(Check::Counter, manifest.counter.to_string());
    }
    let blobs = layout::cut_blobs(&manifest.blobs, parts.blobs)?;
    passed(Check::Blobs, format!("{} / {} B", blobs.len(), parts.blobs.len()));
    Ok(VerifiedBundle { manifest, digest, signers, blobs })
}

fn ids(keys: impl Iterator<Item = KeyId>) -> String {
    keys.map(|key| key.to_string()).collect::<Vec<_>>().join(", ")
}

/// The keys in force that signed the payload, at least one.
fn authenticate<'s>(
    envelope: &Envelope,
    store: &'s TrustStore,
    policy: &VerifyPolicy<'_>,
) -> Result<Vec<&'s TrustedKey>, TrustError> {
    if envelope.signatures.is_empty() {
        return Err(TrustError::Unsigned);
    }
    let signers = envelope.signers(store.keys().iter().map(|key| &key.public));
    let mut in_force = Vec::new();
    let mut refused = None;
    for key in store.keys().iter().filter(|key| signers.contains(&&key.public)) {
        match check_key(key, store, policy) {
            Ok(()) => in_force.push(key),
            Err(error) => refused = Some(error),
        }
    }
    if !in_force.is_empty() {
        return Ok(in_force);
    }
    Err(refused.unwrap_or_else(|| match envelope.named_key(store.keys().iter().map(|key| key.public.id())) {
        Some(key) => TrustError::WrongSignature { key },
        None => TrustError::NoTrustedSignature { hints: envelope.hints() },
    }))
}

fn check_key(key: &TrustedKey, store: &TrustStore, policy: &VerifyPolicy<'_>) -> Result<(), TrustError> {
    let id = key.public.id();
    if let Some(revoked) = store.key_revocation(id).filter(|revoked| policy.refuses(revoked.severity)) {
        return Err(TrustError::KeyRevoked { key: id, reason: revoked.reason.clone() });
    }
    match key.not_after {
        Some(not_after) if policy.purpose == Purpose::Install && policy.time() > not_after => {
            Err(TrustError::KeyExpired { key: id, not_after: not_after.to_string() })
        }
        _ => Ok(()),
    }
}

fn check_kind(manifest: &Manifest, policy: &VerifyPolicy<'_>) -> Result<(), TrustError> {
    match policy.kind {
        Some(expected) if expected != manifest.kind => Err(TrustError::WrongKind { expected, found: manifest.kind }),
        _ => Ok(()),
    }
}

/// Enough different keys signed that may sign this kind and name.
fn check_authority(
    manifest: &Manifest,
    signed_by: &[&TrustedKey],
    store: &TrustStore,
) -> Result<Vec<KeyId>, TrustError> {
    let (kind, name) = (manifest.kind, manifest.name.clone());
    let allowed: Vec<KeyId> =
        signed_by.iter().filter(|key| key.may_sign(kind, &name)).map(|key| key.public.id()).collect();
    if allowed.is_empty() {
        let signers = signed_by.iter().map(|key| key.public.id()).collect();
        return Err(TrustError::NotAuthorised { kind, name, signers });
    }
    let needed = store.thresholds().of(kind);
    if (allowed.len() as u64) < u64::from(needed) {
        return Err(TrustError::BelowThreshold { kind, name, needed, found: allowed });
    }
    Ok(allowed)
}

fn check_revocation(digest: Digest, store: &TrustStore, policy: &VerifyPolicy<'_>) -> Result<(), TrustError> {
    match store.bundle_revocation(digest).filter(|revoked| policy.refuses(revoked.severity)) {
        Some(revoked) => Err(TrustError::BundleRevoked { digest, reason: revoked.reason.clone() }),
        None => Ok(()),
    }
}

fn check_expiry(manifest: &Manifest, policy: &VerifyPolicy<'_>) -> Result<(), TrustError> {
    let Some(text) = manifest.not_after.as_deref().filter(|_| policy.purpose == Purpose::Install) else {
        return Ok(());
    };
    // The rules let no other text through; one that does slip by counts as expired.
    if parse_utc(text).is_some_and(|not_after| policy.time() <= not_after) {
        return Ok(());
    }
    Err(TrustError::BundleExpired { not_after: text.to_owned(), now: policy.time().to_string() })
}

fn check_counter(manifest: &Manifest, policy: &VerifyPolicy<'_>) -> Result<(), TrustError> {
    let (kind, name, found) = (manifest.kind, manifest.name.clone(), manifest.counter);
    match policy.counters.and_then(|counters| counters.mark(kind, &name)) {
        Some(mark) if found < mark => Err(TrustError::OlderCounter { kind, name, found, mark }),
        _ => Ok(()),
    }
}
