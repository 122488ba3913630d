#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::keeper::Keeper;
use super::*;
use crate::alarms::AlarmBoard;
use crate::domain::{
    Blame, DeviceUse, Digest, Failure, FailureCode, Inspection, PluginKind, PluginRun, Shift, ShiftPlan, Stage,
    StageTime, Verdict, test_inspection, test_recipe,
};
use crate::journal::{Figures, Ledger, SeriesWriter, StageKey, Tier};
use crate::pipeline::{Board, RecipeCard};
use crate::telemetry::VerdictReleased;

fn card(used: &str) -> RecipeCard {
    let device = DeviceUse { used: used.into(), ..test_recipe::device(&["NPU", "CPU"]) };
    RecipeCard { recipe: test_recipe::recipe(), device, library_version: "1".into(), components: vec![] }
}

/// One frame with a plugin that fails where the verdict is undecided.
fn judge(board: &Board, verdict: Verdict) {
    let failed = matches!(verdict, Verdict::Undecided { .. });
    let failure = failed.then(|| Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Timeout, "late"));
    let run = PluginRun {
        plugin: "adv-squeeze".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"plugin"),
        micros: 2000,
        host_micros: 1,
        memory_bytes: 65_536,
        host_bytes: 1,
        findings: Vec::new(),
        attributes: Vec::new(),
        replaced: None,
        failure,
    };
    let time = |stage, micros| StageTime { stage, micros };
    let stages = vec![time(Stage::Infer, 3000), time(Stage::Detect, 2000), time(Stage::Journal, 5000)];
    let inspection = Inspection { runs: vec![run], stages, ..test_inspection::inspection(1, verdict) };
    assert_eq!(inspection.judged_in_us(), 5000, "the journal's time is not the frame's budget's");
    board.metrics().tell(&VerdictReleased { inspection: &inspection });
}

fn pass() -> Verdict {
    Verdict::Pass { label: "good".to_owned(), score: 0.9 }
}

fn undecided() -> Verdict {
    let (code, detail) = ("timeout".to_owned(), String::new());
    Verdict::Undecided { stage: Stage::Detect, blame: Blame::Plugin, code, detail }
}

struct Plant {
    dir: tempfile::TempDir,
    line: Board,
    charts: ChartBoard,
    keeper: Keeper,
    now_s: i64,
}

fn plant(used: &str) -> Plant {
    let dir = tempfile::tempdir().unwrap();
    let line = Board::new(card(used));
    let alarms = AlarmBoard::new(Arc::new(Ledger::open(dir.path(), "line-1").unwrap()));
    let charts = ChartBoard::new(dir.path());
    let keeper = Keeper::new(dir.path(), line.clone(), alarms, charts.clone());
    Plant { dir, line, charts, keeper, now_s: crate::pipeline::now_us() / 1_000_000 }
}

#[test]
fn what_the_line_counted_since_the_last_time_is_written_once() {
    let mut plant = plant("CPU");
    (0..3).for_each(|_| judge(&plant.line, pass()));
    judge(&plant.line, undecided());
    plant.keeper.write(plant.now_s);
    judge(&plant.line, Verdict::Fail { reason: "scratch".to_owned(), score: 0.8 });
    plant.keeper.write(plant.now_s);
    let start = Tier::QuarterHour.start_of(plant.now_s);
    let all = plant.charts.reader().read(Tier::QuarterHour, start, start + 1).unwrap();
    let figures = &all[&start];
    assert_eq!((figures.passed, figures.failed, figures.undecided), (3, 1, 1));
    assert_eq!((figures.deadline_missed, figures.plugin_faults), (1, 1));
    assert_eq!(figures.stages[&StageKey::Stage(Stage::Infer)].count(), 5);
    let whole = figures.stages[&StageKey::Whole].percentile_us(50).unwrap();
    assert!(whole.abs_diff(10_000) < 630, "{whole}");
    let judged = figures.stages[&StageKey::Judged].percentile_us(50).unwrap();
    assert!(judged.abs_diff(5000) < 315, "the journal's time is not the budget's: {judged}");
    let plugin = figures.plugins["adv-squeeze"];
    assert_eq!((plugin.calls, plugin.micros, plugin.failures, plugin.memory_bytes), (5, 10_000, 1, 65_536));
}

#[test]
fn the_last_hours_go_on_over_a_restart_and_between_two_writes() {
    let mut before = plant("CPU");
    (0..4).for_each(|_| judge(&before.line, pass()));
    before.keeper.write(before.now_s);
    let (line, charts) = (Board::new(card("CPU")), ChartBoard::new(before.dir.path()));
    let alarms = AlarmBoard::new(Arc::new(Ledger::open(before.dir.path(), "line-1").unwrap()));
    let mut keeper = Keeper::new(before.dir.path(), line.clone(), alarms, charts.clone());
    judge(&line, pass());
    keeper.write(before.now_s);
    keeper.look(before.now_s);
    let until = |passed| charts.now().recent.until(Verdicts { passed, failed: 2, undecided: 0 });
    assert_eq!(until(1), Verdicts { passed: 5, failed: 2, undecided: 0 });
    assert_eq!(until(3), Verdicts { passed: 7, failed: 2, undecided: 0 });
}

