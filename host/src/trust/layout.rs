use super::envelope::MAX_ENVELOPE_BYTES;
use super::error::TrustError;
use super::manifest::{BlobEntry, BlobRole};
use crate::domain::Digest;
use std::sync::Arc;

/// The first bytes of every bundle. The zeroes keep it from being taken for text, the last byte is the version.
pub const MAGIC: [u8; 8] = *b"ASSAY\0\0\x01";
pub const MAX_FILE_BYTES: u64 = 256 << 20;
pub const MAX_BLOBS: usize = 64;

pub(super) const HEAD_BYTES: usize = MAGIC.len() + 4;

/// A bundle's file, cut at the lengths that it states itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    pub envelope: &'a [u8],
    /// All that lies behind the envelope.
    pub blobs: &'a [u8],
}

/// Cuts a file into envelope and blobs. Reads nothing of either.
pub(super) fn split(file: &[u8]) -> Result<Parts<'_>, TrustError> {
    let found = file.len() as u64;
    if found > MAX_FILE_BYTES {
        return Err(TrustError::TooLarge { found, max: MAX_FILE_BYTES });
    }
    let rest = file.strip_prefix(&MAGIC).ok_or_else(|| short_or_foreign(file))?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(TrustError::Truncated {
        part: "head",
        needed: HEAD_BYTES as u64,
        found,
    })?;
    let length = u32::from_le_bytes(*length);
    if u64::from(length) > MAX_ENVELOPE_BYTES {
        return Err(TrustError::EnvelopeTooLarge { found: length.into(), max: MAX_ENVELOPE_BYTES });
    }
    let (envelope, blobs) = rest.split_at_checked(length as usize).ok_or(TrustError::Truncated {
        part: "envelope",
        needed: length.into(),
        found: rest.len() as u64,
    })?;
    Ok(Parts { envelope, blobs })
}

fn short_or_foreign(file: &[u8]) -> TrustError {
    if MAGIC.starts_with(file) {
        return TrustError::Truncated { part: "head", needed: HEAD_BYTES as u64, found: file.len() as u64 };
    }
    TrustError::NotABundle
}

/// The file of an envelope and the blobs behind it.
pub(super) fn join(envelope: &[u8], blobs: &[u8]) -> Result<Vec<u8>, TrustError> {
    let too_large = TrustError::EnvelopeTooLarge { found: envelope.len() as u64, max: MAX_ENVELOPE_BYTES };
    let Some(length) = u32::try_from(envelope.len()).ok().filter(|length| u64::from(*length) <= MAX_ENVELOPE_BYTES)
    else {
        return Err(too_large);
    };
    let found = (HEAD_BYTES as u64).saturating_add(envelope.len() as u64).saturating_add(blobs.len() as u64);
    if found > MAX_FILE_BYTES {
        return Err(TrustError::TooLarge { found, max: MAX_FILE_BYTES });
    }
    Ok([&MAGIC[..], &length.to_le_bytes(), envelope, blobs].concat())
}

/// One blob with bytes of its own, whose digest is the manifest's.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub role: BlobRole,
    pub name: String,
    pub bytes: Arc<[u8]>,
}

/// Cuts `blobs` at the signed sizes. Each digest is taken of the copy that is handed on.
pub(super) fn cut_blobs(entries: &[BlobEntry], blobs: &[u8]) -> Result<Vec<Blob>, TrustError> {
    let mut rest = blobs;
    let mut cut = Vec::with_capacity(entries.len().min(MAX_BLOBS));
    for entry in entries {
        let short = TrustError::Truncated { part: "blobs", needed: entry.size, found: rest.len() as u64 };
        let Some((bytes, behind)) = usize::try_from(entry.size).ok().and_then(|size| rest.split_at_checked(size))
        else {
            return Err(short);
        };
        let bytes: Arc<[u8]> = bytes.into();
        let found = Digest::of(&bytes);
        if found != entry.sha256 {
            return Err(TrustError::WrongBlob { name: entry.name.clone(), expected: entry.sha256, found });
        }
        cut.push(Blob { role: entry.role, name: entry.name.clone(), bytes });
        rest = behind;
    }
    if !rest.is_empty() {
        return Err(TrustError::TrailingBytes { extra: rest.len() as u64 });
    }
    Ok(cut)
}
