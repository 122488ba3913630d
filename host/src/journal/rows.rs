//! What readers get, and how it is read from a row.

use super::filter::Cursor;
use super::record::StoredImage;
use crate::domain::{Digest, FrameId, Inspection, Stage, VerdictKind};
use rusqlite::Row;

/// An inspection as a list shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub row: i64,
    pub id: FrameId,
    pub captured_at_us: i64,
    pub judged_at_us: i64,
    pub source: String,
    pub origin: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    pub simulated: bool,
    pub verdict: VerdictKind,
    /// Label of a pass, reason of a fail, the model's top label of an undecided frame.
    pub label: Option<String>,
    pub score: Option<f64>,
    /// Code, stage and blame of an undecided frame.
    pub code: Option<String>,
    pub stage: Option<String>,
    pub blame: Option<String>,
    pub recipe: String,
    pub recipe_version: String,
    pub recipe_digest: Digest,
    pub picture: Option<Digest>,
    pub backend: Option<String>,
    pub device: Option<String>,
    pub flagged: bool,
    pub total_us: i64,
}

impl Line {
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor { judged_at_us: self.judged_at_us, row: self.row }
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub lines: Vec<Line>,
    /// Where the next page begins; absent at the end.
    pub next: Option<Cursor>,
}

/// All that is recorded of one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub row: i64,
    /// Hash of this entry in the chain.
    pub hash: Digest,
    pub flagged: bool,
    pub inspection: Inspection,
    /// True while the store has the picture.
    pub picture_kept: bool,
    /// Pictures that plugins made; the store may have given some up.
    pub images: Vec<StoredImage>,
    pub observations: Vec<Observed>,
}

/// One report of a monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub at_us: i64,
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
    /// NaN where the monitor had no number.
    pub value: f64,
    pub threshold: f64,
    pub drifted: bool,
    pub window: u64,
}

/// A point of a drift series.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftPoint {
    pub boot: u64,
    pub trigger: u64,
    pub at_us: i64,
    pub value: f64,
    pub threshold: f64,
    pub drifted: bool,
}

/// Verdicts by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub pass: u64,
    pub fail: u64,
    pub undecided: u64,
}

impl Counts {
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.pass + self.fail + self.undecided
    }

    pub(super) fn add(&mut self, verdict: &str, count: u64) {
        match verdict {
            "pass" => self.pass += count,
            "fail" => self.fail += count,
            _ => self.undecided += count,
        }
    }
}

/// The verdicts of one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendPoint {
    pub from_us: i64,
    pub counts: Counts,
}

/// Exact percentiles (nearest rank) of the time that a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// Absent: all stages of a record together.
    pub stage: Option<Stage>,
    pub frames: u64,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// Triggers without a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFrames {
    pub row: i64,
    pub boot: u64,
    /// Whose counter the numbers are of; none for the station's own triggers of that start.
    pub source: Option<String>,
    pub first: u64,
    pub last: u64,
    pub reason: String,
    pub at_us: i64,
}

/// Columns of a [`Line`]; the table is called `i`.
pub(super) const LINE_COLUMNS: &str = "i.seq, i.station, i.boot, i.trigger, i.captured_at_us, i.judged_at_us, i.source, i.origin, \
     i.product, i.serial, i.simulated, i.verdict, i.label, i.score, i.code, i.stage, i.blame, i.recipe, \
     i.recipe_version, i.picture, i.backend, i.device, i.flagged, i.total_us, i.recipe_digest";

/// The tables have no other words.
pub(super) fn verdict_of(name: &str) -> VerdictKind {
    match name {
        "pass" => VerdictKind::Pass,
        "fail" => VerdictKind::Fail,
        _ => VerdictKind::Undecided,
    }
}

pub(super) fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    let verdict = verdict_of(row.get_ref(11)?.as_str()?);
    Ok(Line {
        row: row.get(0)?,
        id: FrameId { station: row.get(1)?, boot: unsigned(row.get(2)?), trigger: unsigned(row.get(3)?) },
        captured_at_us: row.get(4)?,
        judged_at_us: row.get(5)?,
        source: row.get(6)?,
        origin: row.get(7)?,
        product: row.get(8)?,
        serial: row.get(9)?,
        simulated: row.get(10)?,
        verdict,
        label: row.get(12)?,
        score: row.get(13)?,
        code: row.get(14)?,
        stage: row.get(15)?,
        blame: row.get(16)?,
        recipe: row.get(17)?,
        recipe_version: row.get(18)?,
        picture: row.get::<_, Option<[u8; 32]>>(19)?.map(Digest::from_bytes),
        backend: row.get(20)?,
        device: row.get(21)?,
        flagged: row.get(22)?,
        total_us: row.get(23)?,
        recipe_digest: Digest::from_bytes(row.get(24)?),
    })
}

pub(super) fn observed(row: &Row<'_>) -> rusqlite::Result<Observed> {
    Ok(Observed {
        at_us: row.get(0)?,
        plugin: row.get(1)?,
        feature: row.get(2)?,
        statistic: row.get(3)?,
        value: number(row, 4)?,
        threshold: number(row, 5)?,
        drifted: row.get(6)?,
        window: unsigned(row.get(7)?),
    })
}

/// SQLite has no NaN: it was stored as NULL.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<f64> {
    Ok(row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN))
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
