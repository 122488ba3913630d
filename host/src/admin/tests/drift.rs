//! The drift page and its API, asked of a running admin.

use super::report::judged;
use super::station::{Station, open, with_users};
use crate::access::Role;
use crate::domain::{Digest, FrameId, Observation, PluginKind, PluginRun, Report, Verdict};
use crate::journal::Record;
use serde_json::Value;

fn report(statistic: &str, value: f64, drifted: bool, window: u64) -> Report {
    let (feature, statistic) = ("brightness".to_owned(), statistic.to_owned());
    Report { feature, statistic, value, threshold: 1.0, drifted, window }
}

fn run(brightness: f64) -> PluginRun {
    PluginRun {
        plugin: "image-quality".to_owned(),
        kind: PluginKind::Detector,
        component: Digest::of(b"image-quality"),
        micros: 1,
        host_micros: 0,
        memory_bytes: 0,
        host_bytes: 0,
        findings: vec![],
        attributes: vec![("brightness".to_owned(), brightness.to_string())],
        replaced: None,
        failure: None,
    }
}

/// A frame that was judged now with a picture that is kept, and what the monitor said of it.
fn judge(station: &Station, trigger: u64, brightness: f64, reports: Vec<Report>) {
    let picture = trigger.to_le_bytes().repeat(4);
    let verdict = Verdict::Fail { reason: "scratch".to_owned(), score: 0.9 };
    let mut inspection = judged(station, trigger, verdict, &picture);
    inspection.runs = vec![run(brightness)];
    let record = Record { inspection, picture: Some(picture.into()), images: vec![] };
    station.journal().submit(record).unwrap().wait().unwrap();
    let id = FrameId { station: "line-1".to_owned(), boot: station.journal().boot(), trigger };
    station.journal().observe(&id, "drift-<input>", &Observation { reports }).unwrap().wait().unwrap();
}

/// Frames 1 to 4 are quiet; `ks` drifts at frame 5 over two frames, `adwin` at frame 7.
fn story(station: &Station) {
    for trigger in 1..=4 {
        judge(station, trigger, 100.0, vec![report("ks", 0.1, false, 2), report("adwin", 0.2, false, 4)]);
    }
    judge(station, 5, 150.0, vec![report("ks", 3.0, true, 2)]);
    judge(station, 6, 151.0, vec![]);
    judge(station, 7, 152.0, vec![report("adwin", 2.0, true, 3)]);
}

fn json(station: &Station, path: &str) -> Value {
    let answer = station.get(path, &[]);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    serde_json::from_str(&answer.text).unwrap()
}

fn triggers(samples: &Value) -> Vec<&str> {
    samples.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().rsplit('-').next().unwrap()).collect()
}

#[test]
fn what_changed_first_is_told_with_pictures_of_before_and_since() {
    let station = open();
    story(&station);
    let episode = json(&station, "/api/v1/drift/episode");
    let crossings = episode["crossings"].as_array().unwrap();
    let order: Vec<_> = crossings.iter().map(|one| one["statistic"].as_str().unwrap()).collect();
    assert_eq!(order, ["ks", "adwin"]);
    assert_eq!((&crossings[0]["value"], &crossings[0]["threshold"]), (&3.0.into(), &1.0.into()));
    assert!(crossings[0]["frame"].as_str().unwrap().ends_with("-5"));
    assert_eq!(episode["ended_at_us"], Value::Null);
    assert_eq!(triggers(&episode["before"]), ["1", "2", "3"], "frame 4 is in the window of the first report");
    assert_eq!(triggers(&episode["since"]), ["5", "6", "7"]);
    assert_eq!((&episode["collect"]["pictures"], &episode["collect"]["all"]), (&3.into(), &true.into()));

    let page = station.get("/drift", &[("accept-language", "en")]).text;
    for text in
        ["What changed first", "drift-&lt;input&gt;", "Collect for retraining", "<svg class=\"histogram\"", "Before"]
    {
        assert!(page.contains(text), "{text} is not on the page");
    }
    assert!(!page.contains("drift-<input>"));
    let first = crossings[0]["frame"].as_str().unwrap();
    assert!(page.contains(&format!("href=\"/inspections/{first}\"")));
}

