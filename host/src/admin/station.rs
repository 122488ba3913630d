//! The station page: one screen above the line, for whoever stands three metres away.

use super::i18n::Lang;
use super::pages::station::{ShiftTally, StationView, Tally, beat, fragment, kiosk};
use super::request::{By, Shown, Visitor};
use super::serve::AdminState;
use super::stream::{Fragments, Watcher, answer};
use crate::charts::Verdicts;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::Markup;
use std::time::Duration;

/// How old what no frame changes may get on an idle line: the counts of a time that goes on, and what is wrong.
const LOOK_EVERY: Duration = Duration::from_secs(5);

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let frame = visitor.frame(&state);
    with_view(visitor.lang, &state, |view| kiosk(&frame, view)).into_response()
}

/// The page's fragment whenever something on it changed, and every two seconds that the station is there.
pub async fn events(visitor: Visitor, shown: Shown, By(actor): By, State(state): State<AdminState>) -> Response {
    let fragments = Fragments {
        name: "station",
        // Each of them only grows, so the sum changes with any of them.
        version: |state| state.board.version() + state.alarms.version() + state.ticks(LOOK_EVERY),
        draw: |lang, state| with_view(lang, state, fragment),
        beat: Some(|lang, state| with_view(lang, state, beat)),
    };
    answer(state, Watcher { actor, presented: shown.0, lang: visitor.lang }, fragments)
}

fn with_view(lang: Lang, state: &AdminState, draw: impl FnOnce(&StationView<'_>) -> Markup) -> Markup {
    let (board, condition, alarms) = (state.board.snapshot(), state.board.condition(), state.alarms.snapshot());
    let counters = board.counters;
    let now = Verdicts { passed: counters.pass, failed: counters.fail, undecided: counters.undecided };
    draw(&StationView {
        lang,
        board: &board,
        condition: &condition,
        // Takes no lock of the journal's writer while nothing is wrong.
        unrecorded: (state.trouble)(),
        alarms: &alarms.active,
        tally: tally(state, now),
        now_us: crate::pipeline::now_us(),
    })
}

/// By shift where the station has shifts, else of the last hours, with what the counters of `now` say.
fn tally(state: &AdminState, now: Verdicts) -> Tally {
    let Some(charts) = state.charts.as_ref().map(|charts| charts.now()) else { return Tally::SinceStart };
    let Some(shift) = &charts.shift else { return Tally::Hours(charts.recent.until(now)) };
    let clock = state.shifts.clock_at(shift.running.from_us).unwrap_or_default();
    Tally::Shift(ShiftTally {
        name: shift.running.name.clone(),
        since: format!("{clock} {}", state.shifts.zone_name()),
        counts: shift.counts.until(now),
        before: shift.before.as_ref().map(|(before, counts)| (before.name.clone(), *counts)),
    })
}
