use crate::domain::{Stage, StageTime};
use crate::plugin::Activity;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const STAGES: usize = Stage::ALL.len();

/// Measures the stages of one frame. A stage that is entered twice counts as the sum.
#[derive(Debug)]
pub struct Trace {
    progress: Arc<Progress>,
}

/// How far a frame is on its way. Written by the one thread that judges it; the others only look.
#[derive(Debug)]
pub(super) struct Progress {
    start: Instant,
    /// Nanoseconds by stage.
    spent: [AtomicU64; STAGES],
    /// One bit by stage.
    entered: AtomicU32,
    /// The stage at work and its plugin, as `pack` puts them; 0 between stages.
    at: AtomicU32,
    /// When that stage was entered, in nanoseconds after `start`.
    since: AtomicU64,
    /// What the plugin at work is doing.
    pub(super) activity: Arc<Activity>,
}

/// A stage that has not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AtWork {
    pub stage: Stage,
    /// Its place among the plugins of that stage.
    pub plugin: Option<usize>,
    pub since: Duration,
}

impl Trace {
    #[must_use]
    pub fn start() -> Self {
        Self::of(Arc::new(Progress::start(Arc::default())))
    }

    pub(super) const fn of(progress: Arc<Progress>) -> Self {
        Self { progress }
    }

    #[must_use]
    pub fn started(&self) -> Instant {
        self.progress.start
    }

    /// Runs `work` and books its time to `stage`.
    pub fn stage<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        self.enter(stage, None, work)
    }

    /// As [`Trace::stage`], for a call of the plugin with that place among the plugins of the stage.
    pub(super) fn plugin<T>(&mut self, stage: Stage, place: usize, work: impl FnOnce() -> T) -> T {
        self.enter(stage, Some(place), work)
    }

    fn enter<T>(&mut self, stage: Stage, plugin: Option<usize>, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        self.progress.enter(stage, plugin, start);
        let answer = work();
        self.book(stage, start.elapsed());
        self.progress.at.store(0, Ordering::Release);
        answer
    }

    /// Books time that was measured elsewhere.
    pub fn book(&mut self, stage: Stage, time: Duration) {
        let Some(spent) = self.progress.spent.get(stage as usize) else { return };
        // One writer: no update is lost between the two.
        spent.store(spent.load(Ordering::Relaxed).saturating_add(nanos(time)), Ordering::Relaxed);
        let entered = &self.progress.entered;
        entered.store(entered.load(Ordering::Relaxed) | (1 << stage as u32), Ordering::Relaxed);
    }

    /// What the plugins' calls report to.
    pub(super) fn activity(&self) -> &Arc<Activity> {
        &self.progress.activity
    }

    /// The stages that were entered, in the order of the way.
    #[must_use]
    pub fn stages(&self) -> Vec<StageTime> {
        self.progress.stages()
    }
}

impl Progress {
    pub(super) fn start(activity: Arc<Activity>) -> Self {
        Self {
            start: Instant::now(),
            spent: [const { AtomicU64::new(0) }; STAGES],
            entered: AtomicU32::new(0),
            at: AtomicU32::new(0),
            since: AtomicU64::new(0),
            activity,
        }
    }

    pub(super) const fn started(&self) -> Instant {
        self.start
    }

    fn enter(&self, stage: Stage, plugin: Option<usize>, now: Instant) {
        self.since.store(nanos(now.saturating_duration_since(self.start)), Ordering::Relaxed);
        self.at.store(pack(stage, plugin), Ordering::Release);
    }

    /// The stage at work; none between stages.
    pub(super) fn at_work(&self) -> Option<AtWork> {
        let (stage, plugin) = unpack(self.at.load(Ordering::Acquire))?;
        let entered = Duration::from_nanos(self.since.load(Ordering::Relaxed));
        Some(AtWork { stage, plugin, since: self.start.elapsed().saturating_sub(entered) })
    }

    /// The stages that were entered and have come back.
    pub(super) fn stages(&self) -> Vec<StageTime> {
        let entered = self.entered.load(Ordering::Relaxed);
        let all = Stage::ALL.into_iter().zip(&self.spent);
        all.filter(|(stage, _)| entered & (1 << *stage as u32) != 0)
            .map(|(stage, spent)| StageTime { stage, micros: spent.load(Ordering::Relaxed) / 1000 })
            .collect()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn pack(stage: Stage, plugin: Option<usize>) -> u32 {
    let place = plugin.and_then(|place| u32::try_from(place + 1).ok()).unwrap_or(0);
    (stage as u32 + 1) | (place << 8)
}

fn unpack(at: u32) -> Option<(Stage, Option<usize>)> {
    let stage = Stage::ALL.get((at & 0xff).checked_sub(1)? as usize)?;
    Some((*stage, ((at >> 8) as usize).checked_sub(1)))
}
