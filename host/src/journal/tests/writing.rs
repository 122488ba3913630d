use super::*;

#[test]
fn records_come_back_whole_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let written: Vec<_> = (1..=50).map(|trigger| record(&journal, trigger, fail(), Vec::new())).collect();
    let pending: Vec<_> = written.iter().map(|record| journal.submit(record.clone()).unwrap()).collect();
    let rows: Vec<_> = pending.into_iter().map(|pending| pending.wait().unwrap().row).collect();
    assert!(rows.windows(2).all(|pair| pair[0] < pair[1]), "{rows:?}");
    let reader = journal.reader();
    for (record, row) in written.iter().zip(rows) {
        let entry = reader.get(&record.inspection.meta.id).unwrap().unwrap();
        assert_eq!((entry.row, &entry.inspection), (row, &record.inspection));
    }
}

#[test]
fn all_that_waits_goes_into_one_commit() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { batch_wait_us: 200_000, ..options(dir.path()) }).unwrap();
    fill(&journal, 100);
    let health = journal.health();
    assert_eq!(health.entries, 100);
    assert!(health.commits < 20, "{} commits", health.commits);
}

#[test]
fn a_frame_is_recorded_once_and_the_others_of_its_batch_still_are() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { batch_wait_us: 100_000, ..options(dir.path()) }).unwrap();
    let triggers = [1, 2, 1, 3];
    let pending = triggers.map(|trigger| journal.submit(record(&journal, trigger, pass(), Vec::new())).unwrap());
    let answers = pending.map(Pending::wait);
    assert!(matches!(answers[2], Err(JournalError::Duplicate { .. })), "{:?}", answers[2]);
    assert!([0, 1, 3].iter().all(|&at| answers[at].is_ok()));
    drop(journal);
    let verified = verify(dir.path(), None).unwrap();
    assert!(verified.holds(), "{verified:?}");
    assert!(verified.entries.contains(&(Kind::Inspection, 3)));
}

#[test]
fn a_record_of_another_station_or_start_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut other = record(&journal, 1, pass(), Vec::new());
    other.inspection.meta.id.station = "line-2".to_owned();
    assert!(matches!(journal.submit(other), Err(JournalError::BadRecord { .. })));
    let mut later = record(&journal, 1, pass(), Vec::new());
    later.inspection.meta.id.boot += 1;
    assert!(matches!(journal.submit(later), Err(JournalError::BadRecord { .. })));
}

#[test]
fn starts_are_counted_and_records_stay() {
    let dir = tempfile::tempdir().unwrap();
    for boot in 1..=3 {
        let journal = opened(dir.path());
        assert_eq!(journal.boot(), boot);
        fill(&journal, 4);
    }
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.counts(0).unwrap().total(), 12);
    assert!(verify(dir.path(), None).unwrap().holds());
}

#[test]
fn a_gap_in_the_triggers_is_recorded_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    journal.lost(4, 5, "queue full").unwrap().wait().unwrap();
    for trigger in [2, 3, 7, 9] {
        journal.submit(record(&journal, trigger, pass(), Vec::new())).unwrap().wait().unwrap();
    }
    drop(journal);
    let journal = opened(dir.path());
    let mut ranges: Vec<_> =
        journal.reader().lost(10).unwrap().iter().map(|lost| (lost.boot, lost.first, lost.last)).collect();
    ranges.sort_unstable();
    assert_eq!(ranges, [(1, 1, 1), (1, 4, 5), (1, 6, 6), (1, 8, 8)]);
    drop(journal);
    assert_eq!(opened(dir.path()).reader().lost(10).unwrap().len(), 4, "said once only");
}

#[test]
fn lost_ranges_go_upwards_from_one() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    assert!(matches!(journal.lost(0, 3, "x"), Err(JournalError::BadRecord { .. })));
    assert!(matches!(journal.lost(4, 3, "x"), Err(JournalError::BadRecord { .. })));
}

#[test]
fn monitor_state_is_replaced_as_a_whole_and_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let state = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), key.as_bytes().to_vec())).collect();
    journal.save_state("drift", state(&["a", "b"])).unwrap().wait().unwrap();
    journal.save_state("drift", state(&["b", "c"])).unwrap().wait().unwrap();
    journal.save_state("other", state(&["z"])).unwrap().wait().unwrap();
    drop(journal);
    let journal = opened(dir.path());
    assert_eq!(journal.load_state("drift").unwrap(), state(&["b", "c"]));
    assert!(journal.load_state("unknown").unwrap().is_empty());
}

#[test]
fn a_record_with_numbers_that_json_has_not_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut odd = record(&journal, 1, undecided(), vec![finding("odd", f32::NAN, true)]);
    odd.inspection.answer.as_mut().unwrap().probabilities = vec![f32::NAN, f32::INFINITY, -0.0];
    let id = odd.inspection.meta.id.clone();
    journal.submit(odd).unwrap().wait().unwrap();
    let entry = journal.reader().get(&id).unwrap().unwrap();
    let probabilities = entry.inspection.answer.unwrap().probabilities;
    assert!(probabilities[0].is_nan() && probabilities[1].is_nan() && probabilities[2] == 0.0);
    drop(journal);
    let verified = verify(dir.path(), None).unwrap();
    assert!(verified.holds(), "{verified:?}");
}

#[test]
fn after_close_records_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 3);
    journal.close();
    let refused = journal.submit(record(&journal, 4, pass(), Vec::new()));
    assert!(matches!(refused, Err(JournalError::Stopped { .. })));
}

#[test]
fn what_waits_when_the_journal_closes_is_still_written() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let pending: Vec<_> =
        (1..=300).map(|trigger| journal.submit(record(&journal, trigger, pass(), Vec::new())).unwrap()).collect();
    journal.close();
    assert!(pending.into_iter().all(|pending| pending.wait().is_ok()));
}
