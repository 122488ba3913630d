//! Frames per second of the whole line: against a raw OpenVINO loop, and against a Python script that does the same.

use crate::figure::Figure;
use crate::fixture::{Fixture, THREADS, arrival};
use crate::native::{letterbox, spec};
use crate::raw::RawOpenvino;
use anyhow::{Context as _, bail};
use assay::imaging::{decode, to_tensor};
use assay::journal::{Journal, JournalOptions};
use assay::pipeline::{JournalKeeper, LaneOptions, Line, LineEvents, LineParts, LiveRecipe};
use assay::source::{Outlet, Source, StopFlag};
use assay_tests::artifacts::root;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
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

fn whole(fixture: &Fixture) -> LiveRecipe {
    let live = &fixture.live;
    let mut recipe = live.recipe.clone();
    // The script has no drift monitor.
    recipe.monitors.clear();
    let (preprocessors, detectors) = (live.preprocessors.clone(), live.detectors.clone());
    LiveRecipe::new(recipe, Arc::clone(&live.model), preprocessors, detectors, Vec::new())
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
    let (seconds, cpu) = line(fixture, whole(fixture), FRAMES)?;
    let (frames_per_s, per_core) = python(fixture)?;
    let own = FRAMES as f64 / cpu;
    let against = format!("the Python script: {frames_per_s:.0} frames/s, {per_core:.0} per processor second");
    figures.push(Figure::plain("demo recipe, whole line, journal on", FRAMES as f64 / seconds, "1/s", &against));
    figures.push(Figure::at_least("demo recipe against Python, per core", own / per_core, "x", 2.5, &against));
    Ok(figures)
}

/// Frames per second and per processor second of the script.
fn python(fixture: &Fixture) -> anyhow::Result<(f64, f64)> {
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
    Ok((number("frames_per_s")?, number("frames")? / number("cpu_s")?))
}
