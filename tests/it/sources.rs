//! Where frames come from, on a running station: uploads, trigger numbers, folders, replay, bursts.

mod folder;
mod hostile_uploads;
mod others;
mod uploads;

use assay::journal::{Reader, verify};
use assay_tests::station::{Running, TestStation, picture};
use serde_json::Value;
use std::time::{Duration, Instant};

const FAST: &str = "[inference]\norder = [\"onnxruntime\"]";
const GOOD: &str = "1-ordinary-00-good-brick.jpg";
const PIT: &str = "1-ordinary-21-pit-aggregate.jpg";
/// Far beyond what any machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A station with one source of kind "http" called `camera`.
fn with_uploads(more: &str) -> TestStation {
    TestStation::new(&format!("{FAST}\n[[source]]\nkind = \"http\"\nname = \"camera\"\n{more}")).unwrap()
}

struct Answer {
    status: u16,
    kind: String,
    retry_after: Option<String>,
    body: Value,
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn post(running: &Running, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let request = agent().post(format!("{}{path}", running.address)).header("content-type", content_type);
    let mut response = request.send(body).unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (kind, retry_after) = (header("content-type").unwrap_or_default(), header("retry-after"));
    let body = serde_json::from_str(&response.body_mut().read_to_string().unwrap()).unwrap();
    Answer { status: response.status().as_u16(), kind, retry_after, body }
}

fn upload(running: &Running, query: &str, name: &str) -> Answer {
    let bytes = std::fs::read(picture(name)).unwrap();
    post(running, &format!("/api/v1/inspect?{query}"), "image/jpeg", &bytes)
}

/// The answer must be a problem of that kind.
fn refused(answer: &Answer, status: u16, kind: &str) {
    assert_eq!((answer.status, answer.kind.as_str()), (status, "application/problem+json"), "{}", answer.body);
    assert_eq!(answer.body["type"], format!("urn:assay:problem:{kind}"), "{}", answer.body);
    assert_eq!(answer.body["status"], status);
    assert!(!answer.body["detail"].as_str().unwrap().is_empty() && answer.body["title"].is_string());
}

fn reader(station: &TestStation) -> Reader {
    Reader::open(&station.data().join("journal")).unwrap()
}

/// Records in the journal.
fn records(station: &TestStation) -> u64 {
    reader(station).counts(0).unwrap().total()
}

/// Source, first and last of what is recorded as lost, in order.
fn lost(station: &TestStation) -> Vec<(String, u64, u64)> {
    let rows =
        reader(station).lost(100).unwrap().into_iter().filter_map(|row| Some((row.source?, row.first, row.last)));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    rows
}

/// What the audit log has of refusals: action and code, in order.
fn refusals(station: &TestStation) -> Vec<(String, String)> {
    let exported = station.run(&["audit", "export"], &[]).unwrap();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let rows = String::from_utf8(exported.stdout).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    rows.filter_map(|row| Some((text(&row, "action")?, text(&row, "refused")?))).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(action, code)| ((*action).to_owned(), (*code).to_owned())).collect()
}

fn holds(station: &TestStation) {
    let verified = verify(&station.data().join("journal"), None).unwrap();
    assert!(verified.holds(), "{verified:?}");
}

fn until(what: &str, mut enough: impl FnMut() -> bool) {
    let start = Instant::now();
    while !enough() {
        assert!(start.elapsed() < PATIENCE, "never came: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
