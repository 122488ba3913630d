use super::key::KeyId;
use super::manifest::BundleKind;
use super::rules::Problems;
use crate::domain::Digest;
use std::fmt;

/// The step at which a bundle was refused. The order is the order of the steps: a step runs only when all before it
/// have passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    Read,
    Size,
    Layout,
    Envelope,
    Signature,
    Payload,
    Manifest,
    Kind,
    Authority,
    Revocation,
    Expiry,
    Counter,
    Blobs,
}

impl Check {
    pub const ALL: [Self; 13] = [
        Self::Read,
        Self::Size,
        Self::Layout,
        Self::Envelope,
        Self::Signature,
        Self::Payload,
        Self::Manifest,
        Self::Kind,
        Self::Authority,
        Self::Revocation,
        Self::Expiry,
        Self::Counter,
        Self::Blobs,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Size => "size",
            Self::Layout => "layout",
            Self::Envelope => "envelope",
            Self::Signature => "signature",
            Self::Payload => "payload",
            Self::Manifest => "manifest",
            Self::Kind => "kind",
            Self::Authority => "authority",
            Self::Revocation => "revocation",
            Self::Expiry => "expiry",
            Self::Counter => "counter",
            Self::Blobs => "blobs",
        }
    }

    /// What the step asks of a bundle, in a few words.
    #[must_use]
    pub const fn asked(self) -> &'static str {
        match self {
            Self::Read => "a regular file",
            Self::Size => "not larger than a bundle may be",
            Self::Layout => "head and envelope whole",
            Self::Envelope => "a strict DSSE envelope",
            Self::Signature => "by a trusted key in force",
            Self::Payload => "a manifest",
            Self::Manifest => "keeps all rules",
            Self::Kind => "the kind that is wanted",
            Self::Authority => "keys that may sign this name, as many as are needed",
            Self::Revocation => "not revoked",
            Self::Expiry => "not expired",
            Self::Counter => "not older than what was committed",
            Self::Blobs => "signed sizes and digests, nothing behind them",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a bundle is refused.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    File(#[from] super::files::FileError),
    #[error("the bundle has {found} bytes, at most {max} are allowed")]
    TooLarge { found: u64, max: u64 },
    #[error("the file does not begin as a bundle does; make one with `assay bundle pack`")]
    NotABundle,
    #[error("the bundle ends inside its {part}: {needed} bytes expected, {found} found; copy the file again")]
    Truncated { part: &'static str, needed: u64, found: u64 },
    #[error("{extra} bytes lie behind the last blob of the manifest; a bundle ends there")]
    TrailingBytes { extra: u64 },
    #[error("the envelope is said to have {found} bytes, at most {max} are allowed")]
    EnvelopeTooLarge { found: u64, max: u64 },
    #[error("the envelope is not the JSON of a DSSE envelope")]
    BadEnvelope(#[source] serde_json::Error),
    #[error("the envelope's {field} is not strict base64 (standard alphabet, padded)")]
    BadBase64 { field: String, source: base64::DecodeError },
    #[error("the envelope carries {found:?}, expected payloadType {expected:?}")]
    WrongPayloadType { found: String, expected: &'static str },
    #[error("the envelope has {found} signatures, at most {max} are allowed")]
    TooManySignatures { found: usize, max: usize },
    #[error("the bundle is not signed; sign it with `assay bundle sign --key KEY.pem FILE`")]
    Unsigned,
    #[error(
        "no signature is by a key of the trust store (signatures name {hints:?}); \
         sign with a trusted key, or trust this one with `assay key trust`"
    )]
    NoTrustedSignature { hints: Vec<String> },
    #[error("the signature that names key {key} is wrong for these bytes; the manifest was changed after signing")]
    WrongSignature { key: KeyId },
    #[error("signed by key {key}, which is revoked ({reason}); sign with another key")]
    KeyRevoked { key: KeyId, reason: String },
    #[error("signed by key {key}, which expired at {not_after}; sign new installs with a key that is in force")]
    KeyExpired { key: KeyId, not_after: String },
    #[error("the signed payload is not a manifest")]
    BadPayload(#[source] serde_json::Error),
    #[error("the manifest breaks its rules: {0}")]
    BadManifest(Problems),
    #[error("expected a {expected} bundle, found a {found} bundle")]
    WrongKind { expected: BundleKind, found: BundleKind },
    #[error(
        "no key that signed ({}) may sign {kind} {name:?}; give it that role with `assay key trust --role {kind}:{name}`",
        list(signers)
    )]
    NotAuthorised { kind: BundleKind, name: String, signers: Vec<KeyId> },
    #[error(
        "{kind} {name:?} needs signatures of {needed} different keys, found {} ({}); let another authorised person sign",
        found.len(), list(found)
    )]
    BelowThreshold { kind: BundleKind, name: String, needed: u32, found: Vec<KeyId> },
    #[error("bundle {digest} is revoked ({reason}); use another release")]
    BundleRevoked { digest: Digest, reason: String },
    #[error(
        "the bundle expired at {not_after}, it is {now}; it may go on running but not be installed: get a newer release"
    )]
    BundleExpired { not_after: String, now: String },
    #[error(
        "{kind} {name:?} has counter {found}, but {mark} was committed already; \
         to go back on purpose, release the old contents with a higher counter"
    )]
    OlderCounter { kind: BundleKind, name: String, found: u64, mark: u64 },
    #[error("blob {name:?} has digest {found}, the manifest says {expected}; its bytes are not those that were signed")]
    WrongBlob { name: String, expected: Digest, found: Digest },
}

impl TrustError {
    /// The step that refused.
    #[must_use]
    pub const fn check(&self) -> Check {
        match self {
            Self::File(error) => match error {
                super::files::FileError::TooLarge { .. } => Check::Size,
                _ => Check::Read,
            },
            Self::TooLarge { .. } => Check::Size,
            Self::NotABundle | Self::Truncated { .. } | Self::TrailingBytes { .. } | Self::EnvelopeTooLarge { .. } => {
                Check::Layout
            }
            Self::BadEnvelope(_)
            | Self::BadBase64 { .. }
            | Self::WrongPayloadType { .. }
            | Self::TooManySignatures { .. } => Check::Envelope,
            Self::Unsigned
            | Self::NoTrustedSignature { .. }
            | Self::WrongSignature { .. }
            | Self::KeyRevoked { .. }
            | Self::KeyExpired { .. } => Check::Signature,
            Self::BadPayload(_) => Check::Payload,
            Self::BadManifest(_) => Check::Manifest,
            Self::WrongKind { .. } => Check::Kind,
            Self::NotAuthorised { .. } | Self::BelowThreshold { .. } => Check::Authority,
            Self::BundleRevoked { .. } => Check::Revocation,
            Self::BundleExpired { .. } => Check::Expiry,
            Self::OlderCounter { .. } => Check::Counter,
            Self::WrongBlob { .. } => Check::Blobs,
        }
    }
}

fn list(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
