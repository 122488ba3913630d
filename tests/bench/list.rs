//! The list of inspections over millions of rows: every filter, alone and together, on its first page and deep inside.
//!
//! The database is made once and kept in `target/bench`: rows as a line of five products records them in 90 days. It has no
//! chain and no details, which no list reads, so it is no journal that could be verified.

use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use crate::record;
use anyhow::Context as _;
use assay::domain::{Digest, FrameId, VerdictKind};
use assay::journal::{Cursor, Direction, Filter, Journal, JournalOptions, Reader, Turn, is_drawn};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROWS: u64 = 10_000_000;
/// Set by `cargo xtask bench --rows N`.
const ROWS_VARIABLE: &str = "ASSAY_BENCH_ROWS";
const LIMIT_MS: f64 = 100.0;
const FROM_US: i64 = 1_764_000_000_000_000;
const SPAN_US: i64 = 90 * 24 * 3600 * 1_000_000;
const PAGE: usize = 50;
const TIMES: usize = 7;
const PRODUCTS: [&str; 5] = ["cover", "flange", "gear", "housing", "lid"];
/// Labels of defects, from frequent to rare: each is half as frequent as the one before it.
const DEFECTS: [&str; 8] = ["scratch", "dent", "stain", "crack", "burr", "chip", "pit", "void"];

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let rows = match std::env::var(ROWS_VARIABLE) {
        Ok(text) => text.parse().with_context(|| format!("{ROWS_VARIABLE} is {text:?}, expected a number"))?,
        Err(_) => ROWS,
    };
    let dir = database(rows)?;
    let reader = Reader::open(&dir)?;
    let mut figures = Vec::new();
    let mut worst = 0.0f64;
    for (name, filter) in filters() {
        let measured = one(&reader, &name, &filter, rows)?;
        worst = measured.iter().fold(worst, |worst, figure| worst.max(figure.value));
        figures.extend(measured);
    }
    let against = format!("the slowest of all looks at {rows} rows; warm pages, {PAGE} rows a page");
    figures.push(Figure::at_most("list, any filter, slowest page", worst, "ms", LIMIT_MS, &against));
    figures.extend(writer_cost(fixture)?);
    Ok(figures)
}

