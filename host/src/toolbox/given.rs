use super::TrialError;
use crate::domain::{
    Blame, DeviceUse, Digest, Finding, FrameId, FrameMeta, ModelAnswer, NamedTensor, Stage, Tensor, Verdict,
    VerdictKind,
};
use crate::trust::read_regular_file;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest file that says what is known of a frame.
const MAX_GIVEN_BYTES: u64 = 16 << 20;

/// What is known of a frame beside its picture, where no recipe stands around the plugin: `NAME.frame.json` beside the
/// picture `NAME.png`. All of it may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    pub product: Option<String>,
    pub serial: Option<String>,
    /// For detectors: what the preprocessors gave.
    inputs: BTreeMap<String, Values>,
    /// For detectors and monitors: what the model gave.
    outputs: BTreeMap<String, Values>,
    /// For monitors: `pass`, `fail` or `undecided`; `pass` where it is left out.
    verdict: Option<VerdictKind>,
    /// For monitors: probabilities by label, in the order of the labels.
    probabilities: Vec<(String, f32)>,
    /// For monitors: what the detectors found.
    pub findings: Vec<Finding>,
}

/// A tensor of 32-bit floats.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    shape: Vec<u32>,
    values: Vec<f32>,
}

impl Given {
    /// Reads `NAME.frame.json` beside a picture; nothing is given where there is none.
    ///
    /// # Errors
    /// When it is there and cannot be read or understood.
    pub fn beside(picture: &Path) -> Result<Self, TrialError> {
        let path = picture.with_extension("frame.json");
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = read_regular_file(&path, MAX_GIVEN_BYTES)
            .map_err(|source| TrialError::Given { path: path.clone(), source: Box::new(source) })?;
        serde_json::from_slice(&text).map_err(|source| TrialError::Given { path, source: Box::new(source) })
    }

    pub(super) fn inputs(&self) -> Result<Vec<NamedTensor>, TrialError> {
        tensors("inputs", &self.inputs)
    }

    pub(super) fn outputs(&self) -> Result<Vec<NamedTensor>, TrialError> {
        tensors("outputs", &self.outputs)
    }

    pub(super) fn verdict(&self) -> Verdict {
        let given = || "given".to_owned();
        match self.verdict.unwrap_or(VerdictKind::Pass) {
            VerdictKind::Pass => Verdict::Pass { label: given(), score: 1.0 },
            VerdictKind::Fail => Verdict::Fail { reason: given(), score: 1.0 },
            VerdictKind::Undecided => {
                Verdict::Undecided { stage: Stage::Detect, blame: Blame::Host, code: given(), detail: given() }
            }
        }
    }

    pub(super) fn answer(&self) -> Option<ModelAnswer> {
        let device = DeviceUse {
            backend: "given".to_owned(),
            asked: Vec::new(),
            used: "given".to_owned(),
            precision: "f32-exact".to_owned(),
        };
        let (labels, probabilities) = self.probabilities.iter().cloned().unzip();
        let model = "given".to_owned();
        let answer = ModelAnswer { model, digest: Digest::of(b""), device, probabilities, labels };
        (!self.probabilities.is_empty()).then_some(answer)
    }

    /// The frame's metadata. The times are the same in every run: what a plugin makes of them can be kept in a golden
    /// file.
    pub(super) fn meta(&self, number: u64, picture: &Path) -> FrameMeta {
        FrameMeta {
            id: FrameId { station: "author".to_owned(), boot: 1, trigger: number },
            captured_at_us: i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(1_000_000),
            source: "toolbox".to_owned(),
            origin: picture.file_name().map(|name| name.to_string_lossy().into_owned()),
            product: self.product.clone(),
            serial: self.serial.clone(),
            line_trigger: None,
            simulated: true,
        }
    }
}

fn tensors(what: &'static str, given: &BTreeMap<String, Values>) -> Result<Vec<NamedTensor>, TrialError> {
    let tensor = |(name, values): (&String, &Values)| {
        let tensor = Tensor::from_f32(&values.shape, &values.values).map_err(|source| TrialError::GivenTensor {
            what,
            name: name.clone(),
            source,
        })?;
        Ok(NamedTensor { name: name.clone(), tensor })
    };
    given.iter().map(tensor).collect()
}
