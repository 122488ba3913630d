//! What the demo's recipe and its plugins do to a frame, as straight-line native Rust: the same digest, operations,
//! answers, texts, findings and record, without a plugin boundary.

use crate::fixture::{Fixture, meta};
use crate::native::{SIDE, infer, letterbox, logits, spec};
use anyhow::Context as _;
use assay::domain::{
    BufferPool, Digest, Evidence, Finding, Image, Inspection, ModelAnswer, PluginRun, PluginUse, Tensor, decide,
};
use assay::imaging::{
    DecodeLimits, Statistics, decode, jpeg_round_trip, median_blur, reduce_bit_depth, statistics, to_tensor,
};
use assay::inference::softmax;
use assay::pipeline::{LiveRecipe, now_us};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of `adv-squeeze`, as its manifest has it.
const THRESHOLD: f64 = 0.2698;

/// What `image-quality` compares: names in the reference, with the smallest and the largest value there.
struct Range {
    name: &'static str,
    min: f64,
    max: f64,
}

pub struct Straight {
    live: Arc<LiveRecipe>,
    limits: DecodeLimits,
    pool: BufferPool,
    ranges: Vec<Range>,
}

/// Time of decoding, pixels and inference.
#[derive(Default)]
struct Excluded(Duration);

impl Excluded {
    fn of<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let made = work();
        self.0 += start.elapsed();
        made
    }
}

