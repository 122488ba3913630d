//! The report of a shift, asked of a running admin.

use super::station::{Station, open, with_users};
use crate::access::{Actor, Role};
use crate::domain::{Blame, Digest, FrameId, FrameMeta, Inspection, Stage, StageTime, Verdict, test_inspection};
use crate::journal::Record;
use serde_json::Value;

/// What is recorded of a frame that was judged now.
pub fn judged(station: &Station, trigger: u64, verdict: Verdict, picture: &[u8]) -> Inspection {
    let plain = test_inspection::inspection(trigger, verdict);
    let (boot, now_us) = (station.journal().boot(), station.now_us());
    let id = FrameId { boot, ..plain.meta.id };
    Inspection {
        meta: FrameMeta { id, captured_at_us: now_us - 1000, ..plain.meta },
        picture: Some(Digest::of(picture)),
        stages: vec![StageTime { stage: Stage::Infer, micros: 3000 }],
        judged_at_us: now_us,
        ..plain
    }
}

/// A frame that was judged now, with a picture of its own.
fn judge(station: &Station, trigger: u64, verdict: Verdict) {
    let picture = trigger.to_le_bytes().repeat(4);
    let inspection = judged(station, trigger, verdict, &picture);
    let record = Record { inspection, picture: Some(picture.into()), images: vec![] };
    station.journal().submit(record).unwrap().wait().unwrap();
}

fn fail(reason: &str) -> Verdict {
    Verdict::Fail { reason: reason.to_owned(), score: 0.9 }
}

fn json(station: &Station, query: &str, headers: &[(&str, &str)]) -> Value {
    let answer = station.get(&format!("/api/v1/report{query}"), headers);
    assert_eq!(answer.status, 200, "{}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

#[test]
fn a_shift_without_frames_has_no_figure_at_all() {
    let station = open();
    let page = station.get("/report", &[("accept-language", "en")]);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("not measured"));
    assert!(!page.text.contains(" %"), "no share of nothing: {}", page.text);
    let report = json(&station, "", &[]);
    assert_eq!((&report["pass_share"], &report["counts"]["total"]), (&Value::Null, &Value::from(0)));
    assert_eq!((report["latency"].as_array().unwrap().len(), report["drift"].as_array().unwrap().len()), (0, 0));
}

#[test]
fn page_and_json_have_counts_reasons_and_blame() {
    let station = open();
    let pass = || Verdict::Pass { label: "good".to_owned(), score: 0.9 };
    let (code, detail) = ("timeout".to_owned(), "late".to_owned());
    let undecided = Verdict::Undecided { stage: Stage::Detect, blame: Blame::Plugin, code, detail };
    let verdicts = [pass(), fail("scratch"), fail("<b>pit</b>"), fail("scratch"), undecided, pass(), pass(), pass()];
    for (trigger, verdict) in (1..).zip(verdicts) {
        judge(&station, trigger, verdict);
    }
    let report = json(&station, "", &[]);
    assert_eq!(report["counts"], serde_json::json!({ "total": 8, "pass": 4, "fail": 3, "undecided": 1 }));
    assert_eq!(report["pass_share"], 0.5);
    let reasons = report["rejects"]["reasons"].as_array().unwrap();
    assert_eq!((&reasons[0]["label"], &reasons[0]["count"]), (&"scratch".into(), &2.into()));
    assert_eq!((&reasons[1]["label"], &reasons[1]["cumulative"]), (&"<b>pit</b>".into(), &1.0.into()));
    let example = reasons[0]["example"].as_str().unwrap();
    assert!(example.ends_with("-4"), "the newest: {example}");
    let by = serde_json::json!([{ "stage": "detect", "blame": "plugin", "code": "timeout", "count": 1 }]);
    assert_eq!(report["undecided"]["by"], by);
    assert_eq!(report["latency"][0]["p99_us"], 3000);
    assert_eq!(report["span"]["ended"], false);

    let page = station.get("/report", &[("accept-language", "en")]).text;
    for text in ["50.0 %", "66.7 %", "timeout", "&lt;b&gt;pit&lt;/b&gt;", "not over yet", example] {
        assert!(page.contains(text), "{text} is not on the page");
    }
    assert!(!page.contains("<b>pit</b>"));
    let picture = reasons[0]["picture"].as_str().unwrap();
    assert!(page.contains(&format!("src=\"/pictures/{picture}\"")));
    // A day before all of them.
    let before = json(&station, "?date=2020-02-29&shift=3", &[]);
    assert_eq!((&before["counts"]["total"], &before["span"]["shift"]), (&0.into(), &"3".into()));
    assert_eq!(before["span"]["ended"], true);
}

#[test]
fn what_is_wrong_with_the_span_is_said_beside_what_was_typed() {
    let station = open();
    let page = station.get("/report?date=yesterday&shift=9", &[("accept-language", "en")]);
    assert_eq!(page.status, 400);
    for text in ["yesterday", "no shift of this station", "a day such as"] {
        assert!(page.text.contains(text), "{text}");
    }
    let answer = station.get("/api/v1/report?from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", &[]);
    assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-span"));
    assert_eq!(station.get("/report?date=&shift=", &[]).status, 200, "fields of a form that nobody filled in");
    for path in ["/api/v1/report?date=", "/api/v1/inspections?serial=%20"] {
        let answer = station.get(path, &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "a program lost a value: {path}");
    }
}

#[test]
fn rows_of_the_audit_log_are_for_who_may_read_it() {
    let station = with_users();
    station.access.add_user(&Actor::console(), "ada", Role::Viewer, super::station::PASSWORD).unwrap();
    for role in Role::ALL {
        let bearer = format!("Bearer {}", station.token(role));
        let report = json(&station, "", &[("authorization", &bearer)]);
        assert_eq!(report["changes"].is_array(), role >= Role::Engineer, "{role}");
        let page = station.get("/report", &[("authorization", &bearer)]).text;
        assert_eq!(page.contains("user-add"), role >= Role::Engineer, "{role}");
    }
}

#[test]
fn an_answer_that_is_known_is_not_sent_again() {
    let station = open();
    let path = "/api/v1/openapi.json";
    let first = station.get(path, &[]);
    let tag = first.header("etag").to_owned();
    assert_eq!(station.get(path, &[("if-none-match", &tag)]).status, 304);
    let document: Value = serde_json::from_str(&first.text).unwrap();
    assert_eq!(document["paths"]["/api/v1/report"]["get"]["x-assay-role"], "viewer");
}
