//! A stored frame judged again, for whoever looks at its page. Nothing of it is recorded but who asked.

use super::asked::Named;
use super::filter::{Pairs, Wish};
use super::inspections::{Beside, show_detail};
use super::request::{By, Visitor};
use super::serve::AdminState;
use crate::deploy::{ReplayError, Replayed};
use crate::domain::{Actor, FrameId, with_causes};
use crate::journal::AuditEntry;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// Why a frame is not judged again.
#[derive(Debug, Clone)]
pub struct Refused {
    pub status: StatusCode,
    pub code: &'static str,
    pub detail: String,
}

impl Refused {
    fn of(error: &ReplayError) -> Self {
        let status = match error {
            ReplayError::UnknownFrame { .. } => StatusCode::NOT_FOUND,
            ReplayError::NoPicture { .. } | ReplayError::PictureGone { .. } | ReplayError::Recipe { .. } => {
                StatusCode::CONFLICT
            }
            ReplayError::Busy => StatusCode::TOO_MANY_REQUESTS,
            ReplayError::Hanging
            | ReplayError::Overdue { .. }
            | ReplayError::Panicked { .. }
            | ReplayError::NoThread { .. }
            | ReplayError::Journal(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, code: error.code(), detail: error.to_string() }
    }

    fn failed(detail: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: "replay-failed", detail: detail.to_owned() }
    }
}

/// Judges a stored frame again and puts into the audit log who asked for it.
pub async fn judge_again(state: &AdminState, actor: Actor, id: FrameId) -> Result<Replayed, Refused> {
    let Some(replayer) = state.replayer.clone() else {
        return Err(Refused::failed("nothing is judged again on this station"));
    };
    let (reader, access) = (Arc::clone(&state.journal), Arc::clone(&state.access));
    let work = move || {
        let entry = AuditEntry::new(&actor, "replay", id.to_string());
        let replayed = replayer.replay(&reader, &id).map_err(|error| {
            let refused = Refused::of(&error);
            if refused.status == StatusCode::SERVICE_UNAVAILABLE {
                tracing::error!(error = with_causes(&error), "a frame was not judged again");
            }
            access.refused(entry.clone(), refused.code);
            refused
        })?;
        match access.ledger().audit(&entry) {
            Ok(_) => Ok(replayed),
            Err(error) => {
                tracing::error!(error = with_causes(&error), "who judged a frame again is not recorded");
                Err(Refused::failed("the audit log cannot be written"))
            }
        }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "judging a frame again panicked");
        Err(Refused::failed("it panicked; the reason is in the station's log"))
    })
}

/// The frame's page with what it came to now, beside what it came to then.
pub async fn post(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Named(id): Named,
    Pairs(pairs): Pairs,
    headers: HeaderMap,
) -> Response {
    let Some(frame) = FrameId::parse(&id) else {
        return visitor.problem(&state, StatusCode::NOT_FOUND, "error.not-found");
    };
    let wish = Wish::new(pairs, &[]);
    let replay = Some(judge_again(&state, actor, frame).await);
    // Where the page's own links lead back to: this address takes no GET.
    let visitor = Visitor { here: wish.address(&format!("{}/{id}", super::browse::PATH)), ..visitor };
    let mut answer = show_detail(&visitor, &state, &id, &wish, Beside { replay, ..Beside::default() }).await;
    // htmx shows no answer whose status is a refusal; the text says that it is one.
    if headers.contains_key("hx-request") && answer.status() != StatusCode::NOT_FOUND {
        *answer.status_mut() = StatusCode::OK;
    }
    answer.into_response()
}
