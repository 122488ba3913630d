//! What the station adds to a frame.

use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use crate::native;
use assay::domain::{Digest, Judgement, ModelSpec, NamedTensor, Stage, Tensor};
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::pipeline::{Judge as _, LiveRecipe, Trace};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FRAMES: usize = 300;

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
    Ok(LiveRecipe {
        recipe,
        preprocessors: live.preprocessors.iter().take(preprocessors).cloned().collect(),
        model,
        detectors: live.detectors.iter().take(detectors).cloned().collect(),
        monitors: Vec::new(),
    })
}

/// Microseconds of a judgement that are neither pixels nor inference.
fn overhead(total: Duration, judgement: &Judgement, trace: &Trace) -> f64 {
    let infer: u64 = trace.stages().iter().filter(|time| time.stage == Stage::Infer).map(|time| time.micros).sum();
    let host: u64 = judgement.runs.iter().map(|run| run.host_micros).sum();
    total.as_secs_f64() * 1e6 - (infer + host) as f64
}

fn judge(live: &LiveRecipe, fixture: &Fixture) -> anyhow::Result<(Times, Times)> {
    let frames: Vec<_> = (0..32).map(|number| fixture.frame(number)).collect::<Result<_, _>>()?;
    let (mut totals, mut overheads) = (Vec::new(), Vec::new());
    for (number, frame) in frames.iter().cycle().take(FRAMES + 32).enumerate() {
        let mut trace = Trace::start();
        let start = Instant::now();
        let judgement = black_box(live.judge(frame, start + Duration::from_secs(5), &mut trace));
        let total = start.elapsed();
        anyhow::ensure!(judgement.failure.is_none(), "{:?}", judgement.failure);
        if number >= 32 {
            totals.push(total.as_secs_f64() * 1e6);
            overheads.push(overhead(total, &judgement, &trace));
        }
    }
    Ok((Times::from_micros(totals), Times::from_micros(overheads)))
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let what = "all of the judgement but pixels and inference; journal off";
    for (plugins, preprocessors, detectors, real) in [(0, 0, 0, false), (1, 1, 0, true), (3, 1, 2, true)] {
        let (_, overheads) = judge(&cut(fixture, preprocessors, detectors, real)?, fixture)?;
        let name = |percent| format!("station overhead per frame, {plugins} plugins, {percent}");
        if plugins == 3 {
            figures.push(Figure::at_most(&name("p50"), overheads.p50(), "us", 60.0, what));
            figures.push(Figure::at_most(&name("p99"), overheads.percentile(99), "us", 250.0, what));
        } else {
            figures.push(Figure::plain(&name("p50"), overheads.p50(), "us", what));
        }
    }
    let (whole, _) = judge(&cut(fixture, 1, 2, true)?, fixture)?;
    let frames: Vec<_> = (0..32).map(|number| fixture.frame(number)).collect::<Result<_, _>>()?;
    let mut next = frames.iter().cycle();
    let straight = Times::of(32, FRAMES, || {
        if let Some(frame) = next.next() {
            let _ = black_box(native::judge(&frame.image, fixture.live.model.as_ref(), fixture.pool()));
        }
    });
    let against = format!("the same operations as straight-line native Rust: {:.0} us", straight.p50());
    figures.push(Figure::plain("judgement with 3 plugins, p50", whole.p50(), "us", &against));
    figures.push(Figure::plain("judgement with 3 plugins over native", whole.p50() / straight.p50(), "x", &against));
    Ok(figures)
}
