#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::domain::{
    Blame, Digest, Failure, FailureCode, Finding, FrameId, FrameMeta, Inspection, LatencyHistogram, PluginKind,
    PluginRun, Stage, StageTime, Verdict, WarmCounts, WarmEvent,
};
use std::collections::BTreeSet;
use std::sync::Arc;

fn inspection(recipe: &str, verdict: Verdict, failure: Option<Failure>) -> Inspection {
    let finding = |label: &str, raised| Finding {
        label: label.to_owned(),
        score: 0.9,
        raised,
        region: None,
        text: None,
        attributes: Vec::new(),
    };
    let run = PluginRun {
        plugin: "adv-squeeze".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"plugin"),
        micros: 4_000,
        host_micros: 3_000,
        memory_bytes: 0,
        host_bytes: 0,
        findings: vec![finding("adversarial", true), finding("brightness", false)],
        attributes: Vec::new(),
        replaced: None,
        failure,
    };
    let meta = FrameMeta {
        id: FrameId { station: "line-1".to_owned(), boot: 1, trigger: 1 },
        captured_at_us: 0,
        source: "test".to_owned(),
        origin: None,
        product: None,
        serial: None,
        line_trigger: None,
        simulated: false,
    };
    Inspection {
        meta,
        picture: None,
        width: 1,
        height: 1,
        recipe: recipe.to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"recipe"),
        verdict,
        answer: None,
        runs: vec![run],
        stages: vec![StageTime { stage: Stage::Infer, micros: 15_000 }],
        judged_at_us: 0,
    }
}

fn late() -> Failure {
    Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Timeout, "50 ms passed")
}

fn pass() -> Verdict {
    Verdict::Pass { label: "good".to_owned(), score: 0.9 }
}

