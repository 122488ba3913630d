//! Detector: adversarial pictures, by feature squeezing.
//!
//! An attack lives in details that a camera does not care about. The picture is shown to the model three more times,
//! in one batch: with fewer bits per channel, after a median filter, and after a JPEG round trip. On an honest picture
//! the answers hardly move; on an attacked one at least one of them often does. The score is the largest L1 distance
//! between the probabilities of the picture and of its squeezed copies.
//!
//! This raises the cost of an attack and catches attacks that do not know of it. It is no proof of robustness: strong
//! iterative attacks with a large budget, and attackers who know the squeezers, can pass.

mod score;

use assay_plugin::letterbox::Letterbox;
use assay_plugin::math::softmax;
use assay_plugin::reference;
use assay_plugin::{Detection, Detector, Error, Evidence, Finding, Frame, Image, Model, Result, Tensor, settings};
use score::{Score, split_batch};

/// Under this name calibration writes into the model's reference.
const NAME: &str = "adv-squeeze";
/// The largest L1 distance of two distributions.
const MOST: f64 = 2.0;
/// 5 % of clean validation pictures of the first demo model lie above it.
const FALLBACK: f64 = 0.2698;

struct Plugin {
    letterbox: Letterbox,
    model: Model,
    logits: String,
    temperature: f32,
    threshold: f64,
    bits: u32,
    median: u32,
    jpeg_quality: u32,
    batched: bool,
}

impl Detector for Plugin {
    fn new() -> Result<Self> {
        Ok(Self {
            letterbox: Letterbox::from_settings()?,
            model: Model::load(&settings::get::<String>("model")?)?,
            logits: settings::get_or("logits", "logits".to_owned())?,
            temperature: temperature()?,
            threshold: threshold()?,
            bits: settings::get_or("bits", 5)?,
            median: settings::get_or("median", 3)?,
            jpeg_quality: settings::get_or("jpeg-quality", 75)?,
            batched: settings::get_or("batched", true)?,
        })
    }

    fn detect(&mut self, _frame: &Frame, evidence: &Evidence) -> Result<Detection> {
        let plain = self.probabilities(&evidence.outputs.get(&self.logits)?.to_f32()?)?;
        let picture = self.letterbox.fit(&evidence.picture)?;
        let squeezed = self.squeezed_probabilities(&picture)?;
        let Some(score) = Score::new(&plain, &squeezed) else {
            let found = squeezed.iter().map(Vec::len).collect::<Vec<_>>();
            return Err(Error::inference(format!(
                "expected {} probabilities per picture, found {found:?}",
                plain.len()
            )));
        };
        Ok(Detection::new().finding(self.finding(score)))
    }
}

impl Plugin {
    /// Of the copies with fewer bits, after the median and after JPEG, in this order.
    fn squeezed_probabilities(&self, picture: &Image) -> Result<Vec<Vec<f64>>> {
        let copies = [
            picture.reduce_bit_depth(self.bits)?,
            picture.median_blur(self.median)?,
            picture.jpeg_round_trip(self.jpeg_quality)?,
        ];
        let spec = self.letterbox.spec();
        if self.batched {
            let batch = Image::batch_to_tensor(&copies.each_ref(), spec)?;
            let logits = self.infer(batch)?;
            return split_batch(&logits, copies.len()).map(|logits| self.probabilities(logits)).collect();
        }
        copies.iter().map(|copy| self.probabilities(&self.infer(copy.to_tensor(spec)?)?)).collect()
    }

    fn infer(&self, input: Tensor) -> Result<Vec<f32>> {
        self.model.compute(vec![(self.letterbox.input(), input)])?.get(&self.logits)?.to_f32()
    }

    fn probabilities(&self, logits: &[f32]) -> Result<Vec<f64>> {
        softmax(logits, self.temperature).ok_or_else(|| {
            Error::inference(format!("expected finite logits, found {:?}", logits.get(..8).unwrap_or(logits)))
        })
    }

    fn finding(&self, score: Score) -> Finding {
        let raised = score.largest > self.threshold;
        let Score { bits, median, jpeg, largest } = score;
        Finding::new("adversarial", largest / 2.0)
            .raised(raised)
            .attribute("l1", format!("{largest:.6}"))
            .attribute("l1-bits", format!("{bits:.6}"))
            .attribute("l1-median", format!("{median:.6}"))
            .attribute("l1-jpeg", format!("{jpeg:.6}"))
            .attribute("threshold", self.threshold)
    }
}

/// The recipe's own, else what calibration wrote into the model's bundle, else that of the first demo model.
fn threshold() -> Result<f64> {
    let rate: String = settings::get_or("false-positive-rate", "0.05".to_owned())?;
    let calibrated = reference::threshold(NAME, &rate).filter(|threshold| (0.0..=MOST).contains(threshold));
    settings::number_in("threshold", 0.0..=MOST, calibrated.unwrap_or(FALLBACK))
}

#[allow(clippy::cast_possible_truncation, reason = "a temperature has few digits")]
fn temperature() -> Result<f32> {
    Ok(settings::number_in("temperature", 0.01..=100.0, 1.0)? as f32)
}

assay_plugin::export_detector!(Plugin);
