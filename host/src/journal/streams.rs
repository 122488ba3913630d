//! Indexes as streams of rows in the order of a list. Each gives the places of its rows from any place on, newer or
//! older, and skips to a place in one look-up.

use super::filter::Cursor;
use crate::domain::VerdictKind;
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, params_from_iter};
use std::collections::VecDeque;

/// The index of scores sorts them into so many parts of [0, 1], and one for 1 itself.
pub const SCORE_BUCKETS: i64 = 20;

/// An index that holds all rows of one condition, in the order of their time.
#[derive(Debug, Clone, PartialEq)]
pub enum Stream {
    Time,
    Verdict(VerdictKind),
    Label(String),
    Product(String),
    Serial(String),
    Finding(String),
    Flagged,
    Reviewed,
    Sampled,
    /// Rows whose score lies in the parts from the first to the last.
    Scores(i64, i64),
    /// Rows that one of these recipes judged; by the first 8 bytes of the digest, the rest is compared on the row.
    Recipes(Vec<[u8; 32]>),
}

/// A condition of the index: table, its columns of time and row, and the value that leads the index.
pub struct Lane {
    pub sql: [String; 2],
    value: Option<Value>,
}

impl Stream {
    /// The ordered parts that this is the union of.
    pub fn lanes(&self) -> Vec<Lane> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let own = |index: &str, condition: &str, value| {
            vec![lane(&format!("inspections INDEXED BY {index}"), "judged_at_us", "seq", condition, value)]
        };
        match self {
            Self::Time => own("inspections_time", "1", None),
            Self::Verdict(kind) => own("inspections_verdict", "verdict = ?5", text(kind.name())),
            Self::Label(label) => own("inspections_label", "label = ?5", text(label)),
            Self::Product(product) => own("inspections_product", "product = ?5", text(product)),
            Self::Serial(serial) => own("inspections_serial", "serial = ?5", text(serial)),
            Self::Flagged => own("inspections_flagged", "flagged = 1", None),
            Self::Finding(label) => {
                vec![lane("findings", "judged_at_us", "inspection", "label = ?5", text(label))]
            }
            Self::Reviewed => {
                vec![lane("reviewed INDEXED BY reviewed_time", "judged_at_us", "inspection", "1", None)]
            }
            Self::Sampled => {
                vec![lane("review_samples INDEXED BY review_samples_time", "judged_at_us", "inspection", "1", None)]
            }
            Self::Scores(first, last) => (*first..=*last)
                .flat_map(|bucket| {
                    let condition = "CAST(score * 20 AS INTEGER) = ?5";
                    own("inspections_score", condition, Some(Value::Integer(bucket)))
                })
                .collect(),
            Self::Recipes(recipes) => recipes
                .iter()
                .flat_map(|recipe| {
                    let prefix = recipe.get(..8).unwrap_or_default().to_vec();
                    own("inspections_recipe", "substr(recipe_digest, 1, 8) = ?5", Some(Value::Blob(prefix)))
                })
                .collect(),
        }
    }
}

/// The SQL for older and for newer rows: ?1 and ?2 are the place, ?3 the last time that counts, ?4 how many.
fn lane(from: &str, time: &str, row: &str, condition: &str, value: Option<Value>) -> Lane {
    let sql = |near: &str, beyond: &str, far: &str, order: &str| {
        format!(
            "SELECT {time}, {row} FROM {from} WHERE {condition} AND {time} {near} ?1 AND {time} {far} ?3
             AND ({time}, {row}) {beyond} (?1, ?2) ORDER BY {time} {order}, {row} {order} LIMIT ?4"
        )
    };
    Lane { sql: [sql("<=", "<", ">=", "DESC"), sql(">=", ">", "<=", "ASC")], value }
}

/// Which way a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Older,
    Newer,
}

impl Direction {
    /// True where `a` comes before `b`.
    pub fn is_before(self, a: Cursor, b: Cursor) -> bool {
        match self {
            Self::Older => a > b,
            Self::Newer => a < b,
        }
    }

