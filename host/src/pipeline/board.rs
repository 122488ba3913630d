use super::{LiveRecipe, Outcome};
use crate::domain::{DeviceUse, Digest, Failure, PluginKind, Recipe, Report, Stage, VerdictKind};
use crate::telemetry::{Metrics, TracesDropped};
use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::Sender;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Frames over which the live percentiles are taken.
const WINDOW_FRAMES: usize = 1000;
/// Outcomes kept for the live page.
const RECENT_FRAMES: usize = 12;

/// What the admin reads of the running line. Readers never block the line: they load a pointer.
#[derive(Clone)]
pub struct Board {
    shared: Arc<Shared>,
}

struct Shared {
    snapshot: ArcSwap<BoardSnapshot>,
    recipe: ArcSwap<RecipeCard>,
    drift: ArcSwap<BTreeMap<DriftKey, Report>>,
    condition: ArcSwap<Condition>,
    ended: ArcSwap<BTreeSet<String>>,
    version: AtomicU64,
    queued: AtomicU64,
    metrics: Arc<Metrics>,
    tap: ArcSwapOption<Sender<Arc<Outcome>>>,
    feed: ArcSwapOption<Sender<Arc<Outcome>>>,
    keep: ArcSwapOption<Sender<Arc<Outcome>>>,
}

/// Plugin, feature, statistic.
pub type DriftKey = (String, String, String);

/// The line at one moment.
#[derive(Debug, Clone, Default)]
pub struct BoardSnapshot {
    pub counters: Counters,
    pub stages: Vec<StageLatency>,
    /// Of all that counts against the frame's budget; none before the first frame.
    pub judged: Option<JudgedLatency>,
    pub last: Option<Arc<Outcome>>,
    /// Newest first.
    pub recent: Vec<Arc<Outcome>>,
    /// Over the frames of the window.
    pub frames_per_s: f64,
    pub recipe: Option<Arc<RecipeCard>>,
}

/// What keeps the line from judging as its recipe says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Plugins of the running recipe that failed too often and are not called any more.
    pub plugins_out: Vec<(String, PluginKind)>,
    /// Why the line was stopped; nothing is judged then.
    pub stopped: Option<Failure>,
    /// Lanes that hang in a plugin or in a device.
    pub lanes_hanging: usize,
    /// So many lanes hang that frames are not judged.
    pub lanes_exhausted: bool,
}

impl Condition {
    /// Why no frame can pass at the moment, in words for whoever watches the station; none where some can.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        if let Some(reason) = &self.stopped {
            return Some(format!("the line is stopped: {reason}"));
        }
        if let Some((plugin, kind)) = self.plugins_out.iter().find(|(_, kind)| *kind != PluginKind::Monitor) {
            return Some(format!("{kind} {plugin} is taken out: every frame is undecided"));
        }
        self.lanes_exhausted.then(|| format!("{} lanes hang: every frame is undecided", self.lanes_hanging))
    }
}

/// Since the start of the station.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    pub pass: u64,
    pub fail: u64,
    pub undecided: u64,
    /// Frames with a raised finding.
    pub flagged: u64,
    /// Records that could not be made durable.
    pub not_durable: u64,
    /// Frames that no monitor saw since monitors were too slow.
    pub unmonitored: u64,
}

impl Counters {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.pass + self.fail + self.undecided
    }
}

/// Percentiles of one stage over the window, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageLatency {
    pub stage: Stage,
    pub p50_us: u64,
    pub p99_us: u64,
}

/// Percentiles of the time until the verdict was formed, over the window, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgedLatency {
    pub p50_us: u64,
    pub p99_us: u64,
}

/// What the admin says of the running recipe.
#[derive(Debug, Clone)]
pub struct RecipeCard {
    pub recipe: Recipe,
    pub device: DeviceUse,
    pub library_version: String,
    pub components: Vec<(String, Digest)>,
}

impl RecipeCard {
    #[must_use]
    pub fn of(live: &LiveRecipe) -> Self {
        let placement = live.model.placement();
        Self {
            recipe: live.recipe.clone(),
            device: placement.device.clone(),
            library_version: placement.library_version.clone(),
            components: live.components().map(|(name, digest)| (name.to_owned(), digest)).collect(),
        }
    }
}

impl Board {
    #[must_use]
    pub fn new(recipe: RecipeCard) -> Self {
        let recipe = Arc::new(recipe);
        let snapshot = BoardSnapshot { recipe: Some(Arc::clone(&recipe)), ..BoardSnapshot::default() };
        Self {
            shared: Arc::new(Shared {
                snapshot: ArcSwap::from_pointee(snapshot),
                recipe: ArcSwap::new(recipe),
                drift: ArcSwap::from_pointee(BTreeMap::new()),
                condition: ArcSwap::from_pointee(Condition::default()),
                ended: ArcSwap::default(),
                version: AtomicU64::new(1),
                queued: AtomicU64::new(0),
                metrics: Arc::default(),
                tap: ArcSwapOption::empty(),
                feed: ArcSwapOption::empty(),
                keep: ArcSwapOption::empty(),
            }),
        }
    }

