//! What is read for the drift page. Every look is bounded, whatever span is asked for: in rows, bytes, points and time.

use super::report::row_at;
use super::rows::{DriftPoint, number, unsigned};
use super::{JournalError, Reader, SpanUs};
use crate::domain::{DriftChange, DriftSeries};
use rusqlite::{Connection, OptionalExtension as _, Row, Statement, params};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long one look may take: on a slow disk all bounds together are not enough.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// Reports that one point of a series is the highest of, at most: the newest ones of its time.
const REPORTS_PER_POINT: usize = 64;
/// Changes that are laid over the points of one series.
const CHANGES_PER_SERIES: i64 = 2_000;
/// Monitors see a frame after its verdict: a report may be recorded so much later.
const REPORT_DELAY_US: i64 = 60_000_000;
/// Bytes of records that values are taken from, at one time.
const MAX_DETAIL_BYTES: usize = 32 << 20;
/// The feature that is not an attribute of a plugin: the largest probability that the model gave.
const LARGEST_PROBABILITY: &str = "max_prob";

/// By the few changes, and not by the many reports: a cross join keeps that order. The newest first.
pub(super) const CHANGES: &str =
    "SELECT seq, boot, trigger, at_us, plugin, feature, statistic, value, threshold, drifted, frames
    FROM drift_changes AS c CROSS JOIN observations AS o USING (seq, ord)
    WHERE c.seq <= ? AND at_us < ? ORDER BY c.seq DESC, c.ord DESC LIMIT ?";
/// Where one series began to drift.
pub(super) const CHANGES_OF: &str = "SELECT boot, trigger, at_us, value, threshold, drifted
    FROM drift_changes AS c CROSS JOIN observations AS o USING (seq, ord)
    WHERE plugin = ? AND feature = ? AND statistic = ? AND drifted = 1
    AND at_us >= ? AND at_us < ? AND c.seq >= ? AND c.seq <= ? ORDER BY c.seq DESC LIMIT ?";

/// A series over a span, the oldest first: the highest report of each of its parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DriftPoints {
    pub points: Vec<DriftPoint>,
    /// Some parts had more reports than were looked at; what began to drift there is among the points anyway.
    pub thinned: bool,
}

/// What inspections have recorded of features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureValues {
    /// Inspections that were looked at.
    pub inspections: u64,
    /// By feature, sorted; only what at least one inspection has.
    pub values: BTreeMap<String, Vec<f64>>,
}

/// Pictures that the store still has of a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptPictures {
    /// From when on they are counted: later than asked for where there are more inspections than were allowed.
    pub from_us: i64,
    pub inspections: u64,
    pub pictures: u64,
    pub bytes: u64,
    /// False where older inspections of the span were left out.
    pub all: bool,
}

/// The part of a record that features are in.
#[derive(Deserialize)]
struct Features {
    inspection: FeatureParts,
}

#[derive(Deserialize)]
struct FeatureParts {
    answer: Option<Answer>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Answer {
    probabilities: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    attributes: Vec<(String, String)>,
}

impl Reader {
    /// The newest reports before `to_us` at which a series began to drift or ceased to, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn drift_changes(&self, to_us: i64, most: usize) -> Result<Vec<DriftChange>, JournalError> {
        let mut changes: Vec<DriftChange> =
            self.with_until(Instant::now() + LOOK_LIMIT, "read changes of drift", |db| {
                let last = row_at(db, to_us.saturating_add(REPORT_DELAY_US))?.unwrap_or(i64::MAX);
                let most = i64::try_from(most).unwrap_or(i64::MAX);
                db.prepare(CHANGES)?.query_map([last, to_us, most], change)?.collect()
            })?;
        changes.reverse();
        Ok(changes)
    }

