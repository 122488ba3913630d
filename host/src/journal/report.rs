//! What a span of time came to: the figures of a report. Counts are whole; what has to look at single rows looks at the
//! newest ones of the span, up to a bound, and says at how many.

use super::reader::{MAX_LATENCY_ROWS, StageTimes};
use super::rows::{Counts, LINE_COLUMNS, Latency, Line, line, number, unsigned};
use super::{JournalError, Reader};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::time::{Duration, Instant};

/// Rejects, and undecided frames, that are looked at one by one.
pub const MAX_RANKED_ROWS: usize = 200_000;
/// Reasons and codes that are named; the others are counted together.
pub const MAX_RANKED: usize = 20;
/// Series of monitors, and reports of each.
const MAX_SERIES: i64 = 64;
const MAX_REPORTS: i64 = 5_000;
/// Rejects of one reason that are tried for a picture that is still kept.
const PICTURES_TRIED: i64 = 20;
/// Monitors see a frame after its verdict: a report may be recorded so much later.
const REPORT_DELAY_US: i64 = 60_000_000;

/// Why parts were rejected, the most frequent reason first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reasons {
    /// Rejects that were looked at.
    pub of: u64,
    pub ranked: Vec<Reason>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reason {
    pub label: String,
    pub count: u64,
    /// The newest one with a picture that is still kept.
    pub example: Option<Line>,
}

/// Frames without a verdict by where, whose fault and what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Undecided {
    /// Undecided frames that were looked at.
    pub of: u64,
    pub ranked: Vec<UndecidedBy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecidedBy {
    pub stage: String,
    pub blame: String,
    pub code: String,
    pub count: u64,
}

/// What a monitor said of one series within a span.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftSummary {
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
    /// Reports that were looked at, and those of them that report drift.
    pub reports: u64,
    pub drifted: u64,
    /// Of the newest one; NaN where the monitor had no number.
    pub value: f64,
    pub threshold: f64,
    /// The highest value; NaN where there was none.
    pub highest: f64,
}

/// A span of time; the end is not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanUs {
    pub from_us: i64,
    pub to_us: i64,
}

/// What a span came to.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanFigures {
    pub counts: Counts,
    /// Triggers without a record.
    pub lost: u64,
    pub reasons: Reasons,
    pub undecided: Undecided,
    /// Over the newest frames of the span, at most [`MAX_LATENCY_ROWS`].
    pub latencies: Vec<Latency>,
    pub drift: Vec<DriftSummary>,
    /// What people said within the span, of whatever time the parts are.
    pub reviews: Counts,
}

impl Reader {
    /// The figures of a span, all of them within `limit`. May take seconds: for a thread that may block.
    ///
    /// # Errors
    /// When the database cannot be read, or not in that time.
    pub fn figures(&self, span: SpanUs, limit: Duration) -> Result<SpanFigures, JournalError> {
        let due = Instant::now() + limit;
        let mut figures = self.with_until(due, "read the figures of a span", |db| {
            // One view for all looks.
            let view = db.unchecked_transaction()?;
            let figures = figures(&view, span)?;
            view.finish()?;
            Ok(figures)
        })?;
        for reason in &mut figures.reasons.ranked {
            reason.example = self.example(&reason.label, span, due)?;
        }
        Ok(figures)
    }

    fn example(&self, label: &str, span: SpanUs, due: Instant) -> Result<Option<Line>, JournalError> {
        let sql = format!(
            "SELECT {LINE_COLUMNS} FROM inspections i INDEXED BY inspections_label
             WHERE i.label = ? AND i.judged_at_us >= ? AND i.judged_at_us < ? AND i.verdict = 'fail'
             AND i.picture IS NOT NULL ORDER BY i.judged_at_us DESC LIMIT ?"
        );
        let lines: Vec<Line> = self.with_until(due, "find a picture of a reject", |db| {
            let bounds = params![label, span.from_us, span.to_us, PICTURES_TRIED];
            db.prepare(&sql)?.query_map(bounds, line)?.collect()
        })?;
        let kept = |line: &Line| line.picture.is_some_and(|digest| self.picture_path(&digest).is_some());
        Ok(lines.into_iter().find(kept))
    }
}

