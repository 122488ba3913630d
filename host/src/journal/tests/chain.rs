use super::*;
use rusqlite::types::Value;

/// All tables whose content the chain answers for, directly or through the record.
const TABLES: [&str; 10] = [
    "chain",
    "boots",
    "inspections",
    "details",
    "findings",
    "observations",
    "lost",
    "audit",
    "line_triggers",
    "line_lost",
];

/// A closed journal with an entry of each kind, and its end.
fn sealed(dir: &Path, inspections: u64) -> Checkpoint {
    let journal = opened(dir);
    fill(&journal, inspections);
    let id = record(&journal, 1, pass(), Vec::new()).inspection.meta.id;
    journal.observe(&id, "drift-input", &observation(0.4, true)).unwrap().wait().unwrap();
    journal.lost(inspections + 1, inspections + 2, "queue full").unwrap().wait().unwrap();
    journal.submit(counted(&journal, inspections + 3, 77)).unwrap().wait().unwrap();
    journal.line_lost("folder", 78, 80, "gap").unwrap().wait().unwrap();
    drop(journal);
    audited(dir);
    let verified = verify(dir, None).unwrap();
    assert!(verified.holds(), "{verified:?}");
    verified.checkpoint
}

/// Adds an entry of the audit log, as a journal may have it from before that log had a database of its own.
fn audited(dir: &Path) {
    let db = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    let texts = ["quality", "deploy", "surface", "{}"].map(|text| Value::Text(text.to_owned()));
    let columns: Vec<Value> = std::iter::once(Value::Integer(1)).chain(texts).collect();
    let mut head = batch::head(&db).unwrap();
    batch::Statements::new(&db).unwrap().plain(&mut head, Kind::Audit, &columns).unwrap();
}

#[test]
fn a_journal_with_an_audit_log_of_its_own_is_opened_verified_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    fill(&opened(dir.path()), 2);
    audited(dir.path());
    fill(&opened(dir.path()), 2);
    let verified = verify(dir.path(), None).unwrap();
    assert!(verified.holds() && verified.entries.contains(&(Kind::Audit, 1)), "{verified:?}");
    let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    db.execute("UPDATE audit SET actor = 'nobody'", []).unwrap();
    assert!(!verify(dir.path(), None).unwrap().holds(), "its entries count as any other");
}

fn columns_of(db: &rusqlite::Connection, table: &str) -> Vec<String> {
    let mut statement = db.prepare("SELECT name FROM pragma_table_info(?)").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Another value of the same type.
fn another(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![Value::Integer(0), Value::Text(String::new()), Value::Real(0.5)],
        Value::Integer(number) => vec![Value::Integer(number ^ 1)],
        Value::Real(number) => vec![Value::Real(number + 0.001)],
        Value::Text(text) if text == "pass" => vec![Value::Text("fail".to_owned())],
        Value::Text(text) if text == "fail" || text == "undecided" => vec![Value::Text("pass".to_owned())],
        Value::Text(text) => vec![Value::Text(format!("{text} "))],
        Value::Blob(blob) => vec![Value::Blob(blob.iter().map(|byte| byte ^ 1).collect())],
    }
}

#[test]
fn every_value_of_every_row_is_covered() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 6);
    let db = stranger(dir.path());
    db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    let mut edits = 0;
    for table in TABLES {
        let columns = columns_of(&db, table);
        let key = if matches!(table, "findings" | "line_triggers") { "inspection" } else { "seq" };
        let mut keys = db.prepare(&format!("SELECT DISTINCT {key} FROM {table}")).unwrap();
        let keys: Vec<i64> = keys.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        for row in keys {
            edits += columns.iter().map(|column| edit(&db, dir.path(), table, column, key, row)).sum::<usize>();
        }
    }
    assert!(edits > 220, "only {edits} edits were possible");
    assert!(verify(dir.path(), None).unwrap().holds(), "each edit was taken back");
}

