use crate::domain::{Digest, ModelEncoding, with_causes};
use crate::inference::{check_import, decode_model};
use crate::trust::{BlobRole, ModelManifest, VerifiedBundle};
use std::sync::Arc;

/// The file of a model as a backend reads it, out of its verified bundle.
#[derive(Debug, Clone)]
pub struct ModelFile {
    pub bytes: Arc<[u8]>,
    /// Of `bytes`.
    pub digest: Digest,
    pub weights: Option<Arc<[u8]>>,
    /// Of model and weights, as the bundle stores them.
    pub stored_bytes: u64,
}

/// Takes a model out of its bundle; where it is stored in fewer bytes, what comes out is what the signed manifest says.
///
/// # Errors
/// In words, where the bundle is no model, or does not decode to what was signed.
pub fn open_model(bundle: &VerifiedBundle) -> Result<ModelFile, String> {
    let missing = || format!("bundle {} is not a whole model", bundle.digest());
    let content = bundle.manifest().model.as_ref().ok_or_else(missing)?;
    let (blob, digest) = bundle.blob(BlobRole::Model).zip(bundle.blob_digest(BlobRole::Model)).ok_or_else(missing)?;
    let weights = bundle.blob(BlobRole::Weights);
    let stored_bytes = blob.len() as u64 + weights.as_ref().map_or(0, |weights| weights.len() as u64);
    let Some(encoding) = &content.encoding else {
        return Ok(ModelFile { bytes: blob, digest, weights, stored_bytes });
    };
    let bytes = decode(&blob, encoding).map_err(|error| format!("model {:?}: {error}", bundle.manifest().name))?;
    Ok(ModelFile { bytes: bytes.into(), digest: encoding.decoded_sha256, weights, stored_bytes })
}

/// Checks a verified model as far as that goes without a backend: a station that takes it in says at once what would
/// keep it from running.
///
/// # Errors
/// In words: why it does not decode, or every reason not to give it to a backend.
pub fn check_model(bundle: &VerifiedBundle) -> Result<(), String> {
    let file = open_model(bundle)?;
    let content: &ModelManifest = bundle.manifest().model.as_ref().ok_or_else(|| "it is no model".to_owned())?;
    let checked = check_import(content.format, &file.bytes, file.weights.as_deref(), &content.spec);
    checked.map(drop).map_err(|refusal| refusal.to_string())
}

fn decode(blob: &[u8], encoding: &ModelEncoding) -> Result<Vec<u8>, String> {
    let codec = encoding.codec.name();
    decode_model(blob, Some(encoding)).map_err(|error| format!("stored as {codec}: {}", with_causes(&error)))
}
