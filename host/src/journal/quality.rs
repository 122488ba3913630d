//! What reviews say of the station's own verdicts: the rows behind its quality figures.

use super::rows::{line, unsigned, verdict_of};
use super::{JournalError, Line, Reader};
use crate::domain::{Labelled, Strata, VerdictKind};
use rusqlite::{Connection, Row, params};

/// Reviewed rows that figures are made of, at most; of more, the newest.
pub const MAX_LABELLED: usize = 20_000;

impl Reader {
    /// The newest reviewed inspections of a span, the oldest of them first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn labelled(&self, from_us: i64, to_us: i64, most: usize) -> Result<Vec<Labelled>, JournalError> {
        let sql =
            "SELECT r.inspection, r.judged_at_us, i.verdict, i.label, i.score, i.code, r.verdict, r.label, s.one_in
            FROM reviewed r INDEXED BY reviewed_time CROSS JOIN inspections i ON i.seq = r.inspection
            LEFT JOIN review_samples s ON s.inspection = r.inspection
            WHERE r.judged_at_us >= ? AND r.judged_at_us < ? ORDER BY r.judged_at_us DESC LIMIT ?";
        let most = i64::try_from(most.min(MAX_LABELLED)).unwrap_or(0);
        let mut rows = self.with("read reviewed inspections", |db| {
            let mut statement = db.prepare(sql)?;
            statement.query_map([from_us, to_us, most], labelled)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        rows.reverse();
        Ok(rows)
    }

    /// What there is to review in a span. Counts rejects one by one, so the span is bounded by the caller.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn strata(&self, from_us: i64, to_us: i64) -> Result<Strata, JournalError> {
        self.with("count what there is to review", |db| {
            let sql = "SELECT count(*), coalesce(sum(one_in), 0) FROM review_samples INDEXED BY review_samples_time
                       WHERE judged_at_us >= ? AND judged_at_us < ?";
            let drawn = db
                .prepare(sql)?
                .query_row([from_us, to_us], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))?;
            let of = |kind| count(db, kind, from_us, to_us);
            let (fail, undecided) = (of(VerdictKind::Fail)?, of(VerdictKind::Undecided)?);
            Ok(Strata { fail, undecided, drawn: drawn.0, drawn_for: drawn.1 })
        })
    }

    /// First and second opinions on the same parts of a span, with how often each pair of verdicts was given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn opinions(&self, from_us: i64, to_us: i64) -> Result<Vec<(VerdictKind, VerdictKind, u64)>, JournalError> {
        let sql = "SELECT first_verdict, second_verdict, count(*) FROM reviewed INDEXED BY reviewed_time
            WHERE judged_at_us >= ? AND judged_at_us < ? AND second_reviewer IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2";
        let pair = |row: &Row<'_>| {
            let verdict = |column| Ok::<_, rusqlite::Error>(verdict_of(row.get_ref(column)?.as_str()?));
            Ok((verdict(0)?, verdict(1)?, unsigned(row.get(2)?)))
        };
        self.with("read opinions", |db| db.prepare(sql)?.query_map([from_us, to_us], pair)?.collect())
    }

    /// Inspections that one other person has reviewed, for a second look by `reviewer`; the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn second_looks(&self, reviewer: &str, most: usize) -> Result<Vec<Line>, JournalError> {
        let condition = "second_reviewer IS NULL AND first_reviewer <> ?1";
        self.of_reviewed("reviewed_once", condition, reviewer, most)
    }

    /// Inspections on which two people do not agree; the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn disputed(&self, most: usize) -> Result<Vec<Line>, JournalError> {
        let condition = "second_reviewer IS NOT NULL AND first_verdict <> second_verdict AND ?1 <> ''";
        self.of_reviewed("reviewed_disputed", condition, "any", most)
    }

    fn of_reviewed(&self, index: &str, condition: &str, who: &str, most: usize) -> Result<Vec<Line>, JournalError> {
        let columns = super::rows::LINE_COLUMNS;
        let sql = format!(
            "SELECT {columns} FROM reviewed r INDEXED BY {index} CROSS JOIN inspections i ON i.seq = r.inspection
             WHERE {condition} ORDER BY r.judged_at_us DESC LIMIT ?2"
        );
        let most = i64::try_from(most.min(super::MAX_PAGE)).unwrap_or(0);
        self.with("list reviewed inspections", |db| db.prepare(&sql)?.query_map(params![who, most], line)?.collect())
    }
}

fn count(db: &Connection, kind: VerdictKind, from_us: i64, to_us: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM inspections INDEXED BY inspections_verdict
               WHERE verdict = ? AND judged_at_us >= ? AND judged_at_us < ?";
    let count = db.prepare(sql)?.query_row(params![kind.name(), from_us, to_us], |row| row.get(0))?;
    Ok(unsigned(count))
}

fn labelled(row: &Row<'_>) -> rusqlite::Result<Labelled> {
    Ok(Labelled {
        row: row.get(0)?,
        judged_at_us: row.get(1)?,
        verdict: verdict_of(row.get_ref(2)?.as_str()?),
        label: row.get(3)?,
        score: row.get(4)?,
        code: row.get(5)?,
        truth: verdict_of(row.get_ref(6)?.as_str()?),
        truth_label: row.get(7)?,
        one_in: row.get::<_, Option<i64>>(8)?.map(unsigned),
    })
}
