//! The API for machines, below `/api/v1`: JSON in and out, every refusal a [`Problem`].

mod problem;
mod verdict;
mod upload;
pub(super) mod openapi;
pub(super) mod parameters;
pub(super) mod inspect;
pub(super) mod inspections;
pub(super) mod replay;
pub(super) mod deployments;
pub(super) mod events;

pub(super) use inspections::tagged;
pub use problem::Problem;
pub use verdict::{JudgedJson, reason_of};

use super::asked::Named;
use super::request::By;
use super::serve::AdminState;
use super::users::{ask, status_of};
use crate::access::AccessError;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// When to ask again a station that is busy or has no space.
pub(super) const RETRY_AFTER_S: u64 = 5;

/// Where the API begins.
pub const API: &str = "/api/";
/// Also asked by a program, at the address where programs expect it.
const METRICS: &str = "/metrics";

/// Whether a refusal of this path is answered as a [`Problem`], not as a page.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path.starts_with(API) || path == "/api" || path == METRICS
}

/// Who asks.
#[derive(Serialize, ToSchema)]
struct WhoAmI {
    name: String,
    /// `user`, `token` or `local`.
    kind: &'static str,
    /// `viewer`, `operator`, `engineer` or `admin`.
    role: &'static str,
}

/// Who the station takes the sender for: shows a machine that its token works.
#[utoipa::path(get, path = "/api/v1/whoami", operation_id = "whoAmI", tag = "station",
    responses((status = 200, description = "Name, kind and role", body = WhoAmI)))]
pub async fn whoami(By(actor): By) -> Response {
    Json(WhoAmI { name: actor.name, kind: actor.kind.name(), role: actor.role.name() }).into_response()
}

/// Ends a token for ever.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revokeToken", tag = "access",
    params(("id" = String, Path, description = "As the page of users shows it")),
    responses((status = 204, description = "It is revoked"), (status = 404, response = Problem)))]
pub async fn revoke_token(By(actor): By, State(state): State<AdminState>, Named(id): Named) -> Response {
    match ask(&state, move |access| access.revoke_token(&actor, &id)).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => of_access(&error).into_response(),
    }
}

/// How the API says why access was not given or an account not changed.
fn of_access(error: &AccessError) -> Problem {
    match status_of(error) {
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(),
        status => {
            let problem = Problem::new(status, error.code(), "The change was refused", error.to_string());
            if status == StatusCode::SERVICE_UNAVAILABLE { problem.retry_after(RETRY_AFTER_S) } else { problem }
        }
    }
}
