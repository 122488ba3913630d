//! Bundles, signatures and the trust store.
//!
//! Guarantee: a [`VerifiedBundle`] exists only for bytes whose signatures, digests and authority were checked; all
//! later steps use those bytes and no path is opened twice.
//!
//! Nothing here reads JSON into an untyped value: a parser that keeps the last of two equal keys, or forgets the
//! keys it does not know, would let two readers see two manifests under one signature.

mod names;
mod strict;
mod manifest;
mod rules;
mod error;
mod files;
mod envelope;
mod layout;
mod key;
mod store;
mod counters;
mod verify;
mod pack;

pub use counters::{CounterError, Counters, Mark};
pub use envelope::{MAX_ENVELOPE_BYTES, MAX_SIGNATURES, PAYLOAD_TYPE, pre_authentication_encoding};
pub use error::{Check, TrustError};
pub use files::{FileError, read_regular_file, write_atomically};
pub use key::{KeyError, KeyId, PrivateKey, PublicKey};
pub use layout::{MAGIC, MAX_BLOBS, MAX_FILE_BYTES};
pub use manifest::{
    BlobEntry, BlobRole, BundleKind, Manifest, ModelManifest, ModelPin, PluginManifest, PluginPin, RecipeManifest,
    SCHEMA,
};
pub use names::{NAME_RULE, NamePattern, is_name};
pub(crate) use pack::broken_rules;
pub use pack::{Inspected, NewBlob, PackError, SignatureHint, inspect, pack, sign, unverified};
pub use rules::{ManifestProblem, Problems};
pub(crate) use rules::{Rules, check_part};
pub use store::{
    Revocation, RevokedBundle, RevokedKey, Role, Severity, StoreError, Thresholds, TrustStore, TrustedKey,
};
pub use verify::{Purpose, VerifiedBundle, VerifyPolicy, read_bundle, stated_digest, verify, verify_telling};
