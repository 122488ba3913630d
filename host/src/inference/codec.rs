//! The storage codec of models, `assay-weights-1`: a container that decodes to exactly the bytes of a model's file.
//!
//! It knows nothing of models: a list of segments, each of bytes as they are or of places in a small book of values.
//! What comes out is bounded by the signed manifest, checked before anything is inflated, and compared with the digest
//! that the manifest states; only then is it read as a model.

use crate::domain::{Digest, ModelEncoding};
use flate2::bufread::ZlibDecoder;
use serde::Deserialize;
use std::io::Read;

const MAGIC: &[u8; 8] = b"ASSAYWC1";
const MAX_HEADER_BYTES: usize = 1 << 20;
const MAX_SEGMENTS: usize = 65_536;
const MAX_ENTRIES: u64 = 256;
const MAX_GROUPS: u64 = 65_536;
/// Of the decoded file, and of what the container's stream inflates to.
const MAX_DECODED_BYTES: u64 = super::import::MAX_MODEL_BYTES;
/// Stands behind the stream: a whole stream leaves it alone. One that was cut would end as quietly as a whole one does.
const BEHIND: &[u8] = &[0];
/// Bytes that are taken out of the stream at one time.
const CHUNK_BYTES: usize = 64 << 10;

/// Why a container is not decoded.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    #[error("it does not begin as a container of assay-weights-1 does; write it with `assay-models`")]
    NotAContainer,
    #[error("it ends inside its header; copy the file again")]
    ShortHeader,
    #[error("its header has {found} bytes, at most {MAX_HEADER_BYTES} are taken")]
    LongHeader { found: usize },
    #[error("its header is not the JSON of this codec")]
    BadHeader(#[source] serde_json::Error),
    #[error("its header has schema {found}, expected 1")]
    OtherSchema { found: u32 },
    #[error("it has {found} segments, expected 1 to {MAX_SEGMENTS}")]
    TooManySegments { found: usize },
    #[error("segment {index}: {detail}")]
    BadSegment { index: usize, detail: String },
    #[error("its segments give {found} {what} bytes, its header says {stated}")]
    WrongSum { what: &'static str, stated: u64, found: u64 },
    #[error("{stated} {what} bytes are stated, at most {MAX_DECODED_BYTES} are taken")]
    TooLarge { what: &'static str, stated: u64 },
    #[error("its header says {field} {found}, the signed manifest says {expected}")]
    NotAsSigned { field: &'static str, expected: String, found: String },
    #[error("its stream is damaged, or shorter than stated")]
    Stream(#[source] std::io::Error),
    #[error("its stream has no end; copy the file again")]
    NoEnd,
    #[error("bytes follow where its stream has to end")]
    TrailingBytes,
    #[error("what comes out has the digest {found}, {expected} is stated")]
    WrongDigest { expected: Digest, found: Digest },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    schema: u32,
    decoded_bytes: u64,
    decoded_sha256: Digest,
    payload_bytes: u64,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Segment {
    Copy {
        bytes: u64,
    },
    Codebook {
        #[serde(rename = "type")]
        ty: BookType,
        values: u64,
        groups: u64,
        entries: u64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BookType {
    F32,
    I8,
}

impl Segment {
    /// Bytes of the stream, and bytes that come out.
    fn sizes(self) -> Option<(u64, u64)> {
        match self {
            Self::Copy { bytes } => Some((bytes, bytes)),
            Self::Codebook { ty: BookType::F32, values, groups, entries } => {
                let scales = groups.checked_add(entries)?.checked_mul(4)?;
                Some((scales.checked_add(values)?, values.checked_mul(4)?))
            }
            Self::Codebook { ty: BookType::I8, values, entries, .. } => Some((entries.checked_add(values)?, values)),
        }
    }

    fn check(self) -> Result<(), String> {
        match self {
            Self::Copy { bytes: 0 } | Self::Codebook { values: 0, .. } => Err("it gives nothing".to_owned()),
            Self::Codebook { entries, .. } if !(1..=MAX_ENTRIES).contains(&entries) => {
                Err(format!("{entries} entries in its book, expected 1 to {MAX_ENTRIES}"))
            }
            Self::Codebook { groups, .. } if !(1..=MAX_GROUPS).contains(&groups) => {
                Err(format!("{groups} groups, expected 1 to {MAX_GROUPS}"))
            }
            Self::Codebook { ty: BookType::I8, groups, .. } if groups != 1 => {
                Err(format!("{groups} groups, expected 1: a book of i8 has no scales"))
            }
            Self::Codebook { values, groups, .. } if values % groups != 0 => {
                Err(format!("{values} values are not divided by {groups} groups"))
            }
            _ => Ok(()),
        }
    }
}

/// True for what begins as a container does.
#[must_use]
pub fn is_container(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Takes a container apart. `signed` is what the signed manifest says of the result; none where nothing is signed yet,
/// as when a bundle is packed.
///
/// # Errors
/// Before anything is inflated where the header is not consistent; else where stream or result are not as stated.
pub fn decode(container: &[u8], signed: Option<&ModelEncoding>) -> Result<Vec<u8>, CodecError> {
    let (header, stream) = header(container)?;
    check(&header, signed)?;
    let mut stream = ZlibDecoder::new(stream.chain(BEHIND));
    let mut decoded = Vec::new();
    for (index, segment) in header.segments.iter().enumerate() {
        let mut part = Part { stream: &mut stream, out: &mut decoded, index };
        match *segment {
            Segment::Copy { bytes } => part.copy(bytes)?,
            Segment::Codebook { ty: BookType::F32, values, groups, entries } => part.floats(values, groups, entries)?,
            Segment::Codebook { ty: BookType::I8, values, entries, .. } => part.bytes(values, entries)?,
        }
    }
    // One byte more would be one more than stated.
    let more = stream.read(&mut [0]).map_err(CodecError::Stream)?;
    let (rest, behind) = stream.into_inner().into_inner();
    if behind.len() != BEHIND.len() {
        return Err(CodecError::NoEnd);
    }
    if more != 0 || !rest.is_empty() {
        return Err(CodecError::TrailingBytes);
    }
    let found = Digest::of(&decoded);
    let expected = header.decoded_sha256;
    if found == expected { Ok(decoded) } else { Err(CodecError::WrongDigest { expected, found }) }
}

fn header(container: &[u8]) -> Result<(Header, &[u8]), CodecError> {
    let rest = container.strip_prefix(MAGIC).ok_or(CodecError::NotAContainer)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(CodecError::ShortHeader)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_HEADER_BYTES {
        return Err(CodecError::LongHeader { found: length });
    }
    let (text, stream) = rest.split_at_checked(length).ok_or(CodecError::ShortHeader)?;
    Ok((serde_json::from_slice(text).map_err(CodecError::BadHeader)?, stream))
}

/// All that can be known before the stream is touched.
fn check(header: &Header, signed: Option<&ModelEncoding>) -> Result<(), CodecError> {
    if header.schema != 1 {
        return Err(CodecError::OtherSchema { found: header.schema });
    }
    let found = header.segments.len();
    if found == 0 || found > MAX_SEGMENTS {
        return Err(CodecError::TooManySegments { found });
    }
    let (mut payload, mut decoded) = (0u64, 0u64);
    for (index, segment) in header.segments.iter().enumerate() {
        let bad = |detail| CodecError::BadSegment { index, detail };
        segment.check().map_err(bad)?;
        let (takes, gives) = segment.sizes().ok_or_else(|| bad("its numbers are too large".to_owned()))?;
        (payload, decoded) = (payload.saturating_add(takes), decoded.saturating_add(gives));
    }
    let sums = [("stream", header.payload_bytes, payload), ("decoded", header.decoded_bytes, decoded)];
    for (what, stated, found) in sums {
        if stated > MAX_DECODED_BYTES {
            return Err(CodecError::TooLarge { what, stated });
        }
        if stated != found {
            return Err(CodecError::WrongSum { what, stated, found });
        }
    }
    let Some(signed) = signed else { return Ok(()) };
    let differs = |field, expected: String, found: String| Err(CodecError::NotAsSigned { field, expected, found });
    if signed.decoded_bytes != header.decoded_bytes {
        return differs("decoded_bytes", signed.decoded_bytes.to_string(), header.decoded_bytes.to_string());
    }
    if signed.decoded_sha256 != header.decoded_sha256 {
        return differs("decoded_sha256", signed.decoded_sha256.to_string(), header.decoded_sha256.to_string());
    }
    Ok(())
}

/// One segment on its way from the stream to the decoded file. Its sizes are checked and capped by now.
struct Part<'a, R> {
    stream: &'a mut R,
    out: &'a mut Vec<u8>,
    index: usize,
}

impl<R: Read> Part<'_, R> {
    fn bad(&self, detail: impl Into<String>) -> CodecError {
        CodecError::BadSegment { index: self.index, detail: detail.into() }
    }

    /// Hands the next `bytes` of the stream to `each`, some at a time.
    fn chunks(
        &mut self,
        mut bytes: u64,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<(), CodecError>,
    ) -> Result<(), CodecError> {
        let mut buffer = vec![0; CHUNK_BYTES];
        while bytes > 0 {
            let now = usize::try_from(bytes).unwrap_or(usize::MAX).min(CHUNK_BYTES);
            let part = buffer.get_mut(..now).unwrap_or_default();
            self.stream.read_exact(part).map_err(CodecError::Stream)?;
            each(self, part)?;
            bytes -= now as u64;
        }
        Ok(())
    }

    fn copy(&mut self, bytes: u64) -> Result<(), CodecError> {
        self.chunks(bytes, |part, bytes| {
            part.out.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Values of a scale, one for each group, times an entry of the book.
    fn floats(&mut self, values: u64, groups: u64, entries: u64) -> Result<(), CodecError> {
        let (book, scales) = (self.numbers(entries)?, self.numbers(groups)?);
        let per_group = (values / groups).max(1);
        let mut place = 0u64;
        self.chunks(values, |part, indices| {
            for index in indices {
                let scale = usize::try_from(place / per_group).ok().and_then(|group| scales.get(group));
                let (Some(scale), Some(entry)) = (scale, book.get(usize::from(*index))) else {
                    return Err(part.bad(format!("value {place} is entry {index} of a book of {entries}")));
                };
                part.out.extend_from_slice(&(scale * entry).to_le_bytes());
                place += 1;
            }
            Ok(())
        })
    }

    fn bytes(&mut self, values: u64, entries: u64) -> Result<(), CodecError> {
        let mut book = Vec::new();
        self.chunks(entries, |_, bytes| {
            book.extend_from_slice(bytes);
            Ok(())
        })?;
        self.chunks(values, |part, indices| {
            for index in indices {
                let Some(entry) = book.get(usize::from(*index)) else {
                    return Err(part.bad(format!("a value is entry {index} of a book of {entries}")));
                };
                part.out.push(*entry);
            }
            Ok(())
        })
    }

    fn numbers(&mut self, count: u64) -> Result<Vec<f32>, CodecError> {
        let mut numbers = Vec::new();
        // A chunk is a whole number of them.
        self.chunks(count * 4, |part, bytes| {
            let (fours, _) = bytes.as_chunks::<4>();
            numbers.extend(fours.iter().map(|four| f32::from_le_bytes(*four)));
            if numbers.iter().all(|number| number.is_finite()) {
                Ok(())
            } else {
                Err(part.bad("a number is not finite"))
            }
        })?;
        Ok(numbers)
    }
}
