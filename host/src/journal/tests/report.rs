use super::*;
use crate::domain::{Actor, VerdictKind};
use std::time::{Duration, Instant};

const ALL: SpanUs = SpanUs { from_us: 0, to_us: i64::MAX };
/// Never reached.
const LIMIT: Duration = Duration::from_secs(600);

/// The time of a trigger's verdict; see `record`.
fn at(trigger: i64) -> i64 {
    1_764_000_000_000_000 + trigger * 1000
}

fn figures(journal: &Journal, from: i64, to: i64) -> SpanFigures {
    journal.reader().figures(SpanUs { from_us: at(from), to_us: at(to) }, LIMIT).unwrap()
}

#[test]
fn a_span_without_frames_has_no_figures() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let found = journal.reader().figures(ALL, LIMIT).unwrap();
    assert_eq!((found.counts, found.reasons, found.undecided), Default::default());
    assert!(found.latencies.is_empty() && found.drift.is_empty(), "nothing is measured, not even as 0");
    assert_eq!((found.lost, found.reviews.total()), (0, 0));
}

#[test]
fn counts_reasons_and_undecided_frames_are_those_of_the_span() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 30);
    let found = figures(&journal, 7, 16);
    assert_eq!(
        (found.counts.pass, found.counts.fail, found.counts.undecided),
        (3, 3, 3),
        "7 to 15: the end is not in it"
    );
    let reasons: Vec<_> = found.reasons.ranked.iter().map(|one| (one.label.as_str(), one.count)).collect();
    assert_eq!((found.reasons.of, reasons), (3, vec![("scratch", 3)]));
    let by = UndecidedBy { stage: "detect".into(), blame: "plugin".into(), code: "timeout".into(), count: 3 };
    assert_eq!((found.undecided.of, found.undecided.ranked), (3, vec![by]));
    let infer = found.latencies.iter().find(|one| one.stage == Some(Stage::Infer)).unwrap();
    assert_eq!((infer.frames, infer.p50_us, infer.max_us), (9, 3011, 3015));
    assert!(found.latencies.iter().any(|one| one.stage.is_none()), "all stages together");
    assert!(found.latencies.iter().all(|one| one.stage != Some(Stage::Journal)), "of that span it is not known");
}

#[test]
fn lost_triggers_are_summed_up_however_many_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    journal.lost(3, 7, "overrun").unwrap().wait().unwrap();
    assert_eq!(journal.reader().figures(ALL, LIMIT).unwrap().lost, 5);
    for _ in 0..3 {
        journal.lost(1, i64::MAX as u64 - 1, "a counter that jumped").unwrap().wait().unwrap();
    }
    assert!(journal.reader().figures(ALL, LIMIT).unwrap().lost > i64::MAX as u64);
    assert_eq!(figures(&journal, 1, 7).lost, 0, "they were recorded later than that");
}

#[test]
fn an_example_is_the_newest_reject_whose_picture_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    for trigger in 1..=3 {
        journal.submit(pictured(&journal, trigger, fail(), 100)).unwrap().wait().unwrap();
    }
    let newest = journal.reader().figures(ALL, LIMIT).unwrap().reasons.ranked.remove(0).example.unwrap();
    assert_eq!(newest.id.trigger, 3);
    std::fs::remove_file(journal.reader().picture_path(&newest.picture.unwrap()).unwrap()).unwrap();
    let older = journal.reader().figures(ALL, LIMIT).unwrap().reasons.ranked.remove(0).example.unwrap();
    assert_eq!(older.id.trigger, 2);
    assert_eq!(figures(&journal, 1, 2).reasons.ranked.remove(0).example.unwrap().id.trigger, 1);
}

#[test]
fn drift_is_summed_up_by_series() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 6);
    for (trigger, value, drifted) in [(2, 0.1, false), (3, 0.7, true), (4, 0.3, true)] {
        let id = FrameId { station: "line-1".to_owned(), boot: journal.boot(), trigger };
        journal.observe(&id, "drift-input", &observation(value, drifted)).unwrap().wait().unwrap();
    }
    let drift = journal.reader().figures(ALL, LIMIT).unwrap().drift;
    let brightness = drift.iter().find(|one| one.feature == "brightness").unwrap();
    assert_eq!((brightness.reports, brightness.drifted), (3, 2));
    assert_eq!(
        (brightness.value, brightness.highest, brightness.threshold),
        (0.3, 0.7, 0.2),
        "the newest, the highest"
    );
    let unknown = drift.iter().find(|one| one.feature == "max_prob").unwrap();
    assert!(unknown.value.is_nan() && unknown.highest.is_nan());
    assert!(figures(&journal, 1, 7).drift.is_empty(), "they were recorded later than that");
}

#[test]
fn reviews_are_those_that_were_given_within_the_span() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    let before = now_us();
    let id = FrameId { station: "line-1".to_owned(), boot: journal.boot(), trigger: 3 };
    let review = NewReview { verdict: VerdictKind::Fail, label: None, reason: None, seen: 0 };
    let desk = journal.review_desk();
    desk.record(desk.check(&id, &review, &Actor::console()).unwrap()).unwrap();
    let reader = journal.reader();
    assert_eq!(reader.figures(SpanUs { from_us: before, to_us: i64::MAX }, LIMIT).unwrap().reviews.fail, 1);
    assert_eq!(reader.figures(SpanUs { from_us: 0, to_us: before }, LIMIT).unwrap().reviews.total(), 0);
}

#[test]
fn figures_that_take_too_long_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 30);
    let reader = journal.reader();
    assert!(matches!(reader.figures(ALL, Duration::ZERO), Err(JournalError::TookTooLong { .. })));
    assert_eq!(reader.figures(ALL, LIMIT).unwrap().counts.total(), 30);
}

#[test]
fn a_query_that_would_never_end_is_ended_and_the_next_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let reader = opened(dir.path()).reader();
    let count = |most: i64| {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT count(*) FROM n";
        move |db: &rusqlite::Connection| db.query_row(sql, [most], |row| row.get::<_, i64>(0))
    };
    let ended = reader.with_until(Instant::now() + Duration::from_millis(20), "count", count(1 << 26));
    assert!(matches!(ended, Err(JournalError::TookTooLong { doing: "count" })), "{ended:?}");
    // However slow the machine is, one of them is in time.
    let due = std::iter::repeat_with(|| Instant::now() + Duration::from_millis(20));
    let due = due.take(1000).find(|due| reader.with_until(*due, "count", count(1)).is_ok()).unwrap();
    while Instant::now() < due {
        std::thread::yield_now();
    }
    assert_eq!(reader.with("count", count(100_000)).unwrap(), 100_000, "the clock of the last one is off");
}
