//! A verdict at its deadline, once, whatever the judging does.

use super::super::control::Control;
use super::super::deadline::Watch;
use super::super::flight::Flight;
use super::super::hanging::Hanging;
use super::running::*;
use super::*;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Far longer than a good frame takes on any machine, and short enough to wait for it.
const BUDGET_MS: u32 = 1000;

fn is_timeout(outcome: &Outcome, wanted_stage: Stage, wanted_blame: Blame) -> bool {
    matches!(&outcome.inspection.verdict, Verdict::Undecided { stage, blame, code, .. }
        if code == "timeout" && *stage == wanted_stage && *blame == wanted_blame)
}

#[test]
fn a_judge_that_hangs_for_ever_is_undecided_at_its_deadline_and_its_lane_is_replaced() {
    let (trap, open) = Trap::new();
    let running = run(budgeted(hanging(&trap, |call| call == 1), BUDGET_MS), options(1));
    running.give(3);
    let mut outcomes = running.take(3);
    // The record of what hung is made beside the frames that follow: either may be released first.
    outcomes.sort_by_key(|outcome| outcome.inspection.meta.id.trigger);
    assert!(is_timeout(&outcomes[0], Stage::Infer, Blame::Device), "{:?}", outcomes[0].inspection.verdict);
    assert!(outcomes[0].row.is_some(), "it has its record as every frame");
    assert_eq!(outcomes[0].inspection.picture, Some(Digest::of(&png())));
    assert_eq!((outcomes[0].inspection.width, outcomes[0].inspection.height), (8, 6), "as far as the lane came");
    let waited = outcomes[0].inspection.stages.iter().find(|time| time.stage == Stage::Infer).unwrap();
    assert!(waited.micros > 0, "the stage that hangs shows its time");
    for outcome in &outcomes[1..] {
        assert_eq!(outcome.inspection.verdict.kind(), VerdictKind::Pass, "another lane goes on");
    }
    let LineEvent::LaneAbandoned { frame, hanging, failure } = running.events.try_recv().unwrap() else { panic!() };
    assert_eq!((frame.trigger, hanging, failure.stage), (1, 1, Stage::Infer));
    let board = running.line.board.clone();
    assert_eq!(board.condition().lanes_hanging, 1);
    let (end, more, _) = running.end();
    assert_eq!(end, LineEnd { left: vec![], hanging_lanes: 1 }, "the line ends without the lane that hangs");
    assert!(more.is_empty());
    drop(open);
    until("the lane comes back", || board.condition().lanes_hanging == 0);
}

#[test]
fn a_model_whose_only_session_hangs_gets_another_and_the_line_goes_on_without_a_restart() {
    let (trap, _open) = Trap::new();
    let caught = Arc::clone(&trap);
    let model = crate::inference::tests::one_stream(move |session| {
        if session == 1 {
            trap.hang();
        }
    });
    let asked = live(move || {
        model(Instant::now() + Duration::from_millis(u64::from(BUDGET_MS)))?;
        Ok(vec![5.0, 0.0])
    });
    let running = run(budgeted(asked, BUDGET_MS), options(1));
    running.give(6);
    let mut outcomes = running.take(6);
    outcomes.sort_by_key(|outcome| outcome.inspection.meta.id.trigger);
    assert!(is_timeout(&outcomes[0], Stage::Infer, Blame::Device), "{:?}", outcomes[0].inspection.verdict);
    for outcome in &outcomes[1..] {
        let verdict = &outcome.inspection.verdict;
        assert_eq!(verdict.kind(), VerdictKind::Pass, "{verdict:?}: the session was not made anew");
    }
    assert_eq!(caught.caught(), 1);
    let told: Vec<LineEvent> = running.events.try_iter().collect();
    assert!(matches!(told[..], [LineEvent::LaneAbandoned { hanging: 1, .. }]), "people hear of it: {told:?}");
}

#[test]
fn an_answer_after_the_deadline_is_dropped() {
    let (trap, open) = Trap::new();
    let running = run(budgeted(hanging(&trap, |call| call == 1), BUDGET_MS), options(1));
    running.give(1);
    let late = running.take(1);
    assert!(is_timeout(&late[0], Stage::Infer, Blame::Device));
    drop(open);
    let board = running.line.board.clone();
    until("the lane comes back", || board.condition().lanes_hanging == 0);
    running.give(1);
    assert_eq!(running.take(1)[0].inspection.meta.id.trigger, 2);
    let (_, more, keeper) = running.end();
    assert!(more.is_empty(), "one verdict for a frame");
    assert_eq!(*keeper.0.lock().unwrap(), [1, 2], "and one record");
}

