use super::schema::SERIES;
use super::{Figures, MAX_PLUGINS, PluginFigures, SeriesReader, StageKey, Tier};
use crate::domain::FineCounts;
use crate::journal::side::SideError;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use std::path::{Path, PathBuf};

/// The one that writes. Not for the way of a frame: each call is a transaction.
pub struct SeriesWriter {
    dir: PathBuf,
    db: Connection,
    /// True where a file was moved aside when this was opened, or since.
    began_anew: bool,
    is_lost: bool,
}

impl SeriesWriter {
    /// Opens the figures in `dir`, the journal's folder; makes them where there are none. A file that is damaged or is
    /// something else is moved to `series.db.damaged`.
    ///
    /// # Errors
    /// When the folder cannot be written, or the database cannot be opened for another reason.
    pub fn open(dir: &Path) -> Result<Self, SideError> {
        let (db, began_anew) = SERIES.open(dir)?;
        Ok(Self { dir: dir.to_owned(), db, began_anew, is_lost: false })
    }

    #[must_use]
    pub const fn began_anew(&self) -> bool {
        self.began_anew
    }

    /// Whether there is no file behind this any more: a damaged one could not be replaced. Then it has to be opened again.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    #[must_use]
    pub fn reader(&self) -> SeriesReader {
        SeriesReader::new(&self.dir)
    }

    /// Adds what happened at `at_s` (seconds since 1970) to the interval of each tier that it lies in, and forgets the
    /// oldest intervals beyond what a tier keeps. All of it or nothing.
    ///
    /// # Errors
    /// When it cannot be written; a damaged file was moved aside by then.
    pub fn add(&mut self, at_s: i64, figures: &Figures) -> Result<(), SideError> {
        let written = self.write(at_s, figures);
        if let Err(error) = &written
            && error.is_damage()
        {
            self.begin_anew()?;
        }
        written
    }

    fn begin_anew(&mut self) -> Result<(), SideError> {
        // Closed first: what SQLite writes at the end belongs to the old file.
        self.is_lost = true;
        self.db = Connection::open_in_memory().map_err(SERIES.failed("closed"))?;
        SERIES.move_aside(&self.dir)?;
        (self.db, self.began_anew, self.is_lost) = (SERIES.open(&self.dir)?.0, true, false);
        Ok(())
    }

    fn write(&mut self, at_s: i64, figures: &Figures) -> Result<(), SideError> {
        let mut run = || {
            let tx = self.db.transaction()?;
            for tier in Tier::ALL {
                let start = tier.start_of(at_s);
                interval(&tx, tier, start, figures)?;
                for (stage, counts) in figures.stages.iter().filter(|(_, counts)| counts.count() > 0) {
                    stage_times(&tx, tier, start, *stage, counts)?;
                }
                for (name, plugin) in figures.plugins.iter().take(MAX_PLUGINS) {
                    plugin_calls(&tx, tier, start, name, plugin)?;
                }
                forget(&tx, tier, start)?;
            }
            tx.commit()
        };
        run().map_err(SERIES.failed("written"))
    }
}

