#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::domain::{Actor, Digest, Role};
use crate::journal::Checkpoint;
use rusqlite::types::Value;

fn opened(dir: &Path) -> Ledger {
    Ledger::open(dir, "line-1").unwrap()
}

fn entry(target: &str) -> AuditEntry {
    AuditEntry::new(&Actor::console(), "deploy", target).because(Some("the new lamp"))
}

/// An audit log of `rows` rows of all sorts, closed; and its end.
fn sealed(dir: &Path, rows: usize) -> Checkpoint {
    let ledger = opened(dir);
    for row in 0..rows {
        let entry = match row % 3 {
            0 => entry("surface-1.2.0"),
            1 => AuditEntry::unknown("mallory", "sign-in", "10.0.0.9").refused("wrong-password"),
            _ => AuditEntry::new(&Actor::loopback(), "roll-back", "surface"),
        };
        ledger.audit(&entry).unwrap();
    }
    let verified = verify_audit(dir, None).unwrap().unwrap();
    assert_eq!((verified.rows, &verified.fault), (rows as i64, &None));
    verified.checkpoint
}

/// A connection of somebody who is not the station.
fn stranger(dir: &Path) -> Connection {
    Connection::open(dir.join("station.db")).unwrap()
}

#[test]
fn what_was_recorded_is_listed_newest_first() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 5);
    let ledger = opened(dir.path());
    let lines = ledger.audit_lines(None, 2).unwrap();
    assert_eq!(lines.iter().map(|line| line.seq).collect::<Vec<_>>(), [5, 4]);
    assert_eq!((lines[0].action.as_str(), lines[0].refused.as_deref()), ("sign-in", Some("wrong-password")));
    assert_eq!((lines[0].role.as_str(), lines[0].kind.as_str()), ("none", "unknown"));
    assert_eq!((lines[1].actor.as_str(), lines[1].reason.as_deref()), ("console", Some("the new lamp")));
    assert_eq!(lines[1].station, "line-1");
    let older = ledger.audit_lines(Some(4), 10).unwrap();
    assert_eq!(older.iter().map(|line| line.seq).collect::<Vec<_>>(), [3, 2, 1]);
}

#[test]
fn every_value_of_every_audit_row_is_covered() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 4);
    let db = stranger(dir.path());
    let columns: Vec<String> = {
        let mut statement = db.prepare("SELECT name FROM pragma_table_info('audit')").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(columns.len(), 11);
    let mut edits = 0;
    for row in 1..=4 {
        for column in &columns {
            let read = format!("SELECT {column} FROM audit WHERE seq = ?");
            let value: Value = db.query_row(&read, [row], |found| found.get(0)).unwrap();
            let other = match &value {
                Value::Null => Value::Text("x".to_owned()),
                Value::Integer(number) => Value::Integer(number + 100),
                Value::Text(text) => Value::Text(format!("{text} ")),
                Value::Blob(blob) => Value::Blob(blob.iter().map(|byte| byte ^ 1).collect()),
                Value::Real(_) => panic!("no such column"),
            };
            db.execute_batch("SAVEPOINT edit; DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM audit")
                .unwrap();
            db.execute(&format!("UPDATE audit SET {column} = ? WHERE seq = ?"), rusqlite::params![other, row]).unwrap();
            db.execute_batch("RELEASE edit").unwrap();
            let verified = verify_audit(dir.path(), None).unwrap().unwrap();
            assert!(verified.fault.is_some(), "{column} of {row}: {value:?} became {other:?} unseen");
            db.execute_batch("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept; DROP TABLE kept").unwrap();
            edits += 1;
        }
    }
    assert_eq!(edits, 44);
    assert_eq!(verify_audit(dir.path(), None).unwrap().unwrap().fault, None, "each edit was taken back");
}