    #[must_use]
    pub fn snapshot(&self) -> Arc<BoardSnapshot> {
        self.shared.snapshot.load_full()
    }

    /// The newest report of each plugin, feature and statistic.
    #[must_use]
    pub fn drift(&self) -> Arc<BTreeMap<DriftKey, Report>> {
        self.shared.drift.load_full()
    }

    /// What keeps the line from judging as its recipe says.
    #[must_use]
    pub fn condition(&self) -> Arc<Condition> {
        self.shared.condition.load_full()
    }

    /// Grows whenever something on the board changed: a cheap thing to poll.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    /// What is counted since the start of the station.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// From now on every released outcome goes to `out` too, where there is room; the line never waits for it.
    pub fn tap(&self, out: Option<Sender<Arc<Outcome>>>) {
        self.shared.tap.store(out.map(Arc::new));
    }

    /// The same for whoever tells programs of verdicts. What finds no room is counted.
    pub fn feed(&self, out: Option<Sender<Arc<Outcome>>>) {
        self.shared.feed.store(out.map(Arc::new));
    }

    /// The same for whoever keeps embeddings. What finds no room is not among those that are like another.
    pub fn keep(&self, out: Option<Sender<Arc<Outcome>>>) {
        self.shared.keep.store(out.map(Arc::new));
    }

    pub(super) fn offer_to_tap(&self, outcome: &Arc<Outcome>) {
        if let Some(out) = self.shared.feed.load().as_deref()
            && out.try_send(Arc::clone(outcome)).is_err()
        {
            self.metrics().events_dropped.add(1);
        }
        if let Some(out) = self.shared.tap.load().as_deref()
            && out.try_send(Arc::clone(outcome)).is_err()
        {
            self.metrics().tell(&TracesDropped { count: 1 });
        }
        if let Some(out) = self.shared.keep.load().as_deref()
            && outcome.embedding.is_some()
        {
            let _ = out.try_send(Arc::clone(outcome));
        }
    }

    /// Frames that wait for a lane.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.shared.queued.load(Ordering::Relaxed)
    }

    pub(super) fn set_queued(&self, frames: usize) {
        self.shared.queued.store(frames as u64, Ordering::Relaxed);
    }

    /// Sources that give nothing any more, by name: they were at their end, or their thread has panicked.
    #[must_use]
    pub fn ended_sources(&self) -> Arc<BTreeSet<String>> {
        self.shared.ended.load_full()
    }

    pub(super) fn end_source(&self, name: &str) {
        self.shared.ended.rcu(|ended| ended.iter().cloned().chain([name.to_owned()]).collect::<BTreeSet<_>>());
    }

    /// Called by the one monitor thread only.
    pub(super) fn add_reports(&self, plugin: &str, reports: &[Report]) {
        if reports.is_empty() {
            return;
        }
        let mut drift = BTreeMap::clone(&self.shared.drift.load());
        for report in reports {
            let key = (plugin.to_owned(), report.feature.clone(), report.statistic.clone());
            drift.insert(key, report.clone());
        }
        self.shared.drift.store(Arc::new(drift));
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    pub(super) fn add_plugin_out(&self, plugin: &str, kind: PluginKind) {
        self.change_condition(|condition| condition.plugins_out.push((plugin.to_owned(), kind)));
    }

    pub(super) fn set_stopped(&self, reason: &Failure) {
        self.change_condition(|condition| condition.stopped = Some(reason.clone()));
    }

    /// `look` gives the number of lanes that hang, and whether they are too many. It is asked when the change is made,
    /// so that of two changes at one time the later number stays.
    pub(super) fn set_hanging(&self, look: impl Fn() -> (usize, bool)) {
        self.change_condition(|condition| (condition.lanes_hanging, condition.lanes_exhausted) = look());
    }

    fn change_condition(&self, change: impl Fn(&mut Condition)) {
        self.shared.condition.rcu(|condition| {
            let mut changed = Condition::clone(condition);
            change(&mut changed);
            changed
        });
        self.shared.version.fetch_add(1, Ordering::Release);
    }

    /// The recipe that judges from now on, shown even while no frame comes.
    pub(super) fn set_recipe(&self, recipe: RecipeCard) {
        self.shared.recipe.store(Arc::new(recipe));
        // Its plugins are all in.
        self.change_condition(|condition| condition.plugins_out.clear());
        self.put(BoardSnapshot::clone);
    }

    /// `make` may run again: two threads put, the releasing one and whoever swaps the recipe. The recipe is loaded
    /// inside, so that none of them brings back an old one.
    fn put(&self, make: impl Fn(&BoardSnapshot) -> BoardSnapshot) {
        self.shared
            .snapshot
            .rcu(|before| BoardSnapshot { recipe: Some(self.shared.recipe.load_full()), ..make(before) });
        self.shared.version.fetch_add(1, Ordering::Release);
    }
}

