#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::history::History;
use super::*;
use crate::domain::{AlarmKind, AlarmRule, Blame, Failure, FailureCode, FrameId, LatencyHistogram, Stage, test_recipe};
use crate::journal::{Journal, JournalOptions, Ledger};
use crate::pipeline::{Board, LineEvent, RecipeCard};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn sample(at_ms: u64) -> Sample {
    Sample { at_ms, device_as_asked: true, ..Sample::default() }
}

#[test]
fn every_kind_measures_what_it_says() {
    use AlarmKind as Kind;
    let slow = LatencyHistogram::default();
    (0..200).for_each(|_| slow.record(60_000));
    let stuck = LatencyHistogram::default();
    stuck.record(9_000_000);
    let before = Sample { frames: 100, undecided: 50, adversarial: 50, deadline_missed: 7, ..sample(0) };
    let now = |change: fn(&mut Sample)| {
        let mut now = Sample { at_ms: 60_000, ..before.clone() };
        change(&mut now);
        now
    };
    let table: [(Kind, Sample, Option<f64>); 17] = [
        (Kind::DeadlineMisses, now(|s| s.deadline_missed += 3), Some(3.0)),
        (Kind::DeadlineMisses, now(|_| ()), Some(0.0)),
        (Kind::UndecidedRate, now(|s| (s.frames, s.undecided) = (200, 75)), Some(0.25)),
        (Kind::UndecidedRate, now(|s| (s.frames, s.undecided) = (119, 69)), None),
        (Kind::UndecidedRate, now(|_| ()), None),
        (Kind::AdversarialRate, now(|s| (s.frames, s.adversarial) = (200, 60)), Some(0.1)),
        (Kind::Drift, now(|s| s.drifted = vec!["brightness (adwin)".into()]), Some(1.0)),
        (Kind::DeviceNotAsAsked, now(|s| s.device_as_asked = false), Some(1.0)),
        (Kind::DeviceNotAsAsked, now(|_| ()), Some(0.0)),
        (Kind::Disk, now(|s| s.disk_level = 2), Some(2.0)),
        (Kind::JournalLatency, Sample { commits: slow.read(), ..before.clone() }, Some(80.0)),
        (Kind::JournalLatency, Sample { commits: stuck.read(), ..before.clone() }, Some(1000.0)),
        (Kind::JournalLatency, now(|_| ()), None),
        (Kind::PluginFailures, now(|s| s.plugin_faults = 4), Some(4.0)),
        (Kind::PluginTakenOut, now(|s| s.plugins_out = vec!["adv-squeeze".into()]), Some(1.0)),
        (Kind::LineStopped, now(|s| s.line_stopped = Some("adv-squeeze failed".into())), Some(1.0)),
        (Kind::LaneAbandoned, now(|s| s.lanes_abandoned = 2), Some(2.0)),
    ];
    for (kind, now, expected) in table {
        let found = measure(&AlarmRule::default_of(kind), &now, &before);
        assert_eq!(found, expected, "{}", kind.name());
    }
    let dropped = now(|s| s.outbox_dropped = 1);
    assert_eq!(measure(&AlarmRule::default_of(Kind::OutboxDropped), &dropped, &before), Some(1.0));
    let back = now(|s| s.rolled_back = 2);
    assert_eq!(measure(&AlarmRule::default_of(Kind::RolledBack), &back, &before), Some(2.0));
}

#[test]
fn an_alarm_rises_and_falls_with_hysteresis_and_least_times() {
    let rule = AlarmRule {
        raise: 5.0,
        clear: 2.0,
        raise_after_s: 3,
        clear_after_s: 2,
        ..AlarmRule::default_of(AlarmKind::DeadlineMisses)
    };
    // Second, value, then whether the alarm is raised and what changed.
    let table: [(u64, Option<f64>, bool, Option<Change>); 18] = [
        (0, Some(4.9), false, None),
        (1, Some(5.0), false, None),
        (2, Some(4.9), false, None),
        (3, Some(9.0), false, None),
        (4, None, false, None),
        (5, Some(9.0), false, None),
        (6, Some(5.0), true, Some(Change::Raised)),
        (7, Some(9.0), true, None),
        (8, Some(4.0), true, None),
        (9, Some(2.0), true, None),
        (10, Some(2.1), true, None),
        (11, Some(1.0), true, None),
        (12, None, true, None),
        (13, Some(0.0), false, Some(Change::Cleared)),
        (14, Some(4.0), false, None),
        (15, Some(6.0), false, None),
        (16, Some(6.0), false, None),
        (18, Some(6.0), true, Some(Change::Raised)),
    ];
    let mut standing = Standing::default();
    for (second, value, raised, expected) in table {
        let (next, change) = step(&rule, standing, value, second * 1000);
        assert_eq!((next.is_raised(), change), (raised, expected), "second {second}: {next:?}");
        standing = next;
    }
}

