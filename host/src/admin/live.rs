use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::live::{LiveView, content, fragment};
use super::request::{By, Shown, Visitor};
use super::serve::AdminState;
use super::stream::{Fragments, Watcher, answer};
use crate::domain::Report;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::Markup;

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
pub async fn events(visitor: Visitor, shown: Shown, By(actor): By, State(state): State<AdminState>) -> Response {
    let fragments = Fragments {
        name: "live",
        version: |state| state.board.version(),
        draw: |lang, state| with_view(lang, state, fragment),
        beat: None,
    };
    answer(state, Watcher { actor, presented: shown.0, lang: visitor.lang }, fragments)
}

fn with_view(lang: Lang, state: &AdminState, draw: impl FnOnce(&LiveView<'_>) -> Markup) -> Markup {
    let board = state.board.snapshot();
    let reports: Vec<Report> = state.board.drift().values().cloned().collect();
    let condition = state.board.condition();
    draw(&LiveView { lang, board: &board, queued: state.board.queued(), reports: &reports, condition: &condition })
}
