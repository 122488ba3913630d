//! Candidates that never come back, and the end of a station around them.

use super::plant::{HANGING, HELD_OPEN, LONG, Plant, engineer};
use super::way::{states, until};
use crate::deploy::{DeployError, StartLimit, within};
use crate::domain::DeployState::{self, *};
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

/// A plant with little patience.
fn hasty() -> Plant {
    let mut plant = Plant::new();
    (plant.config.compile_seconds, plant.config.qualification_seconds, plant.frame_budget_ms) = (1, 2, 1000);
    plant
}

#[test]
fn a_candidate_that_hangs_fails_within_its_time_and_the_next_one_is_deployed() {
    let cases: [(&str, bool, DeployState, &str); 3] = [
        ("stuck-compiling", false, Verified, "its compilation did not end within 1 s"),
        ("stuck", true, Compiled, "its qualification did not end within 2 s"),
        ("stuck", false, Shadow, "a frame of the shadow did not end within 3 s"),
    ];
    for (behaviour, tested, last, words) in cases {
        let mut plant = hasty();
        if tested {
            plant.tests_for_pass();
        }
        let running = plant.start();
        let hung = running.settled(&plant.recipe("1.1.0", behaviour), false);
        assert_eq!(states(&hung)[states(&hung).len() - 2..], [last, Failed]);
        let outcome = hung.outcome.unwrap();
        assert!(outcome.contains(words) && outcome.contains("it hangs"), "{outcome}");
        let row =
            running.ledger.audit_lines(None, 50).unwrap().into_iter().find(|line| line.refused.is_some()).unwrap();
        assert_eq!((row.action.as_str(), row.refused.as_deref()), ("deployment-failed", Some("hangs")));
        until("an alarm", || running.deployer.view().alarms.iter().any(|alarm| alarm.contains("1 recipes")));
        let next = running.settled(&plant.recipe("1.2.0", "pass"), false);
        assert_eq!((next.state, running.version().as_str()), (Committed, "1.2.0"), "{:?}", next.outcome);
    }
}

#[test]
fn of_candidates_that_hang_few_are_risked_and_a_rollback_still_works() {
    let plant = hasty();
    let running = plant.start();
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    for version in ["1.2.0", "1.3.0", "1.4.0"] {
        assert_eq!(running.settled(&plant.recipe(version, "held-compiling"), true).state, Failed);
    }
    let refused = running.deploy(&plant.recipe("1.5.0", "pass"), true).unwrap_err();
    assert!(matches!(refused, DeployError::Hanging { hanging: 3 }), "{refused}");
    let row = running.ledger.audit_lines(None, 1).unwrap().remove(0);
    assert_eq!((row.action.as_str(), row.refused.as_deref()), ("deploy", Some("hanging")));
    running.deployer.roll_back(&engineer(), "complaints").unwrap();
    assert_eq!(running.version(), "1.0.0");
    // They come back: what they found is nobody's any more, and there is room again.
    HELD_OPEN.store(true, Release);
    until("there is room again", || running.deployer.reserve(&engineer()).is_ok());
    assert_eq!(running.settled(&plant.recipe("1.5.0", "pass"), true).state, Committed);
    until("the alarm ends", || running.deployer.view().alarms.is_empty());
}

#[test]
fn a_candidate_that_hangs_is_taken_back_by_hand_long_before_its_limit() {
    let plant = Plant::new();
    let running = plant.start();
    let begin = Instant::now();
    let id = running.deploy(&plant.recipe("1.1.0", "stuck-compiling"), true).unwrap().id;
    let back = running.deployer.roll_back(&engineer(), "not today").unwrap().unwrap();
    assert_eq!((back.id, back.state, back.outcome.as_deref()), (id, Failed, Some("taken back by erin: not today")));
    assert!(begin.elapsed() < LONG, "its own limit is 300 s");
    assert_eq!(running.settled(&plant.recipe("1.2.0", "pass"), true).state, Committed);
}

#[test]
fn what_hangs_or_panics_at_the_start_of_a_station_is_told_with_the_key_that_sets_its_limit() {
    let limit = |seconds| StartLimit { what: "the self-test", seconds, key: "qualification_seconds" };
    let (mut looks, (hold, held)) = (0, crossbeam_channel::bounded::<()>(0));
    let (ended_in, ended) = crossbeam_channel::bounded(1);
    let late = within(
        limit(1),
        || looks += 1,
        move |given_up| {
            let _ = held.recv();
            ended_in.send(given_up()).unwrap();
        },
    );
    let text = late.unwrap_err().to_string();
    assert!(text.starts_with("the self-test did not end within 1 s: "), "{text}");
    assert!(text.ends_with("`[deploy] qualification_seconds` sets the limit") && looks > 0, "{text}");
    drop(hold);
    assert!(ended.recv_timeout(LONG).unwrap(), "it is told that nobody waits");
    let panicked: Result<(), _> = within(limit(60), || (), |_| panic!("a bug"));
    assert_eq!(panicked.unwrap_err().to_string(), "the self-test panicked: a bug");
    assert_eq!(within(limit(60), || (), |_| 7).unwrap(), 7);
}

#[test]
fn the_end_of_a_station_waits_seconds_for_a_candidate_that_hangs_and_settles_it() {
    let plant = Plant::new();
    let running = plant.start();
    let id = running.deploy(&plant.recipe("1.1.0", "hang"), false).unwrap().id;
    until("the shadow hangs", || HANGING.load(Acquire));
    let ledger = std::sync::Arc::clone(&running.ledger);
    assert!(running.stop_within(LONG));
    let ended = ledger.deployment(id).unwrap().unwrap();
    assert!(ended.state == Failed && ended.outcome.unwrap().contains("the station was ended"));
}

#[test]
fn the_end_of_a_station_does_not_wait_for_a_deployments_thread_that_hangs() {
    let (entered_in, entered) = crossbeam_channel::bounded(10);
    let plant = Plant::new();
    let running = plant.start_with(move |deployment| {
        if deployment.state == Compiled {
            entered_in.send(()).unwrap();
            std::thread::park_timeout(Duration::from_secs(3600));
        }
    });
    running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap();
    entered.recv_timeout(LONG).unwrap();
    assert!(!running.stop_within(Duration::from_millis(50)));
    assert!(plant.start().stop_within(LONG), "and one that does not hang ends");
}
