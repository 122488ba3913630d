//! What the journal promises when the power goes, the process is killed, the disk is full or fails.

mod disk;
mod faults;
mod harness;
mod image;
mod ledger;
mod mounts;
mod power;
mod pressure;
mod vfs;

use assay::domain::{Digest, FrameId, FrameMeta, Inspection, Stage, StageTime, Verdict};
use assay::journal::{Filter, Journal, JournalOptions, Page, Reader, Record, verify};
use image::Dice;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

/// A line of the test's output, also where the test passes.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "    {text}").unwrap();
}

/// Tries until it works, for as long as anybody may take: the journal looks five times a second whether it can go on.
fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
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
