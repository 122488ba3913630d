//! Real small disks: full, read-only; and readers that never go away.

use super::image::Dice;
use super::{mounts, options, record, say, triggers_in, until};
use assay::domain::{Actor, Digest};
use assay::journal::{
    AuditEntry, Filter, Journal, JournalError, JournalOptions, Ledger, Page, Pressure, Reader, export_audit, verify,
    verify_audit,
};
use assay_tests::station::{TestStation, picture};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Writes until there is no room left, then gives `left` bytes back.
fn fill(dir: &Path, left: u64) {
    let path = dir.join("other");
    let mut file = File::create(&path).unwrap();
    let mut chunk = 1 << 16;
    while chunk >= 4096 {
        if file.write_all(&vec![1; chunk]).is_err() {
            chunk /= 4;
        }
    }
    let written = file.metadata().unwrap().len();
    file.set_len(written.saturating_sub(left)).unwrap();
}

#[test]
fn a_disk_that_fills_up_200_times_loses_nothing_and_the_journal_goes_on_by_itself() {
    if !mounts::inside(
        "journal::pressure::a_disk_that_fills_up_200_times_loses_nothing_and_the_journal_goes_on_by_itself",
    ) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    mounts::small_disk(dir.path(), "40m");
    let place = dir.path().join("journal");
    let journal = Journal::open(JournalOptions { checkpoint_pages: 100, ..options(&place) }).unwrap();
    let (mut confirmed, mut refused, mut trigger) = (BTreeSet::new(), 0, 0);
    let mut dice = Dice(9);
    let submit = |trigger: u64, pictured: bool| {
        let mut large = record(1, trigger);
        large.inspection.meta.origin = Some("x".repeat(200));
        if pictured {
            let bytes = trigger.to_le_bytes().repeat(1000);
            large.inspection.picture = Some(Digest::of(&bytes));
            large.picture = Some(bytes.into());
        }
        journal.submit(large).unwrap().wait()
    };
    for round in 0..200 {
        fill(dir.path(), dice.below(60_000));
        let mut here = 0;
        while here < 3 {
            trigger += 1;
            assert!(trigger < 500_000, "the disk was never full");
            match submit(trigger, trigger.is_multiple_of(4)) {
                Ok(_) => assert!(confirmed.insert((1, trigger))),
                Err(JournalError::DiskFull { .. } | JournalError::NotDurable { .. }) => here += 1,
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        refused += here;
        assert_eq!(journal.health().pressure, Pressure::Full, "round {round}");
        fs::remove_file(dir.path().join("other")).unwrap();
        until("it never came back", || {
            trigger += 1;
            submit(trigger, false).ok()
        });
        confirmed.insert((1, trigger));
    }
    drop(journal);
    assert!(verify(&place, None).unwrap().holds());
    assert_eq!(triggers_in(&place), confirmed);
    say(&format!("disk: filled 200 times, {} records confirmed and there, {refused} refused", confirmed.len()));
}

#[test]
fn a_station_starts_on_a_disk_that_only_its_ballast_fills() {
    if !mounts::inside("journal::pressure::a_station_starts_on_a_disk_that_only_its_ballast_fills") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    mounts::small_disk(dir.path(), "8m");
    let place = dir.path().join("journal");
    let large = || JournalOptions { ballast_bytes: 2 << 20, ..options(&place) };
    let journal = Journal::open(large()).unwrap();
    journal.submit(record(1, 1)).unwrap().wait().unwrap();
    drop(journal);
    assert!(place.join("ballast").exists());
    fill(dir.path(), 0);
    let journal = Journal::open(large()).unwrap();
    assert!(!place.join("ballast").exists());
    assert_eq!(journal.health().pressure, Pressure::Full);
    journal.submit(record(2, 1)).unwrap().wait().unwrap();
    drop(journal);
    assert!(verify(&place, None).unwrap().holds());
    assert_eq!(triggers_in(&place), BTreeSet::from([(1, 1), (2, 1)]));
    // Without a ballast to give, it says what to do, and changes nothing.
    fill(dir.path(), 0);
    let error = Journal::open(large()).err();
    assert!(matches!(error, Some(JournalError::DiskFull { .. })), "{error:?}");
    fs::remove_file(dir.path().join("other")).unwrap();
    assert_eq!(triggers_in(&place), BTreeSet::from([(1, 1), (2, 1)]));
}

#[test]
fn on_a_full_disk_the_whole_line_gives_undecided_and_later_goes_on() {
    if !mounts::inside("journal::pressure::on_a_full_disk_the_whole_line_gives_undecided_and_later_goes_on") {
        return;
    }
    let station = TestStation::new("[inference]\norder = [\"tract\"]").unwrap();
    fs::create_dir(station.data()).unwrap();
    mounts::small_disk(&station.data(), "64m");
    let good = picture("1-ordinary-00-good-brick.jpg");
    let inspect = |count: usize| {
        let mut args = vec![Path::new("--json"), Path::new("-")];
        args.extend(std::iter::repeat_n(good.as_path(), count));
        let output = station.run(&["inspect"], &args).unwrap();
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        report["pictures"].as_array().unwrap().clone()
    };
    assert_ne!(inspect(1)[0]["reason"], "disk-full");
    fs::remove_file(station.data().join("journal/ballast")).unwrap();
    fill(&station.data(), 600_000);
    let rows = inspect(40);
    let (withheld, kept): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row["reason"] == "disk-full");
    assert!(!kept.is_empty() && !withheld.is_empty(), "{} and {}", kept.len(), withheld.len());
    for row in withheld {
        assert_eq!(row["verdict"], "undecided", "{row}");
        let detail = row["detail"].as_str().unwrap();
        assert!(detail.contains("journal") && detail.contains("(host)"), "{detail}");
    }
    fs::remove_file(station.data().join("other")).unwrap();
    assert_ne!(inspect(1)[0]["reason"], "disk-full");
    let verified = verify(&station.data().join("journal"), None).unwrap();
    assert!(verified.holds(), "{verified:?}");
    assert_eq!(triggers_in(&station.data().join("journal")).len(), kept.len() + 2);
}

#[test]
fn a_read_only_disk_is_said_to_be_one_and_can_still_be_read() {
    if !mounts::inside("journal::pressure::a_read_only_disk_is_said_to_be_one_and_can_still_be_read") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    mounts::small_disk(dir.path(), "8m");
    let journal = Journal::open(options(dir.path())).unwrap();
    journal.submit(record(1, 1)).unwrap().wait().unwrap();
    drop(journal);
    let ledger = Ledger::open(dir.path(), "line-1").unwrap();
    ledger.audit(&AuditEntry::new(&Actor::console(), "sign-in", "")).unwrap();
    drop(ledger);
    mounts::read_only(dir.path());
    let error = Journal::open(options(dir.path())).err();
    assert!(matches!(error, Some(JournalError::ReadOnly { .. })), "{error:?}");
    assert!(verify(dir.path(), None).unwrap().holds());
    assert_eq!(triggers_in(dir.path()), BTreeSet::from([(1, 1)]));
    let audit = verify_audit(dir.path(), None).unwrap().unwrap();
    assert_eq!((audit.rows, audit.fault), (1, None));
    assert_eq!(export_audit(dir.path(), &mut Vec::new()).unwrap(), 1);
}

#[test]
fn a_database_that_goes_away_under_a_running_station_ends_the_confirmations() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(options(dir.path())).unwrap();
    let submit = |trigger| journal.submit(record(1, trigger)).unwrap().wait();
    submit(1).unwrap();
    let (here, away) = (dir.path().join("journal.db"), dir.path().join("moved.db"));
    fs::rename(&here, &away).unwrap();
    for trigger in 2..5 {
        let refused = submit(trigger);
        assert!(matches!(refused, Err(JournalError::NotDurable { .. })), "{refused:?}");
    }
    assert!(!here.exists(), "a new database would hide the old one");
    fs::rename(&away, &here).unwrap();
    let mut back = 4;
    until("it never came back", || {
        back += 1;
        submit(back).ok()
    });
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
    let found = triggers_in(dir.path());
    assert!(found.contains(&(1, 1)) && found.contains(&(1, back)), "{found:?}");
}

