//! `GET /api/v1/events`.

use super::overviews::release;
use super::station::{Station, open, with_users};
use crate::access::{Actor, Role};
use crate::domain::{Acknowledged, Alarm, AlarmKind, Severity};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read};

/// Nothing in here takes so long; a stream that says nothing fails the test instead of hanging it.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// A stream of events, line by line.
pub struct Lines {
    lines: std::io::Lines<BufReader<Box<dyn Read>>>,
}

/// An event as it came.
#[derive(Debug, Default, PartialEq)]
struct Told {
    id: String,
    event: String,
    data: Value,
}

impl Lines {
    pub fn open(station: &Station, path: &str, headers: &[(&str, &str)]) -> Self {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).build().into();
        let mut request = agent.get(format!("{}{path}", station.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.call().unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let body: Box<dyn Read> = Box::new(answer.into_body().into_reader());
        Self { lines: BufReader::new(body).lines() }
    }

    pub fn until(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.lines.next().expect("the stream goes on").unwrap();
            if wanted(&line) {
                return line;
            }
        }
    }

    fn next(&mut self) -> Told {
        let mut told = Told::default();
        loop {
            let line = self.lines.next().expect("the stream goes on").unwrap();
            match line.split_once(": ") {
                Some(("id", id)) => told.id = id.to_owned(),
                Some(("event", event)) => told.event = event.to_owned(),
                Some(("data", data)) => told.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !told.event.is_empty() => return told,
                _ => {}
            }
        }
    }
}

/// A stream that has begun: what happens from now on is told.
fn begun(station: &Station, path: &str, headers: &[(&str, &str)]) -> Lines {
    let mut lines = Lines::open(station, path, headers);
    lines.until(|line| line.starts_with(':') || line.starts_with("retry"));
    lines
}

fn alarm(id: &str) -> Alarm {
    Alarm {
        id: id.to_owned(),
        rule: "drift".to_owned(),
        kind: AlarmKind::Drift,
        severity: Severity::Warning,
        value: 1.0,
        limit: 1.0,
        about: "brightness".to_owned(),
        raised_at_us: 1,
        cleared_at_us: None,
        acknowledged: None,
    }
}

#[test]
fn verdicts_and_alarms_are_told_in_one_order_with_ids() {
    let station = open();
    let mut lines = begun(&station, "/api/v1/events", &[]);
    release(&station, 3, None);
    let verdict = lines.next();
    assert_eq!(verdict.event, "verdict");
    assert_eq!((&verdict.data["id"], &verdict.data["verdict"]), (&"line-1-1-3".into(), &"fail".into()));
    assert_eq!((&verdict.data["serial"], &verdict.data["row"]), (&"S3".into(), &1.into()));
    assert_eq!(verdict.data["findings"].as_array().unwrap().len(), 1);

    station.alarms.change(|active| active.insert(0, alarm("a-1")));
    let raised = lines.next();
    assert_eq!((raised.event.as_str(), &raised.data["change"]), ("alarm", &"raised".into()));
    assert_eq!((&raised.data["alarm"]["id"], &raised.data["alarm"]["kind"]), (&"a-1".into(), &"drift".into()));
    let seen = Acknowledged { by: "ada".to_owned(), at_us: 2 };
    station.alarms.change(|active| active[0].acknowledged = Some(seen.clone()));
    assert_eq!(lines.next().data["change"], "acknowledged");
    station.alarms.change(Vec::clear);
    let cleared = lines.next();
    assert_eq!(cleared.data["change"], "cleared");
    assert!(cleared.data["alarm"]["cleared_at_us"].is_i64());

    let numbers: Vec<&str> = [&verdict, &raised, &cleared].map(|told| told.id.rsplit('-').next().unwrap()).to_vec();
    assert_eq!(numbers, ["1", "2", "4"]);
}

#[test]
fn a_reader_that_comes_again_goes_on_where_it_was() {
    let station = open();
    let mut lines = begun(&station, "/api/v1/events", &[]);
    for trigger in 1..=4 {
        release(&station, trigger, None);
    }
    let all: Vec<Told> = (0..4).map(|_| lines.next()).collect();
    let mut again = Lines::open(&station, "/api/v1/events", &[("last-event-id", &all[1].id)]);
    assert_eq!(again.next(), all[2]);
    assert_eq!(again.next(), all[3]);
}

