//! What a plugin's language costs: the same small preprocessor in each, built here, loaded and called as on a station.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, meta};
use anyhow::{Context as _, ensure};
use assay::config::{BuildPlan, no_limits};
use assay::domain::{BufferPool, Image, PixelFormat, PluginKind, PluginLimits, PluginReport, SettingValue, WarmRules};
use assay::plugin::{AdmittedPlugin, CacheOptions, CallOutcome, PluginHost, PluginHostOptions, PluginSource};
use assay::toolbox::{Candidate, Tools, build};
use assay_tests::artifacts::root;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// As people call them, and the folder of the plugin.
const LANGUAGES: [(&str, &str); 7] = [
    ("Rust", "rust"),
    ("C", "c"),
    ("C++", "cpp"),
    ("Zig", "zig"),
    ("Python", "python"),
    ("JavaScript", "js"),
    ("Go", "go"),
];
/// Runtimes that are meant to be kept warm.
const RUNTIMES: [&str; 2] = ["python", "js"];
/// What a runtime may cost.
const MAX_LOAD_MS: f64 = 100.0;
const MAX_CALL_US: f64 = 1000.0;

/// 1 MP of grey.
const SIDE: u32 = 1024;
/// A figure takes that long, or that many calls.
const TIME: Duration = Duration::from_secs(2);
const CALLS: (usize, usize) = (5, 300);
const LOADS: usize = 7;

/// The figures of one language, in the columns of the table.
struct Row {
    language: &'static str,
    is_runtime: bool,
    size: usize,
    cold_ms: f64,
    cached_ms: f64,
    fresh: Calls,
    warm: Calls,
}

/// Microseconds of a call, p50, by what the plugin does.
struct Calls {
    nothing: f64,
    handle: f64,
    /// Part of `handle` that the host spends on the pixels.
    handle_host: f64,
    guest: f64,
}

pub fn measure(_: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let picture = picture()?;
    let mut expected = None;
    let mut rows = Vec::new();
    for (language, folder) in LANGUAGES {
        let row = measure_one(language, folder, &picture, &mut expected);
        rows.push(row.with_context(|| format!("the plugin in {language}"))?);
    }
    print_table(&rows);
    Ok(rows.iter().flat_map(figures).collect())
}

/// All pixel values, none in order.
fn picture() -> anyhow::Result<Image> {
    let pixels: Vec<u8> = (0..SIDE * SIDE).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    Ok(Image::new(SIDE, SIDE, PixelFormat::Gray8, pixels.into())?)
}

fn measure_one(
    language: &'static str,
    folder: &str,
    picture: &Image,
    expected: &mut Option<Vec<u8>>,
) -> anyhow::Result<Row> {
    let candidate = candidate(folder)?;
    let size = candidate.component.len();
    let cache = tempfile::tempdir()?;
    let start = Instant::now();
    drop(host(cache.path())?.admit(source(&candidate, "nothing", None))?);
    let cold_ms = start.elapsed().as_secs_f64() * 1e3;
    let host = host(cache.path())?;
    let again = source(&candidate, "nothing", None);
    let cached = Times::of(1, LOADS, || drop(host.admit(again.clone())));
    let mut calls = |warm: Option<WarmRules>| -> anyhow::Result<Calls> {
        let mut time = |work: &str| time(&host, source(&candidate, work, warm), picture, expected);
        let (nothing, handle, guest) = (time("nothing")?, time("handle")?, time("guest")?);
        Ok(Calls { nothing: nothing.0, handle: handle.0, handle_host: handle.1, guest: guest.0 })
    };
    let (fresh, warm) = (calls(None)?, calls(Some(WarmRules { calls: WarmRules::MAX_CALLS }))?);
    let is_runtime = RUNTIMES.contains(&folder);
    Ok(Row { language, is_runtime, size, cold_ms, cached_ms: cached.p50() / 1e3, fresh, warm })
}

/// Built with the language's own compiler.
fn candidate(folder: &str) -> anyhow::Result<Candidate> {
    let manifest = root().join("tests/bench/languages").join(folder).join("plugin.toml");
    let tell = |text: &str| eprintln!("{text}");
    build(&BuildPlan::load(&manifest)?, &Tools::new(false, &tell)?)?;
    Ok(Candidate::load(&manifest)?)
}

fn host(cache: &Path) -> anyhow::Result<PluginHost> {
    // A deadline that no language misses: what it costs is the question.
    let caps = PluginLimits { deadline_ms: 60_000, ..no_limits().0 };
    let cache = CacheOptions { dir: cache.to_owned(), secret: [7; 32] };
    Ok(PluginHost::new(PluginHostOptions { cache: Some(cache), caps, pool: BufferPool::new(8, 16 << 20) })?)
}

