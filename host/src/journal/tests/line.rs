use super::*;

fn put(journal: &Journal, record: Record) -> i64 {
    journal.submit(record).unwrap().wait().unwrap().row
}

#[test]
fn the_newest_record_under_a_number_is_found_across_starts_and_by_its_source_only() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let first = put(&journal, counted(&journal, 1, 7));
    assert_eq!(journal.reader().line_trigger("folder", 7).unwrap().unwrap().row, first);
    let second = put(&journal, counted(&journal, 2, 7));
    drop(journal);
    let reader = opened(dir.path()).reader();
    assert_eq!(reader.line_trigger("folder", 7).unwrap().unwrap().row, second);
    assert!(reader.line_trigger("folder", 8).unwrap().is_none());
    assert!(reader.line_trigger("other", 7).unwrap().is_none());
    assert!(reader.line_trigger("folder", u64::MAX).unwrap().is_none());
}

#[test]
fn a_counters_history_is_the_newest_in_order_with_what_was_lost_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    journal.line_lost("folder", 1, 2, "before all that is looked at").unwrap().wait().unwrap();
    for (trigger, number) in [(1, 100), (2, 101), (3, 5), (4, 7)] {
        put(&journal, counted(&journal, trigger, number));
    }
    put(&journal, record(&journal, 5, pass(), Vec::new()));
    journal.line_lost("folder", 6, 6, "gap").unwrap().wait().unwrap();
    journal.line_lost("other", 8, 9, "gap").unwrap().wait().unwrap();
    let history = journal.reader().line_history("folder").unwrap();
    assert_eq!(history.numbers.iter().map(|one| one.number).collect::<Vec<_>>(), [100, 101, 5, 7]);
    assert_eq!(history.lost, [(6, 6)]);
    assert_eq!(journal.reader().line_history("nobody").unwrap(), LineHistory::default());
    let lost = journal.reader().lost(10).unwrap();
    let shown: Vec<_> = lost.iter().map(|one| (one.source.as_deref(), one.first, one.last)).collect();
    assert_eq!(shown, [(Some("other"), 8, 9), (Some("folder"), 6, 6), (Some("folder"), 1, 2)]);
}

#[test]
fn an_empty_range_of_lost_numbers_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    assert!(matches!(journal.line_lost("folder", 4, 3, "x"), Err(JournalError::BadRecord { .. })));
    assert!(matches!(journal.line_lost("folder", 4, u64::MAX, "x"), Err(JournalError::BadRecord { .. })));
    journal.line_lost("folder", 0, 0, "counters may begin at 0").unwrap().wait().unwrap();
}

#[test]
fn the_files_of_a_source_are_told_the_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    put(&journal, pictured(&journal, 1, pass(), 10));
    put(&journal, record(&journal, 2, pass(), Vec::new()));
    put(&journal, pictured(&journal, 3, fail(), 10));
    let files = journal.reader().recorded_files("folder").unwrap();
    let names: Vec<_> = files.iter().map(|file| file.origin.as_str()).collect();
    assert_eq!(names, ["part-3.png", "part-1.png"], "what gave no picture is not among them");
    assert!(journal.reader().recorded_files("other").unwrap().is_empty());
}
