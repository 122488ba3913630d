//! The sources of a station, over real HTTP.

use super::records::fill;
use super::station::{open, with_sources};
use crate::domain::{Blame, Failure, FailureCode, Stage};
use crate::source::{IntakeOptions, QueueLimits, SourceCard, SourceSetup, intake};
use serde_json::Value;

const HOSTILE: &str = "<script>alert(1)</script>";

fn setup() -> SourceSetup {
    let card = |name: &str, kind, settings| SourceCard { name: name.to_owned(), kind, settings };
    let folder = card("folder", "folder", vec![("path", HOSTILE.to_owned()), ("mode", "watch".to_owned())]);
    let http = card("camera", "http", vec![("queue_frames", "1".to_owned())]);
    SourceSetup { sources: vec![folder, http], queue: QueueLimits { frames: 16, bytes: 1 << 20 } }
}

#[test]
fn each_source_is_shown_with_its_settings_its_state_and_what_it_gave() {
    let options = IntakeOptions { name: "camera".into(), queue_frames: 1, max_file_bytes: 9, read_ms: 1, answer_ms: 1 };
    let (_source, camera) = intake(options);
    let _reading = camera.begin_upload().unwrap();
    assert!(camera.begin_upload().is_none());
    let station = with_sources(setup(), vec![camera]);
    fill(&station, 4);
    station.journal().line_lost("folder", 5, 7, "left out").unwrap().wait().unwrap();
    let told = || -> Value { serde_json::from_str(&station.get("/api/v1/sources", &[]).text).unwrap() };
    let body = told();
    assert_eq!((&body["queue"]["most_frames"], &body["cut"]), (&16.into(), &false.into()));
    let (folder, camera) = (&body["sources"][0], &body["sources"][1]);
    assert_eq!((&folder["state"], &folder["frames"], &folder["lost"]), (&"running".into(), &4.into(), &3.into()));
    assert_eq!((&folder["newest_us"], &folder["uploads"]), (&1_764_000_000_004_000_i64.into(), &Value::Null));
    assert_eq!(folder["settings"]["path"], HOSTILE);
    let uploads = serde_json::json!({ "waiting": 0, "most": 1, "reading": 1, "refused": 1 });
    assert_eq!((&camera["frames"], &camera["newest_us"], &camera["uploads"]), (&0.into(), &Value::Null, &uploads));
    let page = station.get("/sources", &[("accept-language", "en")]);
    assert_eq!(page.status, 200);
    for text in ["data-source=\"folder\"", "2025-11-24 16:00:00.004 UTC", "Uploads refused", "watch"] {
        assert!(page.text.contains(text), "{text} in {}", page.text);
    }
    assert!(!page.text.contains(HOSTILE), "settings are shown as text");

    station.board.source_ends("camera");
    assert_eq!((&told()["sources"][0]["state"], &told()["sources"][1]["state"]), (&"running".into(), &"ended".into()));
    station.board.stop(&Failure::new(Stage::Detect, Blame::Plugin, FailureCode::Trap, "it traps"));
    assert_eq!(told()["sources"][0]["state"], "stopped");
}

#[test]
fn a_station_without_sources_says_so() {
    let page = open().get("/sources", &[("accept-language", "en")]);
    assert!(page.status == 200 && page.text.contains("This station has no source."), "{}", page.text);
}
