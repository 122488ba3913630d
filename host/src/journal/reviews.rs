//! What people say of parts that the station has judged. A part of the record: hash-chained, only ever added to, written
//! by the journal's own thread between the records of frames. The latest review of a part is what counts.

use super::batch::{Outcome, Statements, Work};
use super::chain::{Checkpoint, Kind};
use super::record::{maybe, text};
use super::rows::verdict_of;
use super::{Committed, Journal, JournalError, LedgerError, Reader, Sending, now_us};
use crate::domain::{Actor, FrameId, VerdictKind};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Characters of a label and of a reason.
pub const MAX_LABEL_CHARS: usize = 128;
pub const MAX_REASON_CHARS: usize = 500;

/// What somebody says of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReview {
    /// What the part is: `pass` a good one, `fail` a defective one, `undecided` where nobody can tell from the picture.
    pub verdict: VerdictKind,
    /// What is on it, by the model's labels or in the reviewer's own word.
    pub label: Option<String>,
    /// Needed where the verdict is not the station's.
    pub reason: Option<String>,
    /// Row of the latest review that the reviewer has seen; 0 where there was none.
    pub seen: i64,
}

/// A review as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct Review {
    pub row: i64,
    /// Microseconds since 1970, UTC.
    pub at_us: i64,
    pub reviewer: String,
    /// `user`, `token` or `local`.
    pub kind: String,
    pub role: String,
    pub verdict: VerdictKind,
    pub label: Option<String>,
    pub reason: Option<String>,
}

/// What the reviews of one part come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// Row of the inspection.
    pub inspection: i64,
    /// Row of the latest review.
    pub latest: i64,
    pub reviews: u64,
    pub verdict: VerdictKind,
    pub label: Option<String>,
    pub first_reviewer: String,
    pub first_verdict: VerdictKind,
    /// The first other person who looked, and what they said.
    pub second: Option<(String, VerdictKind)>,
}

impl Reviewed {
    /// True where two people do not agree on what the part is.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.second.as_ref().is_some_and(|(_, verdict)| *verdict != self.first_verdict)
    }
}

/// Why a review was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error("there is no record of the frame {id}: take its id from the list of inspections")]
    UnknownFrame { id: String },
    #[error("the verdict {found} is not the station's ({station}): say in `reason` why")]
    ReasonMissing { station: VerdictKind, found: VerdictKind },
    #[error("`{field}` has {found} characters, at most {most} are kept: say it shorter")]
    TooLong { field: &'static str, found: usize, most: usize },
    #[error("`{field}` has a line break or another control character: write it on one line")]
    NotOneLine { field: &'static str },
    #[error(
        "somebody else reviewed this part meanwhile (review {latest}, this form had seen {seen}): look at what they \
         say, then send yours again"
    )]
    Stale { seen: i64, latest: i64 },
    #[error("the review was not recorded")]
    Journal { source: JournalError },
    #[error("the review was not recorded, since the audit log cannot be written")]
    Audit { source: LedgerError },
    #[error("the review may not be recorded: the station's log says why")]
    Panicked,
}

impl ReviewError {
    /// In kebab-case; a contract of the API.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownFrame { .. } => "unknown-frame",
            Self::ReasonMissing { .. } => "reason-missing",
            Self::TooLong { .. } => "too-long",
            Self::NotOneLine { .. } => "not-one-line",
            Self::Stale { .. } => "stale-review",
            Self::Journal { .. } | Self::Audit { .. } | Self::Panicked => "review-not-recorded",
        }
    }

    fn journal(source: JournalError) -> Self {
        match source {
            JournalError::StaleReview { seen, latest } => Self::Stale { seen, latest },
            source => Self::Journal { source },
        }
    }
}

/// A review that only has to be written.
pub struct PreparedReview {
    inspection: i64,
    judged_at_us: i64,
    seen: i64,
    reviewer: String,
    verdict: VerdictKind,
    label: Option<String>,
    /// Columns of `reviews` behind `seq`.
    columns: Vec<Value>,
}

