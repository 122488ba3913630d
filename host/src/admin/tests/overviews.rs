//! The station page and the dashboard.

use super::records::part;
use super::station::{Station, open, with_users};
use crate::charts::{Now, Recent, ShiftCounts, Verdicts};
use crate::domain::{Alarm, AlarmKind, Blame, Failure, FailureCode, Severity, ShiftSpan, Stage, StageTime, Verdict};
use crate::journal::{Figures, SeriesWriter, StageKey, Tier};
use crate::pipeline::{Outcome, now_us};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A released part, with its verdict where the case asks for one.
pub fn release(station: &Station, trigger: u64, verdict: Option<Verdict>) -> Arc<Outcome> {
    let mut inspection = part(station, trigger).inspection;
    if let Some(verdict) = verdict {
        inspection.verdict = verdict;
    }
    let outcome = Arc::new(Outcome { inspection: Arc::new(inspection), row: Some(1), embedding: None });
    station.board.release(&outcome);
    outcome
}

fn pass() -> Verdict {
    Verdict::Pass { label: "good".to_owned(), score: 0.97 }
}

#[test]
fn the_station_page_says_that_nothing_came_yet() {
    let page = open().get("/station", &[]).text;
    assert!(page.contains("say nothing") && page.contains("Waiting for the first part"), "{page}");
    for kind in ["say pass", "say fail", "say undecided"] {
        assert!(!page.contains(kind), "{kind}");
    }
}

#[test]
fn the_station_page_shows_verdict_part_and_time_against_the_budget() {
    let station = open();
    let mut inspection = part(&station, 3).inspection;
    inspection.stages =
        vec![StageTime { stage: Stage::Infer, micros: 25_000 }, StageTime { stage: Stage::Journal, micros: 70_000 }];
    station.board.release(&Arc::new(Outcome { inspection: Arc::new(inspection), row: Some(1), embedding: None }));
    let page = station.get("/station", &[]).text;
    assert!(page.contains("say fail") && page.contains("FAIL") && page.contains("<path d=\"M8 2h8l6 6"), "{page}");
    assert!(page.contains(">S3<") && page.contains("test 1.0.0"), "{page}");
    assert!(
        page.contains("25.0 ms") && page.contains("width=\"25.00\""),
        "the journal is no part of the budget: {page}"
    );
    assert!(page.contains("/pictures/"), "{page}");
    let chinese = station.get("/station", &[("cookie", "lang=zh-CN")]).text;
    assert!(chinese.contains("不合格") && chinese.contains("判定用时"), "{chinese}");
}

#[test]
fn a_stopped_line_shows_no_verdict_that_could_be_taken_for_one_of_now() {
    let station = open();
    release(&station, 1, Some(pass()));
    assert!(station.get("/station", &[]).text.contains("say pass"));
    station.board.stop(&Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Timeout, "squeeze is late"));
    let page = station.get("/station", &[]).text;
    assert!(
        page.contains("say stopped") && page.contains("Line stopped") && page.contains("squeeze is late"),
        "{page}"
    );
    assert!(!page.contains("say pass") && !page.contains("/pictures/"), "{page}");
}

#[test]
fn a_part_of_long_ago_is_said_to_be_the_last_one() {
    let station = open();
    let outcome = release(&station, 1, Some(pass()));
    assert!(!station.get("/station", &[]).text.contains("age num old"));
    let mut old = crate::domain::Inspection::clone(&outcome.inspection);
    old.judged_at_us = now_us() - 90_000_000;
    station.board.release(&Arc::new(Outcome { inspection: Arc::new(old), row: Some(1), embedding: None }));
    let page = station.get("/station", &[]).text;
    assert!(page.contains("age num old") && page.contains("1 min 30 s ago"), "{page}");
}

#[test]
fn the_station_page_counts_by_shift_where_there_are_shifts() {
    let station = open();
    let page = station.get("/station", &[]).text;
    assert!(page.contains("Last 8 hours") && page.contains("(no shifts are set)"), "{page}");
    let date = jiff::civil::date(2026, 11, 24);
    let from_us = "2026-11-24T06:00:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
    let running = ShiftSpan { name: "<b>early".to_owned(), date, from_us, to_us: from_us + 1 };
    let before = ShiftSpan { name: "night".to_owned(), ..running.clone() };
    let counts = |passed| Verdicts { passed, failed: 1, undecided: 0 };
    let counted = Recent::new(counts(7), Verdicts::default());
    let shift = ShiftCounts { running, counts: counted, before: Some((before, counts(3))) };
    station.charts.publish(Now { shift: Some(Arc::new(shift)), ..Now::default() });
    release(&station, 1, Some(pass()));
    let page = station.get("/station", &[]).text;
    assert!(page.contains("Shift &lt;b&gt;early, since 06:00 UTC") && !page.contains("no shifts"), "{page}");
    assert!(page.contains("id=\"tally-pass\">8<") && page.contains("88.9 %"), "with the one of now: {page}");
    assert!(page.contains("Shift before (night)") && page.contains("id=\"count-before\">4<"), "{page}");
    let chinese = station.get("/station", &[("cookie", "lang=zh-CN")]).text;
    assert!(chinese.contains("自 06:00 UTC 起") && chinese.contains("上一班次（night）"), "{chinese}");
}

