//! Deployments for machines: hand a bundle in, look how far it is, take it back.

use super::super::asked::Named;
use super::Problem;
use crate::admin::guard::record;
use crate::admin::request::By;
use crate::admin::serve::AdminState;
use crate::deploy::{DeployError, DeployRequest, DeployView, Deployer, InstalledRecipe, Turn, Upload};
use crate::domain::{Actor, DeployState, Deployment, Digest};
use crate::journal::AuditEntry;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use utoipa::{IntoParams, ToSchema};

/// Between two parts of an upload; who sends slower holds up the next deployment.
pub(in crate::admin) const PART_LIMIT: Duration = Duration::from_secs(10);
const UPLOAD_LIMIT: Duration = Duration::from_secs(600);
const PAGE: usize = 50;
/// Problems of a request that names no deployment: nobody else records these.
const BY_THE_REQUEST: [&str; 4] = ["bad-request", "wrong-content-type", "bundle-too-large", "upload-too-slow"];
/// Characters of a reason.
const MAX_REASON: usize = 300;

/// Why and how a bundle is deployed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeployQuery {
    /// Why, for the audit log; what is longer than 300 characters is cut.
    #[serde(default)]
    reason: String,
    /// `skip` lets a recipe drive without a shadow.
    #[serde(default)]
    #[param(pattern = "^(skip)?$")]
    shadow: String,
}

#[derive(Serialize, ToSchema)]
struct Overview {
    station: String,
    running: Running,
    installed: Option<Pointer>,
    in_progress: bool,
    alarms: Vec<String>,
    deployments: Vec<Deployment>,
}

#[derive(Serialize, ToSchema)]
struct Running {
    name: String,
    version: String,
    digest: Digest,
}

/// What the station runs after a restart, and what a rollback goes back to.
#[derive(Serialize, ToSchema)]
struct Pointer {
    recipe: Digest,
    previous: Option<Digest>,
}

impl From<InstalledRecipe> for Pointer {
    fn from(installed: InstalledRecipe) -> Self {
        Self { recipe: installed.recipe, previous: installed.previous }
    }
}

/// Where bundles are handed in.
pub(in crate::admin) fn of(state: &AdminState) -> Result<&Deployer, Problem> {
    state.deployer.as_ref().ok_or_else(|| {
        let detail = "this station takes no bundles while it runs";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-deployments", "Nothing can be deployed here", detail)
    })
}

/// What runs, what is on its way, and the last deployments.
#[utoipa::path(get, path = "/api/v1/deployments", operation_id = "listDeployments", tag = "deployments",
    responses(
        (status = 200, description = "The newest deployments first", body = Overview),
        (status = 503, response = Problem)))]
pub async fn list(State(state): State<AdminState>) -> Result<Response, Problem> {
    let deployer = of(&state)?;
    let deployments = latest(deployer).await?;
    let (name, version, digest) = deployer.running();
    let view = deployer.view();
    let DeployView { installed, in_progress, alarms, .. } = DeployView::clone(&view);
    let overview = Overview {
        station: state.station.to_string(),
        running: Running { name, version, digest },
        installed: installed.map(Pointer::from),
        in_progress,
        alarms,
        deployments,
    };
    Ok(Json(overview).into_response())
}

/// The last deployments, the one in progress as it is now and not only as it was written last.
pub(in crate::admin) async fn latest(deployer: &Deployer) -> Result<Vec<Deployment>, Problem> {
    let view = deployer.view();
    let mut all = blocking(deployer, |deployer| Ok(deployer.ledger().deployments(None, PAGE)?)).await?;
    for deployment in &mut all {
        newer(deployment, &view);
    }
    Ok(all)
}

fn newer(deployment: &mut Deployment, view: &DeployView) {
    if let Some(newest) = view.newest.as_ref().filter(|newest| newest.id == deployment.id)
        && newest.changed_at_us() >= deployment.changed_at_us()
    {
        *deployment = Deployment::clone(newest);
    }
}

/// One deployment with all that is known of it.
#[utoipa::path(get, path = "/api/v1/deployments/{id}", operation_id = "getDeployment", tag = "deployments",
    params(("id" = u64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The deployment", body = Deployment),
        (status = 404, response = Problem),
        (status = 503, response = Problem)))]
