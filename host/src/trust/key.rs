use super::files::{self, FileError};
use crate::domain::Digest;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes, spki};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use zeroize::Zeroizing;

/// PEM files of Ed25519 keys have about 120 bytes.
const MAX_PEM_BYTES: u64 = 16 << 10;

/// Names a public key: the first 16 bytes of the SHA-256 of its SPKI, as 32 hexadecimal digits. A hint in an
/// envelope, a handle in the trust store; what counts is always the key itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for KeyId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            let found: String = text.chars().take(80).collect();
            format!("a key id is 32 lower-case hexadecimal digits, found {found:?}; `assay key show FILE` prints it")
        };
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let value = u128::from_str_radix(text, 16).map_err(|_| bad())?;
        Ok(Self(value.to_be_bytes()))
    }
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("not the PEM of an Ed25519 public key (-----BEGIN PUBLIC KEY-----)")]
    BadPublicPem(#[source] spki::Error),
    #[error("not the PEM of an Ed25519 private key in PKCS#8 (-----BEGIN PRIVATE KEY-----)")]
    BadPrivatePem(#[source] ed25519_dalek::pkcs8::Error),
    #[error("the key file is not text")]
    NotText,
    #[error("the key is weak: signatures under it fit almost any message; make another with `assay key generate`")]
    Weak,
    #[error("the key's point is not written in its one canonical form; make another with `assay key generate`")]
    NotCanonical,
    #[error("{path} is a public key; this needs the private one beside it, without `.pub` in its name")]
    PublicForPrivate { path: String },
    #[error("{path} can be read by others (mode {mode:04o}); a private key is its owner's alone: run chmod 600 {path}")]
    OpenToOthers { path: String, mode: u32 },
    #[error("the system gave no random bytes for a key")]
    NoRandomness(#[source] getrandom::Error),
    #[error("the key cannot be written as PEM")]
    NotEncodable(#[source] ed25519_dalek::pkcs8::Error),
    #[error("the public key cannot be written as PEM")]
    PublicNotEncodable(#[source] spki::Error),
}

/// A public key that is fit for use: canonical, and not of small order.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// # Errors
    /// When the text is no SPKI PEM of an Ed25519 key, or the key is weak or not canonical.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::checked(VerifyingKey::from_public_key_pem(pem).map_err(KeyError::BadPublicPem)?)
    }

    /// # Errors
    /// As [`PublicKey::from_pem`], and when the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let bytes = files::read_regular_file(path, MAX_PEM_BYTES)?;
        Self::from_pem(std::str::from_utf8(&bytes).map_err(|_| KeyError::NotText)?)
    }

    /// The gate through which every key comes. A small-order key would "sign" what its owner never saw; a second
    /// spelling of one point would let one key count twice.
    pub(super) fn checked(key: VerifyingKey) -> Result<Self, KeyError> {
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        if !is_canonical(key.as_bytes()) {
            return Err(KeyError::NotCanonical);
        }
        let der = key.to_public_key_der().map_err(KeyError::PublicNotEncodable)?;
        let digest = Digest::of(der.as_bytes());
        let mut id = [0; 16];
        id.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Ok(Self { key, id: KeyId(id) })
    }

    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// # Errors
    /// Practically never.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(KeyError::PublicNotEncodable)
    }

    /// True where `signature` is this key's over `message`, by the strict rules: no small-order R, no S above the
    /// group order, no second spelling of R.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

/// The y coordinate is below 2^255 - 19.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// A private key. Its bytes are wiped when it is dropped, and never printed.
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

impl PrivateKey {
    /// A new key from the system's random numbers.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(KeyError::NoRandomness)?;
        Self::from_signing_key(SigningKey::from_bytes(&seed))
    }

    /// # Errors
    /// When the text is no PKCS#8 PEM of an Ed25519 key.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        Self::from_signing_key(SigningKey::from_pkcs8_pem(pem).map_err(KeyError::BadPrivatePem)?)
    }

    fn from_signing_key(key: SigningKey) -> Result<Self, KeyError> {
        let public = PublicKey::checked(key.verifying_key())?;
        Ok(Self { key, public })
    }

    /// Reads a private key that only its owner can read.
    ///
    /// # Errors
    /// As [`PrivateKey::from_pem`], when the file cannot be read, or when others could read it.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let (bytes, mode) = files::read_with_mode(path, MAX_PEM_BYTES)?;
        let bytes = Zeroizing::new(bytes);
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN PUBLIC KEY-----") {
            return Err(KeyError::PublicForPrivate { path: path.display().to_string() });
        }
        if mode & 0o077 != 0 {
            return Err(KeyError::OpenToOthers { path: path.display().to_string(), mode });
        }
        Self::from_pem(std::str::from_utf8(&bytes).map_err(|_| KeyError::NotText)?)
    }

    /// Writes the key as PKCS#8 PEM with mode 0600. A file that is there is never written over.
    ///
    /// # Errors
    /// When something is at `path` already, or the folder cannot be written.
    pub fn save_new(&self, path: &Path) -> Result<(), KeyError> {
        Ok(files::write_new(path, self.to_pem()?.as_bytes(), 0o600)?)
    }

    /// The first version of PKCS#8, without the public key: what every openssl reads.
    fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let bytes = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).map_err(KeyError::NotEncodable)
    }

    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey of {}", self.public.id)
    }
}