fn figures(db: &Connection, span: SpanUs) -> rusqlite::Result<SpanFigures> {
    Ok(SpanFigures {
        counts: counts(db, span)?,
        lost: lost(db, span)?,
        reasons: reasons(db, span)?,
        undecided: undecided(db, span)?,
        latencies: latencies(db, span)?,
        drift: drift(db, span)?,
        reviews: reviews(db, span)?,
    })
}

fn counts(db: &Connection, SpanUs { from_us, to_us }: SpanUs) -> rusqlite::Result<Counts> {
    let sql = "SELECT verdict, count(*) FROM inspections INDEXED BY inspections_verdict
               WHERE verdict IN ('pass', 'fail', 'undecided') AND judged_at_us >= ? AND judged_at_us < ? GROUP BY 1";
    let mut statement = db.prepare(sql)?;
    collect_counts(statement.query([from_us, to_us])?)
}

fn collect_counts(mut rows: rusqlite::Rows<'_>) -> rusqlite::Result<Counts> {
    let mut counts = Counts::default();
    while let Some(row) = rows.next()? {
        counts.add(row.get_ref(0)?.as_str()?, unsigned(row.get(1)?));
    }
    Ok(counts)
}

fn lost(db: &Connection, SpanUs { from_us, to_us }: SpanUs) -> rusqlite::Result<u64> {
    // A line's counter may jump as far as its numbers go: no sum of whole numbers holds that twice.
    let sql = "SELECT total(CAST(last AS REAL) - first + 1) FROM
               (SELECT first, last, at_us FROM lost UNION ALL SELECT first, last, at_us FROM line_lost)
               WHERE at_us >= ? AND at_us < ?";
    db.query_row(sql, [from_us, to_us], |row| Ok(row.get::<_, f64>(0)? as u64))
}

/// The newest rows of one verdict in a span, as a table to group.
const NEWEST: &str = "(SELECT label, stage, blame, code FROM inspections INDEXED BY inspections_verdict
     WHERE verdict = ?1 AND judged_at_us >= ?2 AND judged_at_us < ?3 ORDER BY judged_at_us DESC LIMIT ?4)";

fn reasons(db: &Connection, span: SpanUs) -> rusqlite::Result<Reasons> {
    let sql = format!("SELECT coalesce(label, ''), count(*) FROM {NEWEST} GROUP BY 1 ORDER BY 2 DESC, 1");
    let read = |row: &Row<'_>| Ok(Reason { label: row.get(0)?, count: unsigned(row.get(1)?), example: None });
    let (of, ranked) = rank(db, &sql, "fail", span, read, |reason| reason.count)?;
    Ok(Reasons { of, ranked })
}

fn undecided(db: &Connection, span: SpanUs) -> rusqlite::Result<Undecided> {
    let sql = format!(
        "SELECT coalesce(stage, ''), coalesce(blame, ''), coalesce(code, ''), count(*) FROM {NEWEST}
         GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3"
    );
    let read = |row: &Row<'_>| {
        let count = unsigned(row.get(3)?);
        Ok(UndecidedBy { stage: row.get(0)?, blame: row.get(1)?, code: row.get(2)?, count })
    };
    let (of, ranked) = rank(db, &sql, "undecided", span, read, |one| one.count)?;
    Ok(Undecided { of, ranked })
}

/// How many rows there are in all groups, and the largest groups.
fn rank<T>(
    db: &Connection,
    sql: &str,
    verdict: &str,
    SpanUs { from_us, to_us }: SpanUs,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    count: impl Fn(&T) -> u64,
) -> rusqlite::Result<(u64, Vec<T>)> {
    let most = i64::try_from(MAX_RANKED_ROWS).unwrap_or(i64::MAX);
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![verdict, from_us, to_us, most])?;
    let (mut of, mut ranked) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        let group = read(row)?;
        of += count(&group);
        if ranked.len() < MAX_RANKED {
            ranked.push(group);
        }
    }
    Ok((of, ranked))
}

