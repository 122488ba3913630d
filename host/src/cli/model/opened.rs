use crate::domain::{Digest, ModelFormat, ModelSpec};
use crate::inference::{MAX_MODEL_BYTES, decode_model, is_container};
use crate::trust::{BlobRole, MAGIC, Manifest, NewBlob, read_regular_file, unverified};
use anyhow::{Context as _, anyhow};
use std::path::Path;
use std::sync::Arc;

/// Of a bundle: the model with all that lies beside it.
const MAX_FILE_BYTES: u64 = 2 * MAX_MODEL_BYTES;

/// A model's file, alone or out of a bundle. Nobody has verified it: for the tools of its author.
#[derive(Debug, Clone)]
pub(super) struct OpenedModel {
    pub format: ModelFormat,
    /// Decoded, where the bundle stores the file in fewer bytes.
    pub bytes: Arc<[u8]>,
    pub digest: Digest,
    pub weights: Option<Arc<[u8]>>,
    /// Of the model with its weights, as they were found.
    pub stored_bytes: u64,
    /// Of a bundle.
    pub manifest: Option<Manifest>,
}

impl OpenedModel {
    /// Reads a bundle, a container of the storage codec, or a model's own file: which of them, its first bytes say.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let real = std::fs::canonicalize(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let bytes = read_regular_file(&real, MAX_FILE_BYTES)?;
        if bytes.starts_with(&MAGIC) {
            return Self::of_bundle(&bytes).with_context(|| format!("{}", path.display()));
        }
        if is_container(&bytes) {
            let decoded = decode_model(&bytes, None).with_context(|| format!("{}", path.display()))?;
            let stored_bytes = bytes.len() as u64;
            return Ok(Self { stored_bytes, ..Self::plain(format_of(&decoded), decoded, None) });
        }
        let format = format_of(&bytes);
        let weights = match format {
            ModelFormat::OpenvinoIr => Some(read_weights(&real)?),
            _ => None,
        };
        Ok(Self::plain(format, bytes, weights))
    }

    fn plain(format: ModelFormat, bytes: Vec<u8>, weights: Option<Vec<u8>>) -> Self {
        let stored_bytes = bytes.len() as u64 + weights.as_ref().map_or(0, |weights| weights.len() as u64);
        let digest = Digest::of(&bytes);
        Self { format, bytes: bytes.into(), digest, weights: weights.map(Into::into), stored_bytes, manifest: None }
    }

    fn of_bundle(bytes: &[u8]) -> anyhow::Result<Self> {
        let (manifest, blobs) = unverified(bytes)?;
        let model = manifest.model.as_ref();
        let model = model.ok_or_else(|| anyhow!("the bundle is a {}, expected a model", manifest.kind))?;
        let of_role = |role| blobs.iter().find(|blob: &&NewBlob| blob.role == role).map(|blob| blob.bytes.clone());
        let file = of_role(BlobRole::Model).ok_or_else(|| anyhow!("the bundle holds no model"))?;
        let mut opened = Self::plain(model.format, file, of_role(BlobRole::Weights));
        if let Some(encoding) = &model.encoding {
            opened.bytes = decode_model(&opened.bytes, Some(encoding)).context("the model is not decoded")?.into();
            opened.digest = Digest::of(&opened.bytes);
        }
        opened.manifest = Some(manifest);
        Ok(opened)
    }

    /// What the manifest says of its ports, where there is one.
    pub fn spec(&self) -> Option<&ModelSpec> {
        Some(&self.manifest.as_ref()?.model.as_ref()?.spec)
    }

    /// Of the file as a backend reads it, with its weights.
    pub fn model_bytes(&self) -> u64 {
        self.bytes.len() as u64 + self.weights.as_ref().map_or(0, |weights| weights.len() as u64)
    }
}

/// Of a file without a manifest. What is nothing else is taken for ONNX, which has no mark of its own.
fn format_of(bytes: &[u8]) -> ModelFormat {
    let text = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if bytes.get(4..8) == Some(b"TFL3") {
        ModelFormat::Tflite
    } else if text == Some(&b'<') {
        ModelFormat::OpenvinoIr
    } else {
        ModelFormat::Onnx
    }
}

/// OpenVINO IR has its weights beside it, under the same name.
fn read_weights(model: &Path) -> anyhow::Result<Vec<u8>> {
    let path = model.with_extension("bin");
    let read = std::fs::canonicalize(&path).map_err(anyhow::Error::from);
    let read = read.and_then(|real| Ok(read_regular_file(&real, MAX_FILE_BYTES)?));
    read.with_context(|| format!("the weights of this OpenVINO IR are expected in {}", path.display()))
}
