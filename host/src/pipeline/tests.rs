#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod triggers;

use super::board::percentile;
use super::release::journal_failure;
use super::*;
use crate::domain::*;
use crate::imaging::{DecodeLimits, encode_png};
use crate::inference::{InferenceError, LoadedModel, Placement};
use crate::plugin::MonitorState;
use crate::source::{Arrival, LostTriggers, Outlet, Receipt, Settlement, Source, StopFlag};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod deadlines;
mod failing;
mod replaced;
mod running;

/// A model that answers without looking.
struct FakeModel {
    spec: ModelSpec,
    placement: Placement,
    answer: Box<dyn Fn() -> Result<Vec<f32>, InferenceError> + Send + Sync>,
}

impl LoadedModel for FakeModel {
    fn name(&self) -> &str {
        "surface"
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
        let logits = (self.answer)()?;
        let tensor = Tensor::from_f32(&[1, u32::try_from(logits.len()).unwrap()], &logits).unwrap();
        Ok(vec![NamedTensor { name: "logits".into(), tensor }])
    }
}

fn recipe() -> Recipe {
    Recipe { frame_budget_ms: 60_000, ..test_recipe::recipe() }
}

fn live(answer: impl Fn() -> Result<Vec<f32>, InferenceError> + Send + Sync + 'static) -> LiveRecipe {
    let device = test_recipe::device(&["CPU"]);
    let spec = ModelSpec { inputs: vec![], outputs: vec![], batch_sizes: vec![1] };
    let placement = Placement { device, library_version: "1".into() };
    let model = Arc::new(FakeModel { spec, placement, answer: Box::new(answer) });
    LiveRecipe::new(recipe(), model, vec![], vec![], vec![])
}

fn good() -> LiveRecipe {
    live(|| Ok(vec![5.0, 0.0]))
}

fn png() -> Arc<[u8]> {
    let image = Image::new(8, 6, PixelFormat::Rgb8, vec![100; 8 * 6 * 3].into()).unwrap();
    encode_png(&image).unwrap().into()
}

fn arrival(payload: Result<Arc<[u8]>, Failure>) -> Arrival {
    Arrival {
        source: "test".into(),
        origin: Some("a.png".into()),
        product: None,
        serial: None,
        trigger: None,
        captured_at_us: 1,
        payload,
        simulated: true,
        receipt: None,
    }
}

fn context() -> InspectContext {
    InspectContext { limits: DecodeLimits::default(), pool: BufferPool::new(4, 1 << 20) }
}

fn inspect(live: &LiveRecipe, payload: Result<Arc<[u8]>, Failure>) -> Inspected {
    let id = FrameId { station: "s".into(), boot: 1, trigger: 1 };
    inspect_frame(arrival(payload), id, live, &context())
}

fn undecided(inspected: &Inspected) -> (Stage, Blame, String) {
    match &inspected.inspection.verdict {
        Verdict::Undecided { stage, blame, code, .. } => (*stage, *blame, code.clone()),
        other => panic!("expected undecided, found {other:?}"),
    }
}

#[test]
fn a_good_picture_passes_and_names_all_that_judged_it() {
    let inspected = inspect(&good(), Ok(png()));
    let inspection = &inspected.inspection;
    assert_eq!(inspection.verdict.kind(), VerdictKind::Pass);
    assert_eq!((inspection.width, inspection.height), (8, 6));
    assert_eq!(inspection.recipe_digest, Digest::of(b"recipe"));
    assert_eq!(inspection.picture, Some(Digest::of(&png())));
    assert_eq!(inspection.answer.as_ref().unwrap().device.used, "CPU");
    let stages: Vec<_> = inspection.stages.iter().map(|time| time.stage).collect();
    assert_eq!(stages, [Stage::Decode, Stage::Infer, Stage::Decide]);
}

#[test]
fn what_is_no_picture_is_undecided_with_the_source_to_blame() {
    let png = png();
    let cases: [(&[u8], &str); 3] =
        [(b"", "not-an-image"), (b"hello", "not-an-image"), (&png[..png.len() - 20], "damaged-image")];
    for (bytes, code) in cases {
        let inspected = inspect(&good(), Ok(bytes.into()));
        assert_eq!(undecided(&inspected), (Stage::Decode, Blame::Source, code.to_owned()));
        assert_eq!(inspected.inspection.picture, Some(Digest::of(bytes)), "the bytes are recorded all the same");
    }
}

