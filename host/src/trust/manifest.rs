use super::strict::unique_settings;
use crate::domain::{
    Capability, Digest, FailureLimit, FailurePolicy, Heatmap, InstanceMode, ModelEncoding, ModelFormat, ModelSpec,
    PluginKind, PluginLimits, Precision, Settings, VerdictPolicy, WarmRules,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The only version of the manifest so far.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleKind {
    Plugin,
    Model,
    Recipe,
}

impl BundleKind {
    pub const ALL: [Self; 3] = [Self::Plugin, Self::Model, Self::Recipe];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Model => "model",
            Self::Recipe => "recipe",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for BundleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlobRole {
    Component,
    Model,
    Weights,
    /// Reference distributions, JSON.
    Reference,
    ReportCard,
    SelfTest,
    Licence,
    Other,
}

impl BlobRole {
    pub const ALL: [Self; 8] = [
        Self::Component,
        Self::Model,
        Self::Weights,
        Self::Reference,
        Self::ReportCard,
        Self::SelfTest,
        Self::Licence,
        Self::Other,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Model => "model",
            Self::Weights => "weights",
            Self::Reference => "reference",
            Self::ReportCard => "report-card",
            Self::SelfTest => "self-test",
            Self::Licence => "licence",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for BlobRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One blob; blobs follow the envelope in the manifest's order, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlobEntry {
    /// `^[a-z0-9][a-z0-9._-]{0,63}$`, unique in the bundle.
    pub name: String,
    pub size: u64,
    pub sha256: Digest,
    pub role: BlobRole,
}

/// The signed statement of a bundle. Its digest is the SHA-256 of its bytes as they were signed, so that another
/// signature does not change it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: u32,
    pub kind: BundleKind,
    /// As a blob's name.
    pub name: String,
    pub version: semver::Version,
    /// Grows with each release of this name: a smaller one than the highest committed is refused.
    pub counter: u64,
    /// RFC 3339, UTC.
    pub created: String,
    /// RFC 3339, UTC. Blocks new installs; never stops a running line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub blobs: Vec<BlobEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginManifest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelManifest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<RecipeManifest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    pub world: PluginKind,
    /// The WIT package it was built against: `assay:plugin@0.1.0`.
    pub wit: String,
    /// What it asks for.
    pub capabilities: Vec<Capability>,
    #[serde(default)]
    pub limits: PluginLimits,
    /// Not written where it is `fresh`, so that a manifest from before this key has the same bytes.
    #[serde(default, skip_serializing_if = "InstanceMode::is_fresh")]
    pub instance: InstanceMode,
    /// Only of a warm plugin; none is the default rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm: Option<WarmRules>,
    /// Defaults of its settings.
    #[serde(default, deserialize_with = "unique_settings")]
    pub settings: Settings,
}

impl PluginManifest {
    /// When its instances are retired; none where each lives for one call.
    #[must_use]
    pub fn warm_rules(&self) -> Option<WarmRules> {
        (self.instance == InstanceMode::Warm).then(|| self.warm.unwrap_or_default())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelManifest {
    pub format: ModelFormat,
    pub spec: ModelSpec,
    pub labels: Vec<String>,
    /// Name of the output with one logit per label.
    pub logits: String,
    /// Softmax temperature from calibration.
    pub temperature: f32,
    /// How the blob of role `model` holds the file; none where it is the file. `assay bundle pack` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<ModelEncoding>,
    /// The output that is kept as a picture beside the frame's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heatmap: Option<Heatmap>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeManifest {
    pub preprocessors: Vec<PluginPin>,
    pub model: ModelPin,
    pub detectors: Vec<PluginPin>,
    pub monitors: Vec<PluginPin>,
    pub policy: VerdictPolicy,
    /// Time for the whole judgement of a frame.
    pub frame_budget_ms: u32,
    /// Largest model with its weights; what the station takes by default where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_model_bytes: Option<u64>,
    /// 95th percentile of an inspection of the self-test frames; 100 ms where it is not said, or the frame's budget
    /// where that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_p95_ms: Option<u32>,
    /// Until the model is loaded, compiled and warmed up; what the station takes by default where it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_load_ms: Option<u32>,
    /// How often a plugin may fail that says nothing else itself; none is the built-in limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailureLimit>,
}

/// A plugin in a recipe, pinned by the digest of its bundle's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginPin {
    /// The plugin's own name.
    pub plugin: String,
    pub bundle: Digest,
    /// What it is granted; what its manifest does not ask for stays denied.
    pub grants: Vec<Capability>,
    #[serde(default, deserialize_with = "unique_settings")]
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailurePolicy>,
    /// How often it may fail; none is the recipe's limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<FailureLimit>,
}

/// The model of a recipe, pinned by the digest of its bundle's manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPin {
    pub model: String,
    pub bundle: Digest,
    /// In order of wish.
    pub devices: Vec<String>,
    #[serde(default)]
    pub precision: Precision,
}