#[test]
fn what_is_collected_is_what_the_export_has() {
    let station = open();
    story(&station);
    let collect = json(&station, "/api/v1/drift/episode")["collect"].clone();
    let zip = station.bytes(collect["address"].as_str().unwrap());
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    let names: Vec<_> = (0..zip.len()).map(|at| zip.by_index(at).unwrap().name().to_owned()).collect();
    assert_eq!(names.len(), 4, "three pictures and their table: {names:?}");
    let users = with_users();
    story(&users);
    let page = |role| users.get("/drift", &[("authorization", &format!("Bearer {}", users.token(role)))]).text;
    let address = "/inspections/export/imagefolder";
    assert!(page(Role::Operator).contains(address) && !page(Role::Viewer).contains(address), "by the role of exports");
}

#[test]
fn features_are_spread_by_before_and_now() {
    let station = open();
    story(&station);
    let all = json(&station, "/api/v1/drift/episode")["distributions"].clone();
    let brightness = &all.as_array().unwrap()[0];
    let sets: Vec<_> = brightness["sets"].as_array().unwrap().iter().collect();
    let said: Vec<_> = sets.iter().map(|set| (set["of"].as_str().unwrap(), set["count"].as_u64().unwrap())).collect();
    assert_eq!(said, [("before", 3), ("now", 3)]);
    assert_eq!((&sets[0]["p50"], &sets[1]["p50"]), (&100.0.into(), &151.0.into()));
    let sum: f64 = sets[1]["shares"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-9);
}

#[test]
fn a_series_is_read_by_range_and_an_unknown_one_is_refused() {
    let station = open();
    story(&station);
    let path = "/api/v1/drift/series?plugin=drift-%3Cinput%3E&feature=brightness&statistic=ks";
    let series = json(&station, &format!("{path}&range=15m"));
    let highest = series["value"].as_array().unwrap().iter().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert_eq!((highest, &series["thinned"]), (3.0, &false.into()));
    assert!(series["drifted"].as_array().unwrap().contains(&true.into()));
    let old = json(&station, &format!("{path}&from=2020-01-01&to=2020-01-02"));
    assert_eq!(old["t"], serde_json::json!([]));
    let unknown = station.get("/api/v1/drift/series?plugin=drift-%3Cinput%3E&feature=colour&statistic=ks", &[]);
    assert_eq!((unknown.status, unknown.problem().as_str()), (404, "no-such-drift"));
    for query in ["?plugin=a&feature=b", "?plugin=a&feature=b&statistic=c&statistic=d"] {
        let answer = station.get(&format!("/api/v1/drift/series{query}"), &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-request"), "{query}");
    }
}

#[test]
fn a_time_that_is_not_understood_is_refused_with_what_was_typed() {
    let station = open();
    story(&station);
    for query in
        ["range=2h", "from=2026-11-11&to=2026-11-10", "from=noon", "from=2020-01-01&to=2026-01-01", "colour=red"]
    {
        let answer = station.get(&format!("/api/v1/drift?{query}"), &[]);
        assert_eq!((answer.status, answer.problem().as_str()), (400, "bad-span"), "{query}");
        let page = station.get(&format!("/drift?{query}"), &[("accept-language", "en")]);
        assert_eq!(page.status, 400, "{query}");
        assert!(page.text.contains("role=\"alert\""), "{query}");
    }
    let page = station.get("/drift?from=2026-11-11&to=2026-11-10", &[("accept-language", "en")]).text;
    assert!(page.contains("the end lies before the beginning") && page.contains("value=\"2026-11-11\""));
    assert_eq!(station.get("/drift?episode=999", &[]).status, 404);
    assert_eq!(station.get("/drift?from=&to=", &[]).status, 200, "fields of a form that nobody filled in");
    assert_eq!(station.get("/api/v1/drift?range=", &[]).problem(), "bad-request", "a program lost a value");
    let quiet = station.get("/api/v1/drift/episode?from=2020-01-01&to=2020-01-02", &[]);
    assert_eq!((quiet.status, quiet.problem().as_str()), (404, "no-such-drift"));
}

#[test]
fn a_station_without_reports_says_so() {
    let station = open();
    let page = station.get("/drift", &[("accept-language", "en")]);
    assert_eq!(page.status, 200);
    assert!(page.text.contains("No report yet"));
    let drift = json(&station, "/api/v1/drift?range=90d");
    assert_eq!((drift["series"].as_array().unwrap().len(), drift["episodes"].as_array().unwrap().len()), (0, 0));
}