/// Records reviews. Cheap to clone; it waits in the journal's queue with the records of frames, and never before one.
#[derive(Clone)]
pub struct ReviewDesk {
    sending: Sending,
    reader: Reader,
}

impl Journal {
    /// Where reviews are handed in.
    #[must_use]
    pub fn review_desk(&self) -> ReviewDesk {
        ReviewDesk { sending: self.sending.clone(), reader: self.reader() }
    }
}

impl ReviewDesk {
    /// Checks a review and gives what only has to be written.
    ///
    /// # Errors
    /// When it would not be recorded.
    pub fn check(&self, id: &FrameId, review: &NewReview, by: &Actor) -> Result<Checked, ReviewError> {
        let label = one_line("label", review.label.as_deref(), MAX_LABEL_CHARS)?;
        let reason = one_line("reason", review.reason.as_deref(), MAX_REASON_CHARS)?;
        let found = self.reader.row_of(id).map_err(ReviewError::journal)?;
        let Some((inspection, judged_at_us, station)) = found else {
            return Err(ReviewError::UnknownFrame { id: id.to_string() });
        };
        if reason.is_none() && review.verdict != station {
            return Err(ReviewError::ReasonMissing { station, found: review.verdict });
        }
        let latest =
            self.reader.reviewed_row(inspection).map_err(ReviewError::journal)?.map_or(0, |found| found.latest);
        if latest != review.seen {
            return Err(ReviewError::Stale { seen: review.seen, latest });
        }
        let columns = vec![
            Value::Integer(inspection),
            Value::Integer(now_us()),
            text(&by.name),
            text(by.kind.name()),
            text(by.role.name()),
            text(review.verdict.name()),
            maybe(label.as_deref()),
            maybe(reason.as_deref()),
            Value::Integer(review.seen),
        ];
        let (reviewer, verdict, seen) = (by.name.clone(), review.verdict, review.seen);
        Ok(Checked(PreparedReview { inspection, judged_at_us, seen, reviewer, verdict, label, columns }))
    }

    /// Waits until a checked review is on the disk.
    ///
    /// # Errors
    /// When it is not; also where another one came between.
    pub fn record(&self, checked: Checked) -> Result<Committed, ReviewError> {
        let pending = self.sending.send(Work::Review(Box::new(checked.0)));
        pending.and_then(super::Pending::wait).map_err(ReviewError::journal)
    }
}

/// A review that may be recorded, as far as was to be seen.
pub struct Checked(PreparedReview);

/// Trimmed; none where nothing is left.
fn one_line(field: &'static str, value: Option<&str>, most: usize) -> Result<Option<String>, ReviewError> {
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return Ok(None) };
    let found = value.chars().count();
    if found > most {
        return Err(ReviewError::TooLong { field, found, most });
    }
    if value.chars().any(char::is_control) {
        return Err(ReviewError::NotOneLine { field });
    }
    Ok(Some(value.to_owned()))
}

impl Statements<'_> {
    /// Writes a review, unless another one came between.
    pub(super) fn review(&mut self, head: &mut Checkpoint, review: &PreparedReview) -> rusqlite::Result<Outcome> {
        let sql = "SELECT latest FROM reviewed WHERE inspection = ?";
        let latest = self.db.prepare(sql)?.query_row([review.inspection], |row| row.get(0)).optional()?;
        let latest: i64 = latest.unwrap_or(0);
        if latest != review.seen {
            return Ok(Err(JournalError::StaleReview { seen: review.seen, latest }));
        }
        let row = self.plain(head, Kind::Review, &review.columns)?;
        let verdict = review.verdict.name();
        let sql = "INSERT INTO reviewed VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?4, ?5, NULL, NULL, NULL)
            ON CONFLICT (inspection) DO UPDATE SET latest = ?3, reviews = reviews + 1, verdict = ?4, label = ?5,
                first_verdict = iif(second_reviewer IS NULL AND first_reviewer = ?6, ?4, first_verdict),
                first_label = iif(second_reviewer IS NULL AND first_reviewer = ?6, ?5, first_label),
                second_verdict = iif(second_reviewer IS NULL AND first_reviewer <> ?6, ?4, second_verdict),
                second_label = iif(second_reviewer IS NULL AND first_reviewer <> ?6, ?5, second_label),
                second_reviewer = iif(second_reviewer IS NULL AND first_reviewer <> ?6, ?6, second_reviewer)";
        let values = params![review.inspection, review.judged_at_us, row, verdict, review.label, review.reviewer];
        self.db.prepare(sql)?.execute(values)?;
        Ok(Ok(row))
    }
}