#[test]
fn a_hung_backend_does_not_stop_the_other_lanes() {
    let (trap, _open) = Trap::new();
    let running = run(budgeted(hanging(&trap, |call| call == 3), BUDGET_MS), options(2));
    running.give(40);
    let outcomes = running.take(40);
    let passed = outcomes.iter().filter(|outcome| outcome.inspection.verdict.kind() == VerdictKind::Pass).count();
    assert_eq!(passed, 39);
    assert_eq!(trap.caught(), 1);
    let mut triggers: Vec<u64> = outcomes.iter().map(|outcome| outcome.inspection.meta.id.trigger).collect();
    triggers.sort_unstable();
    assert_eq!(triggers, (1..=40).collect::<Vec<_>>());
}

#[test]
fn a_hundred_frames_that_hang_take_a_bounded_number_of_threads_and_the_line_recovers() {
    let (trap, open) = Trap::new();
    let most = LaneOptions { max_abandoned_lanes: 4, ..options(2) };
    let running = run(budgeted(hanging(&trap, |call| call <= 100), 20), most);
    running.give(100);
    for outcome in running.take(100) {
        let Verdict::Undecided { blame, code, .. } = &outcome.inspection.verdict else { panic!("never a pass") };
        assert!(code == "timeout" && matches!(blame, Blame::Device | Blame::Host), "{:?}", outcome.inspection.verdict);
    }
    assert!((4..=5).contains(&trap.caught()), "{} lanes hang: 4, and one that was under way", trap.caught());
    let condition = running.line.board.condition();
    assert!(condition.lanes_exhausted && condition.trouble().is_some());
    drop(open);
    until("the lanes come back", || running.line.board.condition().lanes_hanging == 0);
    // The model is good again, but this small budget may be too small for a busy machine.
    until("frames are judged again", || {
        running.give(1);
        running.take(1)[0].inspection.verdict.kind() == VerdictKind::Pass
    });
    let events: Vec<LineEvent> = running.events.try_iter().collect();
    assert!(events.iter().any(|event| matches!(event, LineEvent::LanesExhausted { hanging: 4 })));
    assert!(events.iter().any(|event| matches!(event, LineEvent::LanesBack { .. })));
}

#[test]
fn at_the_very_deadline_there_is_one_verdict_and_no_late_pass() {
    let calls = AtomicUsize::new(0);
    // Comes back around the deadline of 2 ms: sometimes before, sometimes after, often at the same time.
    let around = live(move || {
        let call = calls.fetch_add(1, Ordering::SeqCst) as u64;
        let end = Instant::now() + Duration::from_micros(1200 + call * 37 % 1000);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        Ok(vec![5.0, 0.0])
    });
    let running = run(budgeted(around, 2), LaneOptions { max_abandoned_lanes: 64, ..options(4) });
    running.give(600);
    let outcomes = running.take(600);
    let (_, more, keeper) = running.end();
    assert!(more.is_empty());
    let mut triggers: Vec<u64> = outcomes.iter().map(|outcome| outcome.inspection.meta.id.trigger).collect();
    triggers.sort_unstable();
    assert_eq!(triggers, (1..=600).collect::<Vec<_>>(), "one verdict for each frame");
    let mut records = keeper.0.lock().unwrap().clone();
    records.sort_unstable();
    assert_eq!(records, triggers, "one record for each frame");
    for outcome in &outcomes {
        let spent: u64 =
            outcome.inspection.stages.iter().filter(|time| time.stage < Stage::Decide).map(|t| t.micros).sum();
        let passed = outcome.inspection.verdict.kind() == VerdictKind::Pass;
        assert!(!passed || spent <= 2000, "a pass after {spent} us, past the deadline");
    }
}

#[test]
fn of_a_lane_and_the_keeper_exactly_one_gets_the_seat() {
    const ROUNDS: usize = 3000;
    let watch = Arc::new(Watch::new(1));
    let (_give, arrivals) = bounded(0);
    let (release, _waiting) = bounded(0);
    let recipe = Arc::new(budgeted(good(), 0));
    let flight = || {
        let id = FrameId { station: "s".into(), boot: 1, trigger: 1 };
        Arc::new(Flight::new(arrival(Ok(png())), id, Arc::clone(&recipe), Arc::default()))
    };
    let flights: Vec<Arc<Flight>> = (0..ROUNDS).map(|_| flight()).collect();
    let start = Barrier::new(3);
    let won: Vec<usize> = std::thread::scope(|scope| {
        let lane = scope.spawn(|| {
            let leave = |flight| {
                start.wait();
                let mine = watch.leave(0, flight).is_some();
                start.wait();
                usize::from(mine)
            };
            flights.iter().map(leave).collect::<Vec<_>>()
        });
        let keeper = scope.spawn(|| {
            let claim = |_| {
                start.wait();
                let mine = watch.claim_due(0, Instant::now());
                start.wait();
                usize::from(mine)
            };
            flights.iter().map(claim).collect::<Vec<_>>()
        });
        for flight in &flights {
            watch.enter(watch.seat(0, Receiver::clone(&arrivals), Sender::clone(&release)), flight);
            start.wait();
            start.wait();
        }
        let (lane, keeper) = (lane.join().unwrap(), keeper.join().unwrap());
        lane.iter().zip(&keeper).map(|(lane, keeper)| lane + keeper).collect()
    });
    assert_eq!(won, vec![1; ROUNDS]);
}