/// The value of a sample, by its whole name.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(&format!("{sample} ")));
    line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_released_verdict_moves_every_figure_it_belongs_to() {
    let metrics = Arc::new(Metrics::default());
    metrics.tell(&VerdictReleased { inspection: &inspection("surface", pass(), None) });
    let verdict = Verdict::undecided_by(&late());
    metrics.tell(&VerdictReleased { inspection: &inspection("surface", verdict, Some(late())) });
    let text = exposition(&metrics, &Gauges::default());
    for (sample, expected) in [
        (r#"assay_inspections_total{verdict="pass",recipe="surface"}"#, 1.0),
        (r#"assay_inspections_total{verdict="undecided",recipe="surface"}"#, 1.0),
        (r#"assay_stage_duration_seconds_bucket{le="0.01",stage="infer",recipe="surface"}"#, 0.0),
        (r#"assay_stage_duration_seconds_bucket{le="0.02",stage="infer",recipe="surface"}"#, 2.0),
        (r#"assay_stage_duration_seconds_sum{stage="infer",recipe="surface"}"#, 0.03),
        (r#"assay_plugin_duration_seconds_count{plugin="adv-squeeze",recipe="surface"}"#, 2.0),
        (r#"assay_plugin_faults_total{plugin="adv-squeeze",kind="timeout"}"#, 1.0),
        (r#"assay_flagged_total{detector="adv-squeeze"}"#, 2.0),
        ("assay_adversarial_total", 2.0),
        ("assay_deadline_missed_total", 1.0),
        (r#"assay_build_info{version="0.1.0"}"#, 1.0),
    ] {
        assert!((value(&text, sample) - expected).abs() < 1e-9, "{sample} should be {expected}:\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn counters_go_on_when_the_recipe_changes_and_labels_stay_bounded() {
    let metrics = Arc::new(Metrics::default());
    for number in 0..100 {
        let inspection = inspection(&format!("recipe-{number}"), pass(), None);
        metrics.tell(&VerdictReleased { inspection: &inspection });
    }
    metrics.tell(&VerdictReleased { inspection: &inspection("recipe-0", pass(), None) });
    let text = exposition(&metrics, &Gauges::default());
    assert!((value(&text, r#"assay_inspections_total{verdict="pass",recipe="recipe-0"}"#) - 2.0).abs() < 1e-9);
    assert!((value(&text, r#"assay_inspections_total{verdict="pass",recipe="other"}"#) - 68.0).abs() < 1e-9);
    assert_eq!(metrics.frames.get(), 101);
}

#[test]
fn a_record_that_is_not_durable_and_a_failed_monitor_are_counted() {
    let metrics = Arc::new(Metrics::default());
    let (frame, failure) = (FrameId { station: "line-1".to_owned(), boot: 1, trigger: 1 }, late());
    metrics.tell(&RecordNotDurable { frame: &frame, failure: &failure });
    metrics.tell(&MonitorCalled { frame: &frame, recipe: "r", plugin: "drift", micros: 5, failure: Some(&failure) });
    metrics.tell(&FrameUnmonitored);
    let text = exposition(&metrics, &Gauges::default());
    for sample in [
        "assay_not_durable_total",
        "assay_unmonitored_total",
        r#"assay_plugin_faults_total{plugin="drift",kind="timeout"}"#,
        r#"assay_plugin_duration_seconds_count{plugin="drift",recipe="r"}"#,
    ] {
        assert!((value(&text, sample) - 1.0).abs() < 1e-9, "{sample}");
    }
}

#[test]
fn gauges_are_shown_as_they_are_looked_at() {
    let commits = LatencyHistogram::default();
    commits.record(3_000);
    let gauges = Gauges {
        queue_frames: 3,
        device_as_asked: true,
        outbox_oldest_age_s: 1.5,
        lost: 7,
        commits: commits.read(),
        ..Gauges::default()
    };
    let text = exposition(&Arc::default(), &gauges);
    for (sample, expected) in [
        ("assay_queue_frames", 3.0),
        ("assay_device_as_asked", 1.0),
        ("assay_outbox_oldest_age_seconds", 1.5),
        ("assay_lost_total", 7.0),
        (r#"assay_journal_commit_seconds_bucket{le="0.005"}"#, 1.0),
        (r#"assay_journal_commit_seconds_bucket{le="+Inf"}"#, 1.0),
    ] {
        assert!((value(&text, sample) - expected).abs() < 1e-9, "{sample}");
    }
}

/// Names of metrics in a text, without the endings that a histogram's samples have.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let ending = |word: &str| ["_bucket", "_sum", "_count"].into_iter().find(|end| word.ends_with(end));
    words
        .filter(|word| word.starts_with("assay_"))
        .map(|word| ending(word).and_then(|end| word.strip_suffix(end)).unwrap_or(word).to_owned())
        .collect()
}

#[test]
fn dashboard_and_alert_rules_name_only_metrics_that_there_are() {
    let text = exposition(&Arc::default(), &Gauges::default());
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let there: BTreeSet<String> = types
        .map(|line| match line.split_once(' ') {
            Some((name, "counter")) => format!("{name}_total"),
            Some((name, _)) => name.to_owned(),
            None => panic!("{line}"),
        })
        .collect();
    let dashboard = include_str!("../../grafana/dashboard.json");
    serde_json::from_str::<serde_json::Value>(dashboard).expect("the dashboard is JSON");
    for (file, text) in [("dashboard.json", dashboard), ("alerts.yml", include_str!("../../grafana/alerts.yml"))] {
        let named = names(text);
        assert!(named.len() > 8, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&there).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}; there are {there:?}");
    }
}

#[test]
fn what_becomes_of_warm_instances_is_shown_by_plugin_and_goes_on_where_a_recipe_is_replaced() {
    let (metrics, counts) = (Arc::new(Metrics::default()), Arc::new(WarmCounts::default()));
    counts.add(WarmEvent::Made);
    metrics.show_warm("statistics-rule", &counts);
    metrics.show_warm("statistics-rule", &Arc::clone(&counts));
    counts.add(WarmEvent::Reused);
    counts.add(WarmEvent::Reused);
    let text = exposition(&metrics, &Gauges::default());
    for (event, expected) in [("made", 1.0), ("reused", 2.0), ("retired", 0.0), ("not-kept", 0.0)] {
        let sample = format!(r#"assay_warm_instances_total{{plugin="statistics-rule",event="{event}"}}"#);
        assert!((value(&text, &sample) - expected).abs() < 1e-9, "{text}");
    }
    assert_eq!(text.matches(r#"event="made""#).count(), 1, "{text}");
}

#[test]
fn a_failed_call_that_the_plugin_is_not_to_blame_for_is_no_fault_of_the_plugin() {
    let metrics = Arc::new(Metrics::default());
    let unfit = Failure::new(Stage::Preprocess, Blame::Source, FailureCode::PluginError, "unsupported input: no part");
    for failure in [unfit.clone(), late()] {
        let verdict = Verdict::undecided_by(&failure);
        metrics.tell(&VerdictReleased { inspection: &inspection("surface", verdict, Some(failure)) });
        if metrics.frames.get() == 1 {
            assert_eq!((metrics.plugin_faults.get(), metrics.faulty_plugins().len()), (0, 0));
        }
    }
    assert_eq!((metrics.plugin_faults.get(), metrics.faulty_plugins()), (1, vec!["adv-squeeze".to_owned()]));
    let text = exposition(&metrics, &Gauges::default());
    let sample = r#"assay_plugin_faults_total{plugin="adv-squeeze",kind="plugin-error"}"#;
    assert!((value(&text, sample) - 1.0).abs() < 1e-9, "each failed call is counted by its code:\n{text}");
}