/// What SQLite can hold.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn interval(tx: &Transaction<'_>, tier: Tier, start: i64, figures: &Figures) -> rusqlite::Result<()> {
    let sql = "INSERT INTO intervals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (tier, at_s) DO UPDATE SET
            covered_ms = covered_ms + excluded.covered_ms, passed = passed + excluded.passed,
            failed = failed + excluded.failed, undecided = undecided + excluded.undecided,
            flagged = flagged + excluded.flagged, deadline_missed = deadline_missed + excluded.deadline_missed,
            plugin_faults = plugin_faults + excluded.plugin_faults, not_durable = not_durable + excluded.not_durable,
            other_device_ms = other_device_ms + excluded.other_device_ms,
            own_cpu_ms = own_cpu_ms + excluded.own_cpu_ms, busy_cpu_ms = busy_cpu_ms + excluded.busy_cpu_ms,
            all_cpu_ms = all_cpu_ms + excluded.all_cpu_ms, queue_frames = max(queue_frames, excluded.queue_frames),
            outbox_pending = max(outbox_pending, excluded.outbox_pending),
            own_memory_bytes = max(own_memory_bytes, excluded.own_memory_bytes),
            memory_free_bytes = min(coalesce(memory_free_bytes, excluded.memory_free_bytes),
                                    coalesce(excluded.memory_free_bytes, memory_free_bytes)),
            disk_free_bytes = min(coalesce(disk_free_bytes, excluded.disk_free_bytes),
                                  coalesce(excluded.disk_free_bytes, disk_free_bytes))";
    let Figures { memory_free_bytes, disk_free_bytes, .. } = figures;
    tx.prepare(sql)?.execute(params![
        tier.step_s(),
        start,
        whole(figures.covered_ms),
        whole(figures.passed),
        whole(figures.failed),
        whole(figures.undecided),
        whole(figures.flagged),
        whole(figures.deadline_missed),
        whole(figures.plugin_faults),
        whole(figures.not_durable),
        whole(figures.other_device_ms),
        whole(figures.own_cpu_ms),
        whole(figures.busy_cpu_ms),
        whole(figures.all_cpu_ms),
        whole(figures.queue_frames),
        whole(figures.outbox_pending),
        whole(figures.own_memory_bytes),
        memory_free_bytes.map(whole),
        disk_free_bytes.map(whole),
    ])?;
    Ok(())
}

fn stage_times(
    tx: &Transaction<'_>,
    tier: Tier,
    start: i64,
    stage: StageKey,
    counts: &FineCounts,
) -> rusqlite::Result<()> {
    let key = params![tier.step_s(), start, stage.name()];
    let sql = "SELECT counts FROM stage_times WHERE tier = ? AND at_s = ? AND stage = ?";
    let before: Option<Vec<u8>> = tx.prepare(sql)?.query_row(key, |row| row.get(0)).optional()?;
    let mut all = before.as_deref().and_then(FineCounts::from_bytes).unwrap_or_default();
    all.add(counts);
    let sql = "INSERT OR REPLACE INTO stage_times VALUES (?, ?, ?, ?)";
    tx.prepare(sql)?.execute(params![tier.step_s(), start, stage.name(), all.to_bytes()])?;
    Ok(())
}

fn plugin_calls(
    tx: &Transaction<'_>,
    tier: Tier,
    start: i64,
    name: &str,
    plugin: &PluginFigures,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO plugin_calls VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (tier, at_s, plugin) DO UPDATE SET
            calls = calls + excluded.calls, micros = micros + excluded.micros,
            failures = failures + excluded.failures, memory_bytes = max(memory_bytes, excluded.memory_bytes)";
    let PluginFigures { calls, micros, failures, memory_bytes } = *plugin;
    let counts = [calls, micros, failures, memory_bytes].map(whole);
    let [calls, micros, failures, memory_bytes] = counts;
    tx.prepare(sql)?.execute(params![tier.step_s(), start, name, calls, micros, failures, memory_bytes])?;
    Ok(())
}

/// Keeps as many intervals as the tier's time has, the newest. By their number and not by the clock: one that was wrong
/// for a moment must not cost all that was. Where some are newer than now, from a clock that was ahead, those go first.
fn forget(tx: &Transaction<'_>, tier: Tier, now: i64) -> rusqlite::Result<()> {
    let most = tier.keep_s() / tier.step_s() + 1;
    let behind_the_others = |order: &str| {
        let sql = format!("SELECT at_s FROM intervals WHERE tier = ? ORDER BY at_s {order} LIMIT 1 OFFSET ?");
        tx.prepare(&sql)?.query_row([tier.step_s(), most], |row| row.get::<_, i64>(0)).optional()
    };
    let newest: i64 =
        tx.prepare("SELECT max(at_s) FROM intervals WHERE tier = ?")?.query_row([tier.step_s()], |row| row.get(0))?;
    let (order, gone) = if newest > now { ("ASC", "at_s >= ?") } else { ("DESC", "at_s <= ?") };
    let Some(bound) = behind_the_others(order)? else { return Ok(()) };
    for table in ["intervals", "stage_times", "plugin_calls"] {
        let sql = format!("DELETE FROM {table} WHERE tier = ? AND {gone}");
        tx.prepare(&sql)?.execute([tier.step_s(), bound])?;
    }
    Ok(())
}