#[test]
fn a_look_shows_the_machine_and_the_device_that_was_not_asked_for() {
    let mut plant = plant("CPU");
    let version = plant.charts.version();
    plant.keeper.look(plant.now_s);
    assert!(plant.charts.version() > version);
    let machine = plant.charts.now().machine.unwrap();
    assert!(machine.own_memory_bytes > 0 && machine.memory_bytes >= machine.memory_free_bytes, "{machine:?}");
    plant.keeper.write(plant.now_s);
    let start = Tier::SixHours.start_of(plant.now_s);
    let figures = plant.charts.reader().read(Tier::SixHours, start, start + 1).unwrap().remove(&start).unwrap();
    assert_eq!(figures.other_device_ms, figures.covered_ms);
    assert!(!plant.charts.now().began_anew);
}

#[test]
fn what_cannot_be_written_is_written_later() {
    let mut plant = plant("CPU");
    judge(&plant.line, pass());
    // A folder in the file's place: neither a database nor anything that can be opened.
    let path = plant.dir.path().join("series.db");
    std::fs::create_dir(&path).unwrap();
    plant.keeper.write(plant.now_s);
    plant.keeper.look(plant.now_s);
    assert!(plant.charts.now().in_trouble);
    std::fs::remove_dir(&path).unwrap();
    judge(&plant.line, pass());
    plant.keeper.write(plant.now_s);
    plant.keeper.look(plant.now_s);
    assert!(!plant.charts.now().in_trouble);
    let start = Tier::SixHours.start_of(plant.now_s);
    assert_eq!(plant.charts.reader().read(Tier::SixHours, start, start + 1).unwrap()[&start].passed, 2);
}

#[test]
fn a_damaged_history_is_told_and_begins_anew() {
    let mut plant = plant("CPU");
    std::fs::write(plant.dir.path().join("series.db"), b"not a database at all").unwrap();
    judge(&plant.line, pass());
    plant.keeper.write(plant.now_s);
    plant.keeper.look(plant.now_s);
    assert!(plant.charts.now().began_anew);
    assert_eq!(plant.charts.now().recent.until(Verdicts { passed: 1, failed: 0, undecided: 0 }).passed, 1);
}

#[test]
fn the_running_shift_and_the_one_before_it_are_counted() {
    let mut plant = plant("CPU");
    let shift = |name: &str, hour| Shift { name: name.to_owned(), start: jiff::civil::time(hour, 30, 0, 0) };
    let shifts = ShiftPlan::new(jiff::tz::TimeZone::UTC, vec![shift("early", 6), shift("late", 18)]).unwrap();
    // Yesterday at 18:30, so that nothing of it is too old or still to come.
    let day_s = 86_400;
    let late_s = plant.now_s - plant.now_s.rem_euclid(day_s) - day_s + 18 * 3600 + 1800;
    (0..3).for_each(|_| judge(&plant.line, pass()));
    plant.keeper.write(late_s - 20);
    assert_eq!(plant.keeper.shift, None, "the usual shifts are nobody's");
    plant.keeper.shifts = Arc::new(shifts);
    let seen = |keeper: &Keeper, undecided| {
        let now = keeper.shift.clone().unwrap();
        let counts = now.counts.until(Verdicts { passed: 3, failed: 0, undecided });
        let (before, past) = now.before.clone().unwrap();
        (now.running.name.clone(), [counts.passed, counts.undecided], before.name, [past.passed, past.undecided])
    };
    let (early, late) = ("early".to_owned(), "late".to_owned());
    plant.keeper.write(late_s - 20);
    assert_eq!(seen(&plant.keeper, 0), (early.clone(), [3, 0], late.clone(), [0, 0]));
    // The last ten seconds of the one shift are written when the next one has begun.
    judge(&plant.line, undecided());
    plant.keeper.write(late_s - 10);
    assert_eq!(seen(&plant.keeper, 1), (late.clone(), [0, 0], early.clone(), [3, 1]));
    assert_eq!(seen(&plant.keeper, 2).1, [0, 1], "what came since");
    judge(&plant.line, undecided());
    plant.keeper.write(late_s);
    assert_eq!(seen(&plant.keeper, 2), (late, [0, 1], early, [3, 1]), "nothing is counted twice");
}

#[test]
fn a_damaged_history_that_could_not_be_replaced_is_replaced_later() {
    let mut plant = plant("CPU");
    judge(&plant.line, pass());
    plant.keeper.write(plant.now_s);
    // What another has written is read anew, and not from memory.
    let other = Figures { flagged: 1, ..Figures::default() };
    SeriesWriter::open(plant.dir.path()).unwrap().add(plant.now_s, &other).unwrap();
    for name in ["series.db", "series.db-wal"] {
        let path = plant.dir.path().join(name);
        let length = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
        std::fs::write(&path, vec![0xa5; length]).unwrap();
    }
    // What stands in the way of moving it aside, such as a full disk.
    let aside = plant.dir.path().join("series.db.damaged");
    std::fs::create_dir_all(aside.join("in-the-way")).unwrap();
    judge(&plant.line, pass());
    plant.keeper.write(plant.now_s);
    plant.keeper.look(plant.now_s);
    assert!(plant.charts.now().in_trouble);
    std::fs::remove_dir_all(&aside).unwrap();
    plant.keeper.write(plant.now_s);
    plant.keeper.look(plant.now_s);
    assert!(!plant.charts.now().in_trouble && plant.charts.now().began_anew);
    let start = Tier::SixHours.start_of(plant.now_s);
    let all = plant.charts.reader().read(Tier::SixHours, start, start + 1).unwrap();
    assert_eq!(all[&start].passed, 1, "what was not written yet is in the new one");
}