#[test]
fn what_the_source_could_not_read_is_a_frame_too() {
    let failure = Failure::new(Stage::Source, Blame::Source, FailureCode::Unreadable, "gone");
    let inspected = inspect(&good(), Err(failure));
    assert_eq!(undecided(&inspected), (Stage::Source, Blame::Source, "unreadable".to_owned()));
    assert_eq!(inspected.inspection.picture, None);
}

#[test]
fn logits_that_are_not_finite_or_too_few_are_the_models_fault() {
    for logits in [vec![f32::NAN, 0.0], vec![f32::INFINITY, 0.0], vec![1.0]] {
        let model = live(move || Ok(logits.clone()));
        assert_eq!(undecided(&inspect(&model, Ok(png()))), (Stage::Infer, Blame::Model, "bad-tensor".to_owned()));
    }
}

#[test]
fn an_inference_that_fails_names_the_device_and_never_passes() {
    let lost = live(|| {
        let (model, device, detail) = ("surface".into(), "NPU".into(), "reset".into());
        Err(InferenceError::DeviceLost { model, device, detail })
    });
    assert_eq!(undecided(&inspect(&lost, Ok(png()))), (Stage::Infer, Blame::Device, "device-lost".to_owned()));
    let late = live(|| Err(InferenceError::Timeout { model: "surface".into() }));
    assert_eq!(undecided(&inspect(&late, Ok(png()))), (Stage::Infer, Blame::Device, "timeout".to_owned()));
}

#[test]
fn a_frame_over_its_budget_is_undecided_even_when_every_stage_answered() {
    let mut slow = good();
    slow.recipe.frame_budget_ms = 0;
    let (_, blame, code) = undecided(&inspect(&slow, Ok(png())));
    assert_eq!((blame, code.as_str()), (Blame::Host, "timeout"));
}

/// A keeper whose records become durable only when the test says so.
struct Gate {
    open: Receiver<Result<i64, Failure>>,
}

struct GateTicket(Receiver<Result<i64, Failure>>);

impl RecordKeeper for Gate {
    fn submit(&self, _: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        Ok(Box::new(GateTicket(self.open.clone())))
    }
    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        panic!("no source of these tests has a counter: {lost:?}")
    }
}

impl RecordTicket for GateTicket {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        self.0.recv().unwrap_or_else(|_| Err(journal_failure("closed")))
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

/// Gives `count` pictures, or as many as the line takes before it is stopped.
struct Pictures {
    count: usize,
    given: Sender<()>,
}

impl Source for Pictures {
    fn name(&self) -> &str {
        "pictures"
    }
    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        for _ in 0..self.count {
            if out.send(arrival(Ok(png())), stop).is_break() {
                break;
            }
            let _ = self.given.send(());
        }
    }
}

/// A line without sources.
fn parts(keeper: Arc<dyn RecordKeeper>) -> LineParts {
    LineParts {
        station: "s".into(),
        boot: 1,
        recipe: Arc::new(good()),
        context: context(),
        keeper,
        states: Box::new(NoStates),
        sources: vec![],
        outcomes: None,
        events: LineEvents::default(),
        options: LaneOptions::default(),
    }
}

type Started = (Line, Receiver<Arc<Outcome>>, Sender<Result<i64, Failure>>, Receiver<()>);

