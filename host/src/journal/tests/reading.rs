use super::*;
use crate::domain::VerdictKind;

fn rows(listing: &Listing) -> Vec<u64> {
    listing.lines.iter().map(|line| line.id.trigger).collect()
}

fn all(reader: &Reader, filter: &Filter, limit: usize) -> Vec<u64> {
    let mut page = Page { before: None, limit };
    let mut triggers = Vec::new();
    loop {
        let listing = reader.list(filter, &page).unwrap();
        triggers.extend(rows(&listing));
        match listing.next {
            Some(next) => page.before = Some(next),
            None => return triggers,
        }
    }
}

#[test]
fn each_filter_shows_exactly_its_rows_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 60);
    let reader = journal.reader();
    let expect = |filter: Filter, wanted: &dyn Fn(u64) -> bool| {
        let expected: Vec<_> = (1..=60).rev().filter(|trigger| wanted(*trigger)).collect();
        assert_eq!(all(&reader, &filter, 7), expected, "{filter:?}");
    };
    let time = |trigger: i64| Some(1_764_000_000_000_000 + trigger * 1000);
    let text = |text: &str| Some(text.to_owned());
    expect(Filter::default(), &|_| true);
    for (verdict, rest) in [(VerdictKind::Fail, 0), (VerdictKind::Pass, 1), (VerdictKind::Undecided, 2)] {
        expect(Filter { verdict: Some(verdict), ..Filter::default() }, &move |trigger| trigger % 3 == rest);
    }
    expect(Filter { label: text("scratch"), ..Filter::default() }, &|trigger| trigger % 3 == 0);
    expect(Filter { label: text("good"), ..Filter::default() }, &|trigger| trigger % 3 != 0);
    expect(Filter { finding: text("adversarial"), ..Filter::default() }, &|trigger| trigger % 3 == 0);
    expect(Filter { finding: text("brightness"), ..Filter::default() }, &|_| false);
    expect(Filter { flagged: Some(true), ..Filter::default() }, &|trigger| trigger % 3 == 0);
    expect(Filter { flagged: Some(false), ..Filter::default() }, &|trigger| trigger % 3 != 0);
    expect(Filter { product: text("cover"), ..Filter::default() }, &|_| true);
    expect(Filter { serial: text("S000017"), ..Filter::default() }, &|trigger| trigger == 17);
    expect(Filter { from_us: time(10), to_us: time(20), ..Filter::default() }, &|trigger| (10..20).contains(&trigger));
    let both = Filter {
        finding: text("adversarial"),
        from_us: time(30),
        verdict: Some(VerdictKind::Fail),
        ..Filter::default()
    };
    expect(both, &|trigger| trigger % 3 == 0 && trigger >= 30);
}

#[test]
fn paging_shows_each_row_once_while_rows_are_added() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 100);
    let reader = journal.reader();
    let mut seen = Vec::new();
    let mut page = Page { before: None, limit: 7 };
    let mut next = 101;
    loop {
        let listing = reader.list(&Filter::default(), &page).unwrap();
        seen.extend(rows(&listing));
        // Newer ones, and one that was judged long ago but is recorded only now.
        for trigger in [next, next + 1] {
            let mut late = record(&journal, trigger, pass(), Vec::new());
            if trigger == next {
                late.inspection.judged_at_us = 1_764_000_000_050_500;
            }
            journal.submit(late).unwrap().wait().unwrap();
        }
        next += 2;
        match listing.next {
            Some(cursor) => page.before = Some(cursor),
            None => break,
        }
    }
    let old: Vec<_> = seen.iter().copied().filter(|trigger| *trigger <= 100).collect();
    assert_eq!(old, (1..=100).rev().collect::<Vec<_>>());
    let mut once = seen.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "a row was shown twice");
}

#[test]
fn rows_of_the_same_microsecond_are_paged_once_each() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    for trigger in 1..=25 {
        let mut same = record(&journal, trigger, pass(), vec![finding("adversarial", 0.9, true)]);
        same.inspection.judged_at_us = 1_764_000_000_000_000;
        journal.submit(same).unwrap().wait().unwrap();
    }
    let reader = journal.reader();
    let finding = Filter { finding: Some("adversarial".to_owned()), ..Filter::default() };
    for filter in [Filter { label: Some("good".to_owned()), ..Filter::default() }, finding] {
        let mut triggers = all(&reader, &filter, 4);
        triggers.retain(|trigger| *trigger <= 25);
        assert_eq!(triggers, (1..=25).rev().collect::<Vec<_>>());
    }
}

