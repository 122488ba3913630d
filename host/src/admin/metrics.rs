use super::serve::AdminState;
use crate::telemetry::{EXPOSITION_TYPE, exposition};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// All metrics, for Prometheus. Reads atomics and pointers: a scrape never holds up the line.
pub async fn show(State(state): State<AdminState>) -> Response {
    let text = exposition(state.board.metrics(), &state.alarms.gauges());
    ([(CONTENT_TYPE, EXPOSITION_TYPE)], text).into_response()
}
