//! `GET /api/v1/events`: what happens, as it happens, for programs.

use super::Problem;
use crate::admin::asked::Asked;
use crate::admin::feed::{Feed, Missed, Next, Topic};
use crate::admin::guard::identify;
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
    let reader = Reader { feed: state.feed.clone(), topics, out };
    let may_read = move || {
        let (state, presented) = (state.clone(), shown.0.clone());
        async move { identify(&state, presented).await.is_ok() }
    };
    tokio::spawn(async move {
        follow(&reader, last.as_deref(), CHECK_EVERY, may_read).await;
        drop(place);
    });
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

/// Who is told, and what of.
struct Reader {
    feed: Feed,
    topics: Vec<Topic>,
    out: mpsc::Sender<Result<Event, Infallible>>,
}

/// Tells `reader` what happens behind the event `last`, until it goes or may not read any more. That is asked every so
/// often, also of one that always lags.
async fn follow<F: Future<Output = bool>>(
    reader: &Reader,
    last: Option<&str>,
    check_every: Duration,
    may_read: impl Fn() -> F,
) {
    let Reader { feed, out, .. } = reader;
    let mut news = feed.watch();
    let known = last.map(|id| feed.number(id));
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
        match drain(reader, &mut seen).await {
            Ok(More::Yes) => {}
            Ok(More::No) => tokio::select! {
                changed = news.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(check_every) => {}
                () = out.closed() => return,
            },
            Err(Gone) => return,
        }
        if checked.elapsed() >= check_every {
            if !may_read().await {
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

async fn drain(Reader { feed, topics, out }: &Reader, seen: &mut u64) -> Result<More, Gone> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::cell::Cell;
    use std::future::ready;

    #[test]
    fn a_reader_that_always_lags_is_asked_whether_it_may_read_on() {
        let feed = Feed::default();
        for number in 0..3 * AT_ONCE {
            feed.put(Topic::Verdict, &number);
        }
        let (out, mut stream) = mpsc::channel(4 * AT_ONCE);
        let first = feed.id(0);
        let reader = Reader { feed, topics: Topic::ALL.to_vec(), out };
        let asked = Cell::new(0);
        let may_read = || {
            asked.set(asked.get() + 1);
            ready(asked.get() < 2)
        };
        let reads = follow(&reader, Some(&first), Duration::ZERO, may_read);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let ended = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), reads).await });
        assert!(ended.is_ok(), "nobody asked");
        let mut sent = 0;
        while stream.try_recv().is_ok() {
            sent += 1;
        }
        assert_eq!(sent, 1 + 2 * AT_ONCE, "it was sent more than it may read");
    }
}
