use super::{Digest, Failure, Finding, FrameMeta, NamedImage, NamedTensor, PluginKind, Stage, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where inference ran, and where it was asked to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceUse {
    pub backend: String,
    /// The wish list, in order.
    pub asked: Vec<String>,
    pub used: String,
    /// `f32-exact` or what the backend was told otherwise.
    pub precision: String,
}

impl DeviceUse {
    /// False where another device than the first of the wish list is used.
    #[must_use]
    pub fn is_first_wish(&self) -> bool {
        self.asked.first().is_none_or(|first| *first == self.used)
    }
}

/// Time that one stage took, in whole microseconds. A stage of several plugins is the sum of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageTime {
    pub stage: Stage,
    pub micros: u64,
}

/// One call of one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PluginRun {
    /// Its name in the recipe.
    pub plugin: String,
    pub kind: PluginKind,
    pub component: Digest,
    pub micros: u64,
    /// Part of `micros` spent inside host functions: image operations and inference.
    pub host_micros: u64,
    /// Highest linear memory, in bytes.
    pub memory_bytes: u64,
    /// Most host bytes held at one time.
    pub host_bytes: u64,
    pub findings: Vec<Finding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, String)>,
    /// A preprocessor that answered another picture: its size. Regions of the findings behind it are in that picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<PictureSize>,
    pub failure: Option<Failure>,
}

/// Pictures that plugins made for one frame; a record with more is refused.
pub const MAX_FRAME_IMAGES: usize = 64;

/// Name under which the station keeps the picture of a preprocessor that regions of findings are in. It takes the place
/// of a picture to look at that the preprocessor gave under this name.
pub const REPLACED_PICTURE: &str = "picture";

/// Name of the picture that the station keeps of a model's heat map: grey, 0 to 1, of just what the frame's picture shows,
/// or the picture of a preprocessor where one took its place.
pub const HEATMAP_PICTURE: &str = "heatmap";

/// Who made a heat map, among the plugins that made pictures. No plugin has such a name.
#[must_use]
pub fn heatmap_maker(model: &str) -> String {
    format!("model:{model}")
}

/// True for what `by` made under `name` where that is a heat map of a model.
#[must_use]
pub fn is_heatmap(by: &str, name: &str) -> bool {
    by.starts_with("model:") && name == HEATMAP_PICTURE
}

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PictureSize {
    pub width: u32,
    pub height: u32,
}

/// What the model said, after softmax with the calibrated temperature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelAnswer {
    pub model: String,
    pub digest: Digest,
    pub device: DeviceUse,
    /// One per label, in the order of the model's labels; they sum to 1.
    #[serde(deserialize_with = "super::number::each_or_nan")]
    #[schema(value_type = Vec<Option<f32>>)]
    pub probabilities: Vec<f32>,
    pub labels: Vec<String>,
}

impl ModelAnswer {
    /// The most probable label with its probability; the first of equals.
    #[must_use]
    pub fn top(&self) -> Option<(&str, f32)> {
        let pairs = self.labels.iter().zip(&self.probabilities);
        pairs.fold(None, |best, (label, &p)| match best {
            Some((_, most)) if most >= p => best,
            _ => Some((label.as_str(), p)),
        })
    }
}

/// All that judging one frame gave: what crosses the seam between judging and the rest of the station.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    pub answer: Option<ModelAnswer>,
    pub runs: Vec<PluginRun>,
    pub stages: Vec<StageTime>,
    /// The first failure that the recipe does not ignore.
    pub failure: Option<Failure>,
    /// A failure of a plugin whose policy is `fail`.
    pub failed_by_policy: bool,
    /// Pictures that plugins made, for the detail page.
    pub images: Vec<(String, NamedImage)>,
    /// Raw outputs, for monitors.
    pub outputs: Vec<NamedTensor>,
}

/// A judged frame: what the journal stores and the admin shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inspection {
    pub meta: FrameMeta,
    /// Digest of the encoded picture; none where the source gave no bytes.
    pub picture: Option<Digest>,
    pub width: u32,
    pub height: u32,
    pub recipe: String,
    pub recipe_version: String,
    pub recipe_digest: Digest,
    pub verdict: Verdict,
    pub answer: Option<ModelAnswer>,
    pub runs: Vec<PluginRun>,
    /// Everything up to and including `decide`; the journal's own time is known only afterwards.
    pub stages: Vec<StageTime>,
    /// Microseconds since 1970-01-01 UTC, when the verdict was formed.
    pub judged_at_us: i64,
}

impl Inspection {
    /// Time until the verdict was formed: what counts against the frame's budget, in microseconds.
    #[must_use]
    pub fn judged_in_us(&self) -> u64 {
        let until = self.stages.iter().filter(|time| time.stage <= Stage::Decide);
        until.fold(0, |sum, time| sum.saturating_add(time.micros))
    }

    /// All findings of all plugins.
    pub fn findings(&self) -> impl Iterator<Item = (&str, &Finding)> {
        self.runs.iter().flat_map(|run| run.findings.iter().map(move |finding| (run.plugin.as_str(), finding)))
    }

    /// The preprocessor whose picture the detectors saw, and its size; none where they saw the frame's own.
    #[must_use]
    pub fn replaced_by(&self) -> Option<(&str, PictureSize)> {
        self.runs.iter().rev().find_map(|run| run.replaced.map(|size| (run.plugin.as_str(), size)))
    }
}