#[test]
fn the_open_page_of_an_idle_line_hears_what_went_wrong() {
    let station = open();
    let mut lines = super::events::Lines::open(&station, "/station/events", &[]);
    lines.until(|line| line == "event: station");
    station.trouble.store(true, Ordering::Relaxed);
    lines.until(|line| line.contains("the disk is full"));
}

#[test]
fn a_page_on_which_nothing_changes_is_not_sent_again() {
    let station = open();
    let mut lines = super::events::Lines::open(&station, "/station/events", &[]);
    lines.until(|line| line == "event: station");
    // Longer than the page is looked at anew.
    for _ in 0..4 {
        assert_eq!(lines.until(|line| line.starts_with("event: ")), "event: beat");
    }
}

#[test]
fn the_cover_of_a_lost_connection_comes_by_the_style_sheet_alone() {
    let page = open().get("/station", &[]).text;
    let beat = page.split("id=\"beat\"").nth(1).expect("a place for beats");
    assert!(beat.contains("class=\"cover\"") && beat.contains("Connection lost"), "{beat}");
    assert!(page.contains("http-equiv=\"refresh\""), "without scripts the page is asked for again");
    let style = include_str!("../../../assets/overview.css");
    assert!(style.contains("animation: cover 0s linear 7s forwards") && style.contains("@keyframes cover"));
}

#[test]
fn the_station_page_names_alarms_and_counts_the_rest() {
    let station = open();
    assert!(station.get("/station", &[]).text.contains("quiet-line"));
    for number in 1..=5 {
        let alarm = Alarm {
            id: format!("line-1-1-alarm-{number}"),
            rule: "drift".to_owned(),
            kind: AlarmKind::Drift,
            severity: Severity::Warning,
            value: 1.0,
            limit: 1.0,
            about: format!("<b>series-{number}</b>"),
            raised_at_us: 0,
            cleared_at_us: None,
            acknowledged: None,
        };
        station.alarms.change(|active| active.insert(0, alarm.clone()));
    }
    let page = station.get("/station", &[]).text;
    assert!(page.contains("&lt;b&gt;series-5") && !page.contains("series-2") && page.contains("+2"), "{page}");
}

#[test]
fn texts_of_plugins_stay_texts_on_the_overviews() {
    let station = open();
    for trigger in [5, 7] {
        release(&station, trigger, None);
        for path in ["/station", "/dashboard"] {
            assert!(!station.get(path, &[]).text.contains("<script>alert"), "{path}");
        }
    }
}

/// A line that ran for some time: two frames each ten seconds, one of them passed.
fn with_history(station: &Station, seconds: i64) {
    let mut writer = SeriesWriter::open(station.dir()).unwrap();
    let now_s = now_us() / 1_000_000;
    let times = crate::domain::FineHistogram::default();
    times.record(20_000);
    // With the wait for a slow disk.
    let late = crate::domain::FineHistogram::default();
    late.record(300_000);
    for back in (0..seconds / 10).rev() {
        let stages = [StageKey::Stage(Stage::Infer), StageKey::Judged].map(|key| (key, times.read()));
        let stages = stages.into_iter().chain([(StageKey::Whole, late.read())]).collect();
        let figures = Figures {
            covered_ms: 10_000,
            passed: 1,
            failed: 1,
            own_cpu_ms: 1000,
            all_cpu_ms: 20_000,
            stages,
            ..Figures::default()
        };
        writer.add(now_s - back * 10, &figures).unwrap();
    }
}