    /// A series over a span as at most `parts` points.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn drift_points(&self, series: &DriftSeries, span: SpanUs, parts: u16) -> Result<DriftPoints, JournalError> {
        self.with_until(Instant::now() + LOOK_LIMIT, "read a drift series", |db| {
            // One view for all looks.
            let view = db.unchecked_transaction()?;
            let points = points(&view, series, span, i64::from(parts.max(1)))?;
            view.finish()?;
            Ok(points)
        })
    }

    /// What the newest inspections of a span have recorded of `features`: the attributes of that name that plugins
    /// gave, and the model's largest probability. `most` inspections at most.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn feature_values(
        &self,
        span: SpanUs,
        features: &BTreeSet<String>,
        most: usize,
    ) -> Result<FeatureValues, JournalError> {
        let sql = "SELECT d.detail FROM inspections i INDEXED BY inspections_time JOIN details d ON d.seq = i.seq
                   WHERE i.judged_at_us >= ? AND i.judged_at_us < ? ORDER BY i.judged_at_us DESC LIMIT ?";
        let mut found = FeatureValues::default();
        self.with_until(Instant::now() + LOOK_LIMIT, "read what inspections say of features", |db| {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query(params![span.from_us, span.to_us, most])?;
            let mut left = MAX_DETAIL_BYTES;
            while let Some(row) = rows.next()? {
                let text = row.get_ref(0)?.as_str()?;
                let Some(rest) = left.checked_sub(text.len()) else { break };
                left = rest;
                found.add(text, features);
            }
            Ok(())
        })?;
        found.values.values_mut().for_each(|values| values.sort_by(f64::total_cmp));
        Ok(found)
    }

    /// How many pictures of a span the store still has, over its newest inspections, `most` at most.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn kept_pictures(&self, span: SpanUs, most: usize) -> Result<KeptPictures, JournalError> {
        let sql = "SELECT i.judged_at_us, p.bytes FROM inspections i INDEXED BY inspections_time
                   LEFT JOIN pictures p ON p.digest = i.picture
                   WHERE i.judged_at_us >= ? AND i.judged_at_us < ? ORDER BY i.judged_at_us DESC LIMIT ?";
        self.with_until(Instant::now() + LOOK_LIMIT, "count the pictures of a span", |db| {
            let one_more = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query(params![span.from_us, span.to_us, one_more])?;
            let mut kept = KeptPictures { from_us: span.from_us, all: true, ..KeptPictures::default() };
            while let Some(row) = rows.next()? {
                let judged_at_us: i64 = row.get(0)?;
                if kept.inspections >= most as u64 {
                    // Others of that very microsecond are left out with it.
                    return Ok(KeptPictures { from_us: judged_at_us.saturating_add(1), all: false, ..kept });
                }
                kept.inspections += 1;
                if let Some(bytes) = row.get::<_, Option<i64>>(1)? {
                    kept.pictures += 1;
                    kept.bytes = kept.bytes.saturating_add(unsigned(bytes));
                }
            }
            Ok(kept)
        })
    }

    /// When the verdict of the first recorded frame from a trigger on was formed, within one start of the station.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn judged_from(&self, boot: u64, trigger: u64) -> Result<Option<i64>, JournalError> {
        let sql = "SELECT judged_at_us FROM inspections WHERE boot = ? AND trigger >= ? ORDER BY trigger LIMIT 1";
        let [boot, trigger] = [boot, trigger].map(|number| i64::try_from(number).unwrap_or(i64::MAX));
        self.with("find when a frame was judged", |db| db.query_row(sql, [boot, trigger], |row| row.get(0)).optional())
    }
}

impl FeatureValues {
    /// The first plugin that gives a feature counts; what is no number is none.
    fn add(&mut self, detail: &str, features: &BTreeSet<String>) {
        self.inspections += 1;
        let Ok(Features { inspection: FeatureParts { answer, runs } }) = serde_json::from_str(detail) else { return };
        let largest = answer.and_then(|answer| answer.probabilities.into_iter().flatten().reduce(f64::max));
        for feature in features {
            let named = |(name, _): &&(String, String)| name == feature;
            let given = runs.iter().flat_map(|run| &run.attributes).find(named);
            let value = match given {
                Some((_, text)) => text.parse().ok(),
                None => largest.filter(|_| feature == LARGEST_PROBABILITY),
            };
            if let Some(value) = value.filter(|value: &f64| value.is_finite()) {
                self.values.entry(feature.clone()).or_default().push(value);
            }
        }
    }
}

