use crate::domain::{Blame, Digest, Frame, Stage, Verdict, VerdictKind};
use crate::pipeline::{Outcome, Watcher};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Released frames whose summary may wait for the deployments' thread: what comes in while a recipe is compiled.
const SEEN_FRAMES: usize = 4096;
/// Frames that may wait for the shadow. Each holds its pixels.
const SHADOW_FRAMES: usize = 4;

/// What is kept of a released frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub recipe: Digest,
    pub verdict: VerdictKind,
    /// What failed, where something other than the picture did.
    pub fault: Option<Fault>,
    /// From arrival to verdict.
    pub micros: u64,
}

/// How a recipe failed on a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Timeout,
    DeviceLost,
    /// A trap, a limit, a wrong answer of plugin, model, device or host.
    Other,
}

impl Fault {
    #[must_use]
    pub fn of(code: &str) -> Self {
        match code {
            "timeout" => Self::Timeout,
            "device-lost" => Self::DeviceLost,
            _ => Self::Other,
        }
    }
}

/// One frame for the shadow.
pub struct ShadowFrame {
    pub frame: Frame,
    /// What judged it for the line.
    pub recipe: Digest,
    pub verdict: VerdictKind,
}

/// Hands what the line releases to the deployments' thread. Never waits: what finds no place is counted.
pub struct LineWatch {
    seen: Sender<Seen>,
    frames: Sender<ShadowFrame>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    shadowing: AtomicBool,
    skipped: AtomicU64,
}

/// The other end of a [`LineWatch`].
pub struct WatchEnd {
    pub seen: Receiver<Seen>,
    pub frames: Receiver<ShadowFrame>,
    shared: Arc<Shared>,
}

#[must_use]
pub fn line_watch() -> (LineWatch, WatchEnd) {
    let (seen_in, seen) = bounded(SEEN_FRAMES);
    let (frames_in, frames) = bounded(SHADOW_FRAMES);
    let shared = Arc::new(Shared::default());
    let watch = LineWatch { seen: seen_in, frames: frames_in, shared: Arc::clone(&shared) };
    (watch, WatchEnd { seen, frames, shared })
}

impl Watcher for LineWatch {
    fn released(&self, outcome: &Arc<Outcome>, frame: Option<&Frame>) {
        let seen = summary(outcome);
        // Where the running recipe failed there is nothing to compare with.
        let compares = seen.fault.is_none() && self.shared.shadowing.load(Ordering::Relaxed);
        // A full queue means that a recipe is being compiled for long: what the line did meanwhile is not needed.
        let _ = self.seen.try_send(seen);
        let Some(frame) = frame.filter(|_| compares) else { return };
        let inspection = &outcome.inspection;
        let (recipe, verdict) = (inspection.recipe_digest, inspection.verdict.kind());
        if self.frames.try_send(ShadowFrame { frame: frame.clone(), recipe, verdict }).is_err() {
            self.shared.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl WatchEnd {
    /// From now on frames come for the shadow.
    pub fn begin_shadow(&self) {
        while self.frames.try_recv().is_ok() {}
        self.shared.skipped.store(0, Ordering::Relaxed);
        self.shared.shadowing.store(true, Ordering::Relaxed);
    }

    pub fn end_shadow(&self) {
        self.shared.shadowing.store(false, Ordering::Relaxed);
        while self.frames.try_recv().is_ok() {}
    }

    /// Frames that the shadow was too slow for.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }
}

fn summary(outcome: &Outcome) -> Seen {
    let inspection = &outcome.inspection;
    let judging = inspection.stages.iter().filter(|time| time.stage < Stage::Journal);
    Seen {
        recipe: inspection.recipe_digest,
        verdict: inspection.verdict.kind(),
        fault: fault(outcome),
        micros: judging.map(|time| time.micros).sum(),
    }
}

/// A picture that cannot be read, or a finding, is no fault of the recipe; neither is a full disk.
fn fault(outcome: &Outcome) -> Option<Fault> {
    let inspection = &outcome.inspection;
    if let Verdict::Undecided { stage, blame, code, .. } = &inspection.verdict
        && (Stage::Preprocess..=Stage::Decide).contains(stage)
        && *blame != Blame::Source
        && code != "unsure"
    {
        return Some(Fault::of(code));
    }
    let failed = inspection.runs.iter().find_map(|run| run.failure.as_ref());
    failed.map(|failure| Fault::of(failure.code.name()))
}