/// The releasing thread's side: collects, and publishes at most ten times a second.
pub(super) struct BoardWriter {
    board: Board,
    counters: Counters,
    recent: VecDeque<Arc<Outcome>>,
    /// Microseconds of the last frames, stage by stage.
    times: [VecDeque<u64>; Stage::ALL.len()],
    judged: VecDeque<u64>,
    released: VecDeque<Instant>,
    dirty: bool,
    published: Instant,
}

impl BoardWriter {
    pub fn new(board: Board) -> Self {
        Self {
            board,
            counters: Counters::default(),
            recent: VecDeque::with_capacity(RECENT_FRAMES + 1),
            times: std::array::from_fn(|_| VecDeque::with_capacity(WINDOW_FRAMES + 1)),
            judged: VecDeque::with_capacity(WINDOW_FRAMES + 1),
            released: VecDeque::with_capacity(WINDOW_FRAMES + 1),
            dirty: false,
            published: Instant::now(),
        }
    }

    pub fn add(&mut self, outcome: &Arc<Outcome>, unmonitored: u64) {
        match outcome.inspection.verdict.kind() {
            VerdictKind::Pass => self.counters.pass += 1,
            VerdictKind::Fail => self.counters.fail += 1,
            VerdictKind::Undecided => self.counters.undecided += 1,
        }
        self.counters.flagged += u64::from(outcome.inspection.findings().any(|(_, finding)| finding.raised));
        self.counters.not_durable += u64::from(outcome.row.is_none());
        self.counters.unmonitored = unmonitored;
        for time in &outcome.inspection.stages {
            if let Some(times) = self.times.get_mut(time.stage as usize) {
                push_bounded(times, time.micros, WINDOW_FRAMES);
            }
        }
        push_bounded(&mut self.judged, outcome.inspection.judged_in_us(), WINDOW_FRAMES);
        push_bounded(&mut self.released, Instant::now(), WINDOW_FRAMES);
        self.recent.push_front(Arc::clone(outcome));
        self.recent.truncate(RECENT_FRAMES);
        self.dirty = true;
        if self.published.elapsed() >= super::release::PUBLISH_EVERY {
            self.publish();
        }
    }

    pub fn publish(&mut self) {
        if !self.dirty {
            return;
        }
        let all = Stage::ALL.into_iter().zip(&self.times);
        let stages: Vec<_> = all.filter_map(|(stage, times)| latency(stage, times)).collect();
        let judged = percentiles(&self.judged).map(|(p50_us, p99_us)| JudgedLatency { p50_us, p99_us });
        let frames_per_s = rate(&self.released);
        self.board.put(|_| BoardSnapshot {
            counters: self.counters,
            stages: stages.clone(),
            judged,
            last: self.recent.front().cloned(),
            recent: self.recent.iter().cloned().collect(),
            frames_per_s,
            recipe: None,
        });
        self.dirty = false;
        self.published = Instant::now();
    }
}

/// What the line does, for tests of those who read the board.
#[cfg(test)]
impl Board {
    pub(crate) fn release(&self, outcome: &Arc<Outcome>) {
        let mut writer = BoardWriter::new(self.clone());
        writer.add(outcome, 0);
        writer.publish();
        self.offer_to_tap(outcome);
    }

    pub(crate) fn stop(&self, reason: &Failure) {
        self.set_stopped(reason);
    }

    pub(crate) fn source_ends(&self, name: &str) {
        self.end_source(name);
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, value: T, most: usize) {
    queue.push_back(value);
    if queue.len() > most {
        queue.pop_front();
    }
}

fn latency(stage: Stage, times: &VecDeque<u64>) -> Option<StageLatency> {
    percentiles(times).map(|(p50_us, p99_us)| StageLatency { stage, p50_us, p99_us })
}

/// The 50th and the 99th.
fn percentiles(times: &VecDeque<u64>) -> Option<(u64, u64)> {
    let mut sorted: Vec<u64> = times.iter().copied().collect();
    sorted.sort_unstable();
    Some((percentile(&sorted, 50)?, percentile(&sorted, 99)?))
}

/// The nearest-rank percentile of sorted values; none of none.
#[must_use]
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn rate(released: &VecDeque<Instant>) -> f64 {
    match (released.front(), released.back()) {
        (Some(first), Some(last)) if last > first => (released.len() - 1) as f64 / (*last - *first).as_secs_f64(),
        _ => 0.0,
    }
}