fn latencies(db: &Connection, SpanUs { from_us, to_us }: SpanUs) -> rusqlite::Result<Vec<Latency>> {
    let of = "FROM inspections INDEXED BY inspections_time WHERE judged_at_us >= ? AND judged_at_us < ?
              ORDER BY judged_at_us DESC LIMIT ?";
    let most = i64::try_from(MAX_LATENCY_ROWS).unwrap_or(i64::MAX);
    Ok(StageTimes::read(db, of, params![from_us, to_us, most])?.latencies(Vec::new()))
}

/// Where in the chain a time begins: rows of any kind are written one behind the other.
pub(super) fn row_at(db: &Connection, at_us: i64) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT seq FROM inspections INDEXED BY inspections_time WHERE judged_at_us >= ?
               ORDER BY judged_at_us, seq LIMIT 1";
    db.query_row(sql, [at_us], |row| row.get(0)).optional()
}

fn drift(db: &Connection, span: SpanUs) -> rusqlite::Result<Vec<DriftSummary>> {
    let series = "SELECT plugin, feature, statistic FROM latest_reports ORDER BY 1, 2, 3 LIMIT ?";
    let name = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let series: Vec<(String, String, String)> =
        db.prepare(series)?.query_map([MAX_SERIES], name)?.collect::<rusqlite::Result<_>>()?;
    let Some(first) = row_at(db, span.from_us)? else { return Ok(Vec::new()) };
    let last = row_at(db, span.to_us.saturating_add(REPORT_DELAY_US))?.unwrap_or(i64::MAX);
    let sql = "SELECT value, threshold, drifted FROM observations INDEXED BY observations_series
               WHERE plugin = ? AND feature = ? AND statistic = ? AND seq BETWEEN ? AND ? AND at_us >= ? AND at_us < ?
               ORDER BY seq DESC LIMIT ?";
    let mut statement = db.prepare(sql)?;
    let mut summaries = Vec::new();
    for (plugin, feature, statistic) in series {
        let bounds = params![plugin, feature, statistic, first, last, span.from_us, span.to_us, MAX_REPORTS];
        let mut rows = statement.query(bounds)?;
        let mut newest: Option<DriftSummary> = None;
        while let Some(row) = rows.next()? {
            let (value, threshold, drifted) = (number(row, 0)?, number(row, 1)?, row.get::<_, bool>(2)?);
            let summary = newest.get_or_insert_with(|| DriftSummary {
                plugin: plugin.clone(),
                feature: feature.clone(),
                statistic: statistic.clone(),
                reports: 0,
                drifted: 0,
                value,
                threshold,
                highest: f64::NAN,
            });
            summary.reports += 1;
            summary.drifted += u64::from(drifted);
            // What is no number loses against one.
            summary.highest = summary.highest.max(value);
        }
        summaries.extend(newest);
    }
    Ok(summaries)
}

fn reviews(db: &Connection, span: SpanUs) -> rusqlite::Result<Counts> {
    // A review of the span is behind every frame that was judged before the span; there may be none within it.
    let before = "SELECT seq FROM inspections INDEXED BY inspections_time WHERE judged_at_us < ?
                  ORDER BY judged_at_us DESC, seq DESC LIMIT 1";
    let before: i64 = db.query_row(before, [span.from_us], |row| row.get(0)).optional()?.unwrap_or(0);
    let sql = "SELECT verdict, count(*) FROM reviews WHERE seq > ? AND at_us >= ? AND at_us < ? GROUP BY 1";
    let mut statement = db.prepare(sql)?;
    collect_counts(statement.query([before, span.from_us, span.to_us])?)
}