fn change(row: &Row<'_>) -> rusqlite::Result<DriftChange> {
    Ok(DriftChange {
        row: row.get(0)?,
        boot: unsigned(row.get(1)?),
        trigger: unsigned(row.get(2)?),
        at_us: row.get(3)?,
        series: DriftSeries { plugin: row.get(4)?, feature: row.get(5)?, statistic: row.get(6)? },
        value: number(row, 7)?,
        threshold: number(row, 8)?,
        drifted: row.get(9)?,
        window: unsigned(row.get(10)?),
    })
}

fn point(row: &Row<'_>) -> rusqlite::Result<DriftPoint> {
    Ok(DriftPoint {
        boot: unsigned(row.get(0)?),
        trigger: unsigned(row.get(1)?),
        at_us: row.get(2)?,
        value: number(row, 3)?,
        threshold: number(row, 4)?,
        drifted: row.get(5)?,
    })
}

/// Which of two reports stands for both: one of drift, then the higher one. What is no number loses against one.
fn stronger(one: DriftPoint, other: DriftPoint) -> DriftPoint {
    let of_other = match (one.drifted, other.drifted) {
        (false, true) => true,
        (true, false) => false,
        _ => other.value > one.value || one.value.is_nan(),
    };
    if of_other { other } else { one }
}

/// The reports of one series between two rows, the newest first.
const BETWEEN: &str = "SELECT boot, trigger, at_us, value, threshold, drifted FROM observations
    INDEXED BY observations_series WHERE plugin = ? AND feature = ? AND statistic = ? AND seq >= ? AND seq < ?
    ORDER BY seq DESC LIMIT ?";

fn points(db: &Connection, series: &DriftSeries, span: SpanUs, parts: i64) -> rusqlite::Result<DriftPoints> {
    let mut statement = db.prepare(BETWEEN)?;
    let length_us = i128::from(span.to_us.saturating_sub(span.from_us).max(1));
    let bound = |part: i64| span.from_us.saturating_add((length_us * i128::from(part) / i128::from(parts)) as i64);
    let mut found = DriftPoints::default();
    let mut first = row_at(db, span.from_us)?;
    for part in 1..=parts {
        let Some(from) = first else { break };
        let until = if part == parts { span.to_us.saturating_add(REPORT_DELAY_US) } else { bound(part) };
        let next = row_at(db, until)?;
        let (best, all) = strongest(&mut statement, series, from, next.unwrap_or(i64::MAX))?;
        found.points.extend(best);
        found.thinned |= !all;
        first = next;
    }
    if found.thinned {
        found.points.extend(changes_of(db, series, span)?);
    }
    found.points.retain(|point| (span.from_us..span.to_us).contains(&point.at_us));
    found.points.sort_by_key(|point| (point.at_us, point.boot, point.trigger));
    found.points.dedup_by_key(|point| (point.at_us, point.boot, point.trigger));
    Ok(found)
}

/// The report that stands for those of some rows, and whether all of them were looked at.
fn strongest(
    statement: &mut Statement<'_>,
    DriftSeries { plugin, feature, statistic }: &DriftSeries,
    from: i64,
    to: i64,
) -> rusqlite::Result<(Option<DriftPoint>, bool)> {
    let one_more = i64::try_from(REPORTS_PER_POINT).unwrap_or(i64::MAX) + 1;
    let mut rows = statement.query(params![plugin, feature, statistic, from, to, one_more])?;
    let (mut read, mut best) = (0, None);
    while let Some(row) = rows.next()? {
        read += 1;
        if read > REPORTS_PER_POINT {
            return Ok((best, false));
        }
        let report = point(row)?;
        best = Some(best.map_or(report.clone(), |known| stronger(known, report)));
    }
    Ok((best, true))
}

/// Where a series began to drift within a span.
fn changes_of(db: &Connection, series: &DriftSeries, span: SpanUs) -> rusqlite::Result<Vec<DriftPoint>> {
    let DriftSeries { plugin, feature, statistic } = series;
    let from = row_at(db, span.from_us)?.unwrap_or(i64::MAX);
    let last = row_at(db, span.to_us.saturating_add(REPORT_DELAY_US))?.unwrap_or(i64::MAX);
    let bounds = params![plugin, feature, statistic, span.from_us, span.to_us, from, last, CHANGES_PER_SERIES];
    db.prepare(CHANGES_OF)?.query_map(bounds, point)?.collect()
}
