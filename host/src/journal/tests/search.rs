use super::*;
use crate::domain::VerdictKind;
use crate::journal::streams::{Running, Stream};
use std::time::Duration;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Every kind of stream, with the index that it has to be served by.
fn streams() -> Vec<(Stream, &'static str)> {
    vec![
        (Stream::Time, "inspections_time"),
        (Stream::Verdict(VerdictKind::Fail), "inspections_verdict"),
        (Stream::Label("x".to_owned()), "inspections_label"),
        (Stream::Product("x".to_owned()), "inspections_product"),
        (Stream::Serial("x".to_owned()), "inspections_serial"),
        (Stream::Finding("x".to_owned()), "PRIMARY KEY"),
        (Stream::Flagged, "inspections_flagged"),
        (Stream::Reviewed, "reviewed_time"),
        (Stream::Sampled, "review_samples_time"),
        (Stream::Scores(3, 5), "inspections_score"),
        (Stream::Recipes(vec![[7; 32], [8; 32]]), "inspections_recipe"),
    ]
}

#[test]
fn every_stream_is_read_from_its_index_in_order_and_none_scans() {
    let dir = tempfile::tempdir().unwrap();
    drop(opened(dir.path()));
    let db = stranger(dir.path());
    for (stream, index) in streams() {
        for lane in stream.lanes() {
            for sql in &lane.sql {
                let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let count = statement.parameter_count();
                let values = vec![rusqlite::types::Value::Integer(1); count];
                let steps =
                    statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
                let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("; ");
                assert!(plan.starts_with("SEARCH") && plan.contains(index), "{stream:?}: {plan}");
                // The time is part of what is searched by: a place deep inside costs no more than the first.
                assert!(plan.contains("judged_at_us>? AND judged_at_us<?"), "{stream:?}: {plan}");
                assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{stream:?}: {plan}");
            }
        }
    }
}

#[test]
fn each_filter_is_served_by_the_streams_of_its_conditions() {
    let all = Filter {
        verdict: Some(VerdictKind::Fail),
        label: text("a"),
        finding: text("b"),
        product: text("c"),
        serial: text("d"),
        flagged: Some(true),
        score_min: Some(0.21),
        score_max: Some(0.34),
        reviewed: Some(true),
        sampled: Some(true),
        ..Filter::default()
    };
    let found = all.streams(Some(&[[7; 32]]));
    for wanted in [
        Stream::Verdict(VerdictKind::Fail),
        Stream::Label("a".to_owned()),
        Stream::Finding("b".to_owned()),
        Stream::Product("c".to_owned()),
        Stream::Serial("d".to_owned()),
        Stream::Flagged,
        Stream::Scores(4, 6),
        Stream::Reviewed,
        Stream::Sampled,
        Stream::Recipes(vec![[7; 32]]),
    ] {
        assert!(found.contains(&wanted), "{wanted:?}");
    }
    assert_eq!(found.len(), 10);
    // What an index has no list of is read by time.
    let others = Filter { flagged: Some(false), reviewed: Some(false), ..Filter::default() };
    assert_eq!(others.streams(None), [Stream::Time]);
}

/// Two kinds of part in long runs, so that one stream has to skip over what the other has.
fn in_runs(journal: &Journal, count: u64) {
    let pending: Vec<_> = (1..=count)
        .map(|trigger| {
            let first = (trigger / 100).is_multiple_of(2);
            let mut one = record(journal, trigger, if first { pass() } else { fail() }, Vec::new());
            one.inspection.meta.product = text(if trigger.is_multiple_of(3) { "cover" } else { "lid" });
            journal.submit(one).unwrap()
        })
        .collect();
    pending.into_iter().for_each(|pending| assert!(pending.wait().unwrap().row > 0));
}

fn triggers(found: &Found) -> Vec<u64> {
    found.lines.iter().map(|line| line.id.trigger).collect()
}