#[test]
fn removed_moved_and_cut_off_rows_are_found() {
    let swap = "UPDATE audit SET seq = 90 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4;
                UPDATE audit SET seq = 4 WHERE seq = 90";
    let cases = [
        ("DELETE FROM audit WHERE seq = 1", AuditFault::Gap { expected: 1, found: 2 }),
        ("DELETE FROM audit WHERE seq = 3", AuditFault::Gap { expected: 3, found: 4 }),
        ("DELETE FROM audit WHERE seq BETWEEN 2 AND 5", AuditFault::Gap { expected: 2, found: 6 }),
        (swap, AuditFault::Changed { row: 3 }),
        ("DELETE FROM audit WHERE seq > 4", AuditFault::CutOff { expected: 6, found: 4 }),
    ];
    for (change, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let end = sealed(dir.path(), 6);
        stranger(dir.path()).execute_batch(change).unwrap();
        let verified = verify_audit(dir.path(), Some(end)).unwrap().unwrap();
        assert_eq!(verified.fault, Some(expected), "{change}");
    }
}

#[test]
fn a_log_written_anew_is_found_with_a_checkpoint() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let end = sealed(dir.path(), 3);
    sealed(other.path(), 5);
    let verified = verify_audit(other.path(), Some(end)).unwrap().unwrap();
    assert_eq!(verified.fault, Some(AuditFault::Rewritten { row: 3 }));
    assert_eq!(verify_audit(dir.path(), Some(end)).unwrap().unwrap().fault, None);
}

#[test]
fn the_newest_rows_are_checked_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    sealed(dir.path(), 4);
    let ledger = opened(dir.path());
    assert_eq!(ledger.verify_recent_audit().unwrap().fault, None);
    stranger(dir.path()).execute_batch("UPDATE audit SET actor = 'nobody' WHERE seq = 2").unwrap();
    assert_eq!(ledger.verify_recent_audit().unwrap().fault, Some(AuditFault::Changed { row: 2 }));
}

#[test]
fn an_export_has_every_row_with_its_hash() {
    let dir = tempfile::tempdir().unwrap();
    let end = sealed(dir.path(), 3);
    let mut out = Vec::new();
    assert_eq!(export_audit(dir.path(), &mut out).unwrap(), 3);
    let rows: Vec<serde_json::Value> =
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows[0]["action"], "deploy");
    assert_eq!(rows[1]["refused"], "wrong-password");
    assert_eq!(rows[2]["hash"], end.hash.to_string());
}

#[test]
fn a_change_and_its_audit_row_are_there_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let failed = ledger.audited("try", &entry("x"), |tx| tx.execute("INSERT INTO nothing VALUES (1)", []));
    assert!(failed.is_err());
    assert!(ledger.audit_lines(None, 10).unwrap().is_empty());
    let new = NewUser { name: "ada".to_owned(), role: Role::Admin, password: "hash".to_owned() };
    assert_eq!(ledger.add_user(&new, &entry("ada")).unwrap(), Changed::Done);
    assert_eq!(ledger.add_user(&new, &entry("ada")).unwrap(), Changed::Taken);
    assert_eq!(ledger.audit_lines(None, 10).unwrap().len(), 1, "what was not done is not recorded as done");
}

#[test]
fn the_last_admin_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let add = |name: &str, role| {
        let new = NewUser { name: name.to_owned(), role, password: "hash".to_owned() };
        ledger.add_user(&new, &entry(name)).unwrap()
    };
    assert_eq!(
        (add("ada", Role::Admin), add("ben", Role::Admin), add("cy", Role::Viewer)),
        (Changed::Done, Changed::Done, Changed::Done)
    );
    let off = UserChange { disabled: Some(true), ..UserChange::default() };
    let demoted = UserChange { role: Some(Role::Engineer), ..UserChange::default() };
    let change = |name: &str, change: &UserChange| ledger.change_user(name, change, &entry(name)).unwrap();
    assert_eq!(change("ada", &off), Changed::Done);
    assert_eq!(change("ben", &off), Changed::LastAdmin);
    assert_eq!(change("ben", &demoted), Changed::LastAdmin);
    assert_eq!(change("cy", &off), Changed::Done);
    assert_eq!(change("nobody", &off), Changed::Unknown);
    let ben = ledger.user("ben").unwrap().unwrap();
    assert_eq!((ben.role, ben.disabled, ben.generation), (Role::Admin, false, 1));
    assert_eq!(ledger.user("cy").unwrap().unwrap().generation, 2);
}

