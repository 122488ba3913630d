//! Short read-only queries. Each takes a connection, asks, and gives it back: no view of the database outlives a
//! call, because one that did would keep the WAL from shrinking.

use super::chain::Checkpoint;
use super::filter::{Cursor, Filter, Page};
use super::health::Shared;
use super::options::{database_in, pictures_in};
use super::pictures::PictureFolder;
use super::record::{Detail, TIMED};
use super::rows::{
    Counts, Entry, LINE_COLUMNS, Latency, Line, Listing, LostFrames, Observed, TrendPoint, line, observed, unsigned,
};
use super::search::{Budget, Found, Turn};
use super::{JournalError, batch, schema};
use crate::domain::{Digest, FrameId, Stage};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Open connections that are kept for the next call.
const KEPT_CONNECTIONS: usize = 4;
/// Steps of SQLite's machine between two looks at the clock: microseconds, or as many reads of a slow disk.
const STEPS_BETWEEN_LOOKS: i32 = 200;
/// Inspections that percentiles are taken over, at most.
pub const MAX_LATENCY_ROWS: usize = 10_000;
/// Points of a series or a trend, at most.
pub const MAX_POINTS: usize = 10_000;

/// Reads a journal. Cheap to clone; any number of threads may use it.
#[derive(Clone)]
pub struct Reader {
    database: PathBuf,
    folder: PictureFolder,
    pool: Arc<Mutex<Vec<Connection>>>,
    shared: Option<Arc<Shared>>,
}