const REVIEWED: &str = "inspection, latest, reviews, verdict, label, first_reviewer, first_verdict, second_reviewer, \
     second_verdict";

fn reviewed(row: &Row<'_>) -> rusqlite::Result<Reviewed> {
    let second: Option<String> = row.get(7)?;
    let second_verdict = row.get::<_, Option<String>>(8)?.as_deref().map(verdict_of);
    Ok(Reviewed {
        inspection: row.get(0)?,
        latest: row.get(1)?,
        reviews: super::rows::unsigned(row.get(2)?),
        verdict: verdict_of(row.get_ref(3)?.as_str()?),
        label: row.get(4)?,
        first_reviewer: row.get(5)?,
        first_verdict: verdict_of(row.get_ref(6)?.as_str()?),
        second: second.zip(second_verdict),
    })
}

impl Reader {
    /// Row, time and verdict of a frame.
    pub(super) fn row_of(&self, id: &FrameId) -> Result<Option<(i64, i64, VerdictKind)>, JournalError> {
        let sql = "SELECT seq, judged_at_us, verdict FROM inspections WHERE boot = ? AND trigger = ? AND station = ?";
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, verdict_of(row.get_ref(2)?.as_str()?)));
        self.with("find an inspection", |db| {
            db.prepare(sql)?.query_row(params![number(id.boot), number(id.trigger), id.station], read).optional()
        })
    }

    /// What the reviews of the inspection in a row come to; none where there are none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reviewed_row(&self, row: i64) -> Result<Option<Reviewed>, JournalError> {
        let sql = format!("SELECT {REVIEWED} FROM reviewed WHERE inspection = ?");
        self.with("read reviews", |db| db.prepare(&sql)?.query_row([row], reviewed).optional())
    }

    /// The same for the rows of a list.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reviewed_rows(&self, rows: &[i64]) -> Result<BTreeMap<i64, Reviewed>, JournalError> {
        let sql = format!("SELECT {REVIEWED} FROM reviewed WHERE inspection = ?");
        self.with("read reviews", |db| {
            let mut statement = db.prepare(&sql)?;
            let mut found = BTreeMap::new();
            for row in rows {
                found.extend(statement.query_row([row], reviewed).optional()?.map(|reviewed| (*row, reviewed)));
            }
            Ok(found)
        })
    }

    /// The newest reviews of an inspection, the oldest of them first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn reviews(&self, row: i64, last: usize) -> Result<Vec<Review>, JournalError> {
        let sql = "SELECT seq, at_us, reviewer, kind, role, verdict, label, reason FROM reviews WHERE inspection = ?
                   ORDER BY seq DESC LIMIT ?";
        let read = |row: &Row<'_>| {
            Ok(Review {
                row: row.get(0)?,
                at_us: row.get(1)?,
                reviewer: row.get(2)?,
                kind: row.get(3)?,
                role: row.get(4)?,
                verdict: verdict_of(row.get_ref(5)?.as_str()?),
                label: row.get(6)?,
                reason: row.get(7)?,
            })
        };
        let last = i64::try_from(last.min(super::MAX_PAGE)).unwrap_or(0);
        let mut found = self.with("read reviews", |db| {
            db.prepare(sql)?.query_map([row, last], read)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        found.reverse();
        Ok(found)
    }
}
