//! The page of deployments: what runs, what is on its way, what was; hand a bundle in, take it back.

use super::api::Problem;
use super::api::deployments::{
    PART_LIMIT, begin, blocking, check_length, finish, latest, of, reason_of, receive, record_refusal, slow,
};
use super::pages::deployments::{DeploymentsView, content, fragment};
use super::pages::layout::{Tab, page};
use super::request::{By, Visitor};
use super::serve::AdminState;
use axum::extract::multipart::Field;
use axum::extract::{Form, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use tokio::time::timeout;

/// A form's own fields and boundaries, beside the bundle.
const FORM_BYTES: u64 = 16 << 10;
/// One of them.
const FIELD_BYTES: usize = 4 << 10;

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    with_problem(&visitor, &state, None).await
}

/// What changes while a deployment is on its way.
pub async fn progress(visitor: Visitor, State(state): State<AdminState>) -> Response {
    match draw(&visitor, &state, None, fragment).await {
        Ok(markup) => markup.into_response(),
        Err(problem) => problem.into_response(),
    }
}

pub async fn deploy(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let done = async {
        let deployer = of(&state)?;
        check_length(&headers, deployer.max_bundle_bytes() + FORM_BYTES)?;
        let (turn, mut upload) = begin(deployer, &actor)?;
        let (reason, skip_shadow) = read_form(form, &mut upload).await?;
        finish(deployer, turn, upload, actor.clone(), &reason, skip_shadow).await
    };
    let done = done.await;
    record_refusal(&state, &actor, done.as_ref().err()).await;
    match done {
        Ok(_) => see_page(),
        Err(problem) => with_problem(&visitor, &state, Some(problem)).await,
    }
}

#[derive(serde::Deserialize)]
pub struct RollbackForm {
    #[serde(default)]
    reason: String,
    /// Only this one is ended, where it is in progress; without it whatever there is is taken back.
    deployment: Option<u64>,
}

pub async fn roll_back(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Form(form): Form<RollbackForm>,
) -> Response {
    let reason = reason_of(&form.reason);
    let work = move |deployer: &crate::deploy::Deployer| match form.deployment {
        Some(id) => deployer.cancel(&actor, &reason, id).map(Some),
        None => deployer.roll_back(&actor, &reason),
    };
    let done = async { blocking(of(&state)?, work).await };
    match done.await {
        Ok(_) => see_page(),
        Err(problem) => with_problem(&visitor, &state, Some(problem)).await,
    }
}

fn see_page() -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, "/deployments")]).into_response()
}

/// The fields before the bundle, and the bundle itself.
async fn read_form(mut form: Multipart, upload: &mut crate::deploy::Upload) -> Result<(String, bool), Problem> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        Problem::new(error.status(), "bad-request", "The form cannot be read", error.body_text())
    };
    let (mut reason, mut skip_shadow) = (String::new(), false);
    while let Some(field) = timeout(PART_LIMIT, form.next_field()).await.map_err(|_| slow())?.map_err(broken)? {
        match field.name() {
            Some("reason") => reason = text(field).await?,
            Some("shadow") => skip_shadow = text(field).await? == "skip",
            Some("bundle") => receive(field, upload).await?,
            _ => {}
        }
    }
    Ok((reason, skip_shadow))
}

/// A short field of the form.
async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let bad = |detail: String| Problem::new(StatusCode::BAD_REQUEST, "bad-request", "The form cannot be read", detail);
    let mut bytes = Vec::new();
    while let Some(part) =
        timeout(PART_LIMIT, field.chunk()).await.map_err(|_| slow())?.map_err(|error| bad(error.body_text()))?
    {
        bytes.extend_from_slice(&part);
        if bytes.len() > FIELD_BYTES {
            return Err(bad(format!("a field other than the bundle has more than {FIELD_BYTES} bytes")));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn with_problem(visitor: &Visitor, state: &AdminState, problem: Option<Problem>) -> Response {
    let status = problem.as_ref().map_or(StatusCode::OK, |problem| problem.status);
    match draw(visitor, state, problem.as_ref(), content).await {
        Ok(markup) => {
            let title = visitor.lang.text("deployments.title");
            (status, page(&visitor.frame(state), Some(Tab::Deployments), title, &markup)).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

async fn draw(
    visitor: &Visitor,
    state: &AdminState,
    problem: Option<&Problem>,
    draw: impl FnOnce(&DeploymentsView<'_>) -> Markup,
) -> Result<Markup, Problem> {
    let deployer = of(state)?;
    let deployments = latest(deployer).await?;
    let (view, running) = (deployer.view(), deployer.running());
    let problem = problem.map(|problem| (problem.kind, problem.detail.as_ref()));
    let frame = visitor.frame(state);
    let max_bundle_bytes = deployer.max_bundle_bytes();
    let (deployments, running) = (&deployments, &running);
    Ok(draw(&DeploymentsView { frame: &frame, deployments, view: &view, running, problem, max_bundle_bytes }))
}