#[test]
fn counts_and_trend_agree_with_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 90);
    let reader = journal.reader();
    assert_eq!(reader.counts(0).unwrap(), Counts { pass: 30, fail: 30, undecided: 30 });
    let from = 1_764_000_000_000_000 + 61_000;
    assert_eq!(reader.counts(from).unwrap().total(), 30);
    let trend = reader.trend(1_764_000_000_000_000, 30_000, 5).unwrap();
    let totals: Vec<_> = trend.iter().map(|point| point.counts.total()).collect();
    assert_eq!(totals, [29, 30, 30, 1, 0]);
}

#[test]
fn percentiles_are_exact() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 200);
    let latencies = journal.reader().latencies(100).unwrap();
    let of = |stage| *latencies.iter().find(|latency| latency.stage == stage).unwrap();
    let infer = of(Some(Stage::Infer));
    // The newest hundred are the triggers 101 to 200, at 3000 µs and the trigger's number.
    assert_eq!((infer.frames, infer.p50_us, infer.p95_us, infer.p99_us, infer.max_us), (100, 3150, 3195, 3199, 3200));
    assert_eq!(of(None).max_us, 900 + 3200 + 400);
    assert_eq!(of(Some(Stage::Journal)).frames, 100);
    assert!(latencies.iter().all(|latency| latency.stage != Some(Stage::Preprocess)), "no such time was recorded");
}

#[test]
fn observations_are_a_series_and_belong_to_their_frame() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    for trigger in 1..=3 {
        let id = record(&journal, trigger, pass(), Vec::new()).inspection.meta.id;
        let value = trigger as f64 / 10.0;
        journal.observe(&id, "drift-input", &observation(value, trigger == 3)).unwrap().wait().unwrap();
    }
    let reader = journal.reader();
    let latest = reader.latest_reports().unwrap();
    assert_eq!(latest.len(), 2);
    assert_eq!((latest[0].feature.as_str(), latest[0].value, latest[0].drifted), ("brightness", 0.3, true));
    let id = record(&journal, 2, pass(), Vec::new()).inspection.meta.id;
    let entry = reader.get(&id).unwrap().unwrap();
    assert_eq!(entry.observations.iter().map(|seen| seen.window).collect::<Vec<_>>(), [300, 300]);
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_reader_holds_no_view_between_calls() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let reader = journal.reader();
    fill(&journal, 10);
    assert_eq!(reader.counts(0).unwrap().total(), 10);
    // A view that is held would keep this from moving all of the WAL.
    let db = stranger(dir.path());
    let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
}

#[test]
fn cursors_and_checkpoints_survive_their_text() {
    let cursor = Cursor { judged_at_us: -5, row: 17 };
    assert_eq!(cursor.to_string().parse(), Ok(cursor));
    let checkpoint = Checkpoint { rows: 12, hash: Digest::of(b"x") };
    assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
    for bad in ["", "12", "12:", "-1:00", "x:y", "12:ABC"] {
        assert!(bad.parse::<Checkpoint>().is_err(), "{bad}");
    }
}

#[test]
fn an_export_has_every_inspection_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 1200);
    let mut jsonl = Vec::new();
    assert_eq!(export(&journal.reader(), ExportFormat::Jsonl, &mut jsonl).unwrap(), 1200);
    let lines: Vec<serde_json::Value> =
        String::from_utf8(jsonl).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let triggers: Vec<_> =
        lines.iter().map(|line| line["inspection"]["meta"]["id"]["trigger"].as_u64().unwrap()).collect();
    assert_eq!(triggers, (1..=1200).collect::<Vec<_>>());
    let mut csv = Vec::new();
    assert_eq!(export(&journal.reader(), ExportFormat::Csv, &mut csv).unwrap(), 1200);
    assert_eq!(String::from_utf8(csv).unwrap().lines().count(), 1201);
}

#[test]
fn csv_cells_are_quoted_and_never_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut odd = record(&journal, 1, pass(), Vec::new());
    odd.inspection.meta.serial = Some("=1+1".to_owned());
    odd.inspection.meta.origin = Some("a \"b\", c".to_owned());
    journal.submit(odd).unwrap().wait().unwrap();
    let mut csv = Vec::new();
    export(&journal.reader(), ExportFormat::Csv, &mut csv).unwrap();
    let text = String::from_utf8(csv).unwrap();
    assert!(text.contains(",'=1+1,") && text.contains(",\"a \"\"b\"\", c\","), "{text}");
}
