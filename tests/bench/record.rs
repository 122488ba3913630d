//! The journal: rows per second, and the time a commit takes at a line's pace.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, meta};
use assay::domain::{Inspection, Verdict};
use assay::journal::{Journal, JournalOptions, Record};
use std::time::{Duration, Instant};

const ROWS: u64 = 20_000;
const GROUP: usize = 100;
const PACED: u64 = 300;

fn inspection(fixture: &Fixture, boot: u64, trigger: u64) -> Inspection {
    let mut meta = meta(trigger);
    meta.id.boot = boot;
    let recipe = &fixture.live.recipe;
    Inspection {
        meta,
        picture: None,
        width: 320,
        height: 320,
        recipe: recipe.name.clone(),
        recipe_version: recipe.version.clone(),
        recipe_digest: recipe.digest,
        verdict: Verdict::Pass { label: "good".to_owned(), score: 0.98 },
        answer: None,
        runs: Vec::new(),
        stages: Vec::new(),
        judged_at_us: i64::try_from(trigger).unwrap_or(0),
    }
}

pub fn open(dir: &std::path::Path) -> anyhow::Result<Journal> {
    Ok(Journal::open(JournalOptions { batch_rows: GROUP, queue: 2 * GROUP, ..JournalOptions::new(dir, "test") })?)
}

/// How many rows the journal makes durable in a second, with a queue that is never empty.
pub fn rows_per_s(fixture: &Fixture, journal: &Journal) -> anyhow::Result<f64> {
    let boot = journal.boot();
    let record = |trigger| Record { inspection: inspection(fixture, boot, trigger), picture: None, images: Vec::new() };
    let start = Instant::now();
    let mut waiting = std::collections::VecDeque::new();
    for trigger in 1..=ROWS {
        waiting.push_back(journal.submit(record(trigger))?);
        if waiting.len() > 2 * GROUP {
            waiting.pop_front().map(assay::journal::Pending::wait).transpose()?;
        }
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(ROWS as f64 / start.elapsed().as_secs_f64())
}

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let journal = open(dir.path())?;
    let rows_per_s = rows_per_s(fixture, &journal)?;
    let boot = journal.boot();
    let record = |trigger| Record { inspection: inspection(fixture, boot, trigger), picture: None, images: Vec::new() };

    let pace = Duration::from_micros(1_000_000 / 60);
    let start = Instant::now();
    let mut commits = Vec::new();
    for number in 0..PACED {
        let due = start + pace * u32::try_from(number).unwrap_or(0);
        std::thread::park_timeout(due.saturating_duration_since(Instant::now()));
        commits.push(journal.submit(record(ROWS + number + 1))?.wait()?.micros as f64);
    }
    journal.close();
    let commits = Times::from_micros(commits);
    let sqlite = sqlite_alone()?;
    let against = format!("SQLite itself, same settings, plain rows: {sqlite:.0} rows/s");
    Ok(vec![
        Figure::at_least("journal, at most 100 rows per commit", rows_per_s, "rows/s", 20_000.0, &against),
        Figure::plain("journal against SQLite itself", rows_per_s / sqlite, "x", &against),
        Figure::at_most("commit at 60 frames/s, p99", commits.percentile(99) / 1e3, "ms", 20.0, "submit to durable"),
    ])
}

/// Rows with the same number of bytes, no chain, no findings, one index.
fn sqlite_alone() -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let mut db = rusqlite::Connection::open(dir.path().join("plain.db"))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, at INTEGER, verdict TEXT, detail TEXT) STRICT; CREATE INDEX i ON t (verdict, at)")?;
    let detail = "x".repeat(700);
    let start = Instant::now();
    for group in 0..ROWS / GROUP as u64 {
        let transaction = db.transaction()?;
        {
            let mut insert = transaction.prepare("INSERT INTO t (at, verdict, detail) VALUES (?, ?, ?)")?;
            for row in 0..GROUP as u64 {
                insert.execute(rusqlite::params![(group * GROUP as u64 + row) as i64, "pass", detail])?;
            }
        }
        transaction.commit()?;
    }
    Ok(ROWS as f64 / start.elapsed().as_secs_f64())
}
