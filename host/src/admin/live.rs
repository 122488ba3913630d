use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::live::{LiveView, content, fragment};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::Report;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::IntervalStream;

/// How often the board is looked at. A slow reader misses steps between, never holds anything up.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let content = with_view(visitor.lang, &state, content);
    page(&visitor.frame(&state), Some(Tab::Live), visitor.lang.text("nav.live"), &content).into_response()
}

/// For whoever watches the station: 200 while verdicts can be recorded, else 503 with the reason.
pub async fn health(State(state): State<AdminState>) -> Response {
    match (state.trouble)() {
        None => "ok\n".into_response(),
        Some(reason) => (axum::http::StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// The live page's fragment, whenever the board changed.
pub async fn events(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(seat) = state.take_seat() else {
        return axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let mut shown = 0;
    let lang = visitor.lang;
    let stream = IntervalStream::new(tokio::time::interval(LOOK_EVERY)).filter_map(move |_| {
        let _held_while_streaming = &seat;
        let version = state.board.version();
        if version == shown {
            return None;
        }
        shown = version;
        let html = with_view(lang, &state, fragment).into_string();
        Some(Ok::<_, Infallible>(Event::default().event("live").data(html)))
    });
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response()
}

fn with_view(lang: Lang, state: &AdminState, draw: impl FnOnce(&LiveView<'_>) -> Markup) -> Markup {
    let board = state.board.snapshot();
    let reports: Vec<Report> = state.board.drift().values().cloned().collect();
    draw(&LiveView { lang, board: &board, queued: state.board.queued(), reports: &reports })
}