#[test]
fn a_lane_never_gets_the_seat_of_another_frame() {
    let watch = Arc::new(Watch::new(1));
    let (_give, arrivals) = bounded(0);
    let (release, _waiting) = bounded(0);
    let recipe = Arc::new(good());
    let flight = |trigger| {
        let id = FrameId { station: "s".into(), boot: 1, trigger };
        Arc::new(Flight::new(arrival(Ok(png())), id, Arc::clone(&recipe), Arc::default()))
    };
    let (late, next) = (flight(1), flight(2));
    watch.enter(watch.seat(0, arrivals, release), &next);
    assert!(watch.leave(0, &late).is_none(), "the seat is another lane's by now");
    assert!(watch.leave(0, &next).is_some());
}

/// Takes a record only when the test says so.
struct Slow(Receiver<()>);

impl RecordKeeper for Slow {
    fn submit(&self, _: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        let _ = self.0.recv();
        Ok(Box::new(Kept(1)))
    }

    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        panic!("no source of these tests has a counter: {lost:?}")
    }
}

#[test]
fn a_journal_that_is_slow_to_take_a_record_delays_no_other_deadline() {
    let (trap, _open) = Trap::new();
    let (ready, go) = bounded(0);
    let (belt, arrivals) = bounded(10);
    let (events_in, events) = LineEvents::channel(10);
    let (outcomes_in, outcomes) = bounded(10);
    let line = Line::start(LineParts {
        recipe: Arc::new(budgeted(hanging(&trap, |_| true), 20)),
        sources: vec![Box::new(Belt(arrivals))],
        outcomes: Some(outcomes_in),
        events: events_in,
        options: options(1),
        ..parts(Arc::new(Slow(go)))
    })
    .unwrap();
    for _ in 0..4 {
        belt.send(arrival(Ok(png()))).unwrap();
    }
    // The record of the first is not taken, and the deadlines of the others are kept all the same.
    for trigger in 1..=4 {
        let LineEvent::LaneAbandoned { frame, .. } = events.recv_timeout(LONG).unwrap() else { panic!() };
        assert_eq!(frame.trigger, trigger);
    }
    assert!(outcomes.try_recv().is_err());
    drop(ready);
    for _ in 0..4 {
        assert_eq!(outcomes.recv_timeout(LONG).unwrap().inspection.verdict.kind(), VerdictKind::Undecided);
    }
    drop(belt);
    line.join();
}

/// A source that hears nothing.
struct Deaf(Receiver<()>);

impl Source for Deaf {
    fn name(&self) -> &str {
        "deaf"
    }
    fn run(self: Box<Self>, _: &Outlet, _: &StopFlag) {
        let _ = self.0.recv();
    }
}

#[test]
fn the_end_of_a_line_does_not_wait_for_what_hangs_for_ever() {
    let (_open, opened) = bounded(0);
    let (events_in, events) = LineEvents::channel(10);
    let line = Line::start(LineParts {
        recipe: Arc::new(budgeted(good(), 1)),
        sources: vec![Box::new(Deaf(opened))],
        events: events_in,
        options: LaneOptions { end_patience: Duration::from_millis(20), ..options(1) },
        ..parts(Arc::new(Keeps::default()))
    })
    .unwrap();
    line.stop.stop();
    let end = line.join();
    assert!(end.left.iter().any(|name| name == "source-deaf"), "{end:?}");
    assert!(matches!(events.try_recv().unwrap(), LineEvent::LeftBehind { .. }));
}

#[test]
fn lanes_count_as_hanging_only_while_they_do() {
    let board = Board::new(RecipeCard::of(&good()));
    let (events_in, events) = LineEvents::channel(10);
    let control = Arc::new(Control::new(board.clone(), events_in, StopFlag::new()));
    let hanging = Arc::new(Hanging::new(control, 2));
    let first = hanging.add();
    assert!(!hanging.is_exhausted());
    let second = hanging.add();
    assert!(hanging.is_exhausted());
    assert_eq!((board.condition().lanes_hanging, board.condition().lanes_exhausted), (2, true));
    assert!(matches!(events.try_recv().unwrap(), LineEvent::LanesExhausted { hanging: 2 }));
    drop(first);
    assert!(!hanging.is_exhausted());
    assert!(matches!(events.try_recv().unwrap(), LineEvent::LanesBack { hanging: 1 }));
    drop(second);
    assert_eq!((board.condition().lanes_hanging, board.condition().trouble()), (0, None));
}
