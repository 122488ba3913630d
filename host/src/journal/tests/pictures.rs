use super::super::pictures::Class;
use super::*;

fn kept(journal: &Journal, records: &[Record]) -> Vec<bool> {
    let reader = journal.reader();
    records.iter().map(|record| reader.picture(&record.inspection.picture.unwrap()).unwrap().is_some()).collect()
}

fn write(journal: &Journal, records: &[Record]) {
    for record in records {
        journal.submit(record.clone()).unwrap().wait().unwrap();
    }
}

/// Waits for what the writer does on its own after it has answered.
fn settled(journal: &Journal) {
    journal.save_state("none", std::collections::BTreeMap::new()).unwrap().wait().unwrap();
}

/// The inventory and the folder name the same pictures.
fn assert_sound(dir: &Path) {
    let db = stranger(dir);
    let mut statement = db.prepare("SELECT digest, bytes FROM pictures").unwrap();
    let rows = statement.query_map([], |row| Ok((Digest::from_bytes(row.get(0)?), row.get::<_, i64>(1)?))).unwrap();
    for (digest, bytes) in rows.map(Result::unwrap) {
        let name = digest.to_string();
        let meta = std::fs::metadata(dir.join("pictures").join(&name[..2]).join(&name[2..]));
        assert_eq!(meta.expect("a row names a missing picture").len(), bytes as u64);
    }
}

#[test]
fn pictures_come_back_byte_by_byte() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut record = pictured(&journal, 1, fail(), 3000);
    record.images = vec![("adv-squeeze".to_owned(), "difference".to_owned(), b"png bytes".to_vec())];
    write(&journal, std::slice::from_ref(&record));
    let reader = journal.reader();
    let entry = reader.get(&record.inspection.meta.id).unwrap().unwrap();
    assert!(entry.picture_kept);
    let picture = record.inspection.picture.unwrap();
    assert_eq!(reader.picture(&picture).unwrap().as_deref(), record.picture.as_deref());
    assert_eq!(reader.picture(&entry.images[0].digest).unwrap().as_deref(), Some(&b"png bytes"[..]));
    assert_eq!((entry.images[0].plugin.as_str(), entry.images[0].name.as_str()), ("adv-squeeze", "difference"));
    assert_eq!(reader.picture(&Digest::of(b"unknown")).unwrap(), None);
}

#[test]
fn a_picture_that_is_not_what_the_record_says_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut record = pictured(&journal, 1, fail(), 100);
    record.picture = Some(vec![0; 100].into());
    assert!(matches!(journal.submit(record), Err(JournalError::BadRecord { .. })));
}

#[test]
fn the_same_picture_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let first = pictured(&journal, 1, pass(), 1000);
    let mut second = pictured(&journal, 2, fail(), 1000);
    (second.picture, second.inspection.picture) = (first.picture.clone(), first.inspection.picture);
    write(&journal, &[first, second]);
    settled(&journal);
    assert_eq!(journal.health().picture_bytes, 1000);
    let class: i64 = stranger(dir.path()).query_row("SELECT class FROM pictures", [], |row| row.get(0)).unwrap();
    assert_eq!(class, Class::Fail as i64, "the stronger reason counts");
}

#[test]
fn the_stronger_reason_counts_within_one_commit_too() {
    for verdicts in [[pass(), fail()], [fail(), pass()]] {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::open(JournalOptions { batch_wait_us: 100_000, ..options(dir.path()) }).unwrap();
        let [first, second] = verdicts;
        let first = pictured(&journal, 1, first, 1000);
        let mut second = pictured(&journal, 2, second, 1000);
        (second.picture, second.inspection.picture) = (first.picture.clone(), first.inspection.picture);
        let pending = [first, second].map(|record| journal.submit(record).unwrap());
        for pending in pending {
            pending.wait().unwrap();
        }
        let class: i64 = stranger(dir.path()).query_row("SELECT class FROM pictures", [], |row| row.get(0)).unwrap();
        assert_eq!(class, Class::Fail as i64);
    }
}