#[test]
fn the_set_up_secret_works_once_and_only_without_users() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let (old, secret) = (Digest::of(b"old"), Digest::of(b"secret"));
    ledger.keep_set_up_secret(&old, &entry("secret")).unwrap();
    ledger.keep_set_up_secret(&secret, &entry("secret")).unwrap();
    let new = NewUser { name: "ada".to_owned(), role: Role::Admin, password: "hash".to_owned() };
    let first = |secret: &Digest| ledger.add_first_user(secret, &new, &entry("ada")).unwrap();
    assert_eq!(first(&old), Changed::Unknown, "a newer secret replaces it");
    assert!(!ledger.has_users().unwrap());
    assert_eq!(first(&secret), Changed::Done);
    assert_eq!(first(&secret), Changed::Taken);
}

#[test]
fn a_token_is_revoked_once_and_found_by_its_hash_only() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let new = NewToken {
        id: "a1".to_owned(),
        name: "press".to_owned(),
        role: Role::Operator,
        hash: Digest::of(b"token"),
        created_by: "ada".to_owned(),
        expires_at_us: 5,
    };
    ledger.add_token(&new, &entry("a1")).unwrap();
    assert_eq!(ledger.token(&Digest::of(b"other")).unwrap(), None);
    assert_eq!(ledger.token(&Digest::of(b"token")).unwrap().unwrap().revoked_at_us, None);
    assert_eq!(ledger.revoke_token("a1", &entry("a1")).unwrap(), Changed::Done);
    assert_eq!(ledger.revoke_token("a1", &entry("a1")).unwrap(), Changed::Unknown);
    assert!(ledger.token(&Digest::of(b"token")).unwrap().unwrap().revoked_at_us.is_some());
}

#[test]
fn two_processes_build_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let ledgers = [opened(dir.path()), opened(dir.path())];
    std::thread::scope(|scope| {
        for ledger in &ledgers {
            scope.spawn(move || (0..20).for_each(|_| ledger.audit(&entry("x")).unwrap()));
        }
    });
    let verified = verify_audit(dir.path(), None).unwrap().unwrap();
    assert_eq!((verified.rows, verified.fault), (40, None));
}

#[test]
fn a_foreign_or_newer_or_lost_database_is_refused_and_left_alone() {
    let refused = |prepare: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        prepare(dir.path());
        let before = std::fs::read(dir.path().join("station.db")).ok();
        let error = Ledger::open(dir.path(), "line-1").err().unwrap();
        assert_eq!(std::fs::read(dir.path().join("station.db")).ok(), before, "{error}");
        error
    };
    let text = |dir: &Path| std::fs::write(dir.join("station.db"), "notes").unwrap();
    assert!(matches!(refused(&text), LedgerError::Foreign { .. }));
    let other = |dir: &Path| stranger(dir).execute_batch("CREATE TABLE a (b)").unwrap();
    assert!(matches!(refused(&other), LedgerError::Foreign { .. }));
    let newer = |dir: &Path| {
        drop(opened(dir));
        let db = stranger(dir);
        db.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA user_version = 900").unwrap();
    };
    assert!(matches!(refused(&newer), LedgerError::TooNew { found: 900, .. }));
    let lost = |dir: &Path| std::fs::write(dir.join("station.db-wal"), "x").unwrap();
    assert!(matches!(refused(&lost), LedgerError::Missing { .. }));
}

#[test]
fn an_older_database_is_brought_up_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let db = stranger(dir.path());
    db.execute_batch(audit::TABLES).unwrap();
    db.pragma_update(None, "application_id", 0x4153_5354).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    audit::append(&db, "line-1", &entry("x")).unwrap();
    drop(db);
    let ledger = opened(dir.path());
    assert!(ledger.users().unwrap().is_empty(), "the tables of later versions are there");
    assert_eq!(ledger.audit_lines(None, 5).unwrap().len(), 1);
}

#[test]
fn only_the_station_reads_the_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    drop(opened(dir.path()));
    let mode = std::fs::metadata(dir.path().join("station.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}: it holds the hashes of passwords");
}

