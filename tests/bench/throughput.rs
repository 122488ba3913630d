//! Frames per second of the whole line: against a raw OpenVINO loop, and against a Python script that does the same.

use crate::figure::Figure;
use crate::fixture::{Fixture, THREADS, arrival};
use crate::native::{letterbox, spec};
use crate::raw::RawOpenvino;
use anyhow::{Context as _, bail};
use assay::domain::{Digest, ModelSpec, NamedTensor};
use assay::imaging::{decode, to_tensor};
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::journal::{Journal, JournalOptions};
use assay::pipeline::{JournalKeeper, LaneOptions, Line, LineEvents, LineParts, LiveRecipe};
use assay::source::{Outlet, Source, StopFlag};
use assay_tests::artifacts::root;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const FRAMES: usize = 400;

/// The pictures from memory, round and round.
struct Repeat {
    pictures: Vec<Arc<[u8]>>,
    count: usize,
}

impl Source for Repeat {
    fn name(&self) -> &str {
        "bench"
    }
    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        for picture in self.pictures.iter().cycle().take(self.count) {
            if out.send(arrival(picture), stop).is_break() {
                break;
            }
        }
    }
}

/// Seconds on the clock and on the processor for `count` frames through a line with its journal.
fn line(fixture: &Fixture, recipe: LiveRecipe, count: usize) -> anyhow::Result<(f64, f64)> {
    let dir = tempfile::tempdir()?;
    let journal = Arc::new(Journal::open(JournalOptions::new(dir.path(), "test"))?);
    let keeper = JournalKeeper::new(Arc::clone(&journal), true);
    let (start, cpu) = (Instant::now(), cpu_seconds()?);
    let line = Line::start(LineParts {
        station: "test".to_owned(),
        boot: journal.boot(),
        recipe: Arc::new(recipe),
        context: fixture.parts.context.clone(),
        keeper: Arc::new(keeper.clone()),
        states: Box::new(keeper),
        sources: vec![Box::new(Repeat { pictures: fixture.pictures.clone(), count })],
        outcomes: None,
        events: LineEvents::default(),
        options: LaneOptions { lanes: 1, ..LaneOptions::default() },
    })?;
    let board = line.board.clone();
    line.join();
    journal.close();
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    let counters = board.snapshot().counters;
    anyhow::ensure!(counters.total() == count as u64 && counters.not_durable == 0, "{counters:?}");
    Ok((seconds, cpu))
}

/// Processor time of this process so far.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat has a name")?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime, in the kernel's hundredths of a second.
    Ok((ticks(11) + ticks(12)) / 100.0)
}

/// The recipe without its detectors and monitors.
pub fn classifier(live: &LiveRecipe) -> LiveRecipe {
    let mut recipe = live.recipe.clone();
    recipe.detectors.clear();
    recipe.monitors.clear();
    LiveRecipe::new(recipe, Arc::clone(&live.model), live.preprocessors.clone(), Vec::new(), Vec::new())
}

/// A model that counts the time of its runs.
struct Timed {
    inner: Arc<dyn LoadedModel>,
    nanos: AtomicU64,
}

impl LoadedModel for Timed {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn digest(&self) -> Digest {
        self.inner.digest()
    }
    fn spec(&self) -> &ModelSpec {
        self.inner.spec()
    }
    fn placement(&self) -> &Placement {
        self.inner.placement()
    }
    fn infer(&self, inputs: &[NamedTensor], deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        let start = Instant::now();
        let outputs = self.inner.infer(inputs, deadline);
        self.nanos.fetch_add(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        outputs
    }
}

/// What a frame costs, in seconds.
struct Cost {
    /// Frames per second on the clock.
    frames_per_s: f64,
    /// Of the processor, for everything.
    cpu: f64,
    /// Inside the four inferences.
    inference: f64,
}

impl Cost {
    fn of(frames: usize, seconds: f64, cpu: f64, inference: f64) -> Self {
        let frames = frames as f64;
        Self { frames_per_s: frames / seconds, cpu: cpu / frames, inference: inference / frames }
    }

