use super::asked::Named;
use super::i18n::Lang;
use super::pages::alarms::{AlarmsView, banner as draw_banner, content};
use super::pages::layout::{Tab, page};
use super::request::{By, Visitor};
use super::serve::AdminState;
use crate::alarms::AlarmBoard;
use crate::domain::Alarm;
use crate::journal::{AuditEntry, LedgerError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

/// Alarms of the past on one page.
const HISTORY: usize = 200;

/// Asks for what is recorded of alarms on a thread that may block; none where that failed.
async fn ask<T: Send + 'static>(
    state: &AdminState,
    work: impl FnOnce(&AlarmBoard) -> Result<T, LedgerError> + Send + 'static,
) -> Option<T> {
    let alarms = state.alarms.clone();
    match tokio::task::spawn_blocking(move || work(&alarms)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::error!(%error, "the records of alarms cannot be used");
            None
        }
        Err(error) => {
            tracing::error!(%error, "a look at the alarms panicked");
            None
        }
    }
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(history) = ask(&state, |alarms| alarms.history(HISTORY)).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let frame = visitor.frame(&state);
    let content = content(&frame, &AlarmsView { active: &frame.alarms.active, history: &history });
    page(&frame, Some(Tab::Alarms), visitor.lang.text("alarms.title"), &content).into_response()
}

/// What stands on top of every page.
pub async fn banner(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let lang: Lang = visitor.lang;
    draw_banner(lang, &state.alarms.snapshot()).into_response()
}

/// Somebody has seen an alarm; with their name in the audit log. A second one changes nothing.
pub async fn acknowledge(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Named(id): Named,
) -> Response {
    let entry = AuditEntry::new(&actor, "acknowledge-alarm", id.clone());
    match ask(&state, move |alarms| alarms.acknowledge(&id, &entry)).await {
        Some(_) => (StatusCode::SEE_OTHER, [(LOCATION, "/alarms")]).into_response(),
        None => visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.internal"),
    }
}

/// Alarms, the newest first.
#[derive(serde::Serialize, ToSchema)]
struct Alarms<'a> {
    active: &'a [Alarm],
    history: &'a [Alarm],
}

/// What is raised now, and the newest alarms of the past.
#[utoipa::path(get, path = "/api/v1/alarms", operation_id = "listAlarms", tag = "station",
    responses((status = 200, description = "The alarms", body = Alarms)))]
pub async fn list(State(state): State<AdminState>) -> Response {
    let Some(history) = ask(&state, |alarms| alarms.history(HISTORY)).await else {
        return super::api::Problem::internal().into_response();
    };
    let snapshot = state.alarms.snapshot();
    Json(Alarms { active: &snapshot.active, history: &history }).into_response()
}
