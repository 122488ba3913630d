use super::*;
use crate::domain::DriftSeries;
use std::collections::BTreeSet;

fn series(feature: &str) -> DriftSeries {
    DriftSeries { plugin: "drift-input".to_owned(), feature: feature.to_owned(), statistic: "adwin".to_owned() }
}

/// The time of a trigger's verdict; see `record`.
fn at(trigger: i64) -> i64 {
    1_764_000_000_000_000 + trigger * 1000
}

/// Records frame after frame, each with its report.
fn observed(journal: &Journal, reports: &[(f64, bool)]) {
    for (trigger, (value, drifted)) in (1..).zip(reports) {
        let record = record(journal, trigger, pass(), Vec::new());
        let id = record.inspection.meta.id.clone();
        journal.submit(record).unwrap().wait().unwrap();
        journal.observe(&id, "drift-input", &observation(*value, *drifted)).unwrap().wait().unwrap();
    }
}

const STORY: [(f64, bool); 7] =
    [(0.1, false), (0.5, true), (0.6, true), (0.1, false), (0.1, false), (0.7, true), (0.8, true)];

fn told(journal: &Journal) -> Vec<(u64, bool)> {
    let changes = journal.reader().drift_changes(i64::MAX, 100).unwrap();
    changes.iter().filter(|one| one.series == series("brightness")).map(|one| (one.trigger, one.drifted)).collect()
}

#[test]
fn only_reports_that_say_otherwise_are_changes() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    observed(&journal, &STORY);
    assert_eq!(told(&journal), [(2, true), (4, false), (6, true)]);
    let newest = journal.reader().drift_changes(i64::MAX, 2).unwrap();
    assert_eq!(newest.len(), 2);
    assert_eq!((newest[0].value, newest[0].threshold, newest[0].window), (0.7, 0.2, 300));
    assert_eq!(journal.reader().drift_changes(at(1), 100).unwrap(), [], "reports were made later than that");
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_journal_of_version_three_learns_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    observed(&journal, &STORY);
    let before = told(&journal);
    drop(journal);
    stranger(dir.path()).execute_batch("DROP TABLE drift_changes; PRAGMA user_version = 3;").unwrap();
    assert!(verify(dir.path(), None).unwrap().holds(), "a database that is older than the table");
    let journal = opened(dir.path());
    assert_eq!(told(&journal), before);
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_change_that_is_hidden_or_made_up_is_found() {
    for tampering in [
        "DELETE FROM drift_changes WHERE seq = (SELECT min(seq) FROM drift_changes)",
        "INSERT INTO drift_changes SELECT max(seq), 0 FROM observations",
        "INSERT INTO drift_changes VALUES (1, 0)",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let journal = opened(dir.path());
        observed(&journal, &STORY);
        drop(journal);
        stranger(dir.path()).execute_batch(tampering).unwrap();
        let verified = verify(dir.path(), None).unwrap();
        assert!(matches!(verified.fault, Some(ChainFault::DriftChange { .. })), "{tampering}: {verified:?}");
    }
}

#[test]
fn a_series_has_the_highest_report_of_each_part_of_a_span() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    observed(&journal, &STORY);
    let reader = journal.reader();
    let span = SpanUs { from_us: at(1), to_us: i64::MAX };
    // Frames of the past with reports of now: all of them lie in the first part.
    let one = reader.drift_points(&series("brightness"), span, 1).unwrap();
    assert_eq!((one.points.len(), one.points[0].value, one.thinned), (1, 0.8, false));
    assert!(reader.drift_points(&series("max_prob"), span, 1).unwrap().points[0].value.is_nan());
    assert_eq!(reader.drift_points(&series("colour"), span, 360).unwrap(), DriftPoints::default());
    let early = SpanUs { from_us: at(1), to_us: at(9) };
    assert_eq!(reader.drift_points(&series("brightness"), early, 8).unwrap().points, [], "made later than that");
}

