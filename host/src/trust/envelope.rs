use super::error::TrustError;
use super::key::{KeyId, PrivateKey, PublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// What the payload of every bundle is said, and signed, to be.
pub const PAYLOAD_TYPE: &str = "application/vnd.assay.bundle.v1+json";
pub const MAX_ENVELOPE_BYTES: u64 = 256 << 10;
pub const MAX_SIGNATURES: usize = 16;

/// A DSSE envelope as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEnvelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<RawSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSignature {
    keyid: String,
    sig: String,
}

/// An envelope whose parts are decoded. Nothing of it is authenticated.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub payload: Vec<u8>,
    pub signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Clone)]
pub(super) struct EnvelopeSignature {
    /// Says which key may have signed. Anybody can write anything here.
    pub hint: String,
    pub bytes: Vec<u8>,
}

/// What is signed: DSSE's encoding of type and payload, in which the one cannot be taken for the other.
#[must_use]
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut encoded = head.into_bytes();
    encoded.extend_from_slice(payload);
    encoded
}

impl Envelope {
    /// Takes the envelope apart; the payload stays unread bytes.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let raw: RawEnvelope = serde_json::from_slice(json).map_err(TrustError::BadEnvelope)?;
        if raw.payload_type != PAYLOAD_TYPE {
            let found = raw.payload_type.chars().take(80).collect();
            return Err(TrustError::WrongPayloadType { found, expected: PAYLOAD_TYPE });
        }
        if raw.signatures.len() > MAX_SIGNATURES {
            return Err(TrustError::TooManySignatures { found: raw.signatures.len(), max: MAX_SIGNATURES });
        }
        let payload = decode("payload", &raw.payload)?;
        let signatures = raw
            .signatures
            .into_iter()
            .enumerate()
            .map(|(index, signature)| {
                let bytes = decode(&format!("signatures[{index}].sig"), &signature.sig)?;
                Ok(EnvelopeSignature { hint: signature.keyid, bytes })
            })
            .collect::<Result<_, TrustError>>()?;
        Ok(Self { payload, signatures })
    }

    /// The bytes for the file.
    pub fn to_json(&self) -> Result<Vec<u8>, TrustError> {
        let signatures = self
            .signatures
            .iter()
            .map(|signature| RawSignature { keyid: signature.hint.clone(), sig: STANDARD.encode(&signature.bytes) })
            .collect();
        let payload = STANDARD.encode(&self.payload);
        let raw = RawEnvelope { payload_type: PAYLOAD_TYPE.to_owned(), payload, signatures };
        serde_json::to_vec(&raw).map_err(TrustError::BadEnvelope)
    }

    /// Puts `key`'s signature in, in place of one that it made before.
    pub fn sign(&mut self, key: &PrivateKey) -> Result<(), TrustError> {
        let public = key.public();
        let message = pre_authentication_encoding(PAYLOAD_TYPE, &self.payload);
        let hint = public.id().to_string();
        self.signatures.retain(|old| old.hint != hint && !public.verifies(&message, &old.bytes));
        if self.signatures.len() >= MAX_SIGNATURES {
            return Err(TrustError::TooManySignatures { found: self.signatures.len() + 1, max: MAX_SIGNATURES });
        }
        self.signatures.push(EnvelopeSignature { hint, bytes: key.sign(&message).to_vec() });
        Ok(())
    }

    /// Which of `keys` signed this payload: each key at most once, whatever the hints say and however often it
    /// signed.
    pub fn signers<'k>(&self, keys: impl Iterator<Item = &'k PublicKey> + Clone) -> Vec<&'k PublicKey> {
        let message = pre_authentication_encoding(PAYLOAD_TYPE, &self.payload);
        keys.filter(|key| self.signatures.iter().any(|signature| key.verifies(&message, &signature.bytes))).collect()
    }

    /// A key of `known` that a signature names, for a message.
    pub fn named_key(&self, known: impl Iterator<Item = KeyId> + Clone) -> Option<KeyId> {
        self.signatures.iter().find_map(|signature| known.clone().find(|id| id.to_string() == signature.hint))
    }

    /// The hints, shortened, for a message.
    pub fn hints(&self) -> Vec<String> {
        self.signatures.iter().map(|signature| signature.hint.chars().take(40).collect()).collect()
    }
}

fn decode(field: &str, text: &str) -> Result<Vec<u8>, TrustError> {
    STANDARD.decode(text).map_err(|source| TrustError::BadBase64 { field: field.to_owned(), source })
}
