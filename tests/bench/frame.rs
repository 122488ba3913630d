//! What the station adds to a frame.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, arrival, meta};
use crate::straight::Straight;
use anyhow::Context as _;
use assay::domain::{Digest, Inspection, ModelSpec, NamedTensor, Stage, Tensor, WarmRules};
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

/// Microseconds of whole inspections, and of what is added to them.
#[derive(Default)]
struct Series {
    totals: Vec<f64>,
    overheads: Vec<f64>,
}

impl Series {
    /// One frame through the station.
    fn station(
        &mut self,
        live: &LiveRecipe,
        fixture: &Fixture,
        number: usize,
        bytes: &Arc<[u8]>,
    ) -> anyhow::Result<()> {
        let arrival = arrival(bytes);
        let id = meta(number as u64 + 1).id;
        let start = Instant::now();
        let inspected = black_box(inspect_frame(arrival, id, live, &fixture.parts.context));
        let total = start.elapsed();
        let inspection = &inspected.inspection;
        anyhow::ensure!(inspection.runs.iter().all(|run| run.failure.is_none()), "{:?}", inspection.verdict);
        self.push(number, total.as_secs_f64() * 1e6, overhead(total, inspection));
        Ok(())
    }

    fn push(&mut self, number: usize, total: f64, overhead: f64) {
        if number >= WARM {
            self.totals.push(total);
            self.overheads.push(overhead);
        }
    }

    fn times(self) -> (Times, Times) {
        (Times::from_micros(self.totals), Times::from_micros(self.overheads))
    }
}

/// What the station adds to the frames of one recipe, and page faults per frame.
fn inspect(live: &LiveRecipe, fixture: &Fixture) -> anyhow::Result<(Times, f64)> {
    let mut series = Series::default();
    let mut before = 0;
    for (number, picture) in fixture.pictures.iter().cycle().take(FRAMES + WARM).enumerate() {
        if number == WARM {
            before = page_faults()?;
        }
        series.station(live, fixture, number, picture)?;
    }
    let faults = page_faults()? - before;
    Ok((series.times().1, faults as f64 / FRAMES as f64))
}

/// Page faults of this thread so far that needed no disk.
fn page_faults() -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    let fields = stat.rsplit_once(')').context("stat has a name")?.1;
    fields.split_whitespace().nth(7).and_then(|faults| faults.parse().ok()).context("stat counts page faults")
}

/// The whole recipe, the same with warm plugins, and the same as native code: frame by frame in turn.
fn side_by_side(fixture: &Fixture) -> anyhow::Result<[Series; 3]> {
    let (fresh, warm, native) = (
        cut(fixture, 1, 2, true)?,
        fixture.admitted(&fixture.live.model, Some(WarmRules::default()))?,
        Straight::new(fixture)?,
    );
    let mut all = <[Series; 3]>::default();
    let [of_fresh, of_warm, of_native] = &mut all;
    for (number, picture) in fixture.pictures.iter().cycle().take(FRAMES + WARM).enumerate() {
        for turn in 0..3 {
            match (number + turn) % 3 {
                0 => of_fresh.station(&fresh, fixture, number, picture)?,
                1 => of_warm.station(&warm, fixture, number, picture)?,
                _ => {
                    let (inspection, total, overhead) = native.inspect(picture, number as u64 + 1)?;
                    black_box(inspection);
                    of_native.push(number, total, overhead);
                }
            }
        }
    }
    Ok(all)
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let what = "an inspection but for decoding, pixels and inference; journal off";
    let name = |what: &str, percent| format!("station overhead per frame, {what}, {percent}");
    let mut figures = Vec::new();
    let (none, _) = inspect(&cut(fixture, 0, 0, false)?, fixture)?;
    figures.push(Figure::plain(&name("0 plugins", "p50"), none.p50(), "us", what));
    let (one, _) = inspect(&cut(fixture, 1, 0, true)?, fixture)?;
    figures.push(Figure::plain(&name("1 plugins", "p50"), one.p50(), "us", what));
    // After an inference the caches are the model's: what the station costs where they are not.
    let (alone, _) = inspect(&cut(fixture, 1, 0, false)?, fixture)?;
    let against = "as above, but the caches are not the model's";
    figures.push(Figure::plain(&name("1 plugins, no inference", "p50"), alone.p50(), "us", against));
    let (_, faults) = inspect(&cut(fixture, 1, 2, true)?, fixture)?;
    figures.push(Figure::plain("page faults per frame, 3 plugins", faults, "", "of the thread that inspects"));

    let [fresh, warm, native] = side_by_side(fixture)?.map(Series::times);
    let natively = &native.1;
    let against = format!(
        "{what}; the plugins' own logic as native code behind the same inferences: {:.0} us, p99 {:.0} us",
        natively.p50(),
        natively.percentile(99)
    );
    figures.push(Figure::at_most(&name("3 plugins", "p50"), fresh.1.p50(), "us", 60.0, &against));
    figures.push(Figure::at_most(&name("3 plugins", "p99"), fresh.1.percentile(99), "us", 250.0, &against));
    let against = "the same plugins with `instance = \"warm\"`, in the same run";
    figures.push(Figure::plain(&name("3 warm plugins", "p50"), warm.1.p50(), "us", against));
    figures.push(Figure::plain(&name("3 warm plugins", "p99"), warm.1.percentile(99), "us", against));
    let (whole, straight) = (fresh.0.p50(), native.0.p50());
    let against = format!("the same operations as straight-line native Rust: {straight:.0} us");
    figures.push(Figure::plain("inspection with 3 plugins, p50", whole, "us", &against));
    figures.push(Figure::plain("inspection with 3 plugins over native", whole / straight, "x", &against));
    Ok(figures)
}