#[test]
fn where_reports_are_thinned_out_the_beginning_of_drift_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut reports = vec![(0.1, false); 5];
    reports.push((0.9, true));
    reports.extend(vec![(0.1, false); 70]);
    observed(&journal, &reports);
    let span = SpanUs { from_us: at(1), to_us: i64::MAX };
    let found = journal.reader().drift_points(&series("brightness"), span, 1).unwrap();
    assert!(found.thinned);
    assert!(found.points.iter().any(|point| point.drifted && point.trigger == 6), "{:?}", found.points);
    assert!(found.points.len() < 5);
}

#[test]
fn values_come_from_attributes_and_from_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    for (trigger, brightness) in [(1, "150.5"), (2, "120"), (3, "bright"), (4, "inf"), (5, "130")] {
        let mut record = record(&journal, trigger, pass(), Vec::new());
        record.inspection.runs[1].attributes = vec![("brightness".to_owned(), brightness.to_owned())];
        journal.submit(record).unwrap().wait().unwrap();
    }
    let wanted: BTreeSet<String> = ["brightness", "max_prob", "reject_rate"].map(str::to_owned).into();
    let values = |from, to, most| {
        let span = SpanUs { from_us: at(from), to_us: at(to) };
        journal.reader().feature_values(span, &wanted, most).unwrap()
    };
    let all = values(1, 9, 100);
    assert_eq!((all.inspections, all.values["brightness"].as_slice()), (5, [120.0, 130.0, 150.5].as_slice()));
    assert_eq!(all.values["max_prob"].len(), 5, "the largest probability that the model gave");
    assert!(!all.values.contains_key("reject_rate"), "nothing was recorded of it");
    assert_eq!(values(2, 5, 100).values["brightness"], [120.0], "the end is not in it");
    assert_eq!(values(1, 9, 1).values["brightness"], [130.0], "the newest");
}

#[test]
fn pictures_of_a_span_are_counted_up_to_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    for trigger in 1..=6 {
        let record =
            if trigger == 4 { record(&journal, 4, fail(), vec![]) } else { pictured(&journal, trigger, fail(), 100) };
        journal.submit(record).unwrap().wait().unwrap();
    }
    let reader = journal.reader();
    let span = SpanUs { from_us: at(2), to_us: at(6) };
    let all = reader.kept_pictures(span, 4).unwrap();
    assert_eq!(all, KeptPictures { from_us: at(2), inspections: 4, pictures: 3, bytes: 300, all: true });
    let some = reader.kept_pictures(span, 3).unwrap();
    assert_eq!((some.inspections, some.pictures, some.all), (3, 2, false));
    let left = reader.kept_pictures(SpanUs { from_us: some.from_us, ..span }, 3).unwrap();
    assert_eq!((left.inspections, left.all), (3, true), "from there on they are no more than allowed");
    let boot = journal.boot();
    assert_eq!(reader.judged_from(boot, 3).unwrap(), Some(at(3)));
    assert_eq!(reader.judged_from(boot, 0).unwrap(), Some(at(1)), "the first from there on");
    assert_eq!(reader.judged_from(boot, 7).unwrap(), None);
}

#[test]
fn changes_are_found_by_the_list_of_them_and_nothing_is_sorted() {
    let dir = tempfile::tempdir().unwrap();
    drop(opened(dir.path()));
    let db = stranger(dir.path());
    for sql in [super::super::drift::CHANGES, super::super::drift::CHANGES_OF] {
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = vec![rusqlite::types::Value::Integer(1); statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        let plan = steps.map(Result::unwrap).collect::<Vec<_>>();
        let [first, second] = &plan[..] else { panic!("{plan:?}") };
        assert!(first.starts_with("SEARCH c USING PRIMARY KEY (seq"), "{plan:?}");
        assert!(second.starts_with("SEARCH o USING PRIMARY KEY (seq=? AND ord=?)"), "{plan:?}");
    }
}
