//! What counting a verdict costs the line, alone and while somebody scrapes all the time.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, meta};
use assay::domain::{Digest, Inspection, PluginKind, PluginRun, Stage, StageTime, Verdict};
use assay::telemetry::{Gauges, Metrics, VerdictReleased, exposition};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const COUNT: usize = 20_000;
/// Verdicts of one reading of the clock, which itself costs some tens of nanoseconds.
const GROUP: usize = 20;
/// Additions that one verdict of these needs: two for each time and one more of a stage or a frame, one for each count and
/// for each plugin's memory.
const ADDITIONS: usize = 2 * 11 + 9 + 3 + 3;
/// A station that has run this many recipes before.
const RECIPES: usize = 20;

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let metrics = Arc::new(Metrics::default());
    for number in 0..RECIPES {
        let inspection = inspection(fixture, &format!("recipe-{number}"));
        metrics.tell(&VerdictReleased { inspection: &inspection });
    }
    let inspection = inspection(fixture, &fixture.live.recipe.name);
    let tell = || {
        for _ in 0..GROUP {
            metrics.tell(&VerdictReleased { inspection: black_box(&inspection) });
        }
    };
    let alone = Times::of(COUNT / 10, COUNT, tell);
    let done = AtomicBool::new(false);
    let scraped = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                black_box(exposition(&metrics, &Gauges::default()));
            }
        });
        let times = Times::of(COUNT / 10, COUNT, tell);
        done.store(true, Ordering::Relaxed);
        times
    });
    let each = |times: &Times| times.p50() / GROUP as f64;
    let against = format!(
        "8 stages, 3 plugins, 20 recipes before; {ADDITIONS} atomic additions alone: {:.2} us",
        each(&additions())
    );
    Ok(vec![
        Figure::at_most("counting a verdict, p50", each(&alone), "us", 2.0, &against),
        Figure::at_most("the same while one scrape follows another, p50", each(&scraped), "us", 2.0, "a second thread"),
    ])
}

/// The least that counting can cost here.
fn additions() -> Times {
    let counters: Vec<AtomicU64> = (0..ADDITIONS).map(|_| AtomicU64::new(0)).collect();
    Times::of(COUNT / 10, COUNT, || {
        for _ in 0..GROUP {
            black_box(&counters).iter().for_each(|counter| {
                counter.fetch_add(1, Ordering::Relaxed);
            });
        }
    })
}

fn inspection(fixture: &Fixture, recipe: &str) -> Inspection {
    let run = |plugin: &str, kind| PluginRun {
        plugin: plugin.to_owned(),
        kind,
        component: Digest::of(b"plugin"),
        micros: 900,
        host_micros: 800,
        memory_bytes: 1 << 20,
        host_bytes: 1 << 20,
        findings: Vec::new(),
        attributes: Vec::new(),
        replaced: None,
        failure: None,
    };
    Inspection {
        meta: meta(1),
        picture: None,
        width: 320,
        height: 320,
        recipe: recipe.to_owned(),
        recipe_version: fixture.live.recipe.version.clone(),
        recipe_digest: fixture.live.recipe.digest,
        verdict: Verdict::Pass { label: "good".to_owned(), score: 0.98 },
        answer: None,
        runs: vec![
            run("letterbox", PluginKind::Preprocessor),
            run("adv-squeeze", PluginKind::Detector),
            run("image-quality", PluginKind::Detector),
        ],
        stages: Stage::ALL.map(|stage| StageTime { stage, micros: 1500 }).to_vec(),
        judged_at_us: 0,
    }
}