#[test]
fn of_passed_parts_a_sample_is_kept_and_of_others_all() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { pass_one_in: 5, review_one_in: 0, ..options(dir.path()) }).unwrap();
    let passes: Vec<_> = (1..=10).map(|trigger| pictured(&journal, trigger, pass(), 100)).collect();
    let mut others: Vec<_> = (11..=13).map(|trigger| pictured(&journal, trigger, fail(), 100)).collect();
    others.push(pictured(&journal, 14, undecided(), 100));
    let mut flagged = pictured(&journal, 16, pass(), 100);
    flagged.inspection.runs[2].findings.push(finding("adversarial", 0.9, true));
    others.push(flagged);
    write(&journal, &passes);
    write(&journal, &others);
    let expected: Vec<_> = (1..=10).map(|trigger| trigger % 5 == 0).collect();
    assert_eq!(kept(&journal, &passes), expected);
    assert!(kept(&journal, &others).iter().all(|kept| *kept));
}

#[test]
fn beyond_the_quota_the_least_wanted_and_oldest_go_first() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { image_quota_bytes: 6000, ..options(dir.path()) }).unwrap();
    let verdicts = [fail(), pass(), undecided(), pass(), fail(), undecided()];
    let records: Vec<_> =
        (1..).zip(verdicts).map(|(trigger, verdict)| pictured(&journal, trigger, verdict, 1000)).collect();
    write(&journal, &records);
    settled(&journal);
    assert_eq!(kept(&journal, &records), [true; 6], "exactly at the quota");
    let order = [1, 3, 2, 5, 0];
    for (step, _) in order.iter().enumerate() {
        write(&journal, &[pictured(&journal, 100 + step as u64, fail(), 1000)]);
        settled(&journal);
        let gone = kept(&journal, &records).iter().filter(|kept| !**kept).count();
        assert_eq!(gone, step + 1);
        assert!(order[..=step].iter().all(|&at| !kept(&journal, &records)[at]), "step {step}");
        assert!(journal.health().picture_bytes <= 6000);
        assert_sound(dir.path());
    }
}

#[test]
fn large_pictures_at_once_push_small_ones_out_without_passing_the_quota_by_far() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { image_quota_bytes: 40_000, ..options(dir.path()) }).unwrap();
    let small: Vec<_> = (1..=38).map(|trigger| pictured(&journal, trigger, pass(), 1000)).collect();
    write(&journal, &small);
    // One commit cannot make room for all of these: what leaves in one step is bounded.
    let large: Vec<_> = (101..=110).map(|trigger| pictured(&journal, trigger, fail(), 5000)).collect();
    let pending: Vec<_> = large.iter().map(|record| journal.submit(record.clone()).unwrap()).collect();
    for pending in pending {
        pending.wait().unwrap();
        assert!(journal.health().picture_bytes <= 45_000, "{:?}", journal.health());
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while journal.health().picture_bytes > 40_000 {
        assert!(Instant::now() < deadline, "{:?}", journal.health());
        std::thread::yield_now();
    }
    let (stayed, health) = (kept(&journal, &large).iter().filter(|kept| **kept).count(), journal.health());
    assert!(stayed >= 4, "{stayed} large ones stayed");
    assert_eq!(stayed as u64 + health.pictures_failed, 10, "{health:?}");
    // Of the usual size it keeps up with all that one commit brings.
    let usual: Vec<_> = (201..=212).map(|trigger| pictured(&journal, trigger, fail(), 1000)).collect();
    let pending: Vec<_> = usual.iter().map(|record| journal.submit(record.clone()).unwrap()).collect();
    for pending in pending {
        pending.wait().unwrap();
    }
    settled(&journal);
    assert_eq!(kept(&journal, &usual), [true; 12]);
    assert_sound(dir.path());
}

#[test]
fn a_picture_larger_than_the_quota_is_not_kept_and_takes_no_other_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { image_quota_bytes: 4000, ..options(dir.path()) }).unwrap();
    let records = [(1, 1000), (2, 50_000), (3, 1000)];
    let records = records.map(|(trigger, bytes)| pictured(&journal, trigger, fail(), bytes));
    write(&journal, &records);
    settled(&journal);
    assert!(kept(&journal, &records)[2], "it came last and there is room");
    assert!(!kept(&journal, &records)[1]);
    assert_eq!(journal.health().pictures_failed, 1);
}