#[test]
fn an_id_of_another_start_is_told_that_something_was_missed() {
    let station = open();
    release(&station, 1, None);
    for id in ["12345-1", "nonsense", ""] {
        let mut lines = Lines::open(&station, "/api/v1/events", &[("last-event-id", id)]);
        let missed = lines.next();
        assert_eq!((missed.event.as_str(), &missed.data["count"]), ("missed", &Value::Null), "{id:?}");
    }
}

#[test]
fn only_the_types_that_were_asked_for_are_told() {
    let station = open();
    let mut lines = begun(&station, "/api/v1/events?types=alarm,deployment", &[]);
    release(&station, 1, None);
    station.alarms.change(|active| active.insert(0, alarm("a-1")));
    assert_eq!(lines.next().event, "alarm");
}

#[test]
fn a_reader_that_is_too_slow_is_told_how_many_events_it_missed() {
    let station = open();
    let mut first = begun(&station, "/api/v1/events", &[]);
    release(&station, 1, None);
    let id = first.next().id;
    // More than are kept; each is waited for, so that none finds the queue full.
    for trigger in 2..=2100 {
        release(&station, trigger, None);
        first.next();
    }
    let mut slow = Lines::open(&station, "/api/v1/events", &[("last-event-id", &id)]);
    let missed = slow.next();
    assert_eq!((missed.event.as_str(), missed.data["count"].as_u64()), ("missed", Some(2100 - 2048 - 1)));
    let next = slow.next();
    assert_eq!(next.data["id"], "line-1-1-53");
    let number = |id: &str| id.rsplit('-').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(number(&next.id), number(&missed.id) + 1, "a reader that comes again after it misses nothing more");
}

#[test]
fn verdicts_that_found_no_room_are_missed_too() {
    let station = open();
    let mut lines = begun(&station, "/api/v1/events", &[]);
    release(&station, 1, None);
    lines.next();
    station.board.metrics().events_dropped.add(7);
    // The next look sees it; the alarm that comes behind shows the gap.
    station.alarms.change(|active| active.insert(0, alarm("a-1")));
    let missed = lines.next();
    assert_eq!((missed.event.as_str(), missed.data["count"].as_u64()), ("missed", Some(7)));
    assert_eq!(lines.next().event, "alarm");
}

#[test]
fn readers_have_a_bound_and_pages_keep_their_places() {
    let station = open();
    let readers: Vec<Lines> = (0..256).map(|_| Lines::open(&station, "/api/v1/events", &[])).collect();
    let answer = station.ask("GET", "/api/v1/events?types=alarm", &[], "");
    assert_eq!((answer.status, answer.problem().as_str()), (503, "too-many-readers"));
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(station.get("/live/events", &[]).status, 200);
    drop(readers);
}

#[test]
fn one_token_or_user_has_only_its_share_of_the_places() {
    let station = with_users();
    let bearer = |name: &str| {
        let made = station.access.create_token(&Actor::console(), name, Role::Viewer, 1).unwrap();
        format!("Bearer {}", made.text)
    };
    let (one, other) = (bearer("one"), bearer("other"));
    let open = |path: &str, who: (&str, &str)| Lines::open(&station, path, &[who]);
    let (one, other) = (("authorization", one.as_str()), ("authorization", other.as_str()));
    let mut held: Vec<Lines> = (0..64).map(|_| open("/api/v1/events", one)).collect();
    let refused = station.get("/api/v1/events", &[one]);
    assert_eq!((refused.status, refused.problem().as_str()), (429, "share-taken"));
    assert!(!refused.header("retry-after").is_empty());
    held.push(open("/api/v1/events", other));

    let (cookie, _) = station.sign_in("viewer");
    let viewer = ("cookie", cookie.as_str());
    held.extend(["/live/events", "/station/events", "/dashboard/events"].map(|path| open(path, viewer)));
    held.extend((3..50).map(|_| open("/station/events", viewer)));
    for path in ["/live/events", "/station/events", "/dashboard/events"] {
        let refused = station.get(path, &[viewer]);
        assert_eq!((refused.status, refused.problem().as_str()), (429, "share-taken"), "{path}");
    }
    held.push(open("/station/events", other));
}

#[test]
fn a_stream_ends_when_its_token_is_revoked() {
    let station = with_users();
    let made = station.access.create_token(&Actor::console(), "press", Role::Viewer, 1).unwrap();
    let bearer = format!("Bearer {}", made.text);
    let lines = begun(&station, "/api/v1/events", &[("authorization", &bearer)]);
    station.access.revoke_token(&Actor::console(), &made.id).unwrap();
    lines.lines.for_each(|line| drop(line.unwrap()));
}