pub async fn one(State(state): State<AdminState>, Named(id): Named) -> Result<Response, Problem> {
    let deployer = of(&state)?;
    let nothing = || Problem::not_found(&format!("/api/v1/deployments/{id}"));
    let id: u64 = id.parse().map_err(|_| nothing())?;
    let found = blocking(deployer, move |deployer| Ok(deployer.ledger().deployment(id)?)).await?;
    let Some(mut deployment) = found else { return Err(nothing()) };
    newer(&mut deployment, &deployer.view());
    Ok(Json(deployment).into_response())
}

/// A bundle as the body. What is refused is refused before it is read, where that can be known.
#[utoipa::path(post, path = "/api/v1/deployments", operation_id = "deploy", tag = "deployments",
    params(DeployQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bundle's own bytes"),
    responses(
        (status = 201, description = "A plugin or a model: it is stored", body = Deployment,
            headers(("location" = String, description = "Its address"))),
        (status = 202, description = "A recipe: it is on its way", body = Deployment,
            headers(("location" = String, description = "Its address, to look how far it is"))),
        (status = 400, response = Problem), (status = 408, response = Problem), (status = 409, response = Problem),
        (status = 413, response = Problem), (status = 415, response = Problem), (status = 422, response = Problem),
        (status = 503, response = Problem)))]
pub async fn deploy(
    State(state): State<AdminState>,
    By(actor): By,
    query: Result<Query<DeployQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let answer = take_in(&state, actor.clone(), query, &headers, body).await;
    let problem = answer.as_ref().err();
    record_refusal(&state, &actor, problem).await;
    answer
}

/// What is refused before the deployer hears of it is in the audit log too.
pub(in crate::admin) async fn record_refusal(state: &AdminState, actor: &Actor, problem: Option<&Problem>) {
    if let Some(problem) = problem
        && BY_THE_REQUEST.contains(&problem.kind)
    {
        record(state, AuditEntry::new(actor, "deploy", "a bundle"), problem.kind).await;
    }
}

async fn take_in(
    state: &AdminState,
    actor: Actor,
    query: Result<Query<DeployQuery>, QueryRejection>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let deployer = of(state)?;
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let skip_shadow = match query.shadow.as_str() {
        "" => false,
        "skip" => true,
        other => return Err(Problem::bad_request(format!("shadow is {other:?}; leave it out, or write skip"))),
    };
    check_type(headers)?;
    check_length(headers, deployer.max_bundle_bytes())?;
    let (turn, mut upload) = begin(deployer, &actor)?;
    receive(body.into_data_stream(), &mut upload).await?;
    let deployment = finish(deployer, turn, upload, actor, &query.reason, skip_shadow).await?;
    let status = if deployment.state == DeployState::Stored { StatusCode::CREATED } else { StatusCode::ACCEPTED };
    let location = format!("/api/v1/deployments/{}", deployment.id);
    Ok((status, [(header::LOCATION, location)], Json(deployment)).into_response())
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RollbackQuery {
    /// Why, for the audit log; what is longer than 300 characters is cut.
    #[serde(default)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct RolledBack {
    running: Running,
    /// The deployment that was taken back, where the recipe came by one.
    deployment: Option<Deployment>,
}

/// Ends the deployment in progress, or lets the recipe before drive again.
#[utoipa::path(post, path = "/api/v1/rollback", operation_id = "rollBack", tag = "deployments", params(RollbackQuery),
    responses(
        (status = 200, description = "The recipe before drives", body = RolledBack),
        (status = 400, response = Problem), (status = 409, response = Problem), (status = 503, response = Problem)))]
pub async fn roll_back(
    State(state): State<AdminState>,
    By(actor): By,
    query: Result<Query<RollbackQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let deployer = of(&state)?;
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let reason = reason_of(&query.reason);
    let deployment = blocking(deployer, move |deployer| deployer.roll_back(&actor, &reason)).await?;
    let (name, version, digest) = deployer.running();
    Ok(Json(RolledBack { running: Running { name, version, digest }, deployment }).into_response())
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let media = headers.get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
    if media.is_empty() || media == "application/octet-stream" {
        return Ok(());
    }
    let detail = format!("the body is {media:?}, expected the bundle's own bytes: application/octet-stream");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-content-type", "This is not a bundle", detail))
}