impl Reader {
    /// Reads the journal in `dir` without taking part in it, also beside a running station.
    ///
    /// # Errors
    /// When there is no journal that this program understands.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let database = database_in(dir);
        if schema::look_at(&database)? == schema::Found::Nothing {
            return Err(JournalError::Foreign { path: database, found: "not there".to_owned() });
        }
        let reader = Self::new(dir, None);
        reader.with("open the journal", |db| batch::head(db).map(|_| ()))?;
        Ok(reader)
    }

    pub(super) fn new(dir: &Path, shared: Option<Arc<Shared>>) -> Self {
        let folder = PictureFolder::at(pictures_in(dir));
        Self { database: database_in(dir), folder, pool: Arc::default(), shared }
    }

    /// The folder that the journal lies in.
    pub(super) fn dir(&self) -> &Path {
        self.database.parent().unwrap_or(Path::new("."))
    }

    /// The newest row of the chain; 0 where there is none.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn newest_row(&self) -> Result<i64, JournalError> {
        self.with("read the newest row", |db| batch::head(db).map(|head| head.rows))
    }

    /// The inspections of these rows and times, in this order. Those that are not there are left out.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn lines_at(&self, places: &[Cursor]) -> Result<Vec<Line>, JournalError> {
        let sql = format!("SELECT {LINE_COLUMNS} FROM inspections AS i WHERE i.seq = ? AND i.judged_at_us = ?");
        self.with("read inspections", |db| {
            let mut statement = db.prepare(&sql)?;
            let mut lines = Vec::with_capacity(places.len());
            for place in places {
                lines.extend(statement.query_row([place.row, place.judged_at_us], line).optional()?);
            }
            Ok(lines)
        })
    }

    pub(super) fn with<T>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        let db = self.take()?;
        // A connection that failed is dropped here, and not used again.
        let answer = query(&db).map_err(|error| JournalError::query(doing, error))?;
        self.keep(db);
        Ok(answer)
    }

    /// As [`Self::with`]; what is not done at `due` is ended wherever it is.
    pub(super) fn with_until<T>(
        &self,
        due: Instant,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        // A short query ends before SQLite asks.
        if Instant::now() >= due {
            return Err(JournalError::TookTooLong { doing });
        }
        let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => JournalError::TookTooLong { doing },
            _ => JournalError::query(doing, error),
        };
        let mut db = self.take()?;
        db.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() >= due)).map_err(failed)?;
        let answer = query(&db).map_err(failed)?;
        db.progress_handler(0, None::<fn() -> bool>).map_err(failed)?;
        self.keep(db);
        Ok(answer)
    }

    fn take(&self) -> Result<Connection, JournalError> {
        let kept = self.pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.map_or_else(|| schema::open_reader(&self.database), Ok)
    }

    fn keep(&self, db: Connection) {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < KEPT_CONNECTIONS {
            pool.push(db);
        }
    }

    /// One page of inspections, the newest first, however long it takes: for who has to have all of a filter.
    pub fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, JournalError> {
        let turn = Turn { from: page.before, budget: Budget::NONE, ..Turn::newest(page.limit) };
        let Found { lines, more, .. } = self.search(filter, &turn)?;
        let next = lines.last().filter(|_| more).map(Line::cursor);
        Ok(Listing { lines, next })
    }

    /// All that is recorded of a frame.
    pub fn get(&self, id: &FrameId) -> Result<Option<Entry>, JournalError> {
        let sql = "SELECT seq FROM inspections WHERE boot = ? AND trigger = ? AND station = ?";
        let row = self.with("find an inspection", |db| {
            db.query_row(sql, params![signed(id.boot), signed(id.trigger), id.station], |row| row.get(0)).optional()
        })?;
        row.map_or(Ok(None), |row| self.get_row(row))
    }

    /// The same by its row.
    pub fn get_row(&self, row: i64) -> Result<Option<Entry>, JournalError> {
        let read = self.with("read an inspection", |db| entry_parts(db, row))?;
        let Some((hash, flagged, text, observations)) = read else { return Ok(None) };
        let damaged = |error: serde_json::Error| JournalError::DamagedRow { row, detail: error.to_string() };
        let Detail { inspection, images } = serde_json::from_str(&text).map_err(damaged)?;
        let picture_kept = inspection.picture.as_ref().is_some_and(|digest| self.folder.path(digest).exists());
        Ok(Some(Entry { row, hash, flagged, inspection, picture_kept, images, observations }))
    }

    /// Verdicts since a time.
    pub fn counts(&self, since_us: i64) -> Result<Counts, JournalError> {
        let sql = "SELECT verdict, count(*) FROM inspections INDEXED BY inspections_verdict
                   WHERE verdict IN ('pass', 'fail', 'undecided') AND judged_at_us >= ? GROUP BY verdict";
        self.with("count inspections", |db| {
            let mut counts = Counts::default();
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query([since_us])?;
            while let Some(row) = rows.next()? {
                counts.add(&row.get::<_, String>(0)?, unsigned(row.get(1)?));
            }
            Ok(counts)
        })
    }

    /// The mix of verdicts over time: `buckets` spans of `bucket_us` from `from_us` on. Empty spans are there too.
    pub fn trend(&self, from_us: i64, bucket_us: i64, buckets: usize) -> Result<Vec<TrendPoint>, JournalError> {
        let bucket_us = bucket_us.max(1);
        let buckets = i64::try_from(buckets.min(MAX_POINTS)).unwrap_or(0);
        let sql = "SELECT (judged_at_us - ?1) / ?2, verdict, count(*) FROM inspections INDEXED BY inspections_verdict
                   WHERE verdict IN ('pass', 'fail', 'undecided') AND judged_at_us >= ?1 AND judged_at_us < ?3
                   GROUP BY 1, 2";
        let to_us = from_us.saturating_add(bucket_us.saturating_mul(buckets));
        let found = self.with("read the trend", |db| {
            let mut found: BTreeMap<i64, Counts> = BTreeMap::new();
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query([from_us, bucket_us, to_us])?;
            while let Some(row) = rows.next()? {
                found.entry(row.get(0)?).or_default().add(&row.get::<_, String>(1)?, unsigned(row.get(2)?));
            }
            Ok(found)
        })?;
        let point = |bucket| TrendPoint {
            from_us: from_us.saturating_add(bucket_us.saturating_mul(bucket)),
            counts: found.get(&bucket).copied().unwrap_or_default(),
        };
        Ok((0..buckets).map(point).collect())
    }

    /// Percentiles per stage over the newest `last` inspections, at most [`MAX_LATENCY_ROWS`]. The journal's own time
    /// is known since the start of the station, and only to its own reader.
    pub fn latencies(&self, last: usize) -> Result<Vec<Latency>, JournalError> {
        let last = last.min(MAX_LATENCY_ROWS);
        let times = self.with("read the times of stages", |db| {
            StageTimes::read(
                db,
                "FROM inspections ORDER BY seq DESC LIMIT ?",
                [i64::try_from(last).unwrap_or(i64::MAX)],
            )
        })?;
        Ok(times.latencies(self.shared.as_ref().map(|shared| shared.waited(last)).unwrap_or_default()))
    }

    /// The newest report of every series: which series there are, and how they stand.
    pub fn latest_reports(&self) -> Result<Vec<Observed>, JournalError> {
        let sql = "SELECT at_us, plugin, feature, statistic, value, threshold, drifted, frames FROM latest_reports
                   ORDER BY plugin, feature, statistic";
        self.with("read the newest reports", |db| db.prepare(sql)?.query_map([], observed)?.collect())
    }

    /// Plugin, key and size of all that monitors have stored.
    pub fn monitor_states(&self) -> Result<Vec<(String, String, u64)>, JournalError> {
        let sql = "SELECT plugin, key, length(value) FROM monitor_state";
        self.with("read the state of monitors", |db| {
            let mut statement = db.prepare(sql)?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, unsigned(row.get(2)?))))?.collect()
        })
    }

    /// What one monitor has stored.
    pub fn monitor_state(&self, plugin: &str) -> Result<BTreeMap<String, Vec<u8>>, JournalError> {
        self.with("read the state of a monitor", |db| {
            let mut statement = db.prepare("SELECT key, value FROM monitor_state WHERE plugin = ?")?;
            statement.query_map([plugin], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// The newest rows of lost frames.
    pub fn lost(&self, last: usize) -> Result<Vec<LostFrames>, JournalError> {
        let sql = "SELECT seq, boot, NULL, first, last, reason, at_us FROM lost UNION ALL
                   SELECT seq, boot, source, first, last, reason, at_us FROM line_lost ORDER BY seq DESC LIMIT ?";
        self.with("read lost frames", |db| {
            let mut statement = db.prepare(sql)?;
            let rows = statement.query_map([i64::try_from(last.min(MAX_POINTS)).unwrap_or(0)], |row| {
                Ok(LostFrames {
                    row: row.get(0)?,
                    boot: unsigned(row.get(1)?),
                    source: row.get(2)?,
                    first: unsigned(row.get(3)?),
                    last: unsigned(row.get(4)?),
                    reason: row.get(5)?,
                    at_us: row.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    /// The end of the chain now.
    pub fn checkpoint(&self) -> Result<Checkpoint, JournalError> {
        self.with("read the end of the chain", batch::head)
    }

    /// Where the file of a picture is; `None` where the store does not have it.
    #[must_use]
    pub fn picture_path(&self, digest: &Digest) -> Option<PathBuf> {
        Some(self.folder.path(digest)).filter(|path| path.is_file())
    }

    /// The bytes of a picture, checked against the digest; `None` where the store does not have it.
    pub fn picture(&self, digest: &Digest) -> Result<Option<Vec<u8>>, JournalError> {
        self.folder.read(digest)
    }

    /// Text of the records behind `row` for an export: row, hash, JSON.
    pub(super) fn texts(&self, row: i64, most: i64) -> Result<Vec<(i64, Digest, String)>, JournalError> {
        let sql = "SELECT seq, hash, detail FROM details JOIN chain USING (seq) WHERE seq > ? ORDER BY seq LIMIT ?";
        self.with("export inspections", |db| {
            let mut statement = db.prepare(sql)?;
            let read = |row: &Row<'_>| Ok((row.get(0)?, Digest::from_bytes(row.get(1)?), row.get(2)?));
            statement.query_map([row, most], read)?.collect()
        })
    }

    /// Inspections behind `row`, the oldest first: what a receiver that has everything up to `row` is still to get.
    pub fn inspections_after(&self, row: i64, most: usize) -> Result<Vec<Line>, JournalError> {
        self.lines(row, i64::try_from(most.min(super::filter::MAX_PAGE)).unwrap_or(0))
    }

    /// Lines behind `row` for an export, the oldest first.
    pub(super) fn lines(&self, row: i64, most: i64) -> Result<Vec<Line>, JournalError> {
        let sql = format!("SELECT {LINE_COLUMNS} FROM inspections i WHERE seq > ? ORDER BY seq LIMIT ?");
        self.with("export inspections", |db| db.prepare(&sql)?.query_map([row, most], line)?.collect())
    }
}

type EntryParts = (Digest, bool, String, Vec<Observed>);

fn entry_parts(db: &Connection, row: i64) -> rusqlite::Result<Option<EntryParts>> {
    let sql = "SELECT hash, flagged, detail, boot, trigger
               FROM inspections JOIN details USING (seq) JOIN chain USING (seq) WHERE seq = ?";
    let read = |row: &Row<'_>| {
        let hash = Digest::from_bytes(row.get(0)?);
        Ok((hash, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?, row.get::<_, i64>(4)?))
    };
    let Some((hash, flagged, text, boot, trigger)) = db.query_row(sql, [row], read).optional()? else {
        return Ok(None);
    };
    let sql = "SELECT at_us, plugin, feature, statistic, value, threshold, drifted, frames FROM observations
               WHERE boot = ? AND trigger = ? ORDER BY seq, ord";
    let observations = db.prepare(sql)?.query_map([boot, trigger], observed)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some((hash, flagged, text, observations)))
}

/// The times of each stage, and of all together last, of some inspections.
pub(super) struct StageTimes(Vec<Vec<u64>>);

impl StageTimes {
    /// `of` says of which: all of a query behind its columns.
    pub fn read(db: &Connection, of: &str, bounds: impl rusqlite::Params) -> rusqlite::Result<Self> {
        let sql = format!("SELECT source_us, decode_us, preprocess_us, infer_us, detect_us, decide_us, total_us {of}");
        let mut columns = vec![Vec::new(); TIMED.len() + 1];
        let mut statement = db.prepare(&sql)?;
        let mut rows = statement.query(bounds)?;
        while let Some(row) = rows.next()? {
            for (index, column) in columns.iter_mut().enumerate() {
                column.extend(row.get::<_, Option<i64>>(index)?.map(unsigned));
            }
        }
        Ok(Self(columns))
    }

    /// With the times that records waited for the disk, where they are known.
    pub fn latencies(self, waited: Vec<u64>) -> Vec<Latency> {
        let Self(mut columns) = self;
        let total = columns.pop().unwrap_or_default();
        let mut latencies: Vec<Latency> =
            TIMED.into_iter().zip(columns).filter_map(|(stage, times)| latency(Some(stage), times)).collect();
        latencies.extend(latency(Some(Stage::Journal), waited));
        latencies.extend(latency(None, total));
        latencies
    }
}

fn latency(stage: Option<Stage>, mut times: Vec<u64>) -> Option<Latency> {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Some(Latency {
        stage,
        frames: times.len() as u64,
        p50_us: at(50)?,
        p95_us: at(95)?,
        p99_us: at(99)?,
        max_us: *times.last()?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