fn start(count: usize, lanes: usize) -> Started {
    let (gate, open) = bounded(count.max(1));
    let (outcomes_in, outcomes) = bounded(count.max(1));
    let (given_in, given) = bounded(count.max(1));
    let line = Line::start(LineParts {
        sources: vec![Box::new(Pictures { count, given: given_in })],
        outcomes: Some(outcomes_in),
        options: LaneOptions { lanes, ..LaneOptions::default() },
        ..parts(Arc::new(Gate { open }))
    });
    (line.unwrap(), outcomes, gate, given)
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn a_verdict_leaves_only_after_its_record_is_durable() {
    let (line, outcomes, gate, given) = start(1, 1);
    given.recv_timeout(LONG).unwrap();
    line.stop.stop();
    assert!(outcomes.try_recv().is_err(), "nothing may leave before the record is on disk");
    gate.send(Ok(7)).unwrap();
    let outcome = outcomes.recv_timeout(LONG).unwrap();
    assert_eq!((outcome.row, outcome.inspection.verdict.kind()), (Some(7), VerdictKind::Pass));
    line.join();
}

#[test]
fn a_record_that_cannot_be_kept_withholds_the_pass() {
    let (line, outcomes, gate, _given) = start(1, 1);
    gate.send(Err(journal_failure("disk full"))).unwrap();
    let outcome = outcomes.recv_timeout(LONG).unwrap();
    assert_eq!(outcome.row, None);
    let Verdict::Undecided { stage, code, .. } = &outcome.inspection.verdict else { panic!("never a pass") };
    assert_eq!((*stage, code.as_str()), (Stage::Journal, "journal-failed"));
    line.join();
}

#[test]
fn every_frame_is_released_once_with_its_own_trigger() {
    let (line, outcomes, gate, _given) = start(40, 3);
    for row in 0..40 {
        gate.send(Ok(row)).unwrap();
    }
    line.join();
    let mut triggers: Vec<u64> = outcomes.try_iter().map(|outcome| outcome.inspection.meta.id.trigger).collect();
    triggers.sort_unstable();
    assert_eq!(triggers, (1..=40).collect::<Vec<_>>());
}

#[test]
fn stopping_finishes_the_frames_in_flight() {
    let (line, outcomes, gate, given) = start(500, 2);
    given.recv_timeout(LONG).unwrap();
    assert!(line.board.ended_sources().is_empty(), "no record is durable yet, so the line takes few of so many");
    line.stop.stop();
    drop(line.stop.clone());
    for row in 0..500 {
        if gate.send_timeout(Ok(row), Duration::from_millis(10)).is_err() {
            break;
        }
    }
    let board = line.board.clone();
    drop(gate);
    line.join();
    let released = outcomes.try_iter().count();
    let given = 1 + given.try_iter().count();
    assert_eq!(released, given, "what the source gave is released");
    assert_eq!(board.snapshot().counters.total(), u64::try_from(given).unwrap());
    assert!(board.ended_sources().contains("pictures"));
}

/// A recipe that everything about it gives away: its digest, its model's name and its answer.
fn swapped(index: usize) -> Arc<LiveRecipe> {
    let logits = if index == 0 { vec![5.0, 0.0] } else { vec![0.0, 5.0] };
    let mut live = live(move || Ok(logits.clone()));
    live.recipe.digest = Digest::of(&[u8::try_from(index).unwrap()]);
    live.recipe.version = format!("1.0.{index}");
    live.recipe.model.name = format!("model-{index}");
    Arc::new(live)
}

#[test]
fn a_thousand_swaps_under_load_lose_no_frame_and_each_record_names_the_one_recipe_that_judged_it() {
    const SWAPS: usize = 1000;
    let count = SWAPS * 3;
    let recipes = [swapped(0), swapped(1)];
    let (line, outcomes, gate, _given) = start(count, 3);
    for row in 0..count {
        gate.send(Ok(i64::try_from(row).unwrap())).unwrap();
    }
    line.live.swap(Arc::clone(&recipes[0]));
    let mut released = Vec::new();
    for swap in 1..=SWAPS {
        let old = line.live.swap(Arc::clone(&recipes[swap % 2]));
        assert_eq!(old.recipe.version, format!("1.0.{}", (swap + 1) % 2), "a swap gives what judged before");
        assert_eq!(line.board.snapshot().recipe.as_ref().unwrap().recipe.digest, recipes[swap % 2].recipe.digest);
        // Three frames between two swaps: the line is never idle.
        released.extend((0..3).map(|_| outcomes.recv_timeout(LONG).unwrap()));
    }
    line.join();
    let mut triggers: Vec<u64> = released.iter().map(|outcome| outcome.inspection.meta.id.trigger).collect();
    triggers.sort_unstable();
    assert_eq!(triggers, (1..=count as u64).collect::<Vec<_>>(), "none lost, none judged twice");
    let mut used = [0, 0];
    // The first frames may have been judged by what the line started with.
    for inspection in released
        .iter()
        .map(|outcome| &outcome.inspection)
        .filter(|one| one.recipe_version != "1.0.0" || one.recipe_digest != recipe().digest)
    {
        let index = usize::from(inspection.recipe_digest == recipes[1].recipe.digest);
        let (verdict, answer) = (inspection.verdict.kind(), inspection.answer.as_ref().unwrap());
        assert_eq!(inspection.recipe_digest, recipes[index].recipe.digest);
        assert_eq!(inspection.recipe_version, format!("1.0.{index}"));
        assert_eq!(answer.model, format!("model-{index}"));
        assert_eq!(verdict, [VerdictKind::Pass, VerdictKind::Fail][index], "judged by what it names");
        used[index] += 1;
    }
    assert!(used.iter().all(|&frames| frames > 0), "both judged frames under load: {used:?}");
}

struct Shown(Sender<(u64, bool)>);

impl Watcher for Shown {
    fn released(&self, outcome: &Arc<Outcome>, frame: Option<&Frame>) {
        self.0.try_send((outcome.inspection.meta.id.trigger, frame.is_some())).unwrap();
    }
}

#[test]
fn a_watcher_sees_every_released_frame_with_its_picture() {
    let (line, outcomes, gate, _given) = start(5, 1);
    let (shown_in, shown) = bounded(5);
    line.live.watch(Some(Box::new(Shown(shown_in))));
    for row in 0..5 {
        gate.send(Ok(row)).unwrap();
    }
    line.join();
    assert_eq!(outcomes.try_iter().count(), 5);
    assert_eq!(shown.try_iter().collect::<Vec<_>>(), (1..=5).map(|trigger| (trigger, true)).collect::<Vec<_>>());
}

/// Gives one picture with a receipt and tells what became of it.
struct Asking(Sender<Option<Settlement>>);

impl Source for Asking {
    fn name(&self) -> &str {
        "asking"
    }
    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        let told = self.0.clone();
        let receipt = Receipt::new(move |settlement| told.send(settlement).unwrap());
        let frame = receipt.frame();
        assert!(out.send(Arrival { receipt: Some(receipt), ..arrival(Ok(png())) }, stop).is_continue());
        while frame.get().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(frame.get().unwrap().to_string(), "s-1-1");
    }
}

