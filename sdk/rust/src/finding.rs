use crate::bindings::imports::assay::plugin::types;
use crate::image::Region;

/// What a detector says about a frame: a label, a score in [0, 1], and whether the recipe has to act on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    label: String,
    score: f32,
    raised: bool,
    region: Option<Region>,
    text: Option<String>,
    attributes: Vec<(String, String)>,
}

impl Finding {
    /// A finding that is only shown. The score is brought into [0, 1]; one that is no number becomes 1, so that a
    /// broken measurement is seen.
    #[must_use]
    pub fn new(label: impl Into<String>, score: f64) -> Self {
        let score = unit(score);
        Self { label: label.into(), score, raised: false, region: None, text: None, attributes: Vec::new() }
    }

    /// Asks for the recipe's consequence where `raised` is true.
    #[must_use]
    pub const fn raised(mut self, raised: bool) -> Self {
        self.raised = raised;
        self
    }

    /// Where in the picture; it has to lie inside.
    #[must_use]
    pub const fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// A line for a person.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// A further value under a key of lower-case words with hyphens.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.attributes.push((key.into(), value.to_string()));
        self
    }

    /// The word under which recipes know it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// In [0, 1].
    #[must_use]
    pub const fn score(&self) -> f32 {
        self.score
    }

    /// True where it asks for the recipe's consequence.
    #[must_use]
    pub const fn is_raised(&self) -> bool {
        self.raised
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a score in [0, 1] needs no more than f32")]
fn unit(score: f64) -> f32 {
    if score.is_nan() { 1.0 } else { score.clamp(0.0, 1.0) as f32 }
}

impl From<Finding> for types::Finding {
    fn from(from: Finding) -> Self {
        let Finding { label, score, raised, region, text, attributes } = from;
        Self { label, score, raised, region, text, attributes }
    }
}

impl From<types::Finding> for Finding {
    fn from(from: types::Finding) -> Self {
        let types::Finding { label, score, raised, region, text, attributes } = from;
        Self { label, score, raised, region, text, attributes }
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn a_score_is_brought_into_its_range() {
        assert_eq!(Finding::new("x", 1.5).score(), 1.0);
        assert_eq!(Finding::new("x", -0.5).score(), 0.0);
        assert_eq!(Finding::new("x", f64::NAN).score(), 1.0, "a broken measurement is seen");
    }
}