fn unlimited(from: Option<Cursor>, direction: Direction, limit: usize) -> Turn {
    Turn { from, direction, limit, budget: Budget::NONE }
}

#[test]
fn pages_forwards_and_backwards_show_the_same_rows() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    in_runs(&journal, 1000);
    let reader = journal.reader();
    let filter = Filter { verdict: Some(VerdictKind::Fail), product: text("cover"), ..Filter::default() };
    let expected: Vec<u64> =
        (1..=1000).rev().filter(|trigger| !(trigger / 100u64).is_multiple_of(2) && trigger.is_multiple_of(3)).collect();
    let mut pages = Vec::new();
    let mut from = None;
    loop {
        let found = reader.search(&filter, &unlimited(from, Direction::Older, 7)).unwrap();
        from = found.lines.last().map(Line::cursor);
        pages.push(triggers(&found));
        if !found.more {
            break;
        }
        assert_eq!(found.lines.len(), 7);
    }
    assert_eq!(pages.concat(), expected);
    // And back again, page by page: each is the one before.
    let mut back = Vec::new();
    let mut from = None;
    loop {
        let found = reader.search(&filter, &unlimited(from, Direction::Newer, 7)).unwrap();
        from = found.lines.first().map(Line::cursor);
        back.push(triggers(&found));
        if !found.more {
            break;
        }
    }
    back.reverse();
    assert_eq!(back.concat(), expected);
}