fn start_asking(ticket: Result<i64, Failure>) -> Option<Settlement> {
    let (told_in, told) = unbounded();
    let (gate, open) = bounded(1);
    let line = Line::start(LineParts { sources: vec![Box::new(Asking(told_in))], ..parts(Arc::new(Gate { open })) });
    assert!(told.recv_timeout(Duration::from_millis(50)).is_err(), "nothing is told before the record is durable");
    gate.send(ticket).unwrap();
    let settlement = told.recv_timeout(LONG).unwrap();
    line.unwrap().join();
    assert!(told.recv().is_err(), "told once");
    settlement
}

#[test]
fn a_receipt_is_settled_once_and_after_the_record_is_durable() {
    let settlement = start_asking(Ok(7)).unwrap();
    assert_eq!((settlement.row, settlement.inspection.verdict.kind()), (Some(7), VerdictKind::Pass));
    assert!(!settlement.duplicate);
}

#[test]
fn a_receipt_says_when_the_record_could_not_be_made_durable() {
    let settlement = start_asking(Err(journal_failure("disk full"))).unwrap();
    assert_eq!((settlement.row, settlement.inspection.verdict.kind()), (None, VerdictKind::Undecided));
}

#[test]
fn the_board_counts_what_was_released() {
    let (line, _outcomes, gate, _given) = start(3, 1);
    let board = line.board.clone();
    let before = board.version();
    gate.send(Ok(1)).unwrap();
    gate.send(Ok(2)).unwrap();
    gate.send(Err(journal_failure("disk full"))).unwrap();
    line.join();
    let snapshot = board.snapshot();
    assert_eq!((snapshot.counters.pass, snapshot.counters.undecided, snapshot.counters.not_durable), (2, 1, 1));
    assert!(board.version() > before);
    assert_eq!(snapshot.recent.len(), 3);
    assert!(snapshot.stages.iter().any(|latency| latency.stage == Stage::Journal));
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let hundred: Vec<u64> = (1..=100).collect();
    assert_eq!(percentile(&hundred, 50), Some(50));
    assert_eq!(percentile(&hundred, 99), Some(99));
    assert_eq!(percentile(&[7], 99), Some(7));
    assert_eq!(percentile(&[], 50), None);
}
