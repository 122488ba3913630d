//! The power goes while the station's own records are written: users, tokens, and the audit log.

use super::disk::Disk;
use super::harness::{Run, Violation, broken, scratch};
use super::image::{Entry, Event, Image};
use super::say;
use assay::journal::{AuditEntry, Ledger, Outcome, export_audit, verify_audit};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const ROWS: i64 = 30;

fn entry(number: i64) -> AuditEntry {
    AuditEntry {
        actor: format!("ada-{number}"),
        kind: "user",
        role: "engineer",
        action: "deploy".to_owned(),
        target: format!("surface {number}"),
        reason: Some("x".repeat(200)),
        outcome: Outcome::Done,
    }
}

/// The rows as text, the oldest first.
fn rows(dir: &Path) -> Result<Vec<String>, Violation> {
    let mut out = Vec::new();
    export_audit(dir, &mut out).map_err(broken)?;
    Ok(String::from_utf8(out).unwrap().lines().map(str::to_owned).collect())
}

/// Three openings of the records, each row confirmed when it was answered; and all rows as they were in the end.
fn recorded(name: &str) -> (Run, Vec<String>) {
    let made = scratch();
    drop(Ledger::open(made.path(), "line-1").unwrap());
    let database = fs::read(made.path().join("station.db")).unwrap();
    let names = [("journal", Entry::Folder), ("journal/station.db", Entry::File(0))];
    let base = Image {
        names: names.map(|(name, entry)| (name.to_owned(), entry)).into(),
        files: BTreeMap::from([(0, database)]),
    };
    let (disk, root) = (Disk::register(name), scratch());
    disk.start(root.path(), &base);
    let dir = root.path().join("journal");
    for part in 0..3 {
        let ledger = Ledger::open_on(&dir, "line-1", Some(name)).unwrap();
        for row in part * ROWS / 3 + 1..=(part + 1) * ROWS / 3 {
            ledger.audit(&entry(row)).unwrap();
            disk.record(Event::Confirmed { row, frame: None });
        }
    }
    let run = Run {
        base,
        before: BTreeMap::new(),
        events: disk.events(),
        submitted: BTreeMap::new(),
        chain: None,
        pictures_may_go: false,
    };
    (run, rows(&dir).unwrap())
}

/// Every confirmed row is there, all rows are those that were written, and the records open and go on.
fn check(run: &Run, written: &[String], at: usize, image: &Image) -> Result<(), Violation> {
    let root = scratch();
    image.write_to(root.path());
    let dir = root.path().join("journal");
    fs::write(dir.join("station.db-shm"), vec![at as u8; 32 << 10]).unwrap();
    let found = rows(&dir)?;
    if let Some(row) = run.confirmed(at).into_keys().find(|row| *row > found.len() as i64) {
        return Err(Violation::Lost(row));
    }
    if !written.starts_with(&found) {
        return Err(broken("the rows are not those that were written"));
    }
    let ledger = Ledger::open(&dir, "line-1").map_err(broken)?;
    ledger.audit(&entry(0)).map_err(broken)?;
    drop(ledger);
    let db = rusqlite::Connection::open(dir.join("station.db")).map_err(broken)?;
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(broken)?;
    let verified = verify_audit(&dir, None).map_err(broken)?.ok_or_else(|| broken("no records"))?;
    match sound == "ok" && verified.fault.is_none() && verified.rows == found.len() as i64 + 1 {
        true => Ok(()),
        false => Err(broken((sound, verified))),
    }
}

#[test]
fn a_power_cut_at_any_moment_loses_no_confirmed_row_of_the_audit_log() {
    let (mut run, written) = recorded("assay-cut-ledger");
    assert_eq!(written.len() as i64, ROWS);
    let tally = run.cut_with(8, |at, image| check(&run, &written, at, image));
    say(&format!("power cuts in station.db: {} points, {} disks looked at", tally.points, tally.images));
    tally.assert_clean();
    // With one answer given before its commit, the same cuts find a lost row.
    let first = run.events.iter().position(|event| matches!(event, Event::Confirmed { .. })).unwrap();
    let early = run.events.remove(first);
    run.events.insert(0, early);
    let tally = run.cut_with(8, |at, image| check(&run, &written, at, image));
    assert!(tally.violations.iter().any(|(_, _, violation)| matches!(violation, Violation::Lost(1))), "{tally:?}");
}