fn json(station: &Station, path: &str) -> Value {
    let answer = station.get(path, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

fn sum(column: &Value) -> u64 {
    column.as_array().unwrap().iter().filter_map(Value::as_u64).sum()
}

#[test]
fn each_range_has_a_point_for_every_step_and_gaps_where_the_station_did_not_run() {
    let station = open();
    with_history(&station, 1800);
    for (range, step_s, length) in [
        ("15m", 10, 90),
        ("1h", 10, 360),
        ("8h", 60, 480),
        ("24h", 300, 288),
        ("7d", 900, 672),
        ("30d", 3600, 720),
        ("90d", 21_600, 360),
    ] {
        let series = json(&station, &format!("/api/v1/series?range={range}"));
        assert_eq!((series["range"].as_str(), series["step_s"].as_i64()), (Some(range), Some(step_s)));
        let t: Vec<i64> = series["t"].as_array().unwrap().iter().map(|at| at.as_i64().unwrap()).collect();
        assert_eq!(t.len(), length, "{range}");
        assert!(t.windows(2).all(|pair| pair[1] - pair[0] == step_s), "{range}");
        assert!(t.last().unwrap() + step_s > now_us() / 1_000_000 - 5, "{range}: up to now");
        for column in ["passed", "yield", "own_cpu", "queue_frames", "disk_free_bytes", "frames_per_min"] {
            assert_eq!(series[column].as_array().unwrap().len(), length, "{range} {column}");
        }
        assert_eq!(series["stages"]["whole"]["p99_ms"].as_array().unwrap().len(), length);
        let expected = if range == "15m" { 88..=90 } else { 180..=180 };
        assert!(expected.contains(&sum(&series["passed"])), "{range}: {}", sum(&series["passed"]));
        assert_eq!(series["before"], Value::Null);
    }
    let packed = station.get("/api/v1/series?range=90d", &[("accept-encoding", "gzip")]);
    assert_eq!(packed.header("content-encoding"), "gzip");
    let hour = json(&station, "/api/v1/series?range=1h");
    assert_eq!(hour["passed"][0], Value::Null, "an hour ago the station did not run");
    let last = hour["yield"].as_array().unwrap().iter().rev().find_map(Value::as_f64).unwrap();
    assert!((last - 0.5).abs() < 1e-9);
    let infer = hour["stages"]["infer"]["p50_ms"].as_array().unwrap().iter().rev().find_map(Value::as_f64).unwrap();
    assert!((infer - 20.0).abs() < 1.3, "{infer}");
}

#[test]
fn long_histories_are_read_two_at_a_time_whoever_asks() {
    let station = open();
    with_history(&station, 60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let turns =
        runtime.block_on(async { [station.state.take_charts_turn().await, station.state.take_charts_turn().await] });
    assert!(turns.iter().all(Option::is_some));
    let answer = station.get("/api/v1/series?range=90d&compare=true", &[]);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "no-history"), "its turn never came");
    assert!(!answer.header("retry-after").is_empty());
    drop(turns);
    assert_eq!(station.get("/api/v1/series?range=90d&compare=true", &[]).status, 200);
}

#[test]
fn the_period_before_stands_beside_where_it_is_asked_for() {
    let station = open();
    with_history(&station, 1800);
    let both = json(&station, "/api/v1/series?range=15m&compare=true");
    let length = both["t"].as_array().unwrap().len() as i64;
    assert_eq!(both["t"][0].as_i64().unwrap() - both["before"]["t"][0].as_i64().unwrap(), length * 10);
    assert!((88..=90).contains(&sum(&both["before"]["passed"])), "{}", both["before"]["passed"]);
    let page = station.get("/dashboard?range=15m&compare=true", &[]).text;
    assert!(page.contains("Period before"), "{page}");
}

#[test]
fn the_dashboard_has_its_figures_without_scripts_too() {
    let station = open();
    with_history(&station, 1800);
    release(&station, 1, Some(pass()));
    let page = station.get("/dashboard?range=1h&percentile=p50", &[]).text;
    assert!(page.contains("Figures as a table") && page.contains("50.0 %"), "{page}");
    let rows = page.matches("<td class=\"time\">").count();
    assert!((20..=48).contains(&rows), "{rows} rows");
    let shown = |micros| {
        let times = crate::domain::FineHistogram::default();
        times.record(micros);
        format!(">{}<", crate::admin::pages::layout::ms(times.read().percentile_us(95).unwrap()))
    };
    let (judged, whole) = (page.contains(&shown(20_000)), page.contains(&shown(300_000)));
    assert!(judged && !whole, "against the budget stands what it bounds: {page}");
    assert!(page.contains("judged=Time to the verdict"), "{page}");
    assert!(page.contains("data-percentile=\"p50\"") && page.contains("data-budget-ms=\"100\""), "{page}");
    assert!(page.contains("/dashboard?range=90d&amp;percentile=p50"), "ranges are links: {page}");
    let chinese = station.get("/dashboard", &[("cookie", "lang=zh-CN")]).text;
    assert!(chinese.contains("以表格查看数据") && chinese.contains("合格率"), "{chinese}");
}

#[test]
fn a_station_without_history_says_so_and_programs_get_a_problem() {
    let station = open();
    let page = station.get("/dashboard", &[]);
    assert!(page.status == 200 && page.text.contains("No history is kept"), "{}", page.text);
    let answer = station.get("/api/v1/series", &[]);
    assert_eq!((answer.status, answer.problem().as_str()), (503, "no-history"));
}

#[test]
fn a_range_is_read_from_a_tier_that_keeps_it_twice() {
    for range in crate::admin::series::Range::ALL {
        let (tier, step_s, length_s) = range.shape();
        assert_eq!((step_s % tier.step_s(), length_s % step_s), (0, 0), "{range:?}");
        assert!(2 * length_s <= tier.keep_s(), "{range:?}");
        assert!(length_s / step_s <= 720, "{range:?}: no more points than a screen shows");
        assert!(Tier::ALL.contains(&tier));
    }
}

#[test]
fn the_overviews_tell_their_fragments_and_a_beat() {
    let station = with_users();
    release(&station, 1, Some(pass()));
    let (cookie, _) = station.sign_in("viewer");
    for (path, expected) in
        [("/station/events", vec!["event: station", "event: beat"]), ("/dashboard/events", vec!["event: dashboard"])]
    {
        let mut lines = super::events::Lines::open(&station, path, &[("cookie", &cookie)]);
        for event in expected {
            lines.until(|line| line == event);
        }
    }
}