#[test]
fn pictures_are_kept_for_the_days_of_their_class() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let mut flagged = pictured(&journal, 4, pass(), 100);
    flagged.inspection.runs[2].findings.push(finding("adversarial", 0.9, true));
    let mut records: Vec<_> = (1..)
        .zip([pass(), undecided(), fail()])
        .map(|(trigger, verdict)| pictured(&journal, trigger, verdict, 100))
        .collect();
    records.push(flagged);
    write(&journal, &records);
    drop(journal);
    let week = "UPDATE pictures SET stored_at_us = stored_at_us - 7 * 86400000000";
    stranger(dir.path()).execute_batch(week).unwrap();
    let keep_days = KeepDays { pass: 6, flagged: 8, undecided: 6, fail: 8 };
    let journal = Journal::open(JournalOptions { keep_days, ..options(dir.path()) }).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while journal.health().picture_bytes != 200 {
        assert!(Instant::now() < deadline, "{:?}", journal.health());
        std::thread::yield_now();
    }
    assert_eq!(kept(&journal, &records), [false, false, true, true]);
    assert_sound(dir.path());
}

#[test]
fn no_picture_is_kept_of_a_class_with_no_days() {
    let dir = tempfile::tempdir().unwrap();
    let keep_days = KeepDays { pass: 0, ..KeepDays::FOREVER };
    let journal = Journal::open(JournalOptions { keep_days, ..options(dir.path()) }).unwrap();
    let records = [pictured(&journal, 1, pass(), 100), pictured(&journal, 2, fail(), 100)];
    write(&journal, &records);
    assert_eq!(kept(&journal, &records), [false, true]);
}

#[test]
fn the_quota_holds_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let small = JournalOptions { image_quota_bytes: 3000, ..options(dir.path()) };
    let journal = Journal::open(small.clone()).unwrap();
    write(&journal, &(1..=3).map(|trigger| pictured(&journal, trigger, fail(), 1000)).collect::<Vec<_>>());
    drop(journal);
    let journal = Journal::open(small).unwrap();
    assert_eq!(journal.health().picture_bytes, 3000);
    write(&journal, &[pictured(&journal, 1, fail(), 1000)]);
    settled(&journal);
    assert_eq!(journal.health().picture_bytes, 3000);
    assert_sound(dir.path());
}

#[test]
fn files_without_a_row_are_counted_and_never_just_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let record = pictured(&journal, 1, fail(), 700);
    write(&journal, std::slice::from_ref(&record));
    drop(journal);
    stranger(dir.path()).execute_batch("DELETE FROM pictures").unwrap();
    let journal = opened(dir.path());
    // Sub-folder by sub-folder, in quiet moments.
    let deadline = Instant::now() + Duration::from_secs(60);
    while journal.health().picture_bytes != 700 {
        assert!(Instant::now() < deadline, "{:?}", journal.health());
        std::thread::yield_now();
    }
    assert_sound(dir.path());
    assert!(kept(&journal, &[record])[0]);
}

#[test]
fn a_damaged_picture_is_not_handed_out() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let record = pictured(&journal, 1, fail(), 700);
    write(&journal, std::slice::from_ref(&record));
    let digest = record.inspection.picture.unwrap();
    let path = journal.reader().picture_path(&digest).unwrap();
    std::fs::write(path, [0; 700]).unwrap();
    assert!(matches!(journal.reader().picture(&digest), Err(JournalError::DamagedPicture { .. })));
}

#[test]
fn a_picture_that_cannot_be_written_does_not_cost_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    // A file where the folder of temporary files was.
    std::fs::remove_dir(dir.path().join("pictures/tmp")).unwrap();
    std::fs::write(dir.path().join("pictures/tmp"), b"").unwrap();
    let records: Vec<_> = (1..=3).map(|trigger| pictured(&journal, trigger, fail(), 100)).collect();
    write(&journal, &records);
    settled(&journal);
    assert_eq!(journal.reader().counts(0).unwrap().fail, 3);
    assert_eq!(kept(&journal, &records), [false; 3]);
    assert_eq!(journal.health().pictures_failed, 3);
    assert!(!journal.reader().get(&records[0].inspection.meta.id).unwrap().unwrap().picture_kept);
}
