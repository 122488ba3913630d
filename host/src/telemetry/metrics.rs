use super::series::Series;
use crate::domain::{FineHistogram, LatencyHistogram, Stage, VerdictKind, WarmCounts};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most recipes that have figures of their own: a station that swaps for years stays readable.
const RECIPES: usize = 32;
/// Most plugins of one recipe, and most warm plugins, with figures of their own.
const PLUGINS: usize = 32;
/// Most pairs of plugin and failure code, and most detectors.
const FAULTS: usize = 256;
const DETECTORS: usize = 64;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only grows: the highest that was seen.
#[derive(Debug, Default)]
pub(super) struct Peak(AtomicU64);

impl Peak {
    pub fn see(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the station counts, from its start to its end and across all recipes.
///
/// Recording is a few atomic additions and takes no lock; a scrape only reads.
#[derive(Debug)]
pub struct Metrics {
    pub(super) recipes: Series<RecipeMetrics, 1>,
    /// By plugin and failure code.
    pub(super) faults: Series<Counter, 2>,
    /// By plugin, of those that it is to blame for itself.
    pub(super) faulty: Series<Counter, 1>,
    pub(super) flagged: Series<Counter, 1>,
    /// Linear memory by plugin, in bytes.
    pub(super) memory: Series<Peak, 1>,
    /// Pixels and tensors that the host held for a plugin, in bytes.
    pub(super) host_held: Series<Peak, 1>,
    /// By stage, of all recipes: for percentiles over time.
    pub(super) stages: [FineHistogram; Stage::ALL.len()],
    /// All stages of a frame together, but its monitors.
    pub(super) whole: FineHistogram,
    /// Those of them that its budget bounds: all up to its verdict, without its way to the disk.
    pub(super) judged: FineHistogram,
    /// Of every warm plugin that came to drive, by its name.
    pub(super) warm: ArcSwap<Vec<(String, Arc<WarmCounts>)>>,
    pub deadline_missed: Counter,
    pub adversarial: Counter,
    /// Failed calls of plugins that the plugin is to blame for.
    pub plugin_faults: Counter,
    pub not_durable: Counter,
    pub unmonitored: Counter,
    pub outbox_dropped: Counter,
    pub traces_dropped: Counter,
    /// Verdicts that the event stream for programs had no room for.
    pub events_dropped: Counter,
    pub frames: Counter,
    pub passed: Counter,
    pub failed: Counter,
    pub undecided: Counter,
    /// Frames with a raised finding.
    pub flagged_frames: Counter,
}

/// What is counted under a recipe's name.
#[derive(Debug)]
pub(super) struct RecipeMetrics {
    pub stages: [LatencyHistogram; Stage::ALL.len()],
    pub verdicts: [Counter; 3],
    pub plugins: Series<LatencyHistogram, 1>,
}

impl Default for RecipeMetrics {
    fn default() -> Self {
        Self { stages: Default::default(), verdicts: Default::default(), plugins: Series::new(PLUGINS) }
    }
}

impl RecipeMetrics {
    pub fn verdict(&self, kind: VerdictKind) {
        if let Some(counter) = self.verdicts.get(kind as usize) {
            counter.add(1);
        }
    }

    pub fn stage(&self, stage: Stage, micros: u64) {
        if let Some(histogram) = self.stages.get(stage as usize) {
            histogram.record(micros);
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            recipes: Series::new(RECIPES),
            faults: Series::new(FAULTS),
            faulty: Series::new(FAULTS),
            warm: ArcSwap::default(),
            flagged: Series::new(DETECTORS),
            memory: Series::new(PLUGINS),
            host_held: Series::new(PLUGINS),
            stages: Default::default(),
            whole: FineHistogram::default(),
            judged: FineHistogram::default(),
            deadline_missed: Counter::default(),
            adversarial: Counter::default(),
            plugin_faults: Counter::default(),
            not_durable: Counter::default(),
            unmonitored: Counter::default(),
            outbox_dropped: Counter::default(),
            traces_dropped: Counter::default(),
            events_dropped: Counter::default(),
            frames: Counter::default(),
            passed: Counter::default(),
            failed: Counter::default(),
            undecided: Counter::default(),
            flagged_frames: Counter::default(),
        }
    }
}

impl Metrics {
    /// Plugins that failed by their own fault since the start of the station, each once.
    #[must_use]
    pub fn faulty_plugins(&self) -> Vec<String> {
        let all = self.faulty.read();
        let mut names: Vec<String> =
            all.iter().map(|fault| fault.labels.first().map_or("", |name| name).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// From now on the counts of a warm plugin are shown, also when it drives no more.
    pub fn show_warm(&self, plugin: &str, counts: &Arc<WarmCounts>) {
        self.warm.rcu(|all| {
            let mut next = Vec::clone(all);
            if next.len() < PLUGINS && !next.iter().any(|(name, _)| name == plugin) {
                next.push((plugin.to_owned(), Arc::clone(counts)));
            }
            next
        });
    }
}