#[test]
fn a_search_that_has_used_its_budget_says_how_far_it_came_and_goes_on_from_there() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    in_runs(&journal, 1000);
    let reader = journal.reader();
    // In no index: every row is looked at.
    let filter = Filter { flagged: Some(true), verdict: Some(VerdictKind::Pass), ..Filter::default() };
    assert_eq!(reader.search(&filter, &Turn::newest(5)).unwrap().stopped, None, "an index knows that there is none");
    for filter in [
        Filter { reviewed: Some(false), score_min: Some(0.96), score_max: Some(0.961), ..Filter::default() },
        Filter { flagged: Some(false), label: text("good"), serial: text("S000003"), ..Filter::default() },
    ] {
        let mut found = Vec::new();
        let mut from = None;
        let mut turns = 0;
        loop {
            let budget = Budget { places: 64, time: Duration::MAX };
            let page = reader.search(&filter, &Turn { from, direction: Direction::Older, limit: 3, budget }).unwrap();
            found.extend(triggers(&page));
            turns += 1;
            assert!(page.lines.len() <= 3 && turns < 500);
            match page.stopped.or(page.lines.last().map(Line::cursor)).filter(|_| page.more) {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        let all = reader.search(&filter, &unlimited(None, Direction::Older, 200)).unwrap();
        assert_eq!(found, triggers(&all), "{filter:?}");
    }
}

#[test]
fn a_budget_of_no_time_still_moves_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    in_runs(&journal, 300);
    let reader = journal.reader();
    let filter = Filter { product: text("cover"), verdict: Some(VerdictKind::Pass), ..Filter::default() };
    let (mut from, mut seen, mut turns) = (None, Vec::new(), 0);
    loop {
        let budget = Budget { places: usize::MAX, time: Duration::ZERO };
        let page = reader.search(&filter, &Turn { from, direction: Direction::Older, limit: 10, budget }).unwrap();
        seen.extend(triggers(&page));
        turns += 1;
        assert!(turns < 300, "it stands still");
        match page.stopped.or(page.lines.last().map(Line::cursor)).filter(|_| page.more) {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    let all = reader.search(&filter, &unlimited(None, Direction::Older, 200)).unwrap();
    assert_eq!(seen, triggers(&all));
    assert!(!seen.is_empty());
}

#[test]
fn a_stream_skips_over_what_others_have_without_reading_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    in_runs(&journal, 1000);
    drop(journal);
    let db = stranger(dir.path());
    let newest = Cursor { judged_at_us: i64::MAX, row: i64::MAX };
    let mut stream =
        Running::new(&db, &Stream::Verdict(VerdictKind::Pass), Direction::Older, newest, i64::MIN).unwrap();
    let time = |trigger: i64| 1_764_000_000_000_000 + trigger * 1000;
    // 1000 begins a run of passes; the run before it is 800 to 899.
    let first = stream.skip_to(newest).unwrap().unwrap();
    assert_eq!(first.judged_at_us, time(1000));
    let before = stream.skip_to(Cursor { judged_at_us: time(999), row: i64::MAX }).unwrap().unwrap();
    assert_eq!(before.judged_at_us, time(899));
    let far = stream.skip_to(Cursor { judged_at_us: time(299), row: i64::MAX }).unwrap().unwrap();
    assert_eq!(far.judged_at_us, time(299));
    assert_eq!(stream.skip_to(far).unwrap(), Some(far), "a place that it is at is not left");
    assert_eq!(stream.skip_to(Cursor { judged_at_us: 0, row: 0 }).unwrap(), None);
}

#[test]
fn scores_parts_and_samples_are_filters_like_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { review_one_in: 4, ..options(dir.path()) }).unwrap();
    let (mut drawn, mut others) = (Vec::new(), Vec::new());
    for trigger in 1..=60 {
        let score = trigger as f32 / 100.0;
        let mut one = record(&journal, trigger, Verdict::Pass { label: "good".to_owned(), score }, Vec::new());
        if trigger > 40 {
            one.inspection.recipe_digest = Digest::of(b"another recipe");
            one.inspection.runs[0].component = Digest::of(b"another plugin");
        }
        if is_drawn(&one.inspection.meta.id, 4) {
            drawn.push(trigger)
        } else {
            others.push(trigger)
        }
        journal.submit(one).unwrap().wait().unwrap();
    }
    let reader = journal.reader();
    let expect = |filter: Filter, wanted: &dyn Fn(u64) -> bool| {
        let found = reader.search(&filter, &unlimited(None, Direction::Older, 200)).unwrap();
        let expected: Vec<_> = (1..=60).rev().filter(|trigger| wanted(*trigger)).collect();
        assert_eq!(triggers(&found), expected, "{filter:?}");
    };
    let score = |low, high| Filter { score_min: low, score_max: high, ..Filter::default() };
    expect(score(Some(0.199), Some(0.301)), &|trigger| (20..=30).contains(&trigger));
    expect(score(Some(0.399), None), &|trigger| trigger >= 40);
    expect(score(None, Some(0.105)), &|trigger| trigger <= 10);
    expect(score(Some(0.7), Some(1.0)), &|_| false);
    let part = |bytes: &[u8], digits: usize| Filter {
        part: Digest::of(bytes).to_string()[..digits].parse().ok(),
        ..Filter::default()
    };
    expect(part(b"another plugin", 12), &|trigger| trigger > 40);
    expect(part(b"another plugin", 64), &|trigger| trigger > 40);
    expect(part(b"model", 8), &|_| true);
    expect(part(b"nothing", 12), &|_| false);
    expect(Filter { sampled: Some(true), ..Filter::default() }, &|trigger| drawn.contains(&trigger));
    expect(Filter { sampled: Some(false), ..Filter::default() }, &|trigger| others.contains(&trigger));
    assert!(drawn.len() > 5 && others.len() > 30, "{drawn:?}");
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_journal_of_version_two_learns_what_its_recipes_are_made_of() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 10);
    drop(journal);
    let db = stranger(dir.path());
    db.execute_batch(&format!("{WITHOUT_VERSION_3}PRAGMA user_version = 2;")).unwrap();
    drop(db);
    let journal = opened(dir.path());
    let part = Digest::of(b"model").to_string().parse().ok();
    let found = journal.reader().search(&Filter { part, ..Filter::default() }, &Turn::newest(50)).unwrap();
    assert_eq!(found.lines.len(), 10);
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
}
