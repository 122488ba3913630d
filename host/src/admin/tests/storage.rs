//! What the record takes of the disk, over real HTTP.

use super::records::fill;
use super::station::{Station, open};
use serde_json::Value;
use std::sync::atomic::Ordering;

fn told(station: &Station) -> Value {
    let answer = station.get("/api/v1/storage", &[]);
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[test]
fn the_storage_page_and_its_json_say_what_is_kept_and_what_is_left() {
    let station = open();
    fill(&station, 6);
    let body = told(&station);
    let counted = |class: &str| {
        let classes = body["pictures"]["classes"].as_array().unwrap();
        classes.iter().find(|one| one["class"] == class).unwrap().clone()
    };
    // Triggers 3 and 6 failed, 2 and 5 were undecided, 1 and 4 passed, 5 is flagged: it counts as undecided all the same.
    let sum: u64 =
        ["fail", "undecided", "flagged", "pass"].iter().map(|c| counted(c)["pictures"].as_u64().unwrap()).sum();
    assert_eq!((counted("fail")["pictures"].as_u64(), sum), (Some(2), 6), "{body}");
    assert_eq!(body["pictures"]["bytes"], station.journal().health().picture_bytes);
    assert_eq!((&body["pictures"]["quota_bytes"], &counted("pass")["keep_days"]), (&(2u64 << 30).into(), &Value::Null));
    assert_eq!((&body["ballast_bytes"], &body["trouble"]), (&(1 << 20).into(), &Value::Null));
    let files: Vec<_> = body["databases"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["journal.db", "station.db"]);
    let page = station.get("/storage", &[("accept-language", "en")]);
    assert_eq!(page.status, 200);
    for text in ["Used of the quota", "of 2.0 GiB", "journal.db", "no limit", "1.0 MiB", "aria-current=\"page\""] {
        assert!(page.text.contains(text), "{text} in {}", page.text);
    }
}

#[test]
fn what_is_wrong_stands_on_top_of_the_storage_page() {
    let station = open();
    station.trouble.store(true, Ordering::Relaxed);
    std::fs::remove_file(station.dir().join("ballast")).unwrap();
    let body = told(&station);
    assert_eq!((&body["trouble"], &body["disk"]["pressure"]), (&"the disk is full".into(), &"full".into()));
    assert_eq!(body["ballast_bytes"], 0);
    let page = station.get("/storage", &[("accept-language", "en")]).text;
    assert!(page.contains("Verdicts are withheld:</b> the disk is full"), "{page}");
    assert!(page.contains("the ballast is given up") && !page.contains("Records and pictures are kept."), "{page}");
}
