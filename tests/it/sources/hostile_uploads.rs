use super::*;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// Sends bytes as they are and gives all that comes back until the station closes or nothing comes for long.
struct Raw(TcpStream);

impl Raw {
    fn new(running: &Running) -> Self {
        let stream = TcpStream::connect(running.address.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// The head of the answer and what came of its body.
    fn answer(&mut self) -> String {
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains("\r\n\r\n") || !seen.ends_with(b"}") {
            match self.0.read(&mut piece).unwrap() {
                0 => break,
                count => seen.extend(&piece[..count]),
            }
        }
        String::from_utf8(seen).unwrap()
    }
}

fn head(more: &str) -> String {
    format!("POST /api/v1/inspect HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: image/png\r\n{more}\r\n")
}

fn bundle_head(more: &str) -> String {
    format!("POST /api/v1/deployments HTTP/1.1\r\nhost: 127.0.0.1\r\n{more}\r\n")
}

/// A whole answer must be a problem of that kind.
fn is_problem(answer: &str, status: u16, kind: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains(&format!("\"urn:assay:problem:{kind}\"")), "{answer}");
}

#[test]
fn an_oversized_upload_is_refused_before_it_is_read() {
    let station = with_uploads("[limits.image]\nmax_file_bytes = 100000");
    let running = station.start().unwrap();
    let mut raw = Raw::new(&running);
    // Not one byte of the body is sent: the answer cannot come from reading it.
    raw.send(&head("content-length: 100001\r\n"));
    is_problem(&raw.answer(), 413, "too-large");

    let mut chunked = Raw::new(&running);
    chunked.send(&head("transfer-encoding: chunked\r\n"));
    // The rest may meet a closed connection: the station need not hear it.
    for _ in 0..20 {
        if chunked.0.write_all(format!("2000\r\n{}\r\n", "x".repeat(0x2000)).as_bytes()).is_err() {
            break;
        }
    }
    is_problem(&chunked.answer(), 413, "too-large");
    assert_eq!(upload(&running, "", GOOD).status, 200, "the next one is served");
    assert_eq!(records(&station), 1);
    assert_eq!(refusals(&station), pairs(&[("inspect", "too-large"); 2]));
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_body_that_comes_too_slowly_is_given_up_and_one_that_ends_early_is_refused() {
    let station = with_uploads("read_ms = 300");
    let running = station.start().unwrap();
    let mut slow = Raw::new(&running);
    slow.send(&head("content-length: 1000\r\n"));
    slow.send("one byte and then nothing");
    is_problem(&slow.answer(), 408, "too-slow");
    assert_eq!(upload(&running, "", GOOD).status, 200);
    assert_eq!(records(&station), 1);
    assert_eq!(refusals(&station), pairs(&[("inspect", "too-slow")]));
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_bundle_that_is_too_large_or_too_slow_is_refused_recorded_and_changes_nothing() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    let mut large = Raw::new(&running);
    // Not one byte of the body is sent.
    large.send(&bundle_head("content-length: 1000000000000\r\n"));
    is_problem(&large.answer(), 413, "bundle-too-large");
    let mut slow = Raw::new(&running);
    slow.send(&bundle_head("content-length: 1000\r\n"));
    slow.send("one byte and then nothing");
    is_problem(&slow.answer(), 408, "upload-too-slow");
    assert_eq!(refusals(&station), pairs(&[("deploy", "bundle-too-large"), ("deploy", "upload-too-slow")]));
    let mut overview = agent().get(format!("{}/api/v1/deployments", running.address)).call().unwrap();
    let overview: Value = serde_json::from_str(&overview.body_mut().read_to_string().unwrap()).unwrap();
    assert_eq!((&overview["running"]["version"], &overview["in_progress"]), (&"1.0.0".into(), &false.into()));
    assert_eq!(overview["deployments"], Value::Array(vec![]));
    // Whoever comes next has the turn.
    refused(&post(&running, "/api/v1/deployments", "application/octet-stream", b"x"), 422, "bundle-refused");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_full_queue_answers_429_and_says_when_to_come_again() {
    let station = with_uploads("queue_frames = 1\nread_ms = 600000");
    let running = station.start().unwrap();
    // One upload that never ends takes the only place.
    let mut first = Raw::new(&running);
    first.send(&head("content-length: 1000\r\n"));
    let mut last = None;
    until("a refusal", || {
        let answer = upload(&running, "", GOOD);
        let refused = answer.status == 429;
        last = Some(answer);
        refused
    });
    let answer = last.unwrap();
    refused(&answer, 429, "queue-full");
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    drop(first);
    until("a free place", || upload(&running, "", GOOD).status == 200);
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn what_is_not_understood_is_refused_with_the_right_code_and_leaves_no_record() {
    let station = with_uploads("");
    let running = station.start().unwrap();
    for kind in ["text/plain", "image/gif", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x"] {
        refused(&post(&running, "/api/v1/inspect", kind, b"x"), 415, "wrong-content-type");
    }
    let long = "x".repeat(201);
    let queries = [
        "trigger=-1",
        "trigger=1.5",
        "trigger=9223372036854775808",
        "serail=1",
        &format!("serial={long}"),
        "product=a%0Ab",
    ];
    for query in queries {
        refused(&upload(&running, query, GOOD), 400, "bad-request");
    }
    assert_eq!(records(&station), 0);
    let recorded = [[("inspect", "wrong-content-type"); 4].as_slice(), &[("inspect", "bad-request"); 6]].concat();
    assert_eq!(refusals(&station), pairs(&recorded));
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_station_without_such_a_source_says_so() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    refused(&upload(&running, "", GOOD), 404, "no-source");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn an_answer_that_does_not_come_in_time_names_the_frame_and_the_trigger_has_its_record_later() {
    // No station judges and records within the shortest answer time when sixty pictures are before it.
    let burst = format!(
        "[[source]]\nkind = \"burst\"\nname = \"load\"\npath = {:?}\ncount = 100000000\nper_second = 1000\nburst = 64",
        picture(GOOD).parent().unwrap()
    );
    let station = with_uploads(&format!("answer_ms = 100\n[queue]\nframes = 64\n{burst}"));
    let running = station.start().unwrap();
    let (mut number, mut late) = (0, None);
    until("an answer that is late", || {
        number += 1;
        late = Some(upload(&running, &format!("trigger={number}"), GOOD)).filter(|answer| answer.status == 504);
        late.is_some()
    });
    refused(&late.unwrap(), 504, "not-in-time");
    until("its record", || reader(&station).line_trigger("camera", number).unwrap().is_some());
    assert_eq!(running.end().unwrap(), Some(0));
    holds(&station);
}
