//! `GET /api/v1/events`: what happens, as it happens, for programs.

use super::Problem;
use crate::access::Presented;
use crate::admin::asked::Asked;
use crate::admin::feed::{Feed, Missed, Next, Topic};
use crate::admin::guard::identify;
use crate::admin::places::Place;
use crate::admin::request::{By, Shown};
use crate::admin::serve::AdminState;
use crate::admin::stream::{CHECK_EVERY, KEEP_ALIVE};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events on their way to one reader, beside what the system keeps of its connection.
const ON_THE_WAY: usize = 16;
/// Events between two looks at whether the reader may still read.
const AT_ONCE: usize = 64;
/// What a reader waits before it comes again.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of `verdict`, `alarm`, `deployment`, with commas between them; all where it is missing.
    #[serde(default)]
    #[param(example = "verdict,alarm")]
    types: Option<String>,
}

/// Verdicts, alarms and deployments as they happen: server-sent events without an end. docs/json.md has their data.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "followEvents", tag = "station",
    params(EventsQuery, ("last-event-id" = Option<String>, Header, description = "Goes on behind this one")),
    responses(
        (status = 200, description = "The events", body = String, content_type = "text/event-stream"),
        (status = 400, response = Problem), (status = 429, response = Problem), (status = 503, response = Problem)))]
pub async fn events(
    shown: Shown,
    By(actor): By,
    State(state): State<AdminState>,
    Asked(query): Asked<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let topics = topics(query.types.as_deref())?;
    let place = state.readers.take(&actor)?;
    let last = headers.get("last-event-id").map(|id| id.to_str().unwrap_or("").to_owned());
    let (out, stream) = mpsc::channel(ON_THE_WAY);
    tokio::spawn(follow(state, shown.0, topics, last, out, place));
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

fn topics(types: Option<&str>) -> Result<Vec<Topic>, Problem> {
    let Some(types) = types else { return Ok(Topic::ALL.to_vec()) };
    let one = |name: &str| {
        let known = Topic::ALL.map(Topic::name).join(", ");
        Topic::from_name(name)
            .ok_or_else(|| Problem::bad_request(format!("{name:?} is no type of event; there are {known}")))
    };
    types.split(',').map(|name| one(name.trim())).collect()
}

type Out = mpsc::Sender<Result<Event, Infallible>>;

async fn follow(
    state: AdminState,
    presented: Presented,
    topics: Vec<Topic>,
    last: Option<String>,
    out: Out,
    _held_while_streaming: Place,
) {
    let feed = &state.feed;
    let mut news = feed.watch();
    let known = last.as_deref().map(|id| feed.number(id));
    let mut seen = known.flatten().unwrap_or_else(|| feed.newest());
    // Said at once, so that a reader knows that it is connected.
    let mut begin = Event::default().comment("events").retry(RETRY);
    if known == Some(None) {
        begin = told(feed, seen, Missed { count: None }).retry(RETRY);
    }
    if out.send(Ok(begin)).await.is_err() {
        return;
    }
    let mut checked = Instant::now();
    loop {
        match drain(feed, &topics, &mut seen, &out).await {
            Ok(More::Yes) => {}
            Ok(More::No) => tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(CHECK_EVERY) => {}
                () = out.closed() => return,
            },
            Err(Gone) => return,
        }
        if checked.elapsed() >= CHECK_EVERY {
            if identify(&state, presented.clone()).await.is_err() {
                return;
            }
            checked = Instant::now();
        }
    }
}

/// The reader has gone.
struct Gone;

/// Whether events were left.
enum More {
    Yes,
    No,
}

async fn drain(feed: &Feed, topics: &[Topic], seen: &mut u64, out: &Out) -> Result<More, Gone> {
    for _ in 0..AT_ONCE {
        let Some(Next { event, missed }) = feed.after(*seen, topics) else { return Ok(More::No) };
        if let Some(missed) = missed {
            out.send(Ok(told(feed, event.number - 1, missed))).await.map_err(|_| Gone)?;
        }
        *seen = event.number;
        if topics.contains(&event.topic) {
            let event = Event::default().id(feed.id(event.number)).event(event.topic.name()).data(&*event.data);
            out.send(Ok(event)).await.map_err(|_| Gone)?;
        }
    }
    Ok(More::Yes)
}

/// With the id of the last of them, to go on from there.
fn told(feed: &Feed, until: u64, missed: Missed) -> Event {
    let data = serde_json::to_string(&missed).unwrap_or_default();
    Event::default().id(feed.id(until)).event("missed").data(data)
}
