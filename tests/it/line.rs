//! A whole line with real plugins that hang, or fail again and again.

use crate::plugin_runtime::{host, source};
use assay::domain::{
    Blame, BufferPool, Digest, Failure, FailureAction, FailureLimit, FailurePolicy, Frame, FrameId, FrameMeta, Image,
    Judgement, ModelSpec, NamedTensor, Observation, PixelFormat, PluginKind, PluginOrigin, PluginUse, REPLACED_PICTURE,
    Recipe, SettingValue, Stage, Tensor, Verdict, VerdictKind,
};
use assay::imaging::{DecodeLimits, encode_png};
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::pipeline::{
    InspectContext, Judge as _, LaneOptions, Line, LineEnd, LineEvent, LineEvents, LineParts, LiveRecipe,
    MonitorStates, Outcome, Record, RecordKeeper, RecordTicket, Trace,
};
use assay::plugin::{AdmittedPlugin, MonitorState, PluginSource};
use assay::source::{Arrival, LostTriggers, Outlet, Source, StopFlag};
use assay_tests::recipe::{device, recipe as usual};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

/// Answers `good` at once; the calls that `hangs` picks, counted from 1, wait for `opened` first.
struct Model {
    spec: ModelSpec,
    placement: Placement,
    calls: AtomicUsize,
    hangs: fn(usize) -> bool,
    opened: Receiver<()>,
}

impl Model {
    fn new(hangs: fn(usize) -> bool) -> (Arc<Self>, Sender<()>) {
        let (open, opened) = bounded(0);
        let spec = ModelSpec { inputs: vec![], outputs: vec![], batch_sizes: vec![1] };
        let placement = Placement { device: device(&["CPU"]), library_version: "1".to_owned() };
        (Arc::new(Self { spec, placement, calls: AtomicUsize::new(0), hangs, opened }), open)
    }
}

impl LoadedModel for Model {
    fn name(&self) -> &str {
        "demo"
    }
    fn digest(&self) -> Digest {
        Digest::of(b"model")
    }
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn placement(&self) -> &Placement {
        &self.placement
    }
    fn infer(&self, _: &[NamedTensor], _: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        if (self.hangs)(self.calls.fetch_add(1, Ordering::SeqCst) + 1) {
            let _ = self.opened.recv();
        }
        let tensor = Tensor::from_f32(&[1, 2], &[5.0, 0.0]).unwrap();
        Ok(vec![NamedTensor { name: "logits".to_owned(), tensor }])
    }
}

fn plugin_use(plugin: &PluginSource, then: FailureAction) -> PluginUse {
    PluginUse {
        name: plugin.name.clone(),
        kind: plugin.kind,
        component: plugin.digest,
        bundle: plugin.digest,
        version: "1.0.0".to_owned(),
        signers: vec![],
        capabilities: plugin.granted.clone(),
        settings: plugin.settings.clone(),
        limits: plugin.limits,
        on_failure: FailurePolicy::default_for(plugin.kind),
        failures: FailureLimit { count: 3, window_s: 600, then },
        origin: PluginOrigin::default(),
    }
}

/// A recipe of one plugin, with a model that always answers `good`.
fn recipe(plugin: &PluginSource, then: FailureAction, frame_budget_ms: u32) -> LiveRecipe {
    let place = plugin_use(plugin, then);
    let of = |kind| (place.kind == kind).then(|| place.clone()).into_iter().collect();
    let recipe =
        Recipe { detectors: of(PluginKind::Detector), monitors: of(PluginKind::Monitor), frame_budget_ms, ..usual() };
    let admitted = host().admit(plugin.clone()).unwrap();
    let of = |kind| {
        (admitted.kind() == kind).then(|| Arc::clone(&admitted)).into_iter().collect::<Vec<Arc<AdmittedPlugin>>>()
    };
    let (model, _) = Model::new(|_| false);
    LiveRecipe::new(recipe, model, vec![], of(PluginKind::Detector), of(PluginKind::Monitor))
}

/// A hostile detector in one of its modes.
fn hostile(mode: &str) -> PluginSource {
    let mut plugin = source("hostile", PluginKind::Detector);
    plugin.settings.insert("mode".to_owned(), SettingValue::Text(mode.to_owned()));
    plugin.limits.deadline_ms = 60_000;
    plugin
}

struct Keeps;

impl RecordKeeper for Keeps {
    fn submit(&self, _: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        Ok(Box::new(Self))
    }

    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        panic!("no source of these tests has a counter: {lost:?}")
    }
}

impl RecordTicket for Keeps {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        Ok(1)
    }
}

struct NoStates;

impl MonitorStates for NoStates {
    fn load(&self, _: &str) -> MonitorState {
        MonitorState::new()
    }
    fn save(&self, _: &str, _: &MonitorState) {}
    fn observed(&self, _: &FrameId, _: &str, _: &Observation) {}
}