#[test]
fn without_least_times_an_alarm_changes_at_once() {
    let rule = AlarmRule::default_of(AlarmKind::DeviceNotAsAsked);
    let (standing, change) = step(&rule, Standing::Quiet, Some(1.0), 0);
    assert_eq!((standing, change), (Standing::Raised, Some(Change::Raised)));
    assert_eq!(step(&rule, standing, Some(0.0), 1), (Standing::Quiet, Some(Change::Cleared)));
}

#[test]
fn every_kind_has_a_rule_that_can_be_raised_and_cleared() {
    for kind in AlarmKind::ALL {
        let rule = AlarmRule::default_of(kind);
        assert!(rule.clear < rule.raise && rule.raise <= kind.highest(), "{}", kind.name());
        assert_eq!(AlarmKind::from_name(kind.name()), Some(kind));
    }
}

#[test]
fn the_history_counts_from_the_sample_that_the_window_begins_with() {
    let mut history = History::new(10);
    assert!(history.before(0, 5).is_none());
    (0..30).for_each(|second| history.push(sample(second * 1000)));
    let at = |window_s| history.before(29_000, window_s).unwrap().at_ms;
    assert_eq!((at(5), at(10), at(1)), (24_000, 19_000, 28_000));
    assert_eq!(at(3600), 19_000, "older ones are forgotten");
}

#[test]
fn an_event_of_the_line_raises_an_alarm_that_goes_on_after_a_restart_and_ends_with_its_rule() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir.path(), "line-1") };
    let journal = Arc::new(Journal::open(options).unwrap());
    let ledger = Arc::new(Ledger::open(dir.path(), "line-1").unwrap());
    let start = |kinds: &[AlarmKind], events| {
        AlarmWatch::start(WatchParts {
            station: "line-1".to_owned(),
            boot: 1,
            rules: kinds.iter().map(|kind| AlarmRule::default_of(*kind)).collect(),
            probe: Probe::new(Board::new(card()), Arc::clone(&journal), events),
            ledger: Arc::clone(&ledger),
            send: true,
        })
        .unwrap()
    };
    let (events_in, events) = crossbeam_channel::bounded(4);
    let kinds = [AlarmKind::LaneAbandoned, AlarmKind::DeviceNotAsAsked, AlarmKind::RolledBack];
    let watch = start(&kinds, events);
    let raised = watch.board.snapshot().active.iter().map(|alarm| alarm.kind).collect::<Vec<_>>();
    assert_eq!(raised, [AlarmKind::DeviceNotAsAsked], "what is wrong at the start is raised at once");
    let frame = FrameId { station: "line-1".to_owned(), boot: 1, trigger: 7 };
    let failure = Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Timeout, "100 ms passed");
    events_in.send(LineEvent::LaneAbandoned { frame, failure, hanging: 1 }).unwrap();
    let begun = Instant::now();
    while watch.board.snapshot().active.len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(watch.board.snapshot().active[0].about, "line-1-1-7");
    let (recipe, reason) = ("surface 1.2.0".to_owned(), "3 frames in a row failed".to_owned());
    events_in.send(LineEvent::RolledBack { recipe, reason }).unwrap();
    while watch.board.snapshot().active.len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let active = watch.board.snapshot().active.clone();
    let taken_back = active.iter().find(|alarm| alarm.kind == AlarmKind::RolledBack).unwrap();
    assert_eq!(taken_back.about, "surface 1.2.0: 3 frames in a row failed");
    watch.stop();
    assert_eq!(ledger.outbox_state().unwrap().pending, 3);

    let nobody = || crossbeam_channel::bounded(1).1;
    let watch = start(&[AlarmKind::LaneAbandoned, AlarmKind::DeviceNotAsAsked], nobody());
    let open = ledger.open_alarms().unwrap();
    assert!(open.iter().any(|alarm| alarm.kind == AlarmKind::DeviceNotAsAsked), "{open:?}");
    assert_eq!(ledger.alarms(10).unwrap().len(), 3, "the same ones, not new ones");
    watch.stop();
    let watch = start(&[], nobody());
    assert!(watch.board.snapshot().active.is_empty() && ledger.open_alarms().unwrap().is_empty());
    watch.stop();
}

fn card() -> RecipeCard {
    let device = test_recipe::device(&["NPU", "CPU"]);
    RecipeCard { recipe: test_recipe::recipe(), device, library_version: "1".into(), components: vec![] }
}
