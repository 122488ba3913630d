//! Bundles, signatures and the trust store.
//!
//! Guarantee: a [`VerifiedBundle`] exists only for bytes whose signatures, digests and authority were checked; all
//! later steps use those bytes and no path is opened twice.

mod manifest;

pub use manifest::{
    BlobEntry, BlobRole, BundleKind, Manifest, ModelManifest, ModelPin, PluginManifest, PluginPin, RecipeManifest,
    SCHEMA,
};
