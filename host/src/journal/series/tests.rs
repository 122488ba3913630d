#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::schema::SERIES;
use super::*;
use crate::domain::FineHistogram;
use rusqlite::Connection;
use std::path::Path;

/// A Tuesday, at the start of an interval of every tier but the longest.
const NOON: i64 = 1_764_072_000;

fn times(micros: &[u64]) -> FineCounts {
    let histogram = FineHistogram::default();
    micros.iter().for_each(|micros| histogram.record(*micros));
    histogram.read()
}

fn figures(passed: u64) -> Figures {
    let plugin = PluginFigures { calls: passed, micros: 500 * passed, failures: 1, memory_bytes: 65_536 };
    Figures {
        covered_ms: 10_000,
        passed,
        failed: 1,
        queue_frames: passed,
        own_memory_bytes: 1 << 20,
        memory_free_bytes: Some(100 - passed),
        disk_free_bytes: None,
        stages: BTreeMap::from([
            (StageKey::Stage(Stage::Infer), times(&[3000, 5000])),
            (StageKey::Whole, times(&[4000, 6000])),
        ]),
        plugins: BTreeMap::from([("letterbox".to_owned(), plugin)]),
        ..Figures::default()
    }
}

fn count(dir: &Path, table: &str) -> i64 {
    let db = Connection::open(SERIES.path_in(dir)).unwrap();
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn what_happened_stands_in_every_tier_added_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    for (at_s, passed) in [(NOON, 5), (NOON + 10, 7), (NOON + 70, 1)] {
        writer.add(at_s, &figures(passed)).unwrap();
    }
    let reader = writer.reader();
    let tens = reader.read(Tier::TenSeconds, NOON, NOON + 600).unwrap();
    assert_eq!(tens.keys().copied().collect::<Vec<_>>(), [NOON, NOON + 10, NOON + 70]);
    assert_eq!(tens[&NOON], figures(5));
    let minutes = reader.read(Tier::Minute, NOON, NOON + 600).unwrap();
    let mut both = figures(5);
    both.add(&figures(7));
    assert_eq!(minutes[&NOON], both);
    assert_eq!((both.passed, both.queue_frames, both.memory_free_bytes), (12, 7, Some(93)));
    assert_eq!(both.stages[&StageKey::Whole].count(), 4);
    assert_eq!((both.plugins["letterbox"].calls, both.plugins["letterbox"].memory_bytes), (12, 65_536));
    assert_eq!(minutes[&(NOON + 60)].passed, 1);
    let quarters = reader.read(Tier::QuarterHour, NOON, NOON + 900).unwrap();
    assert_eq!((quarters.len(), quarters[&NOON].frames()), (1, 16));
    let start = Tier::SixHours.start_of(NOON);
    assert_eq!(reader.read(Tier::SixHours, start, start + 1).unwrap()[&start].passed, 13);
    assert_eq!(reader.verdicts(Tier::Minute, NOON, NOON + 60).unwrap(), [12, 2, 0]);
    assert!(reader.read(Tier::TenSeconds, NOON + 80, NOON + 90).unwrap().is_empty());
}

#[test]
fn figures_go_on_after_a_restart_in_the_interval_that_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    SeriesWriter::open(dir.path()).unwrap().add(NOON, &figures(2)).unwrap();
    let mut again = SeriesWriter::open(dir.path()).unwrap();
    assert!(!again.began_anew());
    again.add(NOON + 5, &figures(3)).unwrap();
    let minute = &again.reader().read(Tier::Minute, NOON, NOON + 60).unwrap()[&NOON];
    assert_eq!((minute.passed, minute.stages[&StageKey::Whole].count()), (5, 4));
}

#[test]
fn a_station_that_was_killed_goes_on_with_its_figures() {
    let dir = tempfile::tempdir().unwrap();
    let mut killed = SeriesWriter::open(dir.path()).unwrap();
    killed.add(NOON, &figures(2)).unwrap();
    // As the disk was at that moment: nothing was closed.
    let copy = tempfile::tempdir().unwrap();
    for name in ["series.db", "series.db-wal"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let again = SeriesWriter::open(copy.path()).unwrap();
    assert!(!again.began_anew());
    assert_eq!(again.reader().read(Tier::Minute, NOON, NOON + 60).unwrap()[&NOON], figures(2));
}

#[test]
fn each_tier_keeps_as_many_intervals_as_its_time_has_and_what_belongs_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    let most = Tier::TenSeconds.keep_s() / Tier::TenSeconds.step_s() + 1;
    for step in 0..most + 50 {
        writer.add(NOON + step * 10, &figures(1)).unwrap();
    }
    let tens = "(SELECT * FROM intervals WHERE tier = 10)";
    assert_eq!(count(dir.path(), tens), most);
    let newest = NOON + (most + 49) * 10;
    let reader = writer.reader();
    let kept = reader.read(Tier::TenSeconds, newest - Tier::TenSeconds.keep_s(), newest + 1).unwrap();
    assert_eq!(kept.len() as i64, most);
    assert_eq!(
        reader.read(Tier::SixHours, NOON - 86_400, newest).unwrap().values().map(|all| all.passed).sum::<u64>(),
        most as u64 + 50
    );
    // Two stages and one plugin belong to each.
    let rows = count(dir.path(), "intervals");
    assert_eq!((count(dir.path(), "stage_times"), count(dir.path(), "plugin_calls")), (2 * rows, rows));
}

