use super::guard::identify;
use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::live::{LiveView, content, fragment};
use super::request::{Shown, Visitor};
use super::serve::AdminState;
use crate::access::Presented;
use crate::domain::Report;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;

/// How often the board is looked at. A slow reader misses steps between, never holds anything up.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often an open stream asks whether its person is still signed in.
const CHECK_EVERY: Duration = Duration::from_secs(5);

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let content = with_view(visitor.lang, &state, content);
    page(&visitor.frame(&state), Some(Tab::Live), visitor.lang.text("nav.live"), &content).into_response()
}

/// For whoever watches the station: 200 while frames can be judged and recorded, else 503 with the reason. Monitors
/// that are out are named, and change nothing.
pub async fn health(State(state): State<AdminState>) -> Response {
    let condition = state.board.condition();
    match (state.trouble)().or_else(|| condition.trouble()) {
        None => {
            let out = condition.plugins_out.iter().map(|(plugin, kind)| format!("{kind} {plugin} is taken out\n"));
            format!("ok\n{}", out.collect::<String>()).into_response()
        }
        Some(reason) => (axum::http::StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// The live page's fragment, whenever the board changed; until whoever watches is signed out.
pub async fn events(visitor: Visitor, shown: Shown, State(state): State<AdminState>) -> Response {
    let Some(seat) = state.take_seat() else {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (fragments, stream) = mpsc::channel(1);
    tokio::spawn(follow(state, visitor.lang, shown.0, fragments, seat));
    Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

async fn follow(
    state: AdminState,
    lang: Lang,
    presented: Presented,
    fragments: mpsc::Sender<Result<Event, Infallible>>,
    _held_while_streaming: OwnedSemaphorePermit,
) {
    let (mut shown, mut checked) = (0, Instant::now());
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = fragments.closed() => return,
        }
        if checked.elapsed() >= CHECK_EVERY {
            if identify(&state, presented.clone()).await.is_err() {
                return;
            }
            checked = Instant::now();
        }
        let version = state.board.version();
        if version != shown {
            shown = version;
            let html = with_view(lang, &state, fragment).into_string();
            if fragments.send(Ok(Event::default().event("live").data(html))).await.is_err() {
                return;
            }
        }
    }
}

fn with_view(lang: Lang, state: &AdminState, draw: impl FnOnce(&LiveView<'_>) -> Markup) -> Markup {
    let board = state.board.snapshot();
    let reports: Vec<Report> = state.board.drift().values().cloned().collect();
    let condition = state.board.condition();
    draw(&LiveView { lang, board: &board, queued: state.board.queued(), reports: &reports, condition: &condition })
}
