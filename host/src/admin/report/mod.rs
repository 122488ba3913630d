//! The report of a shift or of another span: a page to print, and the same as JSON.

mod figures;
mod wish;

pub use figures::{CountsJson, DriftJson, ReasonJson, ReportJson};
pub use wish::{Wish, Wrong};

use super::api::parameters::no_empty;
use super::api::{Problem, tagged};
use super::filter::Pairs;
use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::report::{Moved, ReportView, content};
use super::request::{By, Visitor};
use super::serve::AdminState;
use crate::access::Role;
use crate::domain::{ShiftSpan, with_causes};
use crate::journal::JournalError;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use figures::ReportError;
use std::sync::Arc;
use utoipa::IntoParams;
use wish::Asked;

/// What a report is of; the present shift where nothing is said.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described: `Wish` reads all of it, with all that is wrong at once")]
pub struct ReportParams {
    /// A day by the clock of `[report] time_zone`.
    #[param(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    date: Option<String>,
    /// A shift of that day, by its name in station.toml; the whole day where none is named.
    #[param(max_length = 32)]
    shift: Option<String>,
    /// Instead of a day: from when on. RFC 3339, or `2026-11-24T03:19` by the clock of the report.
    from: Option<String>,
    /// Until when, at most 31 days later.
    to: Option<String>,
}

/// Why there is no report.
enum NoReport {
    Wrong(Vec<Wrong>),
    Busy,
    TookTooLong,
    Internal,
}

impl NoReport {
    fn of(error: &ReportError) -> Self {
        match error {
            ReportError::Journal(JournalError::TookTooLong { .. }) => Self::TookTooLong,
            _ => {
                tracing::error!(error = with_causes(error), "a report cannot be made");
                Self::Internal
            }
        }
    }

    fn problem(self) -> Problem {
        match self {
            Self::Wrong(wrong) => {
                let said: Vec<String> = wrong.iter().map(|one| one.say(Lang::En)).collect();
                Problem::new(StatusCode::BAD_REQUEST, "bad-span", "There is no such report", said.join("; "))
            }
            Self::Busy => Problem::busy(),
            Self::TookTooLong => {
                let detail = "reading all of that span took too long: ask for a shorter one";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "took-too-long", "It took too long", detail)
            }
            Self::Internal => Problem::internal(),
        }
    }
}

async fn make(state: &AdminState, wish: &Wish, role: Role) -> Result<(ReportJson, Asked), NoReport> {
    let now_us = jiff::Timestamp::now().as_microsecond();
    let asked = wish.understand(&state.shifts, now_us).map_err(NoReport::Wrong)?;
    let Some(turn) = state.take_turn().await else { return Err(NoReport::Busy) };
    let (journal, access, shifts) = (Arc::clone(&state.journal), Arc::clone(&state.access), Arc::clone(&state.shifts));
    let (station, of) = (Arc::clone(&state.station), asked.clone());
    let made = tokio::task::spawn_blocking(move || {
        let made = figures::make(
            &figures::Sources { station: &station, journal: &journal, ledger: access.ledger() },
            &figures::Of { asked: &of, shifts: &shifts, now_us, with_audit: role >= Role::Engineer },
        );
        drop(turn);
        made
    });
    match made.await {
        Ok(Ok(report)) => Ok((report, asked)),
        Ok(Err(error)) => Err(NoReport::of(&error)),
        Err(error) => {
            tracing::error!(%error, "a report panicked");
            Err(NoReport::Internal)
        }
    }
}

pub async fn show(visitor: Visitor, By(actor): By, State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    let wish = Wish::new(pairs);
    let (status, report, wrong, asked) = match make(&state, &wish, actor.role).await {
        Ok((report, asked)) => (StatusCode::OK, Some(report), Vec::new(), Some(asked)),
        Err(NoReport::Wrong(wrong)) => (StatusCode::BAD_REQUEST, None, wrong, None),
        Err(NoReport::TookTooLong) => (StatusCode::SERVICE_UNAVAILABLE, None, vec![wish.too_long()], None),
        Err(NoReport::Busy) => return visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.busy"),
        Err(NoReport::Internal) => {
            return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
        }
    };
    let shift = asked.as_ref().and_then(|asked| asked.shift.as_ref());
    let moved = |span: Option<ShiftSpan>| span.map(|span| Moved { date: span.date.to_string(), shift: span.name });
    let view = ReportView {
        lang: visitor.lang,
        shifts: &state.shifts,
        wish: &wish,
        wrong: &wrong,
        before: moved(shift.and_then(|shift| state.shifts.at(shift.from_us - 1))),
        after: moved(shift.and_then(|shift| state.shifts.at(shift.to_us)).filter(has_begun)),
        report: report.as_ref(),
    };
    let content = content(&view);
    (status, page(&visitor.frame(&state), Some(Tab::Report), visitor.lang.text("report.title"), &content))
        .into_response()
}

fn has_begun(span: &ShiftSpan) -> bool {
    span.from_us <= jiff::Timestamp::now().as_microsecond()
}

/// What a shift or another span came to.
///
/// A figure that nothing was measured for is null, never 0. Rows of the audit log are there for engineers and above.
#[utoipa::path(get, path = "/api/v1/report", operation_id = "getReport", tag = "station", params(ReportParams),
    responses(
        (status = 200, description = "The report", body = ReportJson, headers(("etag" = String))),
        (status = 304, description = "As it was"),
        (status = 400, response = Problem), (status = 503, response = Problem)))]
pub async fn json(By(actor): By, State(state): State<AdminState>, headers: HeaderMap, Pairs(pairs): Pairs) -> Response {
    if let Err(problem) = no_empty(&pairs) {
        return problem.into_response();
    }
    match make(&state, &Wish::new(pairs), actor.role).await {
        Ok((report, _)) => tagged(&headers, &report),
        Err(none) => none.problem().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_takes_too_long_asks_for_a_shorter_span() {
        let none = NoReport::of(&JournalError::TookTooLong { doing: "count" }.into());
        let problem = none.problem();
        assert_eq!((problem.status, problem.kind), (StatusCode::SERVICE_UNAVAILABLE, "took-too-long"));
        assert!(problem.detail.contains("a shorter one"));
        let asked = |key: &str| Wish::new(vec![(key.to_owned(), "2026-11-24".to_owned())]).too_long();
        assert_eq!((asked("date").key.as_str(), asked("to").key.as_str()), ("date", "to"));
        assert!(asked("to").say(Lang::En).contains("ask for a shorter span"));
    }
}
