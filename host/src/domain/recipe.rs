use super::{Digest, Heatmap, ModelOrigin, PluginOrigin};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use utoipa::ToSchema;

/// The three kinds of plugin; each is a world of `assay:plugin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    Preprocessor,
    Detector,
    Monitor,
}

impl PluginKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Preprocessor => "preprocessor",
            Self::Detector => "detector",
            Self::Monitor => "monitor",
        }
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that a plugin may do. Its manifest asks, the recipe grants; both must say so.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    Imaging,
    Log,
    Config,
    State,
    /// Inference with the model of that name: `inference:surface`.
    Inference(String),
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imaging => f.write_str("imaging"),
            Self::Log => f.write_str("log"),
            Self::Config => f.write_str("config"),
            Self::State => f.write_str("state"),
            Self::Inference(model) => write!(f, "inference:{model}"),
        }
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

impl TryFrom<String> for Capability {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "imaging" => Ok(Self::Imaging),
            "log" => Ok(Self::Log),
            "config" => Ok(Self::Config),
            "state" => Ok(Self::State),
            other => match other.strip_prefix("inference:") {
                Some(model) if !model.is_empty() => Ok(Self::Inference(model.to_owned())),
                _ => Err(format!(
                    "unknown capability {other:?}: write one of imaging, log, config, state, inference:MODEL"
                )),
            },
        }
    }
}

/// A plugin's setting: what its own code reads by `config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SettingValue {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl SettingValue {
    /// For a person.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Numbers(_) => "a list of numbers",
            Self::Texts(_) => "a list of texts",
        }
    }

    /// Whether this may stand where `default` stood: the same type, or a whole number for any number. An empty list is
    /// a list of either.
    #[must_use]
    pub fn fits(&self, default: &Self) -> bool {
        let empty = |value: &Self| match value {
            Self::Numbers(list) => list.is_empty(),
            Self::Texts(list) => list.is_empty(),
            _ => false,
        };
        let list = |value: &Self| matches!(value, Self::Numbers(_) | Self::Texts(_));
        std::mem::discriminant(self) == std::mem::discriminant(default)
            || matches!((self, default), (Self::Integer(_), Self::Number(_)))
            || (list(self) && list(default) && (empty(self) || empty(default)))
    }
}

/// Settings by key.
pub type Settings = BTreeMap<String, SettingValue>;

/// What one call of a plugin may use. From its signed manifest, capped by the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Wall-clock time of one call.
    pub deadline_ms: u32,
    /// Linear memory of all memories together.
    pub memory_bytes: u64,
    /// Pixels and tensors that the host holds for the plugin at one time.
    pub host_bytes: u64,
    /// Images, tensors and other handles at one time.
    pub handles: u32,
    pub table_elements: u32,
    pub log_lines: u32,
    /// Bytes of what a call gives back, and of any list that goes to the host.
    pub result_bytes: u64,
    /// Bytes of all keys and values in a monitor's state.
    pub state_bytes: u64,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self {
            deadline_ms: 50,
            memory_bytes: 32 << 20,
            host_bytes: 64 << 20,
            handles: 256,
            table_elements: 10_000,
            log_lines: 32,
            result_bytes: 1 << 20,
            state_bytes: 1 << 20,
        }
    }
}

impl PluginLimits {
    /// The smaller of both, limit by limit.
    #[must_use]
    pub fn capped_by(self, cap: &Self) -> Self {
        Self {
            deadline_ms: self.deadline_ms.min(cap.deadline_ms),
            memory_bytes: self.memory_bytes.min(cap.memory_bytes),
            host_bytes: self.host_bytes.min(cap.host_bytes),
            handles: self.handles.min(cap.handles),
            table_elements: self.table_elements.min(cap.table_elements),
            log_lines: self.log_lines.min(cap.log_lines),
            result_bytes: self.result_bytes.min(cap.result_bytes),
            state_bytes: self.state_bytes.min(cap.state_bytes),
        }
    }
}

/// What the verdict becomes when a plugin gives no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// The default of preprocessors and detectors.
    Undecided,
    Fail,
    /// The default of monitors.
    IgnoreWithAlarm,
}