// ---------------------------------------------------------------------------------------------------------------
// Readers

/// Writes 25 MB in records; gives the largest WAL that was seen, in pages, and how often it began anew.
fn write_25_mb(journal: &Journal) -> (i64, u64) {
    let (mut largest, mut before, mut anew) = (0, 0, 0);
    for trigger in 1..=2500 {
        let mut large = record(1, trigger);
        large.inspection.meta.origin = Some("x".repeat(5000));
        journal.submit(large).unwrap().wait().unwrap();
        let pages = journal.health().wal_pages;
        anew += u64::from(pages < before);
        before = pages;
        largest = largest.max(pages);
    }
    (largest, anew)
}

/// 500 pages are enough to move the WAL in a quiet moment, 4000 to do it in any.
fn often(dir: &Path) -> JournalOptions {
    JournalOptions { checkpoint_pages: 500, ..options(dir) }
}

#[test]
fn readers_that_ask_all_the_time_do_not_keep_the_wal_from_beginning_anew() {
    let dir = super::harness::scratch();
    let journal = Journal::open(often(dir.path())).unwrap();
    let (done, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let ask = |reader: Reader| {
        while !done.load(Ordering::SeqCst) {
            let lines = reader.list(&Filter::default(), &Page { before: None, limit: 50 }).unwrap().lines;
            reader.counts(0).unwrap();
            reader.latencies(1000).unwrap();
            lines.first().map(|line| reader.get_row(line.row).unwrap());
            asked.fetch_add(1, Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let reader = journal.reader();
            scope.spawn(|| ask(reader));
        }
        let (largest, mut anew) = write_25_mb(&journal);
        // On a slow machine it may take longer, but not for ever.
        let (mut trigger, mut before) = (10_000, journal.health().wal_pages);
        until("the WAL never began anew", || {
            trigger += 1;
            journal.submit(record(1, trigger)).unwrap().wait().unwrap();
            let pages = journal.health().wal_pages;
            anew += u64::from(pages < before);
            before = pages;
            (anew > 0).then_some(())
        });
        done.store(true, Ordering::SeqCst);
        let asked = asked.load(Ordering::SeqCst);
        say(&format!("readers: asked {asked} times, the WAL had {largest} pages at most and began anew {anew} times"));
        assert!(asked > 10);
    });
}

/// The test above has teeth: with a view that is kept open the WAL has all that was written, and the journal says so.
#[test]
fn a_forgotten_view_of_the_database_is_seen() {
    let dir = super::harness::scratch();
    let journal = Journal::open(often(dir.path())).unwrap();
    let other = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM chain").unwrap();
    let (largest, anew) = write_25_mb(&journal);
    assert_eq!(anew, 0);
    assert!(largest > 8000 && journal.health().wal_pages >= largest, "{largest}: {:?}", journal.health());
}
