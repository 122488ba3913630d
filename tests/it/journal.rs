//! What the journal promises when the power goes, the process is killed, the disk is full or fails.

mod disk;

use assay::domain::{Digest, FrameId, FrameMeta, Inspection, Stage, StageTime, Verdict};
use assay::journal::{
    Durability, Filter, Journal, JournalError, JournalOptions, Page, Pressure, Reader, Record, verify,
};
use disk::{Dice, Disk, Event, Part, Unflushed, cut};
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn options(dir: &Path) -> JournalOptions {
    JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir, "line-1") }
}

fn record(boot: u64, trigger: u64) -> Record {
    let id = FrameId { station: "line-1".to_owned(), boot, trigger };
    let time = 1_764_000_000_000_000 + i64::try_from(trigger).unwrap() * 1000;
    let inspection = Inspection {
        meta: FrameMeta {
            id,
            captured_at_us: time,
            source: "folder".to_owned(),
            origin: Some(format!("part-{trigger}.png")),
            product: None,
            serial: Some(format!("S{trigger}")),
            line_trigger: None,
            simulated: false,
        },
        picture: None,
        width: 224,
        height: 224,
        recipe: "surface".to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"recipe"),
        verdict: Verdict::Pass { label: "good".to_owned(), score: 0.9 },
        answer: None,
        runs: Vec::new(),
        stages: vec![StageTime { stage: Stage::Infer, micros: 3000 }],
        judged_at_us: time,
    };
    Record { inspection, picture: None, images: Vec::new() }
}

fn triggers_in(dir: &Path) -> BTreeSet<(u64, u64)> {
    rows_in(dir).into_keys().collect()
}

