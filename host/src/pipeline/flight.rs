use super::hanging::Hangs;
use super::trace::{AtWork, Progress};
use super::{Inspected, LiveRecipe, now_us};
use crate::domain::{
    Blame, Digest, Failure, FailureCode, FrameId, FrameMeta, Inspection, PluginRun, PluginUse, Stage, StageTime,
    Verdict,
};
use crate::plugin::{Activity, Doing};
use crate::source::Arrival;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A frame from the moment a lane takes it: all that a record of it needs, also where the lane never comes back.
pub(super) struct Flight {
    pub meta: FrameMeta,
    /// The encoded picture as the source gave it.
    pub payload: Result<Arc<[u8]>, Failure>,
    /// Read once: the frame is judged by exactly this snapshot.
    pub recipe: Arc<LiveRecipe>,
    pub progress: Arc<Progress>,
    /// When its verdict is due.
    pub deadline: Instant,
    pub seen: Seen,
    /// Counts the lane as hanging for as long as it holds the frame after the deadline.
    pub hangs: OnceLock<Hangs>,
}

/// What judging found out about the picture before anything could go wrong.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub digest: OnceLock<Digest>,
    pub size: OnceLock<(u32, u32)>,
}

/// Where a frame is, as another thread sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    at: Option<AtWork>,
    doing: Doing,
    stages: Vec<StageTime>,
}

impl Flight {
    pub fn new(arrival: Arrival, id: FrameId, recipe: Arc<LiveRecipe>, activity: Arc<Activity>) -> Self {
        let progress = Arc::new(Progress::start(activity));
        let budget = Duration::from_millis(u64::from(recipe.recipe.frame_budget_ms));
        let deadline = progress.started() + budget;
        let (meta, payload) = describe(arrival, id);
        Self { meta, payload, recipe, progress, deadline, seen: Seen::default(), hangs: OnceLock::new() }
    }

    /// Where the frame is at this moment.
    pub fn look(&self) -> Look {
        let doing = self.progress.activity.doing();
        Look { at: self.progress.at_work(), doing, stages: self.progress.stages() }
    }

    /// What hangs, and who is to blame, as far as another thread can see it.
    pub fn overdue(&self, look: &Look) -> Failure {
        let budget = self.recipe.recipe.frame_budget_ms;
        let Some(at) = look.at else {
            let detail = format!("the frame took longer than its budget of {budget} ms");
            return Failure::new(Stage::Decide, Blame::Host, FailureCode::Timeout, detail);
        };
        let plugin = self.plugin(&at);
        let (blame, place) = match (plugin, look.doing) {
            (Some(_), Doing::Inference) => (Blame::Device, "waiting for an inference"),
            (Some(_), Doing::HostFunction) => (Blame::Plugin, "in a host function that it called"),
            (Some(_), Doing::Guest) => (Blame::Plugin, "in its own code"),
            (None, _) if at.stage == Stage::Infer => (Blame::Device, "waiting for the device"),
            (None, _) => (Blame::Host, "at work"),
        };
        let since_ms = at.since.as_secs_f64() * 1000.0;
        let detail = format!("the frame's budget of {budget} ms was over; this was {place} for {since_ms:.1} ms");
        let failure = Failure::new(at.stage, blame, FailureCode::Timeout, detail);
        match plugin {
            Some(plugin) => failure.in_plugin(&plugin.name),
            None => failure,
        }
    }

    /// The frame without an answer from its lane: undecided for `failure`.
    pub fn undecided(&self, failure: &Failure, look: Look) -> Inspected {
        let Look { at, mut stages, .. } = look;
        let runs = at.and_then(|at| Some(unfinished(self.plugin(&at)?, &at, failure))).into_iter().collect();
        if let Some(at) = at {
            add(&mut stages, &at);
        }
        let picture = self.payload.as_ref().ok().map(Arc::clone);
        let recipe = &self.recipe.recipe;
        let (width, height) = self.seen.size.get().copied().unwrap_or_default();
        let inspection = Inspection {
            meta: self.meta.clone(),
            picture: picture.as_deref().map(|bytes| *self.seen.digest.get_or_init(|| Digest::of(bytes))),
            width,
            height,
            recipe: recipe.name.clone(),
            recipe_version: recipe.version.clone(),
            recipe_digest: recipe.digest,
            verdict: Verdict::undecided_by(failure),
            answer: None,
            runs,
            stages,
            judged_at_us: now_us(),
        };
        Inspected { inspection, picture, images: Vec::new(), frame: None, outputs: Vec::new() }
    }

    fn plugin(&self, at: &AtWork) -> Option<&PluginUse> {
        let recipe = &self.recipe.recipe;
        let places = match at.stage {
            Stage::Preprocess => &recipe.preprocessors,
            Stage::Detect => &recipe.detectors,
            _ => return None,
        };
        places.get(at.plugin?)
    }
}

/// What is known of a frame without its payload, and its payload. The receipt is not the frame's: it goes with the
/// right to the verdict.
pub(super) fn describe(arrival: Arrival, id: FrameId) -> (FrameMeta, Result<Arc<[u8]>, Failure>) {
    let Arrival { source, origin, product, serial, trigger, captured_at_us, payload, simulated, receipt: _ } = arrival;
    let line_trigger = trigger;
    (FrameMeta { id, captured_at_us, source, origin, product, serial, line_trigger, simulated }, payload)
}

/// A call that has not come back.
fn unfinished(place: &PluginUse, at: &AtWork, failure: &Failure) -> PluginRun {
    PluginRun {
        plugin: place.name.clone(),
        kind: place.kind,
        component: place.component,
        micros: micros(at.since),
        host_micros: 0,
        memory_bytes: 0,
        host_bytes: 0,
        findings: Vec::new(),
        attributes: Vec::new(),
        replaced: None,
        failure: Some(failure.clone()),
    }
}

fn add(stages: &mut Vec<StageTime>, at: &AtWork) {
    match stages.iter_mut().find(|time| time.stage == at.stage) {
        Some(time) => time.micros = time.micros.saturating_add(micros(at.since)),
        None => stages.push(StageTime { stage: at.stage, micros: micros(at.since) }),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