/// First page and one from the middle of the time on, read to older rows; and one to newer rows.
fn one(reader: &Reader, name: &str, filter: &Filter, rows: u64) -> anyhow::Result<Vec<Figure>> {
    let middle = Some(Cursor { judged_at_us: FROM_US + SPAN_US / 2, row: i64::try_from(rows / 2)? });
    let turns = [
        ("first page", None, Direction::Older),
        ("deep, older", middle, Direction::Older),
        ("deep, newer", middle, Direction::Newer),
    ];
    let mut slowest = 0.0f64;
    let mut words = Vec::new();
    for (place, from, direction) in turns {
        let turn = Turn { from, direction, ..Turn::newest(PAGE) };
        let mut failed = None;
        let mut found = (0, false);
        let times = Times::of(1, TIMES, || match reader.search(filter, &turn) {
            Ok(page) => found = (page.lines.len(), page.stopped.is_some()),
            Err(error) => failed = Some(error),
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        let worst = times.percentile(100) / 1e3;
        slowest = slowest.max(worst);
        let stopped = if found.1 { " and stopped" } else { "" };
        words.push(format!("{place} {worst:.1} ms ({} rows{stopped})", found.0));
    }
    Ok(vec![Figure::at_most(&format!("list, {name}"), slowest, "ms", LIMIT_MS, &words.join(", "))])
}

/// Each filter alone, then those together that people use and those that are meant to be hard.
fn filters() -> Vec<(String, Filter)> {
    let text = |text: &str| Some(text.to_owned());
    let day = |day: i64| Some(FROM_US + day * 24 * 3600 * 1_000_000);
    let all = Filter::default;
    let pass = Some(VerdictKind::Pass);
    let fail = Some(VerdictKind::Fail);
    let part = |number: u64| plugin(number).to_string().get(..12).and_then(|digits| digits.parse().ok());
    let named = [
        ("none", all()),
        ("time", Filter { from_us: day(40), to_us: day(41), ..all() }),
        ("verdict pass", Filter { verdict: pass, ..all() }),
        ("verdict fail", Filter { verdict: fail, ..all() }),
        ("verdict undecided", Filter { verdict: Some(VerdictKind::Undecided), ..all() }),
        ("score near a threshold", Filter { score_min: Some(0.55), score_max: Some(0.65), ..all() }),
        ("score very narrow", Filter { score_min: Some(0.6), score_max: Some(0.6001), ..all() }),
        ("score wide", Filter { score_min: Some(0.0), score_max: Some(0.9), ..all() }),
        ("label frequent", Filter { label: text("good"), ..all() }),
        ("label rare", Filter { label: text("void"), ..all() }),
        ("label of nothing", Filter { label: text("nothing"), ..all() }),
        ("serial", Filter { serial: text("SN0000004711"), ..all() }),
        ("product", Filter { product: text("gear"), ..all() }),
        ("finding frequent", Filter { finding: text("too-dark"), ..all() }),
        ("finding rare", Filter { finding: text("adversarial"), ..all() }),
        ("plugin of all recipes", Filter { part: part(0), ..all() }),
        ("plugin of one recipe", Filter { part: part(7), ..all() }),
        ("flagged", Filter { flagged: Some(true), ..all() }),
        ("not flagged", Filter { flagged: Some(false), ..all() }),
        ("reviewed", Filter { reviewed: Some(true), ..all() }),
        ("not reviewed", Filter { reviewed: Some(false), ..all() }),
        ("random sample", Filter { sampled: Some(true), ..all() }),
        ("random sample not reviewed", Filter { sampled: Some(true), reviewed: Some(false), ..all() }),
        ("fails of a product", Filter { verdict: fail, product: text("lid"), ..all() }),
        ("rare label of a product", Filter { label: text("void"), product: text("gear"), ..all() }),
        (
            "passes flagged in a week",
            Filter { verdict: pass, flagged: Some(true), from_us: day(50), to_us: day(57), ..all() },
        ),
        (
            "undecided near a threshold",
            Filter { verdict: Some(VerdictKind::Undecided), score_min: Some(0.5), score_max: Some(0.6), ..all() },
        ),
        ("fails of a plugin", Filter { verdict: fail, part: part(7), ..all() }),
        ("label with another's finding", Filter { label: text("crack"), finding: text("adversarial"), ..all() }),
        ("passes with a defect's label", Filter { verdict: pass, label: text("scratch"), ..all() }),
        (
            "reviewed fails of a product",
            Filter { verdict: fail, reviewed: Some(true), product: text("cover"), ..all() },
        ),
        ("not flagged, with a finding", Filter { flagged: Some(false), finding: text("too-dark"), ..all() }),
        ("a score that no fail has", Filter { verdict: fail, score_min: Some(0.999_99), ..all() }),
        ("serial that is not of the product", Filter { serial: text("SN0000004711"), product: text("none"), ..all() }),
    ];
    named.into_iter().map(|(name, filter)| (name.to_owned(), filter)).collect()
}

/// Rows per second of the journal's writer with the indexes for scores and recipes, and without.
fn writer_cost(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let (mut with, mut without) = (0.0f64, 0.0f64);
    for round in 0..6 {
        let dropped = round % 2 == 1;
        let dir = tempfile::tempdir()?;
        let journal = record::open(dir.path())?;
        if dropped {
            let db = Connection::open(dir.path().join("journal.db"))?;
            db.busy_timeout(Duration::from_secs(5))?;
            db.execute_batch("DROP INDEX inspections_score; DROP INDEX inspections_recipe;")?;
        }
        let best = if dropped { &mut without } else { &mut with };
        *best = best.max(record::rows_per_s(fixture, &journal)?);
        journal.close();
    }
    let against = format!("without them {without:.0} rows/s; best of 3 each, in turns");
    Ok(vec![
        Figure::at_least("journal with the indexes of all filters", with, "rows/s", 20_000.0, &against),
        Figure::plain("what the indexes for scores and recipes leave", with / without, "x", &against),
    ])
}

/// The folder of the database with so many rows; makes it where it is not there.
fn database(rows: u64) -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    let target = exe.parent().and_then(Path::parent).context("the benchmark does not lie in a target folder")?;
    let dir = target.join("bench").join(format!("list-{rows}"));
    let done = dir.join("done");
    if done.is_file() {
        return Ok(dir);
    }
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    eprintln!("making a database of {rows} rows in {}: a few minutes for ten million", dir.display());
    let begun = Instant::now();
    Journal::open(JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(&dir, "line-1") })?.close();
    fill(&dir.join("journal.db"), rows)?;
    std::fs::write(&done, "")?;
    eprintln!("made in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(dir)
}

/// Indexes are taken off while rows come in, and made of all of them at the end.
fn fill(path: &Path, rows: u64) -> anyhow::Result<()> {
    let mut db = Connection::open(path)?;
    db.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", 0)?;
    db.pragma_update(None, "cache_size", -524_288)?;
    db.pragma_update(None, "foreign_keys", false)?;
    let sql =
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'inspections' AND sql IS NOT NULL";
    let indexes = {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<rusqlite::Result<Vec<(String, String)>>>()?
    };
    for (name, _) in &indexes {
        db.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    for number in 0..RECIPES {
        for part in [0, 1, 2, number + 3] {
            db.execute(
                "INSERT OR IGNORE INTO recipe_parts VALUES (?, ?)",
                params![plugin(part).as_bytes(), recipe(number).as_bytes()],
            )?;
        }
    }
    let step = 200_000;
    for first in (1..=rows).step_by(step) {
        let transaction = db.transaction()?;
        insert(&transaction, first, rows.min(first + step as u64 - 1), rows)?;
        transaction.commit()?;
    }
    for (name, sql) in &indexes {
        eprintln!("  index {name}");
        db.execute_batch(sql)?;
    }
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    Ok(())
}

/// Recipes that drive one after the other.
const RECIPES: u64 = 12;

fn recipe(number: u64) -> Digest {
    Digest::of(format!("recipe {number}").as_bytes())
}

fn plugin(number: u64) -> Digest {
    Digest::of(format!("plugin {number}").as_bytes())
}

fn insert(db: &Connection, first: u64, last: u64, rows: u64) -> anyhow::Result<()> {
    let marks = vec!["?"; 31].join(", ");
    let mut inspection = db.prepare(&format!("INSERT INTO inspections VALUES ({marks})"))?;
    let mut finding = db.prepare("INSERT OR IGNORE INTO findings VALUES (?, ?, ?, ?, ?)")?;
    let mut sample = db.prepare("INSERT INTO review_samples VALUES (?, ?, 50)")?;
    let mut reviewed =
        db.prepare("INSERT INTO reviewed VALUES (?1, ?2, 1, 1, ?3, NULL, 'ada', ?3, NULL, NULL, NULL, NULL)")?;
    for number in first..=last {
        let part = Part::of(number, rows);
        let row = i64::try_from(number)?;
        let at = FROM_US + (SPAN_US as f64 * (number as f64 / rows as f64)) as i64;
        let (code, stage, blame) = if part.verdict == "undecided" {
            (Some("unsure"), Some("decide"), Some("model"))
        } else {
            (None, None, None)
        };
        let (recipe, picture) = (recipe(number * RECIPES / (rows + 1)), Digest::of(&number.to_le_bytes()));
        let serial = format!("SN{number:010}");
        inspection.execute(params![
            row,
            "line-1",
            1,
            row,
            at - 500,
            at,
            "camera",
            None::<String>,
            part.product,
            serial,
            0,
            part.verdict,
            part.label,
            part.score,
            code,
            stage,
            blame,
            "surface",
            "1.0.0",
            recipe.as_bytes(),
            picture.as_bytes(),
            "openvino",
            "CPU",
            part.finding.is_some(),
            10,
            900,
            300,
            3000,
            400,
            2,
            4612
        ])?;
        if let Some(label) = part.finding {
            finding.execute(params![label, at, row, "adv-squeeze", 0.9])?;
        }
        let id = FrameId { station: "line-1".to_owned(), boot: 1, trigger: number };
        if part.verdict == "pass" && is_drawn(&id, 50) {
            sample.execute([row, at])?;
            // Half of what was drawn has been looked at.
            if number % 2 == 0 {
                reviewed.execute(params![row, at, "pass"])?;
            }
        } else if part.verdict != "pass" && number % 4 == 0 {
            reviewed.execute(params![row, at, part.verdict])?;
        }
    }
    Ok(())
}

/// What became of one part.
struct Part {
    product: &'static str,
    verdict: &'static str,
    label: &'static str,
    score: f64,
    finding: Option<&'static str>,
}

impl Part {
    /// 96 % pass, 3 % fail, 1 % are undecided; a product runs for two hours; three recipes in four weeks.
    fn of(number: u64, rows: u64) -> Self {
        let mut random = Random(number);
        let shift = number * 1080 / (rows + 1);
        let product = PRODUCTS.get((shift % 5) as usize).copied().unwrap_or("cover");
        let kind = random.share();
        let verdict = if kind < 0.96 {
            "pass"
        } else if kind < 0.99 {
            "fail"
        } else {
            "undecided"
        };
        let rank = (-random.share().max(1e-9).log2()) as usize;
        let defect = DEFECTS.get(rank.min(DEFECTS.len() - 1)).copied().unwrap_or("scratch");
        let label = if verdict == "fail" { defect } else { "good" };
        // Most are near 1; the square of the square is rarely far from 0.
        let spread = random.share().powi(4);
        let score = if verdict == "undecided" { 0.5 + 0.1 * random.share() } else { 1.0 - 0.4 * spread };
        let found = random.share();
        let finding = if found < 0.000_05 {
            Some("adversarial")
        } else if found < 0.02 {
            Some("too-dark")
        } else {
            None
        };
        Self { product, verdict, label, score: f64::from(score as f32), finding }
    }
}

/// splitmix64: the same rows every time.
struct Random(u64);

impl Random {
    /// In [0, 1).
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}
