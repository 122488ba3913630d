//! What the record takes of the disk.

use super::*;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

#[test]
fn pictures_are_counted_by_class_and_files_by_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    for (trigger, verdict) in (1..).zip([fail(), fail(), undecided()]) {
        let mut record = record(&journal, trigger, verdict, Vec::new());
        let bytes = trigger.to_le_bytes();
        record.inspection.picture = Some(Digest::of(&bytes));
        record.picture = Some(bytes.as_slice().into());
        journal.submit(record).unwrap().wait().unwrap();
    }
    let storage = journal.reader().storage(soon()).unwrap();
    let pictures = storage.pictures.unwrap();
    let counted: Vec<_> = pictures.iter().map(|one| (one.class, one.pictures)).collect();
    assert_eq!(counted, [(PictureClass::Fail, 2), (PictureClass::Undecided, 1)]);
    assert_eq!(pictures.iter().map(|one| one.bytes).sum::<u64>(), journal.health().picture_bytes);
    assert!(pictures.iter().all(|one| one.oldest_us > 0));
    assert_eq!(storage.rows, journal.reader().newest_row().unwrap());
    assert_eq!(storage.ballast_bytes, 1 << 20);
    let files: Vec<_> = storage.databases.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(files, ["journal.db"]);
    assert!(storage.databases[0].bytes > 0 && storage.databases[0].wal_bytes > 0);
    let disk = storage.disk.unwrap();
    assert!(disk.free_bytes <= disk.whole_bytes && disk.pressure != Pressure::Full);
}

#[test]
fn without_its_ballast_the_disk_counts_as_full() {
    let dir = tempfile::tempdir().unwrap();
    let reader = opened(dir.path()).reader();
    std::fs::remove_file(dir.path().join("ballast")).unwrap();
    let storage = reader.storage(soon()).unwrap();
    assert_eq!((storage.ballast_bytes, storage.disk.unwrap().pressure), (0, Pressure::Full));
}

#[test]
fn what_is_not_counted_in_time_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    assert_eq!(journal.reader().storage(Instant::now()).unwrap().pictures, None);
}