#[test]
fn a_clock_that_was_wrong_for_a_moment_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    for at_s in [NOON, NOON + 400 * 86_400, NOON + 10] {
        writer.add(at_s, &figures(1)).unwrap();
    }
    assert_eq!(writer.reader().read(Tier::Minute, NOON, NOON + 60).unwrap()[&NOON].passed, 2);
}

#[test]
fn a_range_that_is_turned_round_or_far_too_long_is_read_in_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    writer.add(NOON, &figures(1)).unwrap();
    let reader = writer.reader();
    assert!(reader.read(Tier::Minute, NOON + 60, NOON).unwrap().is_empty());
    assert!(reader.read(Tier::Minute, i64::MIN, i64::MAX).unwrap().is_empty(), "only what lies before the end");
}

#[test]
fn a_file_that_is_something_else_or_damaged_is_moved_aside() {
    let whole = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(whole.path()).unwrap();
    (0..200).for_each(|step| writer.add(NOON + step * 10, &figures(1)).unwrap());
    drop(writer);
    let mut torn = std::fs::read(SERIES.path_in(whole.path())).unwrap();
    let middle = torn.len() / 2;
    torn[4096..middle].fill(0xa5);
    let foreign = tempfile::tempdir().unwrap();
    Connection::open(SERIES.path_in(foreign.path())).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
    let foreign = std::fs::read(SERIES.path_in(foreign.path())).unwrap();
    for bytes in [b"no database".to_vec(), Vec::new(), torn, foreign] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(SERIES.path_in(dir.path()), &bytes).unwrap();
        let mut writer = SeriesWriter::open(dir.path()).unwrap();
        assert!(writer.began_anew(), "{} bytes", bytes.len());
        assert_eq!(std::fs::read(dir.path().join("series.db.damaged")).unwrap(), bytes);
        writer.add(NOON, &figures(4)).unwrap();
        assert_eq!(writer.reader().read(Tier::Minute, NOON, NOON + 60).unwrap()[&NOON].passed, 4);
    }
}

#[test]
fn a_file_that_is_damaged_while_the_station_runs_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    writer.add(NOON, &figures(1)).unwrap();
    // Everything goes into the file itself, so that damage to it is met.
    let other = Connection::open(SERIES.path_in(dir.path())).unwrap();
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(other);
    let path = SERIES.path_in(dir.path());
    let length = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
    std::fs::write(&path, vec![0xa5; length]).unwrap();
    let failed = writer.add(NOON + 10, &figures(1)).unwrap_err();
    assert!(failed.is_damage(), "{failed:?}");
    assert!(writer.began_anew());
    writer.add(NOON + 10, &figures(6)).unwrap();
    assert_eq!(writer.reader().read(Tier::Minute, NOON, NOON + 60).unwrap()[&NOON].passed, 6);
}

#[test]
fn plugins_beyond_the_bound_have_no_figures_of_their_own() {
    let mut sum = Figures::default();
    for number in 0..200 {
        let plugins = BTreeMap::from([(format!("plugin-{number}"), PluginFigures { calls: 1, ..Default::default() })]);
        sum.add(&Figures { plugins, ..Figures::default() });
    }
    assert_eq!(sum.plugins.len(), MAX_PLUGINS);
}

#[test]
fn stages_are_stored_by_names_that_are_read_again() {
    for key in Stage::ALL.into_iter().map(StageKey::Stage).chain([StageKey::Whole, StageKey::Judged]) {
        assert_eq!(StageKey::from_name(key.name()), Some(key));
    }
    assert_eq!(StageKey::from_name("lunch"), None);
}

#[test]
fn a_clock_that_was_ahead_costs_what_is_ahead_and_not_what_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = SeriesWriter::open(dir.path()).unwrap();
    let (day, most) = (86_400, Tier::TenSeconds.keep_s() / 10 + 1);
    for number in 0..most {
        writer.add(NOON + day + number * 10, &figures(1)).unwrap();
    }
    for number in 0..3 {
        writer.add(NOON + number * 10, &figures(2)).unwrap();
    }
    let now = writer.reader().read(Tier::TenSeconds, NOON, NOON + 30).unwrap();
    assert_eq!(now.keys().copied().collect::<Vec<_>>(), [NOON, NOON + 10, NOON + 20]);
    assert_eq!(count(dir.path(), "intervals WHERE tier = 10"), most);
    let kept_ahead = writer.reader().read(Tier::TenSeconds, NOON + day, NOON + day + 30).unwrap();
    assert_eq!(kept_ahead.keys().next().copied(), Some(NOON + day), "the newest of those went");
}
