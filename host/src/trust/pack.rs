use super::envelope::Envelope;
use super::error::TrustError;
use super::key::PrivateKey;
use super::layout;
use super::manifest::{BlobEntry, BlobRole, Manifest};
use super::rules::{self, ManifestProblem, Problems};
use crate::domain::Digest;

/// A blob for a new bundle.
#[derive(Debug, Clone)]
pub struct NewBlob {
    pub name: String,
    pub role: BlobRole,
    pub bytes: Vec<u8>,
}

/// Why no bundle is made.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("the manifest breaks its rules: {0}")]
    BadManifest(Problems),
    #[error("the manifest cannot be written as JSON")]
    NotJson(#[source] serde_json::Error),
    #[error(transparent)]
    Layout(#[from] TrustError),
}

/// Makes a bundle that nobody has signed yet. The same input gives the same bytes. The manifest's list of blobs is
/// written here.
///
/// # Errors
/// With every rule that the manifest breaks, or when the bundle would be too large.
pub fn pack(mut manifest: Manifest, blobs: &[NewBlob]) -> Result<Vec<u8>, PackError> {
    manifest.blobs = entries(blobs);
    rules::check(&manifest).map_err(PackError::BadManifest)?;
    let payload = serde_json::to_vec(&manifest).map_err(PackError::NotJson)?;
    let envelope = Envelope { payload, signatures: Vec::new() }.to_json()?;
    let bytes: Vec<&[u8]> = blobs.iter().map(|blob| blob.bytes.as_slice()).collect();
    Ok(layout::join(&envelope, &bytes.concat())?)
}

/// Every rule that a manifest with these blobs would break.
pub(crate) fn broken_rules(manifest: &Manifest, blobs: &[NewBlob]) -> Vec<ManifestProblem> {
    let whole = Manifest { blobs: entries(blobs), ..manifest.clone() };
    rules::check(&whole).err().map(|problems| problems.0).unwrap_or_default()
}

fn entries(blobs: &[NewBlob]) -> Vec<BlobEntry> {
    let entry = |blob: &NewBlob| BlobEntry {
        name: blob.name.clone(),
        size: blob.bytes.len() as u64,
        sha256: Digest::of(&blob.bytes),
        role: blob.role,
    };
    blobs.iter().map(entry).collect()
}

/// Adds `key`'s signature, in place of one that it made before. Other signatures and the digest stay.
///
/// # Errors
/// When the file is not a whole bundle: nobody signs what would be refused.
pub fn sign(file: &[u8], key: &PrivateKey) -> Result<Vec<u8>, TrustError> {
    let parts = layout::split(file)?;
    let mut envelope = Envelope::parse(parts.envelope)?;
    let manifest: Manifest = serde_json::from_slice(&envelope.payload).map_err(TrustError::BadPayload)?;
    rules::check(&manifest).map_err(TrustError::BadManifest)?;
    layout::cut_blobs(&manifest.blobs, parts.blobs)?;
    envelope.sign(key)?;
    layout::join(&envelope.to_json()?, parts.blobs)
}

/// What a signature says of itself. Not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHint {
    pub key: String,
    pub bytes: usize,
}

/// What a bundle says of itself. Nothing of it is authenticated: for a person to read, never to act on.
#[derive(Debug, Clone)]
pub struct Inspected {
    pub manifest: Manifest,
    pub digest: Digest,
    pub signatures: Vec<SignatureHint>,
    /// What would be refused even with a good signature.
    pub problems: Vec<String>,
}

/// What a bundle holds, without asking who signed it: for its author's tools. A station opens bundles by
/// [`crate::trust::verify`] only.
///
/// # Errors
/// When the file is not a whole bundle.
pub fn unverified(file: &[u8]) -> Result<(Manifest, Vec<NewBlob>), TrustError> {
    let parts = layout::split(file)?;
    let envelope = Envelope::parse(parts.envelope)?;
    let manifest: Manifest = serde_json::from_slice(&envelope.payload).map_err(TrustError::BadPayload)?;
    rules::check(&manifest).map_err(TrustError::BadManifest)?;
    let blobs = layout::cut_blobs(&manifest.blobs, parts.blobs)?;
    let blob = |blob: layout::Blob| NewBlob { name: blob.name, role: blob.role, bytes: blob.bytes.to_vec() };
    Ok((manifest, blobs.into_iter().map(blob).collect()))
}

/// Reads a bundle without asking who signed it.
///
/// # Errors
/// When there is no manifest to read.
pub fn inspect(file: &[u8]) -> Result<Inspected, TrustError> {
    let parts = layout::split(file)?;
    let envelope = Envelope::parse(parts.envelope)?;
    let manifest: Manifest = serde_json::from_slice(&envelope.payload).map_err(TrustError::BadPayload)?;
    let rules = rules::check(&manifest).err().map(|problems| problems.0).unwrap_or_default();
    let mut problems: Vec<String> = rules.iter().map(ToString::to_string).collect();
    problems.extend(layout::cut_blobs(&manifest.blobs, parts.blobs).err().map(|error| error.to_string()));
    let signatures = envelope
        .signatures
        .iter()
        .map(|signature| SignatureHint { key: signature.hint.clone(), bytes: signature.bytes.len() })
        .collect();
    Ok(Inspected { manifest, digest: Digest::of(&envelope.payload), signatures, problems })
}
