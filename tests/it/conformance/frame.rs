//! What the conformance plugins are called with: one picture for all cases, and what a case gives beside it.

use anyhow::{Result, ensure};
use assay::domain::{
    Blame, DeviceUse, Digest, Finding, FrameId, FrameMeta, Image, ModelAnswer, NamedTensor, PixelBuffer, PixelFormat,
    PluginKind, Region, Stage, Tensor, Verdict, VerdictKind,
};
use serde::Deserialize;
use std::collections::BTreeMap;

const WIDTH: u32 = 16;
const HEIGHT: u32 = 12;

/// What a case gives beside the picture. All of it may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    product: Option<String>,
    serial: Option<String>,
    /// For detectors: what the preprocessors gave.
    inputs: BTreeMap<String, Values>,
    /// For detectors and monitors: what the model gave.
    outputs: BTreeMap<String, Values>,
    /// For monitors; `pass` where it is left out.
    verdict: Option<VerdictKind>,
    /// For monitors: probabilities by label.
    probabilities: Vec<(String, f32)>,
    /// For monitors: what the detectors found.
    findings: Vec<FoundHere>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    shape: Vec<u32>,
    values: Vec<f32>,
}

/// A [`Finding`] with all of its keys, and no other.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundHere {
    label: String,
    score: f32,
    raised: bool,
    region: Option<RegionHere>,
    text: Option<String>,
    attributes: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionHere {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
}

impl From<FoundHere> for Finding {
    fn from(from: FoundHere) -> Self {
        let region = |RegionHere { x, y, width, height }| Region { x, y, width, height };
        let FoundHere { label, score, raised, text, attributes, .. } = from;
        Self { label, score, raised, region: from.region.map(region), text, attributes }
    }
}

impl Given {
    /// Refuses what a plugin of that world never sees.
    pub fn check(&self, world: PluginKind) -> Result<()> {
        let monitor = self.verdict.is_some() || !self.probabilities.is_empty() || !self.findings.is_empty();
        ensure!(!monitor || world == PluginKind::Monitor, "verdict, probabilities and findings are for monitors");
        ensure!(self.inputs.is_empty() || world == PluginKind::Detector, "inputs are for detectors");
        ensure!(self.outputs.is_empty() || world != PluginKind::Preprocessor, "outputs are not for preprocessors");
        Ok(())
    }

    /// Of the call of that number, counted from 1.
    pub fn meta(&self, call: u64) -> FrameMeta {
        let trigger = 40 + call;
        FrameMeta {
            id: FrameId { station: "press-4".to_owned(), boot: 7, trigger },
            captured_at_us: 1_764_000_000_000_000 + i64::try_from(trigger).unwrap(),
            source: "camera-2".to_owned(),
            origin: None,
            product: self.product.clone(),
            serial: self.serial.clone(),
            line_trigger: None,
            simulated: false,
        }
    }

    pub fn inputs(&self) -> Result<Vec<NamedTensor>> {
        tensors(&self.inputs)
    }

    pub fn outputs(&self) -> Result<Vec<NamedTensor>> {
        tensors(&self.outputs)
    }

    pub fn verdict(&self) -> Verdict {
        let given = || "given".to_owned();
        match self.verdict.unwrap_or(VerdictKind::Pass) {
            VerdictKind::Pass => Verdict::Pass { label: given(), score: 1.0 },
            VerdictKind::Fail => Verdict::Fail { reason: given(), score: 1.0 },
            VerdictKind::Undecided => {
                Verdict::Undecided { stage: Stage::Detect, blame: Blame::Host, code: given(), detail: given() }
            }
        }
    }

    pub fn answer(&self) -> Option<ModelAnswer> {
        let (backend, used, precision) = ("given".to_owned(), "given".to_owned(), "f32-exact".to_owned());
        let device = DeviceUse { backend, asked: Vec::new(), used, precision };
        let (labels, probabilities) = self.probabilities.iter().cloned().unzip();
        let answer = ModelAnswer { model: "demo".to_owned(), digest: Digest::of(b""), device, probabilities, labels };
        (!self.probabilities.is_empty()).then_some(answer)
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.findings.iter().cloned().map(Into::into).collect()
    }
}

fn tensors(given: &BTreeMap<String, Values>) -> Result<Vec<NamedTensor>> {
    let tensor = |(name, values): (&String, &Values)| {
        let tensor = Tensor::from_f32(&values.shape, &values.values)?;
        Ok(NamedTensor { name: name.clone(), tensor })
    };
    given.iter().map(tensor).collect()
}

/// 16 x 12 pixels: red is 16 x, green 20 y, blue 8 (x + y).
pub fn picture() -> Image {
    let pixel = |(x, y): (u32, u32)| [16 * x, 20 * y, 8 * (x + y)].map(|value| u8::try_from(value).unwrap());
    let places = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let bytes: Vec<u8> = places.flat_map(pixel).collect();
    Image::new(WIDTH, HEIGHT, PixelFormat::Rgb8, PixelBuffer::from(bytes)).unwrap()
}
