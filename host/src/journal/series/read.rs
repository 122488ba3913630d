use super::schema::SERIES;
use super::{Figures, PluginFigures, StageKey, Tier};
use crate::domain::FineCounts;
use crate::journal::rows::unsigned;
use crate::journal::schema::open_to_read;
use crate::journal::side::SideError;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads the figures, each query on a connection of its own.
#[derive(Debug, Clone)]
pub struct SeriesReader {
    path: PathBuf,
}

impl SeriesReader {
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { path: SERIES.path_in(dir) }
    }

    /// Intervals of a tier from `from_s` to before `to_s`, by their start. Those in which the station did not run are
    /// missing. Never more than the tier keeps.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self, tier: Tier, from_s: i64, to_s: i64) -> Result<BTreeMap<i64, Figures>, SideError> {
        let from_s = from_s.max(to_s.saturating_sub(2 * tier.keep_s()));
        let query = || {
            let db = open_to_read(&self.path)?;
            let key = [tier.step_s(), from_s, to_s];
            let mut all = intervals(&db, key)?;
            stages(&db, key, &mut all)?;
            plugins(&db, key, &mut all)?;
            Ok(all)
        };
        query().map_err(SERIES.failed("read"))
    }
}

impl SeriesReader {
    /// Passed, failed and undecided frames of these intervals together.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn verdicts(&self, tier: Tier, from_s: i64, to_s: i64) -> Result<[u64; 3], SideError> {
        let sql = "SELECT coalesce(sum(passed), 0), coalesce(sum(failed), 0), coalesce(sum(undecided), 0)
                   FROM intervals WHERE tier = ? AND at_s >= ? AND at_s < ?";
        let query = || {
            let db = open_to_read(&self.path)?;
            let read = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?].map(unsigned));
            db.prepare(sql)?.query_row([tier.step_s(), from_s, to_s], read)
        };
        query().map_err(SERIES.failed("read"))
    }
}

type Key = [i64; 3];

fn intervals(db: &Connection, key: Key) -> rusqlite::Result<BTreeMap<i64, Figures>> {
    let sql =
        "SELECT at_s, covered_ms, passed, failed, undecided, flagged, deadline_missed, plugin_faults, not_durable,
                      other_device_ms, own_cpu_ms, busy_cpu_ms, all_cpu_ms, queue_frames, outbox_pending,
                      own_memory_bytes, memory_free_bytes, disk_free_bytes
               FROM intervals WHERE tier = ? AND at_s >= ? AND at_s < ? ORDER BY at_s";
    db.prepare(sql)?.query_map(key, |row| Ok((row.get(0)?, figures(row)?)))?.collect()
}

fn figures(row: &Row<'_>) -> rusqlite::Result<Figures> {
    let number = |at: usize| row.get(at).map(unsigned);
    let maybe = |at: usize| row.get::<_, Option<i64>>(at).map(|number| number.map(unsigned));
    Ok(Figures {
        covered_ms: number(1)?,
        passed: number(2)?,
        failed: number(3)?,
        undecided: number(4)?,
        flagged: number(5)?,
        deadline_missed: number(6)?,
        plugin_faults: number(7)?,
        not_durable: number(8)?,
        other_device_ms: number(9)?,
        own_cpu_ms: number(10)?,
        busy_cpu_ms: number(11)?,
        all_cpu_ms: number(12)?,
        queue_frames: number(13)?,
        outbox_pending: number(14)?,
        own_memory_bytes: number(15)?,
        memory_free_bytes: maybe(16)?,
        disk_free_bytes: maybe(17)?,
        stages: BTreeMap::new(),
        plugins: BTreeMap::new(),
    })
}

fn stages(db: &Connection, key: Key, all: &mut BTreeMap<i64, Figures>) -> rusqlite::Result<()> {
    let sql = "SELECT at_s, stage, counts FROM stage_times WHERE tier = ? AND at_s >= ? AND at_s < ?";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        let stage = StageKey::from_name(row.get_ref(1)?.as_str()?);
        let counts = FineCounts::from_bytes(row.get_ref(2)?.as_blob()?);
        if let (Some(figures), Some(stage), Some(counts)) = (all.get_mut(&row.get(0)?), stage, counts) {
            figures.stages.insert(stage, counts);
        }
    }
    Ok(())
}

fn plugins(db: &Connection, key: Key, all: &mut BTreeMap<i64, Figures>) -> rusqlite::Result<()> {
    let sql = "SELECT at_s, plugin, calls, micros, failures, memory_bytes
               FROM plugin_calls WHERE tier = ? AND at_s >= ? AND at_s < ?";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query(key)?;
    while let Some(row) = rows.next()? {
        let number = |at: usize| row.get(at).map(unsigned);
        let plugin =
            PluginFigures { calls: number(2)?, micros: number(3)?, failures: number(4)?, memory_bytes: number(5)? };
        if let Some(figures) = all.get_mut(&row.get(0)?) {
            figures.plugins.insert(row.get(1)?, plugin);
        }
    }
    Ok(())
}