/// Edits one value, expects that it is found, takes it back. 0 where the schema forbids the edit.
fn edit(db: &rusqlite::Connection, dir: &Path, table: &str, column: &str, key: &str, row: i64) -> usize {
    // The whole table, because an edit of the key must be taken back too.
    db.execute_batch(&format!("DROP TABLE IF EXISTS temp.kept; CREATE TEMP TABLE kept AS SELECT * FROM {table}"))
        .unwrap();
    let read = format!("SELECT {column} FROM {table} WHERE {key} = ?");
    let value: Value = db.query_row(&read, [row], |row| row.get(0)).unwrap();
    let update = format!("UPDATE {table} SET {column} = ? WHERE {key} = ?");
    let changed = another(&value).into_iter().find(|new| db.execute(&update, rusqlite::params![new, row]).is_ok());
    let Some(new) = changed else { return 0 };
    let verified = verify(dir, None).unwrap();
    assert!(!verified.holds(), "{table}.{column} of {row}: {value:?} became {new:?} unseen");
    db.execute_batch(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept")).unwrap();
    1
}

#[test]
fn removed_added_and_moved_entries_are_found() {
    let moves = [
        "DELETE FROM chain WHERE seq = 3",
        "DELETE FROM chain WHERE seq = 1",
        "DELETE FROM details WHERE seq = 3",
        "DELETE FROM details WHERE seq = 3; DELETE FROM inspections WHERE seq = 3",
        "DELETE FROM details WHERE seq = 3; DELETE FROM inspections WHERE seq = 3; DELETE FROM chain WHERE seq = 3",
        "DELETE FROM observations WHERE ord = 1",
        "DELETE FROM findings WHERE inspection = 4",
        "DELETE FROM audit",
        "INSERT INTO lost VALUES (1, 1, 90, 99, 'never', 0)",
        "INSERT INTO audit VALUES (2, 0, 'a', 'b', 'c', 'd')",
        "INSERT INTO findings VALUES ('planted', 0, 3, 'x', 1.0)",
        "DELETE FROM line_triggers",
        "DROP TABLE line_triggers",
        "INSERT INTO line_triggers VALUES ('folder', 78, 3)",
        "DELETE FROM line_lost",
        "DROP TABLE line_lost",
        "INSERT INTO line_lost VALUES (3, 1, 'folder', 90, 99, 'never', 0)",
        "UPDATE inspections SET seq = 90 WHERE seq = 3; UPDATE inspections SET seq = 3 WHERE seq = 4;
         UPDATE inspections SET seq = 4 WHERE seq = 90",
        "UPDATE chain SET seq = 90 WHERE seq = 3; UPDATE chain SET seq = 3 WHERE seq = 4;
         UPDATE chain SET seq = 4 WHERE seq = 90",
    ];
    for change in moves {
        let dir = tempfile::tempdir().unwrap();
        sealed(dir.path(), 5);
        let db = stranger(dir.path());
        db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {change}")).unwrap();
        assert!(!verify(dir.path(), None).unwrap().holds(), "unseen: {change}");
    }
}

#[test]
fn a_fault_names_the_first_row() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 9);
    stranger(dir.path()).execute_batch("UPDATE inspections SET label = 'good' WHERE seq IN (4, 7)").unwrap();
    let verified = verify(dir.path(), None).unwrap();
    assert_eq!(verified.fault, Some(ChainFault::Changed { row: 4, table: "inspections" }));
    assert_eq!(verified.checkpoint.rows, 3);
}

#[test]
fn a_missing_entry_is_named() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 5);
    stranger(dir.path()).execute_batch("DELETE FROM chain WHERE seq = 3").unwrap();
    assert_eq!(verify(dir.path(), None).unwrap().fault, Some(ChainFault::Gap { expected: 3, found: 4 }));
}

/// The stated form, made by hand: an auditor's own program must come to the same hash.
#[test]
fn the_hash_of_an_entry_is_the_one_that_is_documented() {
    let columns = [Value::Integer(7), Value::Null, Value::Text("é".to_owned()), Value::Real(0.5), Value::Blob(vec![9])];
    let mut row = Vec::new();
    let parts: [(u8, &[u8]); 5] =
        [(1, &7i64.to_le_bytes()), (0, b""), (3, "é".as_bytes()), (2, &0.5f64.to_bits().to_le_bytes()), (4, &[9])];
    for (tag, bytes) in parts {
        row.push(tag);
        row.extend((bytes.len() as u64).to_le_bytes());
        row.extend(bytes);
    }
    let before = Checkpoint { rows: 41, hash: Digest::of(b"entry 41") };
    let mut entry = before.hash.as_bytes().to_vec();
    entry.extend(42i64.to_le_bytes());
    entry.push(4);
    entry.extend(Digest::of(&row).as_bytes());
    let after = before.then(Kind::Lost, &super::super::chain::content_of(&columns));
    assert_eq!(after, Checkpoint { rows: 42, hash: Digest::of(&entry) });
}

