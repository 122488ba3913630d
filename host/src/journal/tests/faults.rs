use super::*;
use std::collections::BTreeMap;
use std::fs;

/// All files below a folder with their bytes.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Expects that opening is refused and that not a byte was changed.
fn refused(dir: &Path) -> JournalError {
    let before = contents(dir);
    let error = Journal::open(options(dir)).err().expect("it was opened");
    assert_eq!(contents(dir), before, "something was written");
    error
}

#[test]
fn two_stations_never_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 2);
    assert!(matches!(Journal::open(options(dir.path())).err(), Some(JournalError::InUse { .. })));
    drop(journal);
    opened(dir.path());
}

#[test]
fn a_database_that_another_program_holds_is_said_to_be_locked() {
    let dir = tempfile::tempdir().unwrap();
    drop(opened(dir.path()));
    let other = stranger(dir.path());
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(Journal::open(options(dir.path())).err(), Some(JournalError::Locked { .. })));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(opened(dir.path()).boot(), 2, "the refused start was not counted");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    db.execute_batch("PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE mine (x)").unwrap();
    drop(db);
    let error = refused(dir.path());
    assert!(matches!(&error, JournalError::Foreign { found, .. } if found.contains("0x0000004d")), "{error}");
    assert!(matches!(verify(dir.path(), None), Err(JournalError::Foreign { .. })));
    assert!(matches!(Reader::open(dir.path()).err(), Some(JournalError::Foreign { .. })));
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    for bytes in [&b""[..], b"short", &[7; 4096]] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("journal.db"), bytes).unwrap();
        assert!(matches!(refused(dir.path()), JournalError::Foreign { .. }));
    }
}

#[test]
fn a_newer_schema_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fill(&opened(dir.path()), 3);
    let db = stranger(dir.path());
    db.execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    drop(db);
    assert!(matches!(refused(dir.path()), JournalError::TooNew { found: 99, .. }));
}

#[test]
fn pictures_without_their_database_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    journal.submit(pictured(&journal, 1, fail(), 500)).unwrap().wait().unwrap();
    drop(journal);
    fs::remove_file(dir.path().join("journal.db")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(&error, JournalError::DatabaseMissing { .. }), "{error}");
    assert!(error.to_string().contains("nothing was deleted"));
}

#[test]
fn a_wal_without_its_database_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("journal.db-wal"), [1; 4096]).unwrap();
    assert!(matches!(refused(dir.path()), JournalError::DatabaseMissing { .. }));
}

#[test]
fn a_half_made_database_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("journal.db.new"), b"cut off by a power failure").unwrap();
    let journal = opened(dir.path());
    fill(&journal, 2);
    assert!(!dir.path().join("journal.db.new").exists());
}

#[test]
fn a_full_queue_is_said_so_after_the_stated_wait() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(JournalOptions { queue: 1, queue_wait_ms: 20, ..options(dir.path()) }).unwrap();
    let other = stranger(dir.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writer waits for the other program; behind it there is room for one.
    let mut pending = Vec::new();
    let refused = (1..=10).find_map(|trigger| match journal.submit(record(&journal, trigger, pass(), Vec::new())) {
        Ok(waiting) => {
            pending.push((trigger, waiting));
            None
        }
        Err(error) => Some(error),
    });
    assert!(matches!(refused, Some(JournalError::QueueFull { queue: 1, waited_ms: 20 })), "{refused:?}");
    other.execute_batch("ROLLBACK").unwrap();
    let confirmed: Vec<_> = pending.into_iter().filter_map(|(t, waiting)| waiting.wait().ok().map(|_| t)).collect();
    journal.submit(record(&journal, 99, pass(), Vec::new())).unwrap().wait().unwrap();
    for trigger in confirmed {
        let id = record(&journal, trigger, pass(), Vec::new()).inspection.meta.id;
        assert!(journal.reader().get(&id).unwrap().is_some());
    }
}

#[test]
fn a_database_held_too_long_costs_the_batch_and_not_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let other = stranger(dir.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = journal.submit(record(&journal, 1, pass(), Vec::new())).unwrap().wait();
    assert!(matches!(answer, Err(JournalError::Locked { .. })), "{answer:?}");
    other.execute_batch("ROLLBACK").unwrap();
    journal.submit(record(&journal, 1, pass(), Vec::new())).unwrap().wait().unwrap();
    assert_eq!(journal.reader().counts(0).unwrap().total(), 1);
}

#[test]
fn settings_of_the_writer_are_those_that_keep_the_promise() {
    let dir = tempfile::tempdir().unwrap();
    drop(opened(dir.path()));
    let db = super::super::schema::open_writer(&dir.path().join("journal.db"), Durability::Full, None).unwrap();
    let number = |pragma: &str| db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
    let expected =
        [("synchronous", 2), ("foreign_keys", 1), ("trusted_schema", 0), ("cell_size_check", 1), ("mmap_size", 0)];
    for (pragma, value) in expected {
        assert_eq!(number(pragma), value, "{pragma}");
    }
    let strict: i64 = db
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite_%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(strict, 0, "tables that are not STRICT");
}