/// Boot and trigger with the row, of all inspections.
fn rows_in(dir: &Path) -> BTreeMap<(u64, u64), i64> {
    let reader = Reader::open(dir).unwrap();
    let mut page = Page { before: None, limit: 200 };
    let mut found = BTreeMap::new();
    loop {
        let listing = reader.list(&Filter::default(), &page).unwrap();
        for line in &listing.lines {
            let twice = found.insert((line.id.boot, line.id.trigger), line.row);
            assert_eq!(twice, None, "recorded twice: {:?}", line.id);
        }
        match listing.next {
            Some(next) => page.before = Some(next),
            None => return found,
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Power cuts

/// A run on a disk that remembers: what was there before, and all that happened then.
struct Run {
    base: BTreeMap<Part, Vec<u8>>,
    events: Vec<Event>,
    submitted: u64,
}

/// Writes `count` records, one to eight at a time, with the WAL moved into the database again and again.
fn recorded_run(name: &str, durability: Durability, count: u64) -> Run {
    let dir = tempfile::tempdir().unwrap();
    drop(Journal::open(options(dir.path())).unwrap());
    let base = BTreeMap::from([(Part::Database, fs::read(dir.path().join("journal.db")).unwrap())]);
    let disk = Disk::register(name);
    let vfs = Some(disk.name.clone());
    let journal =
        Journal::open(JournalOptions { durability, vfs, checkpoint_pages: 60, ..options(dir.path()) }).unwrap();
    let mut dice = Dice(7);
    let mut trigger = 0;
    while trigger < count {
        let group = (1 + dice.below(8)).min(count - trigger);
        let pending: Vec<_> = (trigger + 1..=trigger + group)
            .map(|trigger| (trigger, journal.submit(record(journal.boot(), trigger)).unwrap()))
            .collect();
        for (trigger, pending) in pending {
            let row = pending.wait().unwrap().row;
            disk.record(Event::Confirmed { trigger, row });
        }
        trigger += group;
    }
    Run { base, events: disk.events(), submitted: count }
}

/// What is wrong after a power cut behind the first `at` events: confirmed records that are gone.
fn lost_by_cut(run: &Run, at: usize, unflushed: Unflushed) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let before = &run.events[..at];
    let files = cut(&run.base, before, unflushed, &mut Dice(at as u64));
    for (part, bytes) in files {
        let name = if part == Part::Wal { "journal.db-wal" } else { "journal.db" };
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let verified = verify(dir.path(), None).unwrap_or_else(|error| panic!("cut at {at}, {unflushed:?}: {error}"));
    assert!(verified.holds(), "cut at {at}, {unflushed:?}: {verified:?}");
    let found = rows_in(dir.path());
    assert!(found.keys().all(|(boot, trigger)| *boot == 2 && (1..=run.submitted).contains(trigger)), "phantoms");
    let confirmed = before.iter().filter_map(|event| match event {
        Event::Confirmed { trigger, row } => Some(((2, *trigger), row)),
        _ => None,
    });
    confirmed.filter(|(id, row)| found.get(id) != Some(row)).count()
}

/// Cuts at every event around a flush or a confirmation, and at some between.
fn cut_points(run: &Run) -> Vec<usize> {
    let matters = |event: &Event| !matches!(event, Event::Write { .. });
    let near = |at: usize| run.events[at.saturating_sub(1)..(at + 1).min(run.events.len())].iter().any(matters);
    (0..=run.events.len()).filter(|at| near(*at) || at % 7 == 0).collect()
}

#[test]
fn a_power_cut_at_any_moment_loses_no_confirmed_record() {
    let run = recorded_run("assay-cut-full", Durability::Full, 120);
    let synced =
        |part| run.events.iter().filter(|event| matches!(event, Event::Sync { part: of } if *of == part)).count();
    assert!(synced(Part::Database) >= 3, "the WAL was moved {} times", synced(Part::Database));
    let points = cut_points(&run);
    assert!(points.len() > 150, "{} cuts", points.len());
    for at in points {
        for unflushed in [Unflushed::Gone, Unflushed::Torn] {
            assert_eq!(lost_by_cut(&run, at, unflushed), 0, "cut at {at} of {}, {unflushed:?}", run.events.len());
        }
    }
}

/// The test above has teeth: without the flush at each commit it fails.
#[test]
fn the_power_cut_test_sees_a_missing_flush() {
    let run = recorded_run("assay-cut-normal", Durability::LosesConfirmedRows, 60);
    let lost = cut_points(&run).into_iter().map(|at| lost_by_cut(&run, at, Unflushed::Gone)).max();
    assert!(lost > Some(0), "nothing was lost without flushing: the test sees nothing");
}

/// The same for an answer that comes before its commit.
#[test]
fn the_power_cut_test_sees_an_early_answer() {
    let mut run = recorded_run("assay-cut-early", Durability::Full, 20);
    let first = run.events.iter().position(|event| matches!(event, Event::Confirmed { .. })).unwrap();
    let early = run.events.remove(first);
    run.events.insert(0, early);
    assert!(cut_points(&run).into_iter().any(|at| lost_by_cut(&run, at, Unflushed::Gone) > 0));
}

// ---------------------------------------------------------------------------------------------------------------
// Failing writes and flushes

#[test]
fn a_failed_write_or_flush_costs_its_batch_only_and_loses_nothing_confirmed() {
    let disk = Disk::register("assay-eio");
    let mut failures = 0;
    for n in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        drop(Journal::open(options(dir.path())).unwrap());
        let vfs = Some(disk.name.clone());
        let journal = Journal::open(JournalOptions { vfs, checkpoint_pages: 20, ..options(dir.path()) }).unwrap();
        disk.fail_once_after(n);
        let mut confirmed = BTreeSet::new();
        for trigger in 1..=12 {
            match journal.submit(record(journal.boot(), trigger)).unwrap().wait() {
                Ok(_) => assert!(confirmed.insert((journal.boot(), trigger))),
                Err(JournalError::NotDurable { .. }) => failures += 1,
                Err(error) => panic!("fault {n}: {error}"),
            }
        }
        // It comes back by itself, as often as it takes.
        let mut trigger = 100;
        while journal.submit(record(journal.boot(), trigger)).unwrap().wait().is_err() {
            trigger += 1;
            assert!(trigger < 10_000, "fault {n}: {:?}", journal.health());
        }
        assert!(disk.has_failed(), "fault {n} was never reached");
        drop(journal);
        let verified = verify(dir.path(), None).unwrap();
        assert!(verified.holds(), "fault {n}: {verified:?}");
        let mut found = triggers_in(dir.path());
        found.retain(|(_, trigger)| *trigger <= 12);
        assert_eq!(found, confirmed, "fault {n}: what is recorded is not what was confirmed");
    }
    assert!(failures > 20, "only {failures} batches failed");
}

/// The order only: whether the picture itself was flushed is not seen here.
#[test]
fn a_picture_is_under_its_name_before_its_row_is_written() {
    let disk = Disk::register("assay-pictures");
    let dir = tempfile::tempdir().unwrap();
    drop(Journal::open(options(dir.path())).unwrap());
    let journal = Journal::open(JournalOptions { vfs: Some(disk.name.clone()), ..options(dir.path()) }).unwrap();
    let reader = journal.reader();
    for trigger in 1..=5 {
        let mut pictured = record(journal.boot(), trigger);
        let picture = vec![u8::try_from(trigger).unwrap(); 5000];
        let digest = Digest::of(&picture);
        pictured.inspection.picture = Some(digest);
        pictured.picture = Some(picture.into());
        let (seen, there) = (reader.clone(), Arc::new(AtomicBool::new(true)));
        let all_there = Arc::clone(&there);
        disk.fail_while(Some(Box::new(move || {
            all_there.fetch_and(seen.picture_path(&digest).is_some(), Ordering::SeqCst);
            None
        })));
        journal.submit(pictured).unwrap().wait().unwrap();
        disk.fail_while(None);
        assert!(there.load(Ordering::SeqCst), "a write came before the picture was there");
    }
}

// ---------------------------------------------------------------------------------------------------------------
// A full disk

#[test]
fn on_a_full_disk_the_ballast_carries_the_records_and_then_they_are_refused_until_there_is_room() {
    let disk = Disk::register("assay-full");
    let dir = tempfile::tempdir().unwrap();
    drop(Journal::open(options(dir.path())).unwrap());
    let journal = Journal::open(JournalOptions { vfs: Some(disk.name.clone()), ..options(dir.path()) }).unwrap();
    let submit = |trigger| journal.submit(record(journal.boot(), trigger)).unwrap().wait();
    submit(1).unwrap();
    let ballast = dir.path().join("ballast");
    assert!(ballast.exists());
    // Full as long as the ballast lies on the disk.
    disk.fail_while(Some(Box::new(move || ballast.exists().then_some(ffi::SQLITE_FULL))));
    submit(2).unwrap();
    assert_eq!(journal.health().pressure, Pressure::Full);
    assert!(!dir.path().join("ballast").exists());
    // Full for good.
    let full = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&full);
    disk.fail_while(Some(Box::new(move || seen.load(Ordering::SeqCst).then_some(ffi::SQLITE_FULL))));
    for trigger in 3..6 {
        let refused = submit(trigger);
        assert!(matches!(refused, Err(JournalError::DiskFull { .. })), "{refused:?}");
    }
    full.store(false, Ordering::SeqCst);
    submit(6).unwrap();
    disk.fail_while(None);
    drop(journal);
    assert!(verify(dir.path(), None).unwrap().holds());
    assert_eq!(triggers_in(dir.path()), BTreeSet::from([(2, 1), (2, 2), (2, 6)]));
}

/// A small file system of its own, gone when dropped. Needs the right to mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "assay-test"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        println!("skipped: this user may not mount a small file system");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_real_full_disk_loses_nothing_and_the_journal_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::mount("12m") else { return };
    let journal = Journal::open(options(disk.path())).unwrap();
    let mut confirmed = BTreeSet::new();
    let mut refused = 0;
    let mut trigger = 0;
    // Something else fills the disk.
    fs::write(disk.path().join("other"), vec![1; 8 << 20]).unwrap();
    while refused < 5 {
        trigger += 1;
        assert!(trigger < 100_000, "the disk was never full");
        let mut large = record(journal.boot(), trigger);
        large.inspection.meta.origin = Some("x".repeat(20_000));
        match journal.submit(large).unwrap().wait() {
            Ok(_) => assert!(confirmed.insert((1, trigger))),
            Err(JournalError::DiskFull { .. } | JournalError::NotDurable { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(confirmed.len() > 20, "{} were recorded", confirmed.len());
    assert_eq!(journal.health().pressure, Pressure::Full);
    fs::remove_file(disk.path().join("other")).unwrap();
    let back = (trigger + 1..trigger + 1000)
        .find(|trigger| journal.submit(record(1, *trigger)).unwrap().wait().is_ok())
        .expect("it never came back");
    confirmed.insert((1, back));
    drop(journal);
    assert!(verify(disk.path(), None).unwrap().holds());
    assert!(confirmed.is_subset(&triggers_in(disk.path())));
}

#[test]
fn a_read_only_disk_is_said_to_be_one_and_can_still_be_read() {
    let Some(disk) = SmallDisk::mount("8m") else { return };
    let journal = Journal::open(options(disk.path())).unwrap();
    journal.submit(record(1, 1)).unwrap().wait().unwrap();
    drop(journal);
    let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()).status().unwrap();
    assert!(remount.success());
    let error = Journal::open(options(disk.path())).err();
    assert!(matches!(error, Some(JournalError::ReadOnly { .. })), "{error:?}");
    assert!(verify(disk.path(), None).unwrap().holds());
    assert_eq!(triggers_in(disk.path()), BTreeSet::from([(1, 1)]));
}

// ---------------------------------------------------------------------------------------------------------------
// A killed process

const CHILD_DIR: &str = "ASSAY_TEST_JOURNAL_CHILD";

/// Not a test of its own: the process that the next one kills. It says which triggers are confirmed.
#[test]
#[ignore = "started by the test that kills it"]
fn appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let journal = Journal::open(options(Path::new(&dir))).unwrap();
    let mut waiting = VecDeque::new();
    for trigger in 1.. {
        waiting.push_back((trigger, journal.submit(record(journal.boot(), trigger)).unwrap()));
        if waiting.len() == 16 {
            let (trigger, pending) = waiting.pop_front().unwrap();
            pending.wait().unwrap();
            println!("confirmed {} {trigger} .", journal.boot());
        }
    }
}

#[test]
fn a_killed_process_leaves_all_that_it_confirmed() {
    let dir = tempfile::tempdir().unwrap();
    let mut dice = Dice(11);
    let mut confirmed = BTreeSet::new();
    for round in 0..15 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["journal::appends_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let until = dice.below(60);
        let mut seen = 0;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = |line: String| {
            // The end of the last line may be missing: then its frame was not heard as confirmed.
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["confirmed", boot, trigger, "."] = words[..] {
                confirmed.insert((boot.parse().unwrap(), trigger.parse().unwrap()));
                seen += 1;
            }
            seen
        };
        for line in lines.by_ref() {
            if read(line.unwrap()) > until {
                break;
            }
        }
        child.kill().unwrap();
        lines.map_while(Result::ok).for_each(|line| {
            read(line);
        });
        child.wait().unwrap();
        let verified = verify(dir.path(), None).unwrap();
        assert!(verified.holds(), "round {round}: {verified:?}");
        let found = triggers_in(dir.path());
        let lost: Vec<_> = confirmed.difference(&found).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
    }
    assert!(confirmed.len() > 100, "only {} were confirmed", confirmed.len());
    // Gaps are said aloud at the next start, and nothing is left unsaid.
    let journal = Journal::open(options(dir.path())).unwrap();
    assert_eq!(journal.boot(), 16);
}

// ---------------------------------------------------------------------------------------------------------------
// The commands

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: assay::cli::journal::JournalArgs,
}

fn command(words: &[&str]) -> anyhow::Result<()> {
    let line = <Line as clap::Parser>::try_parse_from(std::iter::once(&"journal").chain(words))?;
    assay::cli::journal::run(line.args)
}

#[test]
fn verify_ends_with_an_error_exactly_when_the_journal_does_not_hold() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(options(dir.path())).unwrap();
    for trigger in 1..=5 {
        journal.submit(record(1, trigger)).unwrap().wait().unwrap();
    }
    let earlier = journal.reader().checkpoint().unwrap().to_string();
    drop(journal);
    let place = dir.path().to_str().unwrap();
    command(&["verify", "--dir", place]).unwrap();
    command(&["verify", "--dir", place, "--json", "--checkpoint", &earlier]).unwrap();
    let db = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    db.execute_batch(
        "PRAGMA foreign_keys = OFF; DELETE FROM chain WHERE seq = 6; DELETE FROM details WHERE seq = 6;
         DELETE FROM inspections WHERE seq = 6",
    )
    .unwrap();
    command(&["verify", "--dir", place]).unwrap();
    let error = command(&["verify", "--dir", place, "--checkpoint", &earlier]).unwrap_err();
    assert!(format!("{error:#}").contains("does not hold: the chain ends at 5"), "{error:#}");
    db.execute_batch("UPDATE inspections SET label = 'x' WHERE seq = 2").unwrap();
    let error = command(&["verify", "--dir", place]).unwrap_err();
    assert!(format!("{error:#}").contains("entry 2 in inspections"), "{error:#}");
}

#[test]
fn export_writes_a_file_and_says_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(options(dir.path())).unwrap();
    for trigger in 1..=5 {
        journal.submit(record(1, trigger)).unwrap().wait().unwrap();
    }
    let place = dir.path().to_str().unwrap();
    let out = dir.path().join("out.jsonl");
    command(&["export", "--dir", place, "--out", out.to_str().unwrap()]).unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap().lines().count(), 5);
    assert!(command(&["export"]).is_err(), "no place was given");
    assert!(command(&["verify", "--dir", place, "--checkpoint", "12"]).is_err());
    let nowhere = tempfile::tempdir().unwrap();
    assert!(command(&["verify", "--dir", nowhere.path().to_str().unwrap()]).is_err());
    assert_eq!(fs::read_dir(nowhere.path()).unwrap().count(), 0, "something was made");
}
