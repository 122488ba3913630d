//! What the station adds to a frame.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, arrival, meta};
use crate::native;
use assay::domain::{Digest, Inspection, ModelSpec, NamedTensor, Stage, Tensor};
use assay::imaging::decode;
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::pipeline::{LiveRecipe, inspect_frame};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAMES: usize = 300;
const WARM: usize = 48;

/// Answers at once: inference is not what the station adds.
struct NoInference {
    spec: ModelSpec,
    placement: Placement,
    outputs: Vec<NamedTensor>,
}

impl LoadedModel for NoInference {
    fn name(&self) -> &str {
        "surface"
    }
    fn digest(&self) -> Digest {
        Digest::of(b"none")
    }
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn placement(&self) -> &Placement {
        &self.placement
    }
    fn infer(&self, _: &[NamedTensor], _: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        Ok(self.outputs.clone())
    }
}

/// The demo's recipe with its first `preprocessors` and `detectors` only.
fn cut(fixture: &Fixture, preprocessors: usize, detectors: usize, real_model: bool) -> anyhow::Result<LiveRecipe> {
    let live = &fixture.live;
    let mut recipe = live.recipe.clone();
    recipe.preprocessors.truncate(preprocessors);
    recipe.detectors.truncate(detectors);
    let model: Arc<dyn LoadedModel> = if real_model {
        Arc::clone(&live.model)
    } else {
        let tensor = Tensor::from_f32(&[1, 5], &[4.0, 0.0, 0.0, 0.0, 0.0])?;
        Arc::new(NoInference {
            spec: ModelSpec { inputs: vec![], ..live.model.spec().clone() },
            placement: live.model.placement().clone(),
            outputs: vec![NamedTensor { name: "logits".to_owned(), tensor }],
        })
    };
    let preprocessors = live.preprocessors.iter().take(preprocessors).cloned().collect();
    let detectors = live.detectors.iter().take(detectors).cloned().collect();
    Ok(LiveRecipe::new(recipe, model, preprocessors, detectors, Vec::new()))
}

/// Microseconds of an inspection that are neither decoding nor pixels nor inference. What is left: the digest of the
/// file, the plugin boundary, the plugins' own code, the decision and the record.
fn overhead(total: Duration, inspection: &Inspection) -> f64 {
    let excluded = |stage| matches!(stage, Stage::Decode | Stage::Infer);
    let stages: u64 = inspection.stages.iter().filter(|time| excluded(time.stage)).map(|time| time.micros).sum();
    let host: u64 = inspection.runs.iter().map(|run| run.host_micros).sum();
    total.as_secs_f64() * 1e6 - (stages + host) as f64
}

/// Times of whole inspections, and of what the station adds to them.
fn inspect(live: &LiveRecipe, fixture: &Fixture) -> anyhow::Result<(Times, Times)> {
    let (mut totals, mut overheads) = (Vec::new(), Vec::new());
    for (number, picture) in fixture.pictures.iter().cycle().take(FRAMES + WARM).enumerate() {
        let arrival = arrival(picture);
        let id = meta(number as u64 + 1).id;
        let start = Instant::now();
        let inspected = black_box(inspect_frame(arrival, id, live, &fixture.parts.context));
        let total = start.elapsed();
        let inspection = &inspected.inspection;
        anyhow::ensure!(inspection.runs.iter().all(|run| run.failure.is_none()), "{:?}", inspection.verdict);
        if number >= WARM {
            totals.push(total.as_secs_f64() * 1e6);
            overheads.push(overhead(total, inspection));
        }
    }
    Ok((Times::from_micros(totals), Times::from_micros(overheads)))
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let what = "an inspection but for decoding, pixels and inference; journal off";
    for (plugins, preprocessors, detectors, real) in [(0, 0, 0, false), (1, 1, 0, true), (3, 1, 2, true)] {
        let (_, overheads) = inspect(&cut(fixture, preprocessors, detectors, real)?, fixture)?;
        let name = |percent| format!("station overhead per frame, {plugins} plugins, {percent}");
        if plugins == 3 {
            figures.push(Figure::at_most(&name("p50"), overheads.p50(), "us", 60.0, what));
            figures.push(Figure::at_most(&name("p99"), overheads.percentile(99), "us", 250.0, what));
        } else {
            figures.push(Figure::plain(&name("p50"), overheads.p50(), "us", what));
        }
    }
    // After an inference the caches are the model's: what the station costs where they are not.
    let (_, overheads) = inspect(&cut(fixture, 1, 0, false)?, fixture)?;
    let name = "station overhead per frame, 1 plugins, no inference, p50";
    figures.push(Figure::plain(name, overheads.p50(), "us", "as above, but the caches are not the model's"));
    let (whole, _) = inspect(&cut(fixture, 1, 2, true)?, fixture)?;
    let mut pictures = fixture.pictures.iter().cycle();
    let straight = Times::of(WARM, FRAMES, || {
        let image = pictures.next().map(|bytes| decode(bytes, &fixture.parts.context.limits, fixture.pool()));
        if let Some(Ok(image)) = image {
            let _ = black_box(native::judge(&image, fixture.live.model.as_ref(), fixture.pool()));
        }
    });
    let against = format!("the same operations as straight-line native Rust: {:.0} us", straight.p50());
    figures.push(Figure::plain("inspection with 3 plugins, p50", whole.p50(), "us", &against));
    figures.push(Figure::plain("inspection with 3 plugins over native", whole.p50() / straight.p50(), "x", &against));
    Ok(figures)
}
