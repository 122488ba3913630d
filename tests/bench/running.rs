//! A line at its pace while recipes are swapped, and while one frame in ten meets a plugin that never ends.

use crate::feed::{Feed, Load, Run, run};
use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use crate::throughput::classifier;
use anyhow::Context as _;
use assay::domain::VerdictKind;
use assay::pipeline::{LiveRecipe, LiveSlot};
use assay::source::StopFlag;
use assay_tests::hostile::{CASES, Case, HostileLine};
use std::sync::Arc;
use std::time::Duration;

const SWAPS: u64 = 1000;
/// Frames of a run; the swaps end before the frames do.
const FRAMES: u64 = 1050;
const PACE: Duration = Duration::from_micros(1_000_000 / 60);

const HOSTILE_FRAMES: u64 = 600;
const ONE_IN: u64 = 10;
const BUDGET_MS: u32 = 50;

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let mut figures = swaps(fixture)?;
    figures.extend(lateness()?);
    Ok(figures)
}

fn load(fixture: &Fixture, recipe: &Arc<LiveRecipe>) -> Load {
    Load {
        context: fixture.parts.context.clone(),
        recipe: Arc::clone(recipe),
        pictures: fixture.pictures.clone(),
        count: FRAMES,
        feed: Feed::Every(PACE),
        before: Box::new(|_, _| ()),
    }
}

fn times(run: &Run) -> Times {
    Times::from_micros(run.released.iter().map(|released| released.micros).collect())
}

fn swaps(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    // Two that share nothing: each has its own model and its own plugins.
    let other = fixture.parts.configured_recipe(&mut |_| ())?.ready.live;
    let pair = [Arc::new(classifier(&fixture.live)), Arc::new(classifier(&other))];
    let [first, second] = &pair;
    run(Load { count: 60, ..load(fixture, first) }, |_, _| ())?;
    let still = run(load(fixture, first), |_, _| ())?;
    let mut swapped = 0;
    let moving = run(load(fixture, first), |live: &LiveSlot, over: &StopFlag| {
        for recipe in [second, first].into_iter().cycle().take(SWAPS as usize) {
            if over.wait(PACE) {
                break;
            }
            live.swap(Arc::clone(recipe));
            swapped += 1;
        }
    })?;
    anyhow::ensure!(swapped == SWAPS, "only {swapped} swaps before the last frame");
    let mut opened = 0;
    let opening = run(load(fixture, first), |live: &LiveSlot, over: &StopFlag| {
        while !over.is_stopped() {
            let Ok(fresh) = fixture.parts.configured_recipe(&mut |_| ()) else { return };
            live.swap(Arc::new(classifier(&fresh.ready.live)));
            opened += 1;
        }
    })?;
    anyhow::ensure!(opened > 0, "no recipe was opened beside the line");
    let (still_times, moving_times, opening_times) = (times(&still), times(&moving), times(&opening));
    let p99 = still_times.percentile(99);
    let figure = |what: &str, times: &Times, percent: usize, against: &str| {
        let rank = if percent == 100 { "max".to_owned() } else { format!("p{percent}") };
        Figure::plain(&format!("{what}, {rank}"), times.percentile(percent) / 1e3, "ms", against)
    };
    let quiet = "classifier, picture to released verdict, no swap";
    let beside = format!("{SWAPS} swaps between two opened recipes; no swap: p99 {:.2} ms", p99 / 1e3);
    let anew = format!("{opened} recipes verified, loaded and swapped in beside the line, one after the other");
    let mut figures = Vec::new();
    for percent in [50, 99, 100] {
        figures.push(figure("frame at 60 frames/s", &still_times, percent, quiet));
        figures.push(figure("frame while recipes are swapped", &moving_times, percent, &beside));
        figures.push(figure("frame while recipes are opened and swapped", &opening_times, percent, &anew));
    }
    figures.push(Figure::at_most("p99 with swaps over without", moving_times.percentile(99) / p99, "x", 1.2, &beside));
    let wrong = moving.lost_or_twice(FRAMES) + opening.lost_or_twice(FRAMES);
    figures.push(Figure::at_most(
        "frames lost or judged twice in swaps",
        wrong as f64,
        "",
        0.0,
        "both runs with swaps",
    ));
    Ok(figures)
}

/// A recipe with another frame budget.
fn with_budget(live: &LiveRecipe) -> Arc<LiveRecipe> {
    let recipe = assay::domain::Recipe { frame_budget_ms: BUDGET_MS, ..live.recipe.clone() };
    let (preprocessors, detectors) = (live.preprocessors.clone(), live.detectors.clone());
    Arc::new(LiveRecipe::new(recipe, Arc::clone(&live.model), preprocessors, detectors, live.monitors.clone()))
}

/// How long after a frame's deadline its verdict is out, where a plugin never ends.
fn lateness() -> anyhow::Result<Vec<Figure>> {
    let case = CASES.iter().find(|case| case.name == "infinite_loop").context("there is a plugin that never ends")?;
    // Only the frame's deadline stops it.
    let case = Case { deadline_ms: 10 * BUDGET_MS, ..*case };
    let line = HostileLine::start(&[&case])?;
    let (healthy, hostile) = (with_budget(line.healthy()), with_budget(line.admit(&case)?.as_ref()));
    let (context, picture) = (line.context().clone(), Arc::clone(line.picture()));
    let load = |before| Load {
        context: context.clone(),
        recipe: Arc::clone(&healthy),
        pictures: vec![Arc::clone(&picture)],
        count: HOSTILE_FRAMES,
        feed: Feed::Every(PACE),
        before,
    };
    let alone = run(load(Box::new(|_, _| ())), |_, _| ())?;
    let usual = Arc::clone(&healthy);
    let mixed = run(
        load(Box::new(move |number, live| {
            if number % ONE_IN == 0 {
                live.swap(Arc::clone(&hostile));
            } else if number % ONE_IN == 1 {
                live.swap(Arc::clone(&usual));
            }
        })),
        |_, _| (),
    )?;
    let (late, well): (Vec<_>, Vec<_>) = mixed.released.iter().partition(|released| released.number % ONE_IN == 0);
    let passed = late.iter().filter(|released| released.verdict == VerdictKind::Pass).count();
    anyhow::ensure!(passed == 0 && !late.is_empty(), "{passed} of {} hostile frames passed", late.len());
    let late = late.iter().map(|released| released.micros - f64::from(BUDGET_MS) * 1e3).collect();
    let (late, well) = (Times::from_micros(late), Times::from_micros(well.iter().map(|frame| frame.micros).collect()));
    let what = format!("an endless plugin in 1 of {ONE_IN} frames at 60 frames/s; with the record's commit");
    let against = format!("the same line without: p99 {:.2} ms", times(&alone).percentile(99) / 1e3);
    let wrong = mixed.lost_or_twice(HOSTILE_FRAMES) as f64;
    Ok(vec![
        Figure::plain("verdict after the frame's deadline, p50", late.p50() / 1e3, "ms", &what),
        Figure::plain("verdict after the frame's deadline, p99", late.percentile(99) / 1e3, "ms", &what),
        Figure::plain("verdict after the frame's deadline, max", late.percentile(100) / 1e3, "ms", &what),
        Figure::plain("frames between them, p99", well.percentile(99) / 1e3, "ms", &against),
        Figure::at_most("frames lost or judged twice beside hostile ones", wrong, "", 0.0, &against),
    ])
}
