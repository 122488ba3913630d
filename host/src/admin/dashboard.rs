use super::asked::Asked;
use super::i18n::Lang;
use super::pages::dashboard::{Choice, DashboardView, Percentile, content, fragment};
use super::pages::layout::{Tab, page};
use super::request::{By, Shown, Visitor};
use super::series::{Range, history};
use super::serve::AdminState;
use super::stream::{Fragments, Watcher, answer};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::Markup;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DashboardQuery {
    #[serde(default)]
    range: Range,
    #[serde(default)]
    compare: bool,
    #[serde(default)]
    percentile: Percentile,
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Asked(query): Asked<DashboardQuery>) -> Response {
    let DashboardQuery { range, compare, percentile } = query;
    let choice = Choice { range, compare, percentile };
    let history = history(&state, range, compare).await;
    let content = with_view(visitor.lang, &state, |view| content(view, choice, history.as_ref()));
    page(&visitor.frame(&state), Some(Tab::Dashboard), visitor.lang.text("dashboard.title"), &content).into_response()
}

/// What is so now, once a second.
pub async fn events(visitor: Visitor, shown: Shown, By(actor): By, State(state): State<AdminState>) -> Response {
    let fragments = Fragments {
        name: "dashboard",
        version: |state| state.charts.as_ref().map_or_else(|| state.board.version(), |charts| charts.version()),
        draw: |lang, state| with_view(lang, state, fragment),
        beat: None,
    };
    answer(state, Watcher { actor, presented: shown.0, lang: visitor.lang }, fragments)
}

fn with_view(lang: Lang, state: &AdminState, draw: impl FnOnce(&DashboardView<'_>) -> Markup) -> Markup {
    let board = state.board.snapshot();
    draw(&DashboardView {
        lang,
        board: &board,
        queued: state.board.queued(),
        reading: &state.board.metrics().reading(),
        gauges: &state.alarms.gauges(),
        now: state.charts.as_ref().map(|charts| charts.now()).as_deref(),
    })
}
