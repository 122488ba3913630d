//! What the sources have given since the start, by the record: bounded looks at the newest of it.

use super::rows::unsigned;
use super::{JournalError, Reader};
use crate::domain::{Blame, Stage};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;
use std::time::Instant;

/// Inspections, and rows of lost numbers, that are looked through, at most.
pub const MAX_GIVEN: i64 = 20_000;

/// What is recorded of the sources since the newest start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// When the station started.
    pub since_us: i64,
    /// True where there is more than the newest [`MAX_GIVEN`], which the figures are of.
    pub cut: bool,
    pub by_source: BTreeMap<String, GivenBy>,
}

/// Of one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GivenBy {
    /// Frames with a record.
    pub frames: u64,
    /// Those of them that were undecided since the source could not give their picture.
    pub unreadable: u64,
    /// Numbers of its counter that gave no frame.
    pub lost: u64,
    /// When its newest picture was taken.
    pub newest_us: Option<i64>,
}

impl Reader {
    /// What the sources have given since the newest start.
    ///
    /// # Errors
    /// When the database cannot be read, or not by `due`.
    pub fn given(&self, due: Instant) -> Result<Given, JournalError> {
        self.with_until(due, "look through what the sources gave", |db| given(db, MAX_GIVEN))
    }
}

fn given(db: &Connection, most: i64) -> rusqlite::Result<Given> {
    let sql = "SELECT seq, started_at_us FROM boots ORDER BY seq DESC LIMIT 1";
    let start: Option<(i64, i64)> = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((first, since_us)) = start else { return Ok(Given::default()) };
    let mut given = Given { since_us, ..Given::default() };
    let sql = "SELECT source, count(*), sum(blame IS ?3 AND stage IN (?4, ?5)), max(captured_at_us) FROM (
                   SELECT source, blame, stage, captured_at_us FROM inspections WHERE seq > ?1 ORDER BY seq DESC LIMIT ?2)
               GROUP BY source";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(params![
        first,
        most,
        Blame::Source.name(),
        // A detector may blame the source too, for a picture that is there and too dark.
        Stage::Source.name(),
        Stage::Decode.name()
    ])?;
    let mut frames = 0;
    while let Some(row) = rows.next()? {
        let by = given.by_source.entry(row.get(0)?).or_default();
        (by.frames, by.unreadable, by.newest_us) = (unsigned(row.get(1)?), unsigned(row.get(2)?), row.get(3)?);
        frames += by.frames;
    }
    // A range may be as long as numbers go: `total` does not overflow, as `sum` does.
    let sql = "SELECT source, count(*), total(last - first + 1) FROM (
                   SELECT source, first, last FROM line_lost WHERE seq > ?1 ORDER BY seq DESC LIMIT ?2)
               GROUP BY source";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([first, most])?;
    let mut ranges = 0;
    while let Some(row) = rows.next()? {
        let by = given.by_source.entry(row.get(0)?).or_default();
        ranges += unsigned(row.get(1)?);
        by.lost = row.get::<_, f64>(2)? as u64;
    }
    // As many as were looked for: there may be more.
    given.cut = frames.max(ranges) >= unsigned(most);
    Ok(given)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;

    fn database() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        let tables = "CREATE TABLE boots (seq INTEGER PRIMARY KEY, started_at_us INTEGER);
            CREATE TABLE inspections (seq INTEGER PRIMARY KEY, source TEXT, blame TEXT, stage TEXT, captured_at_us INTEGER);
            CREATE TABLE line_lost (seq INTEGER PRIMARY KEY, source TEXT, first INTEGER, last INTEGER);
            INSERT INTO boots VALUES (1, 10), (4, 40);
            INSERT INTO inspections VALUES (2, 'a', NULL, NULL, 11), (5, 'a', NULL, NULL, 41),
                (6, 'a', 'source', 'decode', 43), (7, 'a', 'plugin', 'detect', 42), (8, 'b', 'source', 'detect', 44);
            INSERT INTO line_lost VALUES (3, 'a', 1, 9), (9, 'a', 5, 7), (10, 'c', 0, 9223372036854775807),
                (11, 'c', 0, 9223372036854775807);";
        db.execute_batch(tables).unwrap();
        db
    }

    #[test]
    fn what_each_source_gave_is_counted_since_the_newest_start() {
        let given = given(&database(), 100).unwrap();
        assert_eq!((given.since_us, given.cut), (40, false));
        let a = GivenBy { frames: 3, unreadable: 1, lost: 3, newest_us: Some(43) };
        assert_eq!(given.by_source["a"], a);
        assert_eq!(given.by_source["b"], GivenBy { frames: 1, newest_us: Some(44), ..GivenBy::default() });
        assert!(given.by_source["c"].lost >= 1 << 63);
    }

    #[test]
    fn only_the_newest_are_looked_through_and_that_is_told() {
        let given = given(&database(), 2).unwrap();
        assert!(given.cut);
        assert_eq!(given.by_source["a"].frames, 1);
        let empty = database();
        empty.execute("DELETE FROM boots", []).unwrap();
        assert_eq!(super::given(&empty, 2).unwrap(), Given::default());
    }
}