    /// The place just before `at`, so that what lies behind it begins with `at` itself.
    const fn just_before(self, at: Cursor) -> Cursor {
        let row = match self {
            Self::Older => at.row.saturating_add(1),
            Self::Newer => at.row.saturating_sub(1),
        };
        Cursor { judged_at_us: at.judged_at_us, row }
    }
}

/// Places that are read ahead, at first and at most: few where the stream is skipped through, many where it is read.
const FIRST_CHUNK: usize = 8;
const LARGEST_CHUNK: usize = 512;

/// One lane that is being read.
struct OpenLane<'c> {
    statement: Statement<'c>,
    value: Option<Value>,
    buffer: VecDeque<Cursor>,
    /// What the next read begins behind; none where the lane has ended.
    behind: Option<Cursor>,
    chunk: usize,
}

/// A stream that is being read in one direction, from a place on.
pub struct Running<'c> {
    direction: Direction,
    /// The last time that counts.
    far: i64,
    lanes: Vec<OpenLane<'c>>,
}

impl<'c> Running<'c> {
    /// # Errors
    /// When the database cannot be read.
    pub fn new(
        db: &'c Connection,
        stream: &Stream,
        direction: Direction,
        behind: Cursor,
        far: i64,
    ) -> rusqlite::Result<Self> {
        let open = |Lane { sql: [older, newer], value }| {
            let statement = db.prepare(if direction == Direction::Older { &older } else { &newer })?;
            Ok(OpenLane { statement, value, buffer: VecDeque::new(), behind: Some(behind), chunk: FIRST_CHUNK })
        };
        let lanes = stream.lanes().into_iter().map(open).collect::<rusqlite::Result<_>>()?;
        Ok(Self { direction, far, lanes })
    }

    /// The first place at or behind `at`; none at the end.
    pub fn skip_to(&mut self, at: Cursor) -> rusqlite::Result<Option<Cursor>> {
        let mut first: Option<Cursor> = None;
        for index in 0..self.lanes.len() {
            let head = self.lane_to(index, at)?;
            first = match (first, head) {
                (Some(first), Some(head)) if self.direction.is_before(head, first) => Some(head),
                (None, head) => head,
                (first, _) => first,
            };
        }
        Ok(first)
    }

    fn lane_to(&mut self, index: usize, at: Cursor) -> rusqlite::Result<Option<Cursor>> {
        let (direction, far) = (self.direction, self.far);
        let Some(open) = self.lanes.get_mut(index) else { return Ok(None) };
        let mut read = false;
        loop {
            while open.buffer.front().is_some_and(|head| direction.is_before(*head, at)) {
                open.buffer.pop_front();
            }
            if let Some(head) = open.buffer.front() {
                return Ok(Some(*head));
            }
            let Some(behind) = open.behind else { return Ok(None) };
            let wanted = direction.just_before(at);
            // Skipped over more than was read ahead: it will be so again.
            let skips = direction.is_before(behind, wanted);
            open.chunk = if skips { FIRST_CHUNK } else { (open.chunk * 4).min(LARGEST_CHUNK) };
            // One read from the wanted place finds it, or the end.
            if read {
                return Ok(None);
            }
            read = true;
            open.fill(far, if skips { wanted } else { behind })?;
        }
    }
}

impl OpenLane<'_> {
    fn fill(&mut self, far: i64, behind: Cursor) -> rusqlite::Result<()> {
        let place = [behind.judged_at_us, behind.row, far, i64::try_from(self.chunk).unwrap_or(1)];
        let values = place.map(Value::Integer).into_iter().chain(self.value.clone());
        let mut rows = self.statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            self.buffer.push_back(Cursor { judged_at_us: row.get(0)?, row: row.get(1)? });
        }
        let full = self.buffer.len() >= self.chunk;
        self.behind = self.buffer.back().copied().filter(|_| full);
        Ok(())
    }
}