#[test]
fn a_cut_off_end_is_found_by_a_checkpoint_only() {
    let dir = tempfile::tempdir().unwrap();
    let end = sealed(dir.path(), 5);
    let db = stranger(dir.path());
    db.execute_batch("DELETE FROM chain WHERE seq = (SELECT max(seq) FROM chain); DELETE FROM audit").unwrap();
    assert!(verify(dir.path(), None).unwrap().holds());
    let fault = verify(dir.path(), Some(end)).unwrap().fault;
    assert_eq!(fault, Some(ChainFault::CutOff { expected: end.rows, found: end.rows - 1 }));
}

#[test]
fn a_record_written_anew_is_found_by_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let first = tempfile::tempdir().unwrap();
    let end = sealed(first.path(), 5);
    let other = sealed(dir.path(), 5);
    assert!(verify(dir.path(), Some(other)).unwrap().holds());
    assert_eq!(verify(dir.path(), Some(end)).unwrap().fault, Some(ChainFault::Rewritten { row: end.rows }));
}

#[test]
fn an_older_checkpoint_holds_after_more_was_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let end = sealed(dir.path(), 5);
    fill(&opened(dir.path()), 20);
    assert!(verify(dir.path(), Some(end)).unwrap().holds());
    assert!(verify(dir.path(), Some(Checkpoint::START)).unwrap().holds());
}

/// Everything that the chain answers for, as text.
fn dump(db: &rusqlite::Connection) -> rusqlite::Result<String> {
    let mut text = String::new();
    for table in TABLES {
        let mut statement = db.prepare(&format!("SELECT * FROM {table} NOT INDEXED"))?;
        let width = statement.column_count();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..width {
                text.push_str(&format!("{:?},", row.get_ref(column)?));
            }
            text.push('\n');
        }
    }
    Ok(text)
}

#[test]
fn a_flipped_byte_of_the_file_is_found_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    // So many that most pages hold rows: an empty table or index is a page whose bytes say nothing.
    sealed(dir.path(), 60);
    let path = dir.path().join("journal.db");
    let original = dump(&stranger(dir.path())).unwrap();
    let sound = std::fs::read(&path).unwrap();
    let (mut found, mut harmless) = (0, 0);
    // Every 211th byte: coprime to the page size, so that all places in a page are met.
    for at in (0..sound.len()).step_by(211) {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        match verify(dir.path(), None) {
            Ok(verified) if verified.holds() => {
                harmless += 1;
                let now = dump(&stranger(dir.path()));
                assert_eq!(now.unwrap(), original, "byte {at} changed the record unseen");
            }
            _ => found += 1,
        }
    }
    assert!(found > harmless / 4, "{found} found, {harmless} harmless");
}

/// Takes away what versions 2 and later brought: a journal as the first release wrote it.
fn make_version_1(dir: &Path) {
    let back =
        "DROP TABLE line_triggers; DROP TABLE line_lost; PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)";
    stranger(dir).execute_batch(&format!("{WITHOUT_VERSION_3}{back}")).unwrap();
}

#[test]
fn a_journal_of_the_first_release_is_verified_as_it_is_and_grows_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    fill(&journal, 9);
    journal.lost(10, 12, "queue full").unwrap().wait().unwrap();
    drop(journal);
    make_version_1(dir.path());
    let old = verify(dir.path(), None).unwrap();
    assert!(old.holds(), "{old:?}");
    let journal = opened(dir.path());
    journal.submit(counted(&journal, 1, 77)).unwrap().wait().unwrap();
    journal.line_lost("folder", 78, 80, "gap").unwrap().wait().unwrap();
    assert_eq!(journal.reader().line_trigger("folder", 77).unwrap().unwrap().inspection.meta.line_trigger, Some(77));
    drop(journal);
    let new = verify(dir.path(), Some(old.checkpoint)).unwrap();
    assert!(new.holds(), "{new:?}");
    assert_eq!(new.checkpoint.rows, old.checkpoint.rows + 3, "the start, the record and the lost numbers");
}

#[test]
fn a_monitor_that_reports_nothing_leaves_a_chain_that_holds() {
    let dir = tempfile::tempdir().unwrap();
    let journal = opened(dir.path());
    let first = record(&journal, 1, pass(), vec![]);
    let id = first.inspection.meta.id.clone();
    journal.submit(first).unwrap().wait().unwrap();
    journal.observe(&id, "drift-input", &Observation::default()).unwrap().wait().unwrap();
    journal.submit(record(&journal, 2, pass(), vec![])).unwrap().wait().unwrap();
    journal.close();
    assert_eq!(verify(dir.path(), None).unwrap().fault, None);
}