fn event(number: i64, bytes: usize) -> NewEvent {
    NewEvent { id: format!("event-{number}"), at_us: number, body: "x".repeat(bytes) }
}

#[test]
fn events_wait_in_order_until_they_are_confirmed_and_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let put = |event: &NewEvent| ledger.change("test", |tx| outbox::put(tx, event)).unwrap();
    for number in [1, 2, 2, 3] {
        assert_eq!(put(&event(number, 10)), 0);
    }
    assert_eq!(ledger.outbox_state().unwrap(), OutboxState { pending: 3, oldest_at_us: Some(1) });
    let first = ledger.oldest_event().unwrap().unwrap();
    assert_eq!(first.id, "event-1");
    ledger.event_confirmed(first.seq).unwrap();
    drop(ledger);
    let ledger = opened(dir.path());
    assert_eq!(ledger.oldest_event().unwrap().unwrap().id, "event-2");
    assert_eq!(ledger.outbox_state().unwrap().pending, 2);
}

#[test]
fn an_outbox_that_is_full_gives_up_its_oldest_events_and_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let put =
        |event: &NewEvent, most, bytes| ledger.change("test", |tx| outbox::put_within(tx, event, most, bytes)).unwrap();
    let dropped: u64 = (1..=5).map(|number| put(&event(number, 10), 3, 1000)).sum();
    assert_eq!((dropped, ledger.oldest_event().unwrap().unwrap().id.as_str()), (2, "event-3"));
    assert_eq!(put(&event(6, 980), 100, 1000), 1, "20 bytes may stay beside it");
    assert_eq!(ledger.oldest_event().unwrap().unwrap().id, "event-4");
}

#[test]
fn how_far_a_receiver_is_is_kept_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    assert_eq!(ledger.cursor("mqtt").unwrap(), None);
    ledger.set_cursor("mqtt", 7).unwrap();
    ledger.set_cursor("mqtt", 9).unwrap();
    ledger.set_cursor("other", 1).unwrap();
    drop(ledger);
    assert_eq!(opened(dir.path()).cursor("mqtt").unwrap(), Some(9));
}

#[test]
fn an_alarm_is_recorded_with_its_event_and_what_becomes_of_it() {
    use crate::domain::{Alarm, AlarmKind, Severity};
    let dir = tempfile::tempdir().unwrap();
    let ledger = opened(dir.path());
    let alarm = Alarm {
        id: "line-1-1-alarm-1".to_owned(),
        rule: "drift".to_owned(),
        kind: AlarmKind::Drift,
        severity: Severity::Warning,
        value: 2.0,
        limit: 1.0,
        about: "brightness (adwin)".to_owned(),
        raised_at_us: 5,
        cleared_at_us: None,
        acknowledged: None,
    };
    assert_eq!(ledger.save_alarm(&alarm, Some(&event(1, 10))).unwrap(), 0);
    assert_eq!(ledger.open_alarms().unwrap(), std::slice::from_ref(&alarm));
    assert_eq!(ledger.outbox_state().unwrap().pending, 1);
    let entry = AuditEntry::new(&Actor::console(), "acknowledge-alarm", &alarm.id);
    assert!(ledger.acknowledge_alarm(&alarm.id, &entry).unwrap().is_some());
    assert!(ledger.acknowledge_alarm(&alarm.id, &entry).unwrap().is_none(), "once");
    assert!(ledger.acknowledge_alarm("nothing", &entry).unwrap().is_none());
    assert_eq!(ledger.audit_lines(None, 10).unwrap().len(), 1);
    // The watcher does not know who has seen it, and does not take that back.
    ledger.save_alarm(&Alarm { cleared_at_us: Some(9), ..alarm.clone() }, None).unwrap();
    drop(ledger);
    let ledger = opened(dir.path());
    assert!(ledger.open_alarms().unwrap().is_empty());
    let kept = ledger.alarms(10).unwrap().remove(0);
    assert_eq!((kept.cleared_at_us, kept.acknowledged.unwrap().by), (Some(9), Actor::console().name));
}