/// Gives what the test sends it, also after a stop.
struct Belt(Receiver<Arrival>);

impl Source for Belt {
    fn name(&self) -> &str {
        "belt"
    }
    fn run(self: Box<Self>, out: &Outlet, _: &StopFlag) {
        for arrival in &self.0 {
            if out.send(arrival, &StopFlag::new()).is_break() {
                break;
            }
        }
    }
}

struct Running {
    line: Line,
    belt: Sender<Arrival>,
    outcomes: Receiver<Arc<Outcome>>,
    events: Receiver<LineEvent>,
}

fn run(live: LiveRecipe) -> Running {
    let (belt, arrivals) = bounded(64);
    let (outcomes_in, outcomes) = bounded(64);
    let (events_in, events) = LineEvents::channel(64);
    let line = Line::start(LineParts {
        station: "s".to_owned(),
        boot: 1,
        recipe: Arc::new(live),
        context: InspectContext { limits: DecodeLimits::default(), pool: BufferPool::new(8, 64 << 20) },
        keeper: Arc::new(Keeps),
        states: Box::new(NoStates),
        sources: vec![Box::new(Belt(arrivals))],
        outcomes: Some(outcomes_in),
        events: events_in,
        options: LaneOptions { lanes: 1, wait_for_monitors: true, ..LaneOptions::default() },
    });
    Running { line: line.unwrap(), belt, outcomes, events }
}

impl Running {
    /// Judges a picture of that side, and waits for what comes of it.
    fn judge(&self, side: u32) -> Arc<Outcome> {
        let image = Image::new(side, side, PixelFormat::Gray8, vec![90; (side * side) as usize].into()).unwrap();
        let arrival = Arrival {
            source: "belt".to_owned(),
            origin: None,
            product: None,
            serial: None,
            trigger: None,
            captured_at_us: 1,
            payload: Ok(encode_png(&image).unwrap().into()),
            simulated: true,
            receipt: None,
        };
        self.belt.send(arrival).unwrap();
        self.outcomes.recv_timeout(LONG).unwrap()
    }

    fn end(self) -> (LineEnd, Vec<LineEvent>) {
        drop(self.belt);
        (self.line.join(), self.events.try_iter().collect())
    }
}

/// Stage, blame, code and detail of an undecided outcome.
fn undecided(outcome: &Outcome) -> (Stage, Blame, &str, &str) {
    match &outcome.inspection.verdict {
        Verdict::Undecided { stage, blame, code, detail } => (*stage, *blame, code, detail),
        other => panic!("expected undecided, found {other:?}"),
    }
}

#[test]
fn a_plugin_that_works_in_host_functions_is_undecided_at_the_deadline_and_to_blame() {
    let running = run(recipe(&hostile("host_work_loop"), FailureAction::Alarm, 1500));
    let outcome = running.judge(2000);
    let (stage, blame, code, detail) = undecided(&outcome);
    assert_eq!((stage, blame, code), (Stage::Detect, Blame::Plugin, "timeout"), "{detail}");
    assert!(detail.contains("host function"), "{detail}");
    assert_eq!(outcome.inspection.runs[0].plugin, "hostile");
    assert!(outcome.inspection.runs[0].failure.is_some());
    assert_eq!(running.end().0.left, [""; 0]);
}

#[test]
fn a_plugin_that_waits_for_a_device_that_hangs_is_not_to_blame_and_the_next_frame_passes() {
    let (model, open) = Model::new(|call| call == 1);
    let mut plugin = hostile("model_fails");
    plugin.models = BTreeMap::from([("demo".to_owned(), model as Arc<dyn LoadedModel>)]);
    let running = run(recipe(&plugin, FailureAction::TakeOut, 2000));
    let hung = running.judge(8);
    let (stage, blame, code, detail) = undecided(&hung);
    assert_eq!((stage, blame, code), (Stage::Detect, Blame::Device, "timeout"), "{detail}");
    assert_eq!(hung.inspection.runs[0].plugin, "hostile", "the plugin that waited is named");
    let next = running.judge(8);
    assert_eq!(next.inspection.verdict.kind(), VerdictKind::Pass, "{:?}", next.inspection.verdict);
    let board = running.line.board.clone();
    let (end, events) = running.end();
    assert_eq!(end, LineEnd { left: vec![], hanging_lanes: 1 });
    assert!(matches!(&events[..], [LineEvent::LaneAbandoned { hanging: 1, .. }]), "{events:?}");
    drop(open);
    let start = Instant::now();
    while board.condition().lanes_hanging > 0 {
        assert!(start.elapsed() < LONG);
        std::thread::yield_now();
    }
}