impl FailurePolicy {
    #[must_use]
    pub const fn default_for(kind: PluginKind) -> Self {
        match kind {
            PluginKind::Preprocessor | PluginKind::Detector => Self::Undecided,
            PluginKind::Monitor => Self::IgnoreWithAlarm,
        }
    }
}

/// What happens to a plugin that fails again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// It is not called any more: frames that need it are `undecided{plugin-out}`; a monitor is left out.
    TakeOut,
    /// The line stops: sources end, what is in flight is finished, every later frame is `undecided{line-stopped}`.
    StopLine,
    /// People are told, and nothing else changes.
    Alarm,
}

impl FailureAction {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TakeOut => "take-out",
            Self::StopLine => "stop-line",
            Self::Alarm => "alarm",
        }
    }
}

impl fmt::Display for FailureAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often a plugin may fail, and what then. Only failures that the plugin is to blame for count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureLimit {
    /// Failures within the window that are too many, at least 1.
    pub count: u32,
    pub window_s: u32,
    pub then: FailureAction,
}

impl Default for FailureLimit {
    fn default() -> Self {
        Self { count: 10, window_s: 60, then: FailureAction::Alarm }
    }
}

/// A plugin at its place in a recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginUse {
    /// Unique in the recipe; mostly the plugin's own name.
    pub name: String,
    pub kind: PluginKind,
    /// Digest of the component inside the signed bundle.
    pub component: Digest,
    /// Digest of the whole bundle that the recipe pins.
    pub bundle: Digest,
    pub version: String,
    /// Key ids that signed the bundle and that the trust store accepted.
    pub signers: Vec<String>,
    /// What the recipe grants *and* the manifest asks.
    pub capabilities: Vec<Capability>,
    /// The manifest's defaults with the recipe's settings over them.
    pub settings: Settings,
    pub limits: PluginLimits,
    pub on_failure: FailurePolicy,
    pub failures: FailureLimit,
    pub origin: PluginOrigin,
}

/// The model of a recipe, and where it shall run.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelUse {
    pub name: String,
    pub version: String,
    /// Digest of the model's file as a backend reads it: decoded, where the bundle stores it in fewer bytes.
    pub model: Digest,
    pub bundle: Digest,
    pub signers: Vec<String>,
    pub labels: Vec<String>,
    /// Devices in order of wish.
    pub devices: Vec<String>,
    /// Name of the output with one logit per label.
    pub logits: String,
    /// Softmax temperature from calibration; 1 leaves the logits alone.
    pub temperature: f32,
    /// Reference distributions of the model bundle (JSON), for plugins that compare with them.
    pub reference: Option<std::sync::Arc<str>>,
    /// The output that is kept as a picture beside the frame's.
    pub heatmap: Option<Heatmap>,
    /// None where the model came in no bundle, as in tests.
    pub origin: Option<std::sync::Arc<ModelOrigin>>,
}

/// How outputs and findings become a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerdictPolicy {
    /// Labels of a good part. Any other top label is a defect.
    pub pass_labels: Vec<String>,
    /// A pass needs at least this probability for its label; less is `undecided`. In [0, 1].
    pub min_pass_probability: f32,
    /// A defect needs at least this probability to fail the part; less is `undecided`. In [0, 1].
    pub min_fail_probability: f32,
    /// Findings that, when raised, make the part undecided.
    #[serde(default)]
    pub undecided_on: Vec<String>,
    /// Findings that, when raised, fail the part.
    #[serde(default)]
    pub fail_on: Vec<String>,
}

/// One inspection, fully checked. Immutable: a change is a new recipe.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    pub name: String,
    pub version: String,
    /// Digest of the recipe's bundle.
    pub digest: Digest,
    pub signers: Vec<String>,
    pub preprocessors: Vec<PluginUse>,
    pub model: ModelUse,
    pub detectors: Vec<PluginUse>,
    pub monitors: Vec<PluginUse>,
    pub policy: VerdictPolicy,
    /// Time for the whole judgement of a frame.
    pub frame_budget_ms: u32,
}
