use super::answers;
use super::api::{CallDeadline, CallOutcome, DetectInput, Doing, MonitorState, ObserveInput};
use super::bindings::detector::exports::assay::plugin::detect::Evidence;
use super::bindings::monitor::exports::assay::plugin::observe::Inspection;
use super::convert;
use super::engine::EngineRoom;
use super::failure::{CallError, Causes, Refusal};
use super::host_calls::HostCalls;
use super::pool::{Running, WarmPool, World, WorldPre};
use super::resources::TensorEntry;
use super::state::{CallState, PluginShared, Spent};
use crate::domain::{
    Blame, Failure, FailureCode, FrameMeta, Image, ModelAnswer, NamedTensor, Observation, PluginKind, PluginReport,
    WarmCounts,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::Store;
use wasmtime::component::Resource;

/// Of the first instantiation, where the system refuses something.
const TRIAL_ATTEMPTS: u32 = 3;

/// A plugin that passed admission. Calls at one time share nothing but compiled code: each has its own store and
/// instance; one after another they share an instance only where the plugin's manifest says `warm`.
pub struct AdmittedPlugin {
    // Before the room: idle instances live in its engine.
    warm: Option<WarmPool>,
    room: Arc<EngineRoom>,
    shared: Arc<PluginShared>,
    world: WorldPre,
    nothing_remembered: Arc<MonitorState>,
}

/// Values of a call that outlive its store.
struct Finished<T> {
    outcome: CallOutcome<T>,
    changes: BTreeMap<String, Option<Vec<u8>>>,
}

impl AdmittedPlugin {
    pub(super) fn new(
        room: Arc<EngineRoom>,
        shared: Arc<PluginShared>,
        world: WorldPre,
        warm: Option<WarmPool>,
    ) -> Self {
        Self { warm, room, shared, world, nothing_remembered: Arc::default() }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    #[must_use]
    pub fn kind(&self) -> PluginKind {
        self.shared.kind
    }

    /// Calls a preprocessor. The smaller of its own deadline and `deadline` counts.
    pub fn preprocess(
        &self,
        meta: &FrameMeta,
        picture: &Image,
        deadline: impl Into<CallDeadline>,
    ) -> CallOutcome<PluginReport> {
        let call = |store: &mut Store<CallState>, world: &World| {
            let World::Preprocessor(instance) = world else { return Err(self.wrong_kind("preprocess")) };
            let picture = store.data_mut().lend_image(picture).map_err(CallError::Call)?;
            let guest = instance.assay_plugin_preprocess();
            let answer = guest.call_preprocess(&mut *store, &convert::frame_info(meta), picture);
            let answer = answer.map_err(CallError::Call)?.map_err(CallError::Plugin)?;
            answers::prepared(store.data_mut(), answer)
        };
        self.run(deadline.into(), Arc::clone(&self.nothing_remembered), 1, call).outcome
    }

    /// Calls a detector. The smaller of its own deadline and `deadline` counts.
    pub fn detect(
        &self,
        meta: &FrameMeta,
        input: &DetectInput<'_>,
        deadline: impl Into<CallDeadline>,
    ) -> CallOutcome<PluginReport> {
        let call = |store: &mut Store<CallState>, world: &World| {
            let World::Detector(instance) = world else { return Err(self.wrong_kind("detect")) };
            let evidence = evidence(store.data_mut(), input).map_err(CallError::Call)?;
            let guest = instance.assay_plugin_detect();
            let answer = guest.call_detect(&mut *store, &convert::frame_info(meta), &evidence);
            let answer = answer.map_err(CallError::Call)?.map_err(CallError::Plugin)?;
            answers::detection(store.data_mut(), answer, input.picture)
        };
        self.run(deadline.into(), Arc::clone(&self.nothing_remembered), 1, call).outcome
    }

    /// Calls a monitor. `state` changes only when the call succeeds.
    pub fn observe(
        &self,
        meta: &FrameMeta,
        input: &ObserveInput<'_>,
        state: &mut MonitorState,
        deadline: impl Into<CallDeadline>,
    ) -> CallOutcome<Observation> {
        let call = |store: &mut Store<CallState>, world: &World| {
            let World::Monitor(instance) = world else { return Err(self.wrong_kind("observe")) };
            let inspection = inspection(store.data_mut(), input).map_err(CallError::Call)?;
            let guest = instance.assay_plugin_observe();
            let answer = guest.call_observe(&mut *store, &convert::frame_info(meta), &inspection);
            answers::observation(answer.map_err(CallError::Call)?.map_err(CallError::Plugin)?)
        };
        // Moved in and out again, not copied: it may be a megabyte.
        let mut remembered = Arc::new(std::mem::take(state));
        let finished = self.run(deadline.into(), Arc::clone(&remembered), 1, call);
        *state = std::mem::take(Arc::make_mut(&mut remembered));
        if finished.outcome.result.is_ok() {
            for (key, value) in finished.changes {
                match value {
                    Some(value) => state.insert(key, value),
                    None => state.remove(&key),
                };
            }
        }
        finished.outcome
    }

    /// What became of its instances; none where each lives for one call.
    #[must_use]
    pub fn warm_counts(&self) -> Option<&Arc<WarmCounts>> {
        self.warm.as_ref().map(WarmPool::counts)
    }

    /// Lets the instances go that a warm plugin has kept, and makes a new one: what its self-test and its shadow left in
    /// them reaches no frame of the line. A call at this moment keeps its own.
    pub fn begin_anew(&self) {
        if let Some(pool) = &self.warm {
            pool.clear();
            // Where it fails the first frame makes one, or fails with the reason.
            let _ = self.trial();
        }
    }

    /// Instantiates once under the limits and calls nothing. A warm plugin keeps the instance, so that the first frame
    /// does not wait for one.
    ///
    /// The first instance makes the image of the plugin's memory, and the system may refuse to seal that while something
    /// else holds one of its pages for a moment: what the plugin is not to blame for is tried again.
    pub(super) fn trial(&self) -> Result<(), Failure> {
        let far = Instant::now() + Duration::from_secs(60);
        while_the_system_refuses(|| {
            let call = |_: &mut Store<CallState>, _: &World| Ok(());
            self.run(far.into(), Arc::clone(&self.nothing_remembered), 0, call).outcome.result
        })
    }

    fn wrong_kind(&self, called: &str) -> CallError {
        let detail = format!("`{called}` was called on a {}: a bug in the host", self.shared.kind);
        CallError::Before(Refusal::new(Blame::Host, FailureCode::Internal, detail))
    }

    /// One call from store to answer. Whatever happens inside comes out as a typed failure, and only an instance whose
    /// call went well is called again.
    fn run<T>(
        &self,
        frame: CallDeadline,
        remembered: Arc<MonitorState>,
        counted: u32,
        call: impl FnOnce(&mut Store<CallState>, &World) -> Result<T, CallError>,
    ) -> Finished<T> {
        let start = Instant::now();
        let own = Duration::from_millis(u64::from(self.shared.limits.deadline_ms));
        let deadline = frame.at.min(start + own);
        let called = catch_unwind(AssertUnwindSafe(|| {
            let frame = CallDeadline { at: deadline, ..frame };
            if deadline <= start {
                let mut state = CallState::new(Arc::clone(&self.shared), remembered, frame);
                return (Err(no_time_left()), state.call_ends(&self.nothing_remembered), None);
            }
            let mut running = self.begin(remembered, frame);
            let result = self.call_in(&mut running, call);
            let spent = self.end(&mut running, counted);
            let used = Some((self.warm.is_some() && result.is_ok()).then_some(running));
            (result, spent, used)
        }));
        let Ok((result, spent, used)) = called else {
            self.warm.iter().for_each(|pool| pool.keep(None, &self.shared.limits, &self.room));
            return self.host_panicked(start);
        };
        let finished = self.finish(start, deadline, result, spent);
        if let (Some(pool), Some(used)) = (&self.warm, used) {
            // An answer that came too late is none.
            let running = used.filter(|_| finished.outcome.result.is_ok());
            pool.keep(running, &self.shared.limits, &self.room);
        }
        finished
    }

    /// An idle instance or a new store, under the limits of one call.
    fn begin(&self, remembered: Arc<MonitorState>, deadline: CallDeadline) -> Running {
        let at = deadline.at;
        let mut running = match self.warm.as_ref().and_then(WarmPool::take) {
            Some(mut running) => {
                running.store.data_mut().call_begins(remembered, deadline);
                running
            }
            None => Running::new(self.store(CallState::new(Arc::clone(&self.shared), remembered, deadline))),
        };
        let limits = self.shared.limits;
        let kept = running.wear.kept_handles as usize;
        running.store.set_hostcall_fuel(usize::try_from(limits.result_bytes).unwrap_or(usize::MAX));
        // The ledger counts what plugins make; this also counts what the host lends and what components make inside.
        // What a warm instance has not dropped of earlier calls is beside this call's own.
        running.store.set_max_component_handles((limits.handles as usize).saturating_add(HANDLE_SLACK + kept));
        running.store.set_epoch_deadline(self.room.ticks_until(at));
        running.store.data().does(Doing::Guest);
        running
    }

    fn store(&self, state: CallState) -> Store<CallState> {
        let mut store = Store::new(&self.room.engine, state);
        store.limiter(|state| &mut state.meter);
        store
    }

    fn call_in<T>(
        &self,
        running: &mut Running,
        call: impl FnOnce(&mut Store<CallState>, &World) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let (store, world) = running.instance(&self.world).map_err(CallError::Instantiate)?;
        call(store, world)
    }

    fn end(&self, running: &mut Running, counted: u32) -> Spent {
        let state = running.store.data_mut();
        let spent = state.call_ends(&self.nothing_remembered);
        let wear = &mut running.wear;
        wear.calls = wear.calls.saturating_add(counted);
        wear.bytes = spent.memory_bytes;
        (wear.kept_handles, wear.numbers_used) = (state.table.held(), state.table.numbers_used());
        spent
    }

    fn finish<T>(&self, start: Instant, deadline: Instant, result: Result<T, CallError>, spent: Spent) -> Finished<T> {
        let Spent { ledger, log, causes, memory, host_time, host_calls, memory_bytes } = spent;
        let now = Instant::now();
        let result = match result {
            // Late is as good as never: the frame's time is spent, and a slower machine must not change verdicts.
            Ok(_) if now > deadline => Err(self.fail(late(host_time))),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.fail(self.explain(error, &causes, start, deadline, host_time))),
        };
        let (log, log_dropped) = log.into_parts();
        let outcome = CallOutcome {
            result,
            micros: micros(now - start),
            host_micros: micros(host_time),
            host_calls,
            memory_bytes,
            host_bytes: ledger.peak_bytes(),
            log,
            log_dropped,
        };
        Finished { outcome, changes: memory.into_changes() }
    }

    /// Adds to a timeout what the time was and where it went.
    fn explain(
        &self,
        error: CallError,
        causes: &Causes,
        start: Instant,
        deadline: Instant,
        host_time: Duration,
    ) -> Refusal {
        let mut refusal = error.explain(causes, self.shared.kind);
        if refusal.code == FailureCode::Timeout && refusal.blame == Blame::Plugin {
            let (given, own) = (deadline - start, self.shared.limits.deadline_ms);
            let whose = if given.as_millis() < u128::from(own) {
                "what was left of the frame's time"
            } else {
                "limits.deadline_ms"
            };
            let (given, host) = (given.as_millis(), host_time.as_millis());
            refusal.detail = format!("{} of {given} ms ({whose}), {host} ms of it in host functions", refusal.detail);
        }
        refusal
    }

    fn fail(&self, refusal: Refusal) -> Failure {
        Failure::new(self.shared.stage(), refusal.blame, refusal.code, refusal.detail).in_plugin(&self.shared.name)
    }

    fn host_panicked<T>(&self, start: Instant) -> Finished<T> {
        let detail = "a host function panicked: a bug in the host, please report it with this frame";
        let outcome = CallOutcome {
            result: Err(self.fail(Refusal::new(Blame::Host, FailureCode::Internal, detail))),
            micros: micros(start.elapsed()),
            host_micros: 0,
            host_calls: HostCalls::default(),
            memory_bytes: 0,
            host_bytes: 0,
            log: Vec::new(),
            log_dropped: 0,
        };
        Finished { outcome, changes: BTreeMap::new() }
    }
}

/// Tries again what the plugin is not to blame for, a few times.
fn while_the_system_refuses(mut attempt: impl FnMut() -> Result<(), Failure>) -> Result<(), Failure> {
    let mut result = attempt();
    for _ in 1..TRIAL_ATTEMPTS {
        if !result.as_ref().is_err_and(|failure| failure.blame == Blame::Host) {
            break;
        }
        result = attempt();
    }
    result
}

/// Handles beside the plugin's own: what the host lends (the picture, inputs and outputs) and `wasi:nn` errors.
const HANDLE_SLACK: usize = 128;

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn no_time_left() -> CallError {
    let detail = "the frame's time was used up before the plugin could begin: raise frame_budget_ms of the recipe";
    CallError::Before(Refusal::new(Blame::Host, FailureCode::Timeout, detail))
}

fn late(host_time: Duration) -> Refusal {
    let host = host_time.as_millis();
    let detail = format!("the plugin answered after its deadline ({host} ms of its time were in host functions)");
    Refusal::new(Blame::Plugin, FailureCode::Timeout, detail)
}

type Lent = Vec<(String, Resource<TensorEntry>)>;

fn lend(state: &mut CallState, tensors: &[NamedTensor]) -> wasmtime::Result<Lent> {
    tensors.iter().map(|named| Ok((named.name.clone(), state.lend_tensor(&named.tensor)?))).collect()
}

fn evidence(state: &mut CallState, input: &DetectInput<'_>) -> wasmtime::Result<Evidence> {
    Ok(Evidence {
        picture: state.lend_image(input.picture)?,
        inputs: lend(state, input.inputs)?,
        outputs: lend(state, input.outputs)?,
        attributes: Vec::new(),
    })
}

fn inspection(state: &mut CallState, input: &ObserveInput<'_>) -> wasmtime::Result<Inspection> {
    let label = input.answer.and_then(ModelAnswer::top).map(|(label, _)| label.to_owned());
    Ok(Inspection {
        picture: state.lend_image(input.picture)?,
        verdict: input.verdict.kind().name().to_owned(),
        label,
        probabilities: input.answer.map(|answer| answer.probabilities.clone()).unwrap_or_default(),
        findings: input.findings.iter().map(|finding| convert::finding_out(finding)).collect(),
        outputs: lend(state, input.outputs)?,
        attributes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Stage;

    #[test]
    fn only_what_the_system_refuses_is_tried_again_and_not_for_ever() {
        let failure = |blame| Failure::new(Stage::Detect, blame, FailureCode::Internal, "busy");
        let tried = |answers: &[Result<(), Failure>]| {
            let mut tried = 0;
            let result = while_the_system_refuses(|| {
                tried += 1;
                answers.get(tried - 1).cloned().unwrap_or(Ok(()))
            });
            (tried, result.is_ok())
        };
        let host = Err(failure(Blame::Host));
        assert_eq!(tried(&[Ok(())]), (1, true));
        assert_eq!(tried(&[host.clone(), Ok(())]), (2, true));
        assert_eq!(tried(&[host.clone(), host.clone(), host]), (3, false));
        assert_eq!(tried(&[Err(failure(Blame::Plugin)), Ok(())]), (1, false), "its own fault is told at once");
    }
}
