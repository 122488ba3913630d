use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Where in the way of a frame something happened. The order is the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Source,
    Decode,
    Preprocess,
    Infer,
    Detect,
    Decide,
    Journal,
    Monitor,
}

impl Stage {
    pub const ALL: [Self; 8] = [
        Self::Source,
        Self::Decode,
        Self::Preprocess,
        Self::Infer,
        Self::Detect,
        Self::Decide,
        Self::Journal,
        Self::Monitor,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Decode => "decode",
            Self::Preprocess => "preprocess",
            Self::Infer => "infer",
            Self::Detect => "detect",
            Self::Decide => "decide",
            Self::Journal => "journal",
            Self::Monitor => "monitor",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose fault a failure is: who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    Plugin,
    Model,
    Host,
    Source,
    Device,
}

impl Blame {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Model => "model",
            Self::Host => "host",
            Self::Source => "source",
            Self::Device => "device",
        }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What happened, for a program to branch on. Stored in the journal by its kebab-case name: add, never rename.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// The plugin's code trapped (unreachable, bad memory access, panic).
    Trap,
    /// The deadline passed.
    Timeout,
    /// The plugin wanted more linear memory or table elements than its limit.
    MemoryLimit,
    /// The plugin held more host bytes (images, tensors) than its limit.
    ByteLimit,
    /// The plugin held more handles than its limit.
    HandleLimit,
    /// The plugin recursed too deeply.
    StackOverflow,
    /// The plugin gave back more than its limit.
    ResultLimit,
    /// The plugin answered with something that breaks its contract (score out of range, box outside the picture).
    BadAnswer,
    /// The plugin itself answered with an error.
    PluginError,
    /// A tensor does not fit the model (name, shape, type, not finite).
    BadTensor,
    /// The model is not known, or not granted.
    UnknownModel,
    /// The backend or its device failed.
    InferenceFailed,
    DeviceLost,
    /// The bytes are no picture of an allowed format.
    NotAnImage,
    /// The picture ends early or is damaged.
    DamagedImage,
    /// The picture is larger than the limits.
    ImageTooLarge,
    /// The file could not be read.
    Unreadable,
    /// The plugin failed too often and is not called any more.
    PluginOut,
    /// The line was stopped, and judges nothing any more.
    LineStopped,
    /// The record could not be made durable.
    JournalFailed,
    /// There was no room on the disk for the record.
    DiskFull,
    /// A bug in the host.
    Internal,
}

impl FailureCode {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::MemoryLimit => "memory-limit",
            Self::ByteLimit => "byte-limit",
            Self::HandleLimit => "handle-limit",
            Self::StackOverflow => "stack-overflow",
            Self::ResultLimit => "result-limit",
            Self::BadAnswer => "bad-answer",
            Self::PluginError => "plugin-error",
            Self::BadTensor => "bad-tensor",
            Self::UnknownModel => "unknown-model",
            Self::InferenceFailed => "inference-failed",
            Self::DeviceLost => "device-lost",
            Self::NotAnImage => "not-an-image",
            Self::DamagedImage => "damaged-image",
            Self::ImageTooLarge => "image-too-large",
            Self::Unreadable => "unreadable",
            Self::PluginOut => "plugin-out",
            Self::LineStopped => "line-stopped",
            Self::JournalFailed => "journal-failed",
            Self::DiskFull => "disk-full",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a stage gave no answer. Any of these makes the verdict `undecided`, never `pass`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, ToSchema)]
#[error("{stage}{}: {code} ({blame}): {detail}", plugin.as_ref().map(|name| format!(" {name}")).unwrap_or_default())]
pub struct Failure {
    pub stage: Stage,
    pub blame: Blame,
    pub code: FailureCode,
    /// The plugin at work, by its name in the recipe.
    pub plugin: Option<String>,
    /// For a person: what was found, what was expected, what to change.
    pub detail: String,
}

impl Failure {
    #[must_use]
    pub fn new(stage: Stage, blame: Blame, code: FailureCode, detail: impl Into<String>) -> Self {
        Self { stage, blame, code, plugin: None, detail: detail.into() }
    }

    #[must_use]
    pub fn in_plugin(mut self, name: &str) -> Self {
        self.plugin = Some(name.to_owned());
        self
    }
}