fn source(candidate: &Candidate, work: &str, warm: Option<WarmRules>) -> PluginSource {
    let Candidate { name, manifest, component, digest } = candidate.clone();
    let mut settings = manifest.settings;
    settings.insert("work".to_owned(), SettingValue::Text(work.to_owned()));
    PluginSource {
        name,
        kind: PluginKind::Preprocessor,
        component,
        digest,
        wit: manifest.wit,
        asked: manifest.capabilities.clone(),
        granted: manifest.capabilities,
        limits: manifest.limits,
        warm,
        settings,
        labels: Vec::new(),
        reference: None,
        models: BTreeMap::new(),
    }
}

fn call(plugin: &AdmittedPlugin, picture: &Image) -> CallOutcome<PluginReport> {
    plugin.preprocess(&meta(1), picture, Instant::now() + Duration::from_secs(60))
}

/// Microseconds of a call and of the host's part in it, p50. Every way in every language has to give the same numbers.
fn time(
    host: &PluginHost,
    source: PluginSource,
    picture: &Image,
    expected: &mut Option<Vec<u8>>,
) -> anyhow::Result<(f64, f64)> {
    let plugin = host.admit(source)?;
    let first = call(&plugin, picture).result?;
    if let Some(made) = first.tensors.first() {
        let expected = expected.get_or_insert_with(|| made.tensor.bytes().to_vec());
        ensure!(made.tensor.bytes() == expected.as_slice(), "other numbers than the languages before");
    }
    let (mut all, mut in_host) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    while all.len() < CALLS.0 || (all.len() < CALLS.1 && begun.elapsed() < TIME) {
        let start = Instant::now();
        let outcome = call(&plugin, picture);
        all.push(start.elapsed().as_secs_f64() * 1e6);
        outcome.result?;
        in_host.push(outcome.host_micros as f64);
    }
    Ok((Times::from_micros(all).p50(), Times::from_micros(in_host).p50()))
}

fn figures(row: &Row) -> Vec<Figure> {
    let name = |what: &str| format!("{}: {what}", row.language);
    let ms = |micros: f64| micros / 1e3;
    let bounded = |name: String, value, unit, most, against| match row.is_runtime {
        true => Figure::at_most(&name, value, unit, most, against),
        false => Figure::plain(&name, value, unit, against),
    };
    let own = (row.warm.handle - row.warm.handle_host).max(0.0);
    let instantiate = (row.fresh.nothing - row.warm.nothing).max(0.0);
    vec![
        Figure::plain(&name("component"), row.size as f64 / 1024.0, "KiB", "tests/bench/languages"),
        Figure::plain(&name("load, compiled"), row.cold_ms, "ms", "admission with an empty cache, both cores"),
        bounded(
            name("load from the verified cache"),
            row.cached_ms,
            "ms",
            MAX_LOAD_MS,
            "admission with trial instance",
        ),
        Figure::plain(&name("instantiate"), instantiate, "us", "a fresh call that does nothing over a warm one"),
        Figure::plain(&name("call, fresh"), row.fresh.nothing, "us", "a preprocessor that gives nothing"),
        Figure::plain(&name("call, warm"), row.warm.nothing, "us", "the same in an instance that is kept"),
        bounded(name("1 MP by handle, warm, over the host's work"), own, "us", MAX_CALL_US, "a call of `to-tensor`"),
        Figure::plain(&name("1 MP by handle, fresh"), ms(row.fresh.handle), "ms", "with the host's work"),
        Figure::plain(&name("1 MP by handle, warm"), ms(row.warm.handle), "ms", "with the host's work"),
        Figure::plain(&name("1 MP in the plugin, fresh"), ms(row.fresh.guest), "ms", "pixels in, a loop, numbers out"),
        Figure::plain(&name("1 MP in the plugin, warm"), ms(row.warm.guest), "ms", "pixels in, a loop, numbers out"),
    ]
}

/// For docs/language-costs.md.
fn print_table(rows: &[Row]) {
    println!(
        "| language | component KiB | load, compiled ms | load, cached ms | instantiate us | call fresh us | call warm us | \
         by handle warm ms | of it the host ms | in the plugin warm ms | in the plugin fresh ms |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for Row { language, size, cold_ms, cached_ms, fresh, warm, .. } in rows {
        let instantiate = (fresh.nothing - warm.nothing).max(0.0);
        let ms = |micros: f64| micros / 1e3;
        println!(
            "| {language} | {} | {cold_ms:.0} | {cached_ms:.1} | {instantiate:.0} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
            size / 1024,
            fresh.nothing,
            warm.nothing,
            ms(warm.handle),
            ms(warm.handle_host),
            ms(warm.guest),
            ms(fresh.guest),
        );
    }
}
