use super::control::Control;
use super::{LiveRecipe, Outcome};
use crate::domain::{Finding, Frame, FrameId, NamedTensor, Observation};
use crate::plugin::{AdmittedPlugin, MonitorState, ObserveInput};
use crate::telemetry::MonitorCalled;
use crossbeam_channel::{Receiver, SendTimeoutError, Sender};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Observations between two saves of a monitor's state.
const SAVE_EVERY: u64 = 50;
/// Monitors are never in the way of a verdict, so their time is their own limit; this only stops a runaway.
const OBSERVE_BUDGET: Duration = Duration::from_secs(2);

/// How long a one-off run waits for monitors that do not keep up.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// What monitors remember between frames, and where their reports go.
pub trait MonitorStates: Send {
    fn load(&self, plugin: &str) -> MonitorState;
    fn save(&self, plugin: &str, state: &MonitorState);
    fn observed(&self, frame: &FrameId, plugin: &str, observation: &Observation);
}

/// One released frame for the monitors.
pub(super) struct MonitorJob {
    pub outcome: Arc<Outcome>,
    /// None where the picture could not be decoded: monitors do not see such frames.
    pub frame: Option<Frame>,
    pub outputs: Vec<NamedTensor>,
    /// What judged it: its monitors see it.
    pub recipe: Arc<LiveRecipe>,
}

/// The releasing thread's end of the monitors' queue.
pub(super) struct MonitorFeed {
    jobs: Sender<MonitorJob>,
    /// True waits for the monitors (one-off runs); false skips what they cannot take.
    wait: AtomicBool,
    skipped: AtomicU64,
}

impl MonitorFeed {
    pub fn new(jobs: Sender<MonitorJob>, wait: bool) -> Self {
        Self { jobs, wait: AtomicBool::new(wait), skipped: AtomicU64::new(0) }
    }

    /// False where the monitors were too slow to take it.
    pub fn offer(&self, job: MonitorJob) -> bool {
        let limit = if self.wait.load(Ordering::Relaxed) { WAIT_LIMIT } else { Duration::ZERO };
        if let Err(SendTimeoutError::Timeout(_)) = self.jobs.send_timeout(job, limit) {
            // A monitor that hangs is waited for once.
            self.wait.store(false, Ordering::Relaxed);
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}

/// Runs the monitors of each frame's own recipe, one frame after the other, until the line ends.
///
/// What a monitor remembers goes by its name: after a swap the plugin of that name goes on where the one before was.
pub(super) fn run(jobs: &Receiver<MonitorJob>, states: &dyn MonitorStates, control: &Control) {
    // One entry for each name that this start of the station has seen: few, since people deploy recipes.
    let mut memory: BTreeMap<String, MonitorState> = BTreeMap::new();
    let mut seen = 0u64;
    for job in jobs {
        for plugin in &job.recipe.monitors {
            if !job.recipe.failing.is_out(plugin.name()) {
                let name = plugin.name();
                let state = memory.entry(name.to_owned()).or_insert_with(|| states.load(name));
                observe(plugin, &job, state, states, control);
            }
            control.moved();
        }
        seen += 1;
        if seen.is_multiple_of(SAVE_EVERY) {
            save_all(&memory, states);
        }
    }
    save_all(&memory, states);
}

fn observe(
    plugin: &AdmittedPlugin,
    job: &MonitorJob,
    state: &mut MonitorState,
    states: &dyn MonitorStates,
    control: &Control,
) {
    let Some(frame) = &job.frame else { return };
    let inspection = &job.outcome.inspection;
    let findings: Vec<&Finding> = inspection.findings().map(|(_, finding)| finding).collect();
    let input = ObserveInput {
        picture: &frame.image,
        verdict: &inspection.verdict,
        answer: inspection.answer.as_ref(),
        findings: &findings,
        outputs: &job.outputs,
    };
    let outcome = plugin.observe(&frame.meta, &input, state, Instant::now() + OBSERVE_BUDGET);
    super::judge::log_lines(plugin.name(), &outcome);
    control.board.metrics().tell(&MonitorCalled {
        frame: &frame.meta.id,
        recipe: &inspection.recipe,
        plugin: plugin.name(),
        micros: outcome.micros,
        failure: outcome.result.as_ref().err(),
    });
    match outcome.result {
        Ok(observation) => {
            control.board.add_reports(plugin.name(), &observation.reports);
            states.observed(&frame.meta.id, plugin.name(), &observation);
        }
        Err(failure) => control.plugin_failed(&job.recipe, plugin.name(), &failure),
    }
}

fn save_all(memory: &BTreeMap<String, MonitorState>, states: &dyn MonitorStates) {
    for (plugin, state) in memory {
        states.save(plugin, state);
    }
}
