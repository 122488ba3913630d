//! A plugin that fails again and again.

use super::super::control::Control;
use super::running::*;
use super::*;

fn plugin(name: &str, kind: PluginKind, failures: FailureLimit) -> PluginUse {
    PluginUse {
        name: name.into(),
        kind,
        component: Digest::of(name.as_bytes()),
        bundle: Digest::of(name.as_bytes()),
        version: "1.0.0".into(),
        signers: vec![],
        capabilities: vec![],
        settings: Settings::new(),
        limits: PluginLimits::default(),
        on_failure: FailurePolicy::default_for(kind),
        failures,
        origin: PluginOrigin::default(),
    }
}

fn limit(then: FailureAction) -> FailureLimit {
    FailureLimit { count: 3, window_s: 60, then }
}

/// A live recipe with one detector and one monitor that are only names.
fn with(then: FailureAction) -> LiveRecipe {
    let mut recipe = recipe();
    recipe.detectors = vec![plugin("scratches", PluginKind::Detector, limit(then))];
    recipe.monitors = vec![plugin("drift", PluginKind::Monitor, limit(then))];
    let good = good();
    LiveRecipe::new(recipe, good.model, vec![], vec![], vec![])
}

fn failed(stage: Stage, blame: Blame) -> Failure {
    Failure::new(stage, blame, FailureCode::Trap, "boom")
}

struct Told {
    control: Control,
    events: Receiver<LineEvent>,
    board: Board,
    stop: StopFlag,
}

fn told(live: &LiveRecipe) -> Told {
    let board = Board::new(RecipeCard::of(live));
    let (events_in, events) = LineEvents::channel(10);
    let stop = StopFlag::new();
    Told { control: Control::new(board.clone(), events_in, stop.clone()), events, board, stop }
}

#[test]
fn a_detector_that_is_taken_out_makes_every_frame_undecided_and_never_a_pass() {
    let live = with(FailureAction::TakeOut);
    let told = told(&live);
    let failure = failed(Stage::Detect, Blame::Plugin);
    for _ in 0..2 {
        told.control.plugin_failed(&live, "scratches", &failure);
    }
    assert!(told.control.refusal(&live).is_none(), "twice is not three times");
    told.control.plugin_failed(&live, "scratches", &failure);
    let refusal = told.control.refusal(&live).unwrap();
    assert_eq!((refusal.stage, refusal.blame, refusal.code), (Stage::Detect, Blame::Plugin, FailureCode::PluginOut));
    assert_eq!(refusal.plugin.as_deref(), Some("scratches"));
    assert!(refusal.detail.contains("deploy") && refusal.detail.contains("restart"), "{refusal}");
    assert!(matches!(told.events.try_recv().unwrap(), LineEvent::PluginFailing { count: 3, window_s: 60, .. }));
    assert!(matches!(told.events.try_recv().unwrap(), LineEvent::PluginTakenOut { .. }));
    assert_eq!(told.board.condition().plugins_out, [("scratches".to_owned(), PluginKind::Detector)]);
    assert!(told.board.condition().trouble().unwrap().contains("scratches"));
    assert!(with(FailureAction::TakeOut).failing.refusal().is_none(), "the recipe deployed again has it in");
}

#[test]
fn a_recipe_on_trial_takes_nothing_out_and_stops_no_line_however_often_it_fails() {
    for then in [FailureAction::TakeOut, FailureAction::StopLine] {
        let live = with(then);
        live.set_on_trial(true);
        let told = told(&live);
        for _ in 0..9 {
            told.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, Blame::Plugin));
        }
        assert!(told.control.refusal(&live).is_none());
        assert_eq!(*told.board.condition(), Condition::default());
        live.set_on_trial(false);
        for _ in 0..3 {
            told.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, Blame::Plugin));
        }
        assert!(told.control.refusal(&live).is_some(), "once it is committed it is as any other");
    }
}

#[test]
fn a_line_that_is_halted_from_outside_says_why_and_judges_nothing_more() {
    let live = with(FailureAction::Alarm);
    let told = told(&live);
    told.control.halt("the running recipe is revoked");
    let refusal = told.control.refusal(&live).unwrap();
    assert_eq!((refusal.blame, refusal.code), (Blame::Host, FailureCode::LineStopped));
    assert!(told.events.try_iter().any(|event| matches!(event, LineEvent::LineStopped { .. })));
}