impl Straight {
    pub fn new(fixture: &Fixture) -> anyhow::Result<Self> {
        let text = fixture.live.recipe.model.reference.as_deref().context("the demo's model has a reference")?;
        let json: serde_json::Value = serde_json::from_str(text)?;
        let features = json.get("features").and_then(serde_json::Value::as_array).context("it has features")?;
        let range = |name: &'static str| {
            let feature = features.iter().find(|feature| feature.get("name").is_some_and(|found| found == name));
            let quantiles = feature.and_then(|feature| feature.get("quantiles")?.as_array());
            let quantiles: Vec<f64> = quantiles.into_iter().flatten().filter_map(serde_json::Value::as_f64).collect();
            let (min, max) =
                quantiles.first().zip(quantiles.last()).with_context(|| format!("{name} has quantiles"))?;
            anyhow::Ok(Range { name, min: *min, max: *max })
        };
        let ranges = ["brightness", "contrast", "focus", "saturation"].map(range);
        Ok(Self {
            live: Arc::clone(&fixture.live),
            limits: fixture.parts.context.limits,
            pool: fixture.pool().clone(),
            ranges: ranges.into_iter().collect::<anyhow::Result<_>>()?,
        })
    }

    /// Microseconds of the whole, and of what is neither decoding nor pixels nor inference.
    pub fn inspect(&self, bytes: &[u8], trigger: u64) -> anyhow::Result<(Inspection, f64, f64)> {
        let start = Instant::now();
        let mut excluded = Excluded::default();
        let inspection = self.judge(bytes, trigger, &mut excluded)?;
        let total = start.elapsed();
        Ok((inspection, total.as_secs_f64() * 1e6, (total - excluded.0).as_secs_f64() * 1e6))
    }

    fn judge(&self, bytes: &[u8], trigger: u64, excluded: &mut Excluded) -> anyhow::Result<Inspection> {
        let recipe = &self.live.recipe;
        let picture = Digest::of(bytes);
        let image =
            excluded.of(|| decode(bytes, &self.limits, &self.pool)).map_err(|error| anyhow::anyhow!("{error}"))?;
        let input = excluded.of(|| anyhow::Ok(to_tensor(&[&letterbox(&image, &self.pool)?], &spec())?))?;
        let outputs = excluded.of(|| infer(self.live.model.as_ref(), input))?;
        let wanted = &recipe.model;
        let answer = ModelAnswer {
            model: wanted.name.clone(),
            digest: wanted.model,
            device: self.live.model.placement().device.clone(),
            probabilities: softmax(logits(&outputs)?, wanted.temperature),
            labels: wanted.labels.clone(),
        };
        let squeezed = self.squeezed(&image, logits(&outputs)?, excluded)?;
        let (found, attributes) = self.quality(&excluded.of(|| statistics(&image)));
        let places: Vec<&PluginUse> = recipe.preprocessors.iter().chain(&recipe.detectors).collect();
        let [preprocess, squeeze, quality] = places.as_slice() else { anyhow::bail!("the demo has three plugins") };
        let runs = vec![
            run(preprocess, Vec::new(), Vec::new()),
            run(squeeze, vec![squeezed], Vec::new()),
            run(quality, found, attributes),
        ];
        let findings: Vec<&Finding> = runs.iter().flat_map(|run| &run.findings).collect();
        let evidence = Evidence { answer: Some(&answer), findings: &findings, failure: None, failed_by_policy: false };
        let verdict = decide(&recipe.policy, &evidence);
        Ok(Inspection {
            meta: meta(trigger),
            picture: Some(picture),
            width: image.width(),
            height: image.height(),
            recipe: recipe.name.clone(),
            recipe_version: recipe.version.clone(),
            recipe_digest: recipe.digest,
            verdict,
            answer: Some(answer),
            runs,
            stages: Vec::new(),
            judged_at_us: now_us(),
        })
    }

    /// As `adv-squeeze`.
    fn squeezed(&self, image: &Image, plain: &[f32], excluded: &mut Excluded) -> anyhow::Result<Finding> {
        let plain = probabilities(plain);
        let batch = excluded.of(|| self.copies(image))?;
        let outputs = excluded.of(|| infer(self.live.model.as_ref(), batch))?;
        let rows = logits(&outputs)?.chunks_exact(plain.len().max(1)).map(probabilities);
        let distance = |row: Vec<f64>| row.iter().zip(&plain).map(|(a, b)| (a - b).abs()).sum::<f64>();
        let distances: Vec<f64> = rows.map(distance).collect();
        let [bits, median, jpeg] = distances.as_slice() else { anyhow::bail!("there are three copies") };
        let largest = bits.max(*median).max(*jpeg);
        let attributes = [
            ("l1", format!("{largest:.6}")),
            ("l1-bits", format!("{bits:.6}")),
            ("l1-median", format!("{median:.6}")),
            ("l1-jpeg", format!("{jpeg:.6}")),
            ("threshold", THRESHOLD.to_string()),
        ];
        Ok(Finding {
            label: "adversarial".to_owned(),
            score: (largest / 2.0) as f32,
            raised: largest > THRESHOLD,
            region: None,
            text: None,
            attributes: attributes.map(|(key, value)| (key.to_owned(), value)).into(),
        })
    }

    fn copies(&self, image: &Image) -> anyhow::Result<Tensor> {
        let pool = &self.pool;
        let small = letterbox(image, pool)?;
        debug_assert_eq!(small.width(), SIDE);
        let copies =
            [reduce_bit_depth(&small, 5, pool)?, median_blur(&small, 3, pool)?, jpeg_round_trip(&small, 75, pool)?];
        Ok(to_tensor(&copies.each_ref(), &spec())?)
    }

    /// As `image-quality`.
    fn quality(&self, statistics: &Statistics) -> (Vec<Finding>, Vec<(String, String)>) {
        let values = [
            statistics.mean,
            statistics.sd,
            statistics.laplacian_variance,
            statistics.dark_share + statistics.bright_share,
        ];
        let mut findings = Vec::new();
        let mut attributes = Vec::new();
        for (range, value) in self.ranges.iter().zip(values) {
            attributes.push((range.name.to_owned(), format!("{value:.4}")));
            if value < range.min || value > range.max {
                findings.push(outside(range, value));
            }
        }
        (findings, attributes)
    }
}

fn outside(range: &Range, value: f64) -> Finding {
    Finding {
        label: range.name.to_owned(),
        score: 0.5,
        raised: false,
        region: None,
        text: Some(format!("{} {value:.3}, reference {:.3} to {:.3}", range.name, range.min, range.max)),
        attributes: Vec::new(),
    }
}

fn run(place: &PluginUse, findings: Vec<Finding>, attributes: Vec<(String, String)>) -> PluginRun {
    PluginRun {
        plugin: place.name.clone(),
        kind: place.kind,
        component: place.component,
        micros: 0,
        host_micros: 0,
        memory_bytes: 0,
        host_bytes: 0,
        findings,
        attributes,
        replaced: None,
        failure: None,
    }
}

/// As the SDK's `softmax`.
fn probabilities(logits: &[f32]) -> Vec<f64> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut powers: Vec<f64> = logits.iter().map(|logit| (f64::from(*logit) - f64::from(top)).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter_mut().for_each(|power| *power /= sum);
    powers
}
