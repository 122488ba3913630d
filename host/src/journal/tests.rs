#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod chain;
mod drift;
mod faults;
mod line;
mod pictures;
mod place;
mod reading;
mod report;
mod reviews;
mod search;
mod storage;
mod writing;

use super::*;
use crate::domain::{
    Blame, DeviceUse, Digest, Finding, FrameMeta, Inspection, ModelAnswer, PluginKind, PluginRun, Report, Stage,
    StageTime, Verdict,
};
use std::path::Path;

fn options(dir: &Path) -> JournalOptions {
    JournalOptions { ballast_bytes: 1 << 20, ..JournalOptions::new(dir, "line-1") }
}

fn opened(dir: &Path) -> Journal {
    Journal::open(options(dir)).unwrap()
}

fn finding(label: &str, score: f32, raised: bool) -> Finding {
    Finding { label: label.to_owned(), score, raised, region: None, text: None, attributes: Vec::new() }
}

fn pass() -> Verdict {
    Verdict::Pass { label: "good".to_owned(), score: 0.97 }
}

fn fail() -> Verdict {
    Verdict::Fail { reason: "scratch".to_owned(), score: 0.88 }
}

fn undecided() -> Verdict {
    let (code, detail) = ("timeout".to_owned(), "50 ms passed".to_owned());
    Verdict::Undecided { stage: Stage::Detect, blame: Blame::Plugin, code, detail }
}

/// A record as three plugins and a model make it.
fn record(journal: &Journal, trigger: u64, verdict: Verdict, findings: Vec<Finding>) -> Record {
    let device = DeviceUse {
        backend: "openvino".to_owned(),
        asked: vec!["NPU".to_owned(), "CPU".to_owned()],
        used: "CPU".to_owned(),
        precision: "f32-exact".to_owned(),
    };
    let answer = ModelAnswer {
        model: "surface".to_owned(),
        digest: Digest::of(b"model"),
        device,
        probabilities: vec![0.97, 0.01, 0.02],
        labels: ["good", "scratch", "pit"].map(str::to_owned).to_vec(),
    };
    let run = |plugin: &str, kind, findings| PluginRun {
        plugin: plugin.to_owned(),
        kind,
        component: Digest::of(plugin.as_bytes()),
        micros: 120,
        host_micros: 90,
        memory_bytes: 1 << 20,
        host_bytes: 150_528,
        findings,
        attributes: Vec::new(),
        replaced: None,
        failure: None,
    };
    let id = FrameId { station: "line-1".to_owned(), boot: journal.boot(), trigger };
    let time = 1_764_000_000_000_000 + trigger as i64 * 1000;
    let inspection = Inspection {
        meta: FrameMeta {
            id,
            captured_at_us: time - 500,
            source: "folder".to_owned(),
            origin: Some(format!("part-{trigger}.png")),
            product: Some("cover".to_owned()),
            serial: Some(format!("S{trigger:06}")),
            line_trigger: None,
            simulated: false,
        },
        picture: None,
        width: 224,
        height: 224,
        recipe: "surface".to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"recipe"),
        verdict,
        answer: Some(answer),
        runs: vec![
            run("letterbox", PluginKind::Preprocessor, Vec::new()),
            run("image-quality", PluginKind::Detector, vec![finding("brightness", 0.2, false)]),
            run("adv-squeeze", PluginKind::Detector, findings),
        ],
        stages: [(Stage::Decode, 900), (Stage::Infer, 3000 + trigger), (Stage::Detect, 400)]
            .map(|(stage, micros)| StageTime { stage, micros })
            .to_vec(),
        judged_at_us: time,
    };
    Record { inspection, picture: None, images: Vec::new() }
}

/// The same with a stored picture of `bytes` bytes, different for each trigger.
fn pictured(journal: &Journal, trigger: u64, verdict: Verdict, bytes: usize) -> Record {
    let mut record = record(journal, trigger, verdict, Vec::new());
    let mut picture = vec![0x5a; bytes.max(8)];
    picture[..8].copy_from_slice(&trigger.to_le_bytes());
    record.inspection.picture = Some(Digest::of(&picture));
    record.picture = Some(picture.into());
    record
}

/// The same from a source that has a counter.
fn counted(journal: &Journal, trigger: u64, number: u64) -> Record {
    let mut record = record(journal, trigger, pass(), Vec::new());
    record.inspection.meta.line_trigger = Some(number);
    record
}

/// Writes `count` records, one of three kinds each, and waits for all.
fn fill(journal: &Journal, count: u64) -> Vec<Committed> {
    let submit = |trigger: u64| {
        let record = match trigger % 3 {
            0 => record(journal, trigger, fail(), vec![finding("adversarial", 0.9, true)]),
            1 => record(journal, trigger, pass(), vec![finding("adversarial", 0.1, false)]),
            _ => record(journal, trigger, undecided(), Vec::new()),
        };
        journal.submit(record).unwrap()
    };
    let pending: Vec<_> = (1..=count).map(submit).collect();
    pending.into_iter().map(|pending| pending.wait().unwrap()).collect()
}

fn observation(value: f64, drifted: bool) -> Observation {
    let report = |feature: &str, value| Report {
        feature: feature.to_owned(),
        statistic: "adwin".to_owned(),
        value,
        threshold: 0.2,
        drifted,
        window: 300,
    };
    Observation { reports: vec![report("brightness", value), report("max_prob", f64::NAN)] }
}

/// Takes away what versions 3 and 4 brought.
const WITHOUT_VERSION_3: &str = "DROP TABLE recipe_parts; DROP TABLE reviews; DROP TABLE reviewed;
    DROP TABLE review_samples; DROP INDEX inspections_score; DROP INDEX inspections_recipe;
    DROP TABLE drift_changes;";

/// A connection of somebody who is not the station.
fn stranger(dir: &Path) -> rusqlite::Connection {
    let db = rusqlite::Connection::open(dir.join("journal.db")).unwrap();
    db.busy_timeout(Duration::from_secs(5)).unwrap();
    db
}