#[test]
fn a_monitor_that_is_taken_out_is_not_called_and_stops_nobody() {
    let live = with(FailureAction::TakeOut);
    let told = told(&live);
    for _ in 0..3 {
        told.control.plugin_failed(&live, "drift", &failed(Stage::Monitor, Blame::Plugin));
    }
    assert!(live.failing.is_out("drift"));
    assert!(told.control.refusal(&live).is_none(), "frames are judged as before");
    assert_eq!(told.board.condition().trouble(), None);
    assert_eq!(told.board.condition().plugins_out, [("drift".to_owned(), PluginKind::Monitor)]);
}

#[test]
fn failures_of_somebody_else_do_not_count() {
    let live = with(FailureAction::TakeOut);
    let told = told(&live);
    for blame in [Blame::Device, Blame::Host, Blame::Model, Blame::Source] {
        for _ in 0..10 {
            told.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, blame));
        }
    }
    assert!(told.control.refusal(&live).is_none());
    assert!(told.events.try_recv().is_err());
}

#[test]
fn failures_that_are_too_far_apart_do_not_count_together() {
    let live = with(FailureAction::TakeOut);
    let failure = failed(Stage::Detect, Blame::Plugin);
    let start = Instant::now();
    for minute in 0..20 {
        let now = start + Duration::from_secs(minute * 31);
        assert!(live.failing.book("scratches", &failure, now).is_none(), "two of them are within any 60 s");
    }
    let now = start + Duration::from_secs(19 * 31 + 1);
    assert!(live.failing.book("scratches", &failure, now).is_some());
}

#[test]
fn an_alarm_changes_nothing_and_is_given_again_for_as_many_failures_again() {
    let live = with(FailureAction::Alarm);
    let told = told(&live);
    for _ in 0..6 {
        told.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, Blame::Plugin));
    }
    assert!(told.control.refusal(&live).is_none());
    assert_eq!(told.events.try_iter().count(), 2);
    assert_eq!(*told.board.condition(), Condition::default());
}

#[test]
fn a_stopped_line_ends_its_sources_and_judges_nothing_more() {
    let live = with(FailureAction::StopLine);
    let told = told(&live);
    for _ in 0..3 {
        told.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, Blame::Plugin));
    }
    assert!(told.stop.is_stopped());
    let refusal = told.control.refusal(&good()).unwrap();
    assert_eq!(refusal.code, FailureCode::LineStopped, "whatever recipe comes");
    assert!(told.board.condition().trouble().unwrap().contains("stopped"));
    let events: Vec<LineEvent> = told.events.try_iter().collect();
    assert!(matches!(events[..], [LineEvent::PluginFailing { .. }, LineEvent::LineStopped { .. }]));
}

#[test]
fn frames_after_a_stop_are_recorded_and_not_judged() {
    let running = run(with(FailureAction::StopLine), options(1));
    running.give(1);
    assert_eq!(running.take(1)[0].inspection.verdict.kind(), VerdictKind::Pass);
    let live = running.line.live.load();
    for _ in 0..3 {
        running.line.shared.control.plugin_failed(&live, "scratches", &failed(Stage::Detect, Blame::Plugin));
    }
    assert!(running.line.stop.is_stopped());
    running.give(5);
    for outcome in running.take(5) {
        let Verdict::Undecided { code, blame, .. } = &outcome.inspection.verdict else { panic!("never a pass") };
        assert_eq!((code.as_str(), *blame), ("line-stopped", Blame::Plugin));
        assert!(outcome.row.is_some() && outcome.inspection.answer.is_none());
    }
    let (end, ..) = running.end();
    assert_eq!(end, LineEnd::default());
}

#[test]
fn nobody_who_listens_too_slowly_holds_the_line_up() {
    let (events, received) = LineEvents::channel(2);
    for hanging in 0..5 {
        events.emit(LineEvent::LanesBack { hanging });
    }
    assert_eq!((received.try_iter().count(), events.dropped()), (2, 3));
}

#[test]
fn a_device_that_is_not_the_first_wish_is_told_at_the_start_and_at_a_swap() {
    let other = || {
        let mut live = good();
        let mut placement = live.model.placement().clone();
        placement.device.asked = vec!["NPU".into(), "CPU".into()];
        let answer = Box::new(|| Ok(vec![5.0, 0.0]));
        live.model = Arc::new(FakeModel { spec: live.model.spec().clone(), placement, answer });
        live
    };
    let running = run(other(), options(1));
    let told = LineEvent::DeviceNotAsAsked { asked: vec!["NPU".into(), "CPU".into()], used: "CPU".into() };
    assert_eq!(running.events.try_iter().collect::<Vec<_>>(), std::slice::from_ref(&told));
    running.line.live.swap(Arc::new(good()));
    running.line.live.swap(Arc::new(other()));
    assert_eq!(running.events.try_iter().collect::<Vec<_>>(), [told]);
    running.end();
}