#[test]
fn a_detector_that_traps_again_and_again_is_taken_out_and_called_no_more() {
    let running = run(recipe(&hostile("panic"), FailureAction::TakeOut, 10_000));
    for _ in 0..3 {
        assert_eq!(undecided(&running.judge(8)).2, "trap");
    }
    for _ in 0..2 {
        let outcome = running.judge(8);
        let (stage, blame, code, detail) = undecided(&outcome);
        assert_eq!((stage, blame, code), (Stage::Detect, Blame::Plugin, "plugin-out"));
        assert!(detail.contains("hostile") || detail.contains("taken out"), "{detail}");
        assert!(outcome.inspection.runs.is_empty() && outcome.inspection.answer.is_none());
    }
    assert!(running.line.board.condition().trouble().unwrap().contains("hostile"));
    // The same recipe, deployed again.
    running.line.live.swap(Arc::new(recipe(&hostile("panic"), FailureAction::TakeOut, 10_000)));
    assert_eq!(running.line.board.condition().trouble(), None);
    assert_eq!(undecided(&running.judge(8)).2, "trap", "it is called again");
    let (_, events) = running.end();
    assert!(
        matches!(&events[..], [LineEvent::PluginFailing { count: 3, .. }, LineEvent::PluginTakenOut { .. }]),
        "{events:?}"
    );
}

#[test]
fn a_line_that_a_plugin_stops_judges_nothing_more_and_stays_there() {
    let running = run(recipe(&hostile("panic"), FailureAction::StopLine, 10_000));
    for _ in 0..3 {
        assert_eq!(undecided(&running.judge(8)).2, "trap");
    }
    assert!(running.line.stop.is_stopped(), "the sources are told");
    let outcome = running.judge(8);
    assert_eq!(undecided(&outcome).2, "line-stopped");
    assert!(outcome.row.is_some(), "recorded as every frame");
    let (_, events) = running.end();
    assert!(matches!(&events[..], [LineEvent::PluginFailing { .. }, LineEvent::LineStopped { .. }]), "{events:?}");
}

#[test]
fn a_monitor_that_fails_again_and_again_is_left_out_and_every_frame_still_passes() {
    let mut monitor = source("healthy-monitor", PluginKind::Monitor);
    monitor.settings.insert("fail".to_owned(), SettingValue::Bool(true));
    let running = run(recipe(&monitor, FailureAction::TakeOut, 10_000));
    for _ in 0..12 {
        assert_eq!(running.judge(8).inspection.verdict.kind(), VerdictKind::Pass);
    }
    let board = running.line.board.clone();
    let (_, events) = running.end();
    // Called on, it would have failed often enough to be told of three times more.
    assert!(matches!(&events[..], [LineEvent::PluginFailing { .. }, LineEvent::PluginTakenOut { .. }]), "{events:?}");
    assert_eq!(board.condition().plugins_out, [("healthy-monitor".to_owned(), PluginKind::Monitor)]);
    assert_eq!(board.condition().trouble(), None);
}

/// What a recipe of `healthy-preprocessor`, `healthy-detector` and a detector that traps makes of a white frame.
fn judged(product: &str) -> Judgement {
    let preprocessor = source("healthy-preprocessor", PluginKind::Preprocessor);
    let (finds, traps) = (source("healthy-detector", PluginKind::Detector), hostile("trap"));
    let mut recipe = recipe(&finds, FailureAction::Alarm, 60_000).recipe;
    let place = |plugin| plugin_use(plugin, FailureAction::Alarm);
    recipe.preprocessors = vec![place(&preprocessor)];
    recipe.detectors = vec![place(&finds), place(&traps)];
    let admit = |plugin| host().admit(plugin).unwrap();
    let (model, _) = Model::new(|_| false);
    let live = LiveRecipe::new(recipe, model, vec![admit(preprocessor)], vec![admit(finds), admit(traps)], vec![]);
    let meta = FrameMeta { product: Some(product.to_owned()), ..crate::plugin_runtime::meta() };
    let frame = Frame { meta, image: crate::plugin_runtime::picture(32, 255), picture: Digest::of(b"frame") };
    live.judge(&frame, Instant::now() + LONG, &mut Trace::start())
}

#[test]
fn the_picture_that_regions_are_in_is_kept_also_where_a_later_detector_fails() {
    let size = |judgement: &Judgement| {
        let kept = judgement.images.iter().find(|(_, image)| image.name == REPLACED_PICTURE);
        kept.map(|(by, image)| (by.clone(), image.image.width()))
    };
    let replaced = |judgement: &Judgement| judgement.runs.first().and_then(|run| run.replaced).map(|size| size.width);
    let other = judged("small");
    assert!(other.failure.is_some() && other.runs.iter().any(|run| run.findings.iter().any(|finding| finding.raised)));
    assert_eq!((replaced(&other), size(&other)), (Some(8), Some(("healthy-preprocessor".to_owned(), 8))));
    let own = judged("cover");
    assert_eq!((replaced(&own), size(&own)), (None, None), "a picture that is handed on is the frame's own");
}