    /// Of the processor, but for inference.
    fn outside(&self) -> f64 {
        self.cpu - self.inference
    }
}

/// The demo's recipe through a line. The script has no drift monitor.
fn whole(fixture: &Fixture) -> anyhow::Result<Cost> {
    let model = Arc::new(Timed { inner: Arc::clone(&fixture.live.model), nanos: AtomicU64::new(0) });
    let shared: Arc<dyn LoadedModel> = model.clone();
    let recipe = fixture.admitted(&shared, None)?;
    let (seconds, cpu) = line(fixture, recipe, FRAMES)?;
    Ok(Cost::of(FRAMES, seconds, cpu, model.nanos.load(Ordering::Relaxed) as f64 / 1e9))
}

/// Seconds for the same pictures: decode, letterbox, tensor, inference, in one loop.
fn raw_loop(fixture: &Fixture, raw: &mut RawOpenvino, count: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    for picture in fixture.pictures.iter().cycle().take(count) {
        let image = decode(picture, &fixture.parts.context.limits, fixture.pool())?;
        let tensor = to_tensor(&[&letterbox(&image, fixture.pool())?], &spec())?;
        black_box(raw.infer(&tensor)?);
    }
    Ok(start.elapsed().as_secs_f64())
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let mut raw = RawOpenvino::load()?;
    raw_loop(fixture, &mut raw, 40)?;
    line(fixture, classifier(&fixture.live), 40)?;
    // In turn; the median of three ratios.
    let mut ratios = Vec::new();
    let mut ours = 0.0;
    for _ in 0..3 {
        let theirs = raw_loop(fixture, &mut raw, FRAMES)?;
        let (seconds, _) = line(fixture, classifier(&fixture.live), FRAMES)?;
        ours = FRAMES as f64 / seconds;
        ratios.push(theirs / seconds);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios.get(1).copied().unwrap_or(f64::NAN);
    let mut figures = vec![
        Figure::plain("classifier, whole line, journal on", ours, "1/s", "one lane, one inference thread"),
        Figure::at_least(
            "classifier against a raw OpenVINO loop",
            ratio,
            "x",
            0.95,
            "decode, letterbox, inference on the tensor's own memory in one loop; same pictures, threads, precision",
        ),
    ];
    figures.extend(against_python(fixture)?);
    Ok(figures)
}

/// In turn; the medians of three ratios.
fn against_python(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let mut pairs = Vec::new();
    for _ in 0..3 {
        pairs.push((whole(fixture)?, python(fixture)?));
    }
    let median = |value: &dyn Fn(&(Cost, Cost)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let ms = |value: fn(&Cost) -> f64| (median(&|(own, _)| value(own)) * 1e3, median(&|(_, their)| value(their)) * 1e3);
    let (cpu, inference, outside) = (ms(|cost| cost.cpu), ms(|cost| cost.inference), ms(Cost::outside));
    let script = format!("the Python script: {:.1} frames/s", median(&|(_, their)| their.frames_per_s));
    let processor = format!("processor time per frame {:.1} ms, the script {:.1} ms", cpu.0, cpu.1);
    let four = format!("one and a batch of three, on the clock; the script in the same library: {:.1} ms", inference.1);
    let rest = format!("processor time per frame {:.2} ms, the script {:.2} ms", outside.0, outside.1);
    Ok(vec![
        Figure::plain("demo recipe, whole line, journal on", median(&|(own, _)| own.frames_per_s), "1/s", &script),
        Figure::at_least(
            "demo recipe against Python, per core",
            median(&|(own, their)| their.cpu / own.cpu),
            "x",
            2.5,
            &processor,
        ),
        Figure::plain("demo recipe, four inferences per frame", inference.0, "ms", &four),
        Figure::at_least(
            "demo recipe against Python, outside inference",
            median(&|(own, their)| their.outside() / own.outside()),
            "x",
            2.5,
            &rest,
        ),
    ])
}

/// The script on the same pictures.
fn python(fixture: &Fixture) -> anyhow::Result<Cost> {
    let Some(python) = std::env::var_os("ASSAY_BENCH_PYTHON") else {
        bail!("ASSAY_BENCH_PYTHON names no Python; run `cargo xtask bench`, which makes one");
    };
    let data = tempfile::tempdir()?;
    let output = Command::new(python)
        .arg(root().join("tests/bench/python_station.py"))
        .arg("--model")
        .arg(root().join("sdk/models/demo/surface-int8.onnx"))
        .arg("--pictures")
        .arg(&fixture.picture_dir)
        .args(["--frames", &FRAMES.to_string(), "--threads", &THREADS.to_string(), "--data"])
        .arg(data.path())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answer: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or(""))
        .with_context(|| format!("the script failed: {}", String::from_utf8_lossy(&output.stderr)))?;
    let number = |key: &str| answer.get(key).and_then(serde_json::Value::as_f64).context("the script gives numbers");
    Ok(Cost::of(FRAMES, number("seconds")?, number("cpu_s")?, number("infer_s")?))
}