pub(in crate::admin) fn check_length(headers: &HeaderMap, max: u64) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max) {
        return Err(problem(DeployError::TooLarge { max }));
    }
    Ok(())
}

/// The turn to hand in and a place for the bytes: before anything of the bundle is read.
pub(in crate::admin) fn begin(deployer: &Deployer, actor: &Actor) -> Result<(Turn, Upload), Problem> {
    let turn = deployer.reserve(actor).map_err(problem)?;
    let upload = deployer.upload().map_err(problem)?;
    Ok((turn, upload))
}

pub(in crate::admin) fn slow() -> Problem {
    let detail = format!("no part of the bundle came for {} s", PART_LIMIT.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "upload-too-slow", "The upload is too slow", detail)
}

/// Takes the bytes in as they come.
pub(in crate::admin) async fn receive<E: std::fmt::Display>(
    mut parts: impl Stream<Item = Result<Bytes, E>> + Unpin,
    upload: &mut Upload,
) -> Result<(), Problem> {
    let all = async {
        while let Some(part) = timeout(PART_LIMIT, parts.next()).await.map_err(|_| slow())? {
            let part = part.map_err(|error| Problem::bad_request(format!("the upload broke off: {error}")))?;
            upload.write(&part).map_err(|error| problem(error.into()))?;
        }
        Ok(())
    };
    timeout(UPLOAD_LIMIT, all).await.map_err(|_| slow())?
}

/// Verifies what was taken in, on a thread that may block.
pub(in crate::admin) async fn finish(
    deployer: &Deployer,
    turn: Turn,
    upload: Upload,
    actor: Actor,
    reason: &str,
    skip_shadow: bool,
) -> Result<Deployment, Problem> {
    let request = DeployRequest { actor, reason: reason_of(reason), skip_shadow };
    blocking(deployer, move |deployer| {
        let bytes = upload.finish()?;
        deployer.deploy(turn, &bytes, &request)
    })
    .await
}

/// One harmless line: it is shown on terminals too.
pub(in crate::admin) fn reason_of(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_REASON).collect()
}

/// Runs what may wait for the disk or a hash away from the admin's own thread.
pub(in crate::admin) async fn blocking<T: Send + 'static>(
    deployer: &Deployer,
    work: impl FnOnce(&Deployer) -> Result<T, DeployError> + Send + 'static,
) -> Result<T, Problem> {
    let deployer = deployer.clone();
    match tokio::task::spawn_blocking(move || work(&deployer)).await {
        Ok(answer) => answer.map_err(problem),
        Err(error) => {
            tracing::error!(%error, "a deployment's request panicked");
            Err(Problem::internal())
        }
    }
}

fn problem(error: DeployError) -> Problem {
    let conflict = StatusCode::CONFLICT;
    let detail = error.to_string();
    match error {
        DeployError::Busy => Problem::new(conflict, "in-progress", "A deployment is in progress", detail),
        DeployError::RollingBack => Problem::new(conflict, "in-progress", "A rollback is under way", detail),
        DeployError::Running { .. } => Problem::new(conflict, "already-running", "It runs already", detail),
        DeployError::Ended { .. } => Problem::new(conflict, "ended", "It has ended already", detail),
        DeployError::NothingToRollBack => {
            Problem::new(conflict, "nothing-to-roll-back", "There is nothing to roll back to", detail)
        }
        DeployError::CannotRollBack { .. } => {
            Problem::new(conflict, "cannot-roll-back", "The recipe before cannot drive", detail)
        }
        DeployError::Refused { .. } => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bundle-refused", "The bundle is refused", detail)
        }
        DeployError::TooLarge { .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "bundle-too-large", "The bundle is too large", detail)
        }
        DeployError::Hanging { .. } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "hanging", "Too many candidates hang", detail)
        }
        DeployError::Ending => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "ending", "The station is ending", detail),
        DeployError::Internal { .. } | DeployError::Staging(_) | DeployError::Counters(_) | DeployError::Ledger(_) => {
            tracing::error!(%error, "a deployment's request failed");
            Problem::internal()
        }
    }
}
