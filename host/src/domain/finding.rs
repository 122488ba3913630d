use super::{Image, NamedTensor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rectangle in pixels of the frame, top-left origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Region {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Region {
    /// True where the rectangle is not empty and lies wholly inside a picture of that size.
    #[must_use]
    pub fn fits(&self, width: u32, height: u32) -> bool {
        let right = self.x.checked_add(self.width);
        let bottom = self.y.checked_add(self.height);
        self.width > 0
            && self.height > 0
            && right.is_some_and(|right| right <= width)
            && bottom.is_some_and(|bottom| bottom <= height)
    }
}

/// What a detector says about a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// A short word, the same for the same thing: `adversarial`, `too-dark`.
    pub label: String,
    /// In [0, 1]. How far the finding holds, by the plugin's own scale.
    #[serde(deserialize_with = "super::number::or_nan")]
    #[schema(value_type = Option<f32>)]
    pub score: f32,
    /// False for a measurement that is only shown; true asks for the recipe's consequence.
    pub raised: bool,
    pub region: Option<Region>,
    /// For a person, at most a line.
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(String, String)>,
}

/// A picture that a plugin made, to be shown to a person.
#[derive(Debug, Clone)]
pub struct NamedImage {
    pub name: String,
    pub image: Image,
}

/// What a monitor measured on one feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What was watched: `brightness`, `max_prob`.
    pub feature: String,
    /// How: `adwin`, `psi`, `ks`.
    pub statistic: String,
    pub value: f64,
    /// The value at and above which it counts as drift.
    pub threshold: f64,
    pub drifted: bool,
    /// Frames that the value speaks of.
    pub window: u64,
}

/// What a monitor answers after it has seen an inspection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub reports: Vec<Report>,
}

/// All that one preprocessor or detector gave back.
#[derive(Debug, Clone, Default)]
pub struct PluginReport {
    pub findings: Vec<Finding>,
    /// Preprocessors: what the model and the detectors read.
    pub tensors: Vec<NamedTensor>,
    /// A preprocessor may put another picture in the frame's place for the stages behind it.
    pub picture: Option<Image>,
    pub images: Vec<NamedImage>,
    pub attributes: Vec<(String, String)>,
}
