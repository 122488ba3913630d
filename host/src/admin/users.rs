//! Users and tokens, for admins.

use super::asked::Named;
use super::i18n::Lang;
use super::pages::layout::{Tab, page};
use super::pages::users::{UsersView, content, token_content};
use super::request::{By, Visitor};
use super::serve::AdminState;
use crate::access::{Access, AccessError, Actor, Role, Wish};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Asks for access or an account on a thread that may block.
pub(super) async fn ask<T: Send + 'static>(
    state: &AdminState,
    work: impl FnOnce(&Access) -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    let access = Arc::clone(&state.access);
    let answer = tokio::task::spawn_blocking(move || work(&access)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change of the accounts panicked");
        Err(AccessError::Busy)
    });
    if let Err(AccessError::Ledger(error)) = &answer {
        tracing::error!(%error, "the station's records cannot be used");
    }
    answer
}

/// The status of a page that shows the error.
pub(super) const fn status_of(error: &AccessError) -> StatusCode {
    match error {
        AccessError::WrongPassword | AccessError::WrongSecret => StatusCode::UNAUTHORIZED,
        AccessError::TooSoon { .. } => StatusCode::TOO_MANY_REQUESTS,
        AccessError::Busy | AccessError::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
        AccessError::UnknownUser { .. } | AccessError::UnknownToken { .. } => StatusCode::NOT_FOUND,
        AccessError::NameTaken { .. } | AccessError::LastAdmin | AccessError::SetUpFirst | AccessError::SetUpDone => {
            StatusCode::CONFLICT
        }
        AccessError::Random { .. } | AccessError::Hash { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What a page says of the error.
pub(super) fn text_of(lang: Lang, error: &AccessError) -> &'static str {
    lang.text(&format!("access.{}", error.code()))
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    list(&visitor, &state, None).await
}

/// The page, with what was wrong with the last change.
async fn list(visitor: &Visitor, state: &AdminState, wrong: Option<AccessError>) -> Response {
    let read = ask(state, |access| Ok((access.has_users()?, access.users()?, access.tokens()?))).await;
    let (has_users, users, tokens) = match read {
        Ok(read) => read,
        Err(error) => return visitor.problem(state, status_of(&error), "error.internal"),
    };
    let frame = visitor.frame(state);
    let error = wrong.as_ref().map(|error| text_of(visitor.lang, error));
    let view = UsersView { has_users, users: &users, tokens: &tokens, now_us: now_us(), error };
    let content = content(&frame, &view);
    let status = wrong.as_ref().map_or(StatusCode::OK, status_of);
    (status, page(&frame, Some(Tab::Users), visitor.lang.text("users.title"), &content)).into_response()
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

/// Makes a change, then shows the page anew: by a redirect where it was made, so that a reload does not repeat it.
async fn change(
    visitor: Visitor,
    state: AdminState,
    work: impl FnOnce(&Access) -> Result<(), AccessError> + Send + 'static,
) -> Response {
    match ask(&state, work).await {
        Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, "/users")]).into_response(),
        Err(error) => list(&visitor, &state, Some(error)).await,
    }
}

fn wish<'w>(by: &'w Actor, reason: &'w str) -> Wish<'w> {
    Wish { by, reason: Some(reason) }
}

fn role_of(text: &str) -> Option<Role> {
    text.parse().ok()
}

fn bad(visitor: &Visitor, state: &AdminState) -> Response {
    visitor.problem(state, StatusCode::BAD_REQUEST, "error.bad-form")
}

#[derive(serde::Deserialize)]
pub struct AddForm {
    name: String,
    role: String,
    password: String,
    #[serde(default)]
    reason: String,
}

pub async fn add(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Form(form): Form<AddForm>,
) -> Response {
    let Some(role) = role_of(&form.role) else { return bad(&visitor, &state) };
    change(visitor, state, move |access| {
        access.add_user(wish(&actor, &form.reason), form.name.trim(), role, &form.password)
    })
    .await
}

#[derive(serde::Deserialize)]
pub struct RoleForm {
    role: String,
    #[serde(default)]
    reason: String,
}

pub async fn set_role(
    visitor: Visitor,
    By(actor): By,
    Named(name): Named,
    State(state): State<AdminState>,
    Form(form): Form<RoleForm>,
) -> Response {
    let Some(role) = role_of(&form.role) else { return bad(&visitor, &state) };
    change(visitor, state, move |access| access.set_role(wish(&actor, &form.reason), &name, role)).await
}

#[derive(serde::Deserialize)]
pub struct StateForm {
    disabled: bool,
    #[serde(default)]
    reason: String,
}

pub async fn set_state(
    visitor: Visitor,
    By(actor): By,
    Named(name): Named,
    State(state): State<AdminState>,
    Form(form): Form<StateForm>,
) -> Response {
    change(visitor, state, move |access| access.set_disabled(wish(&actor, &form.reason), &name, form.disabled)).await
}

#[derive(serde::Deserialize)]
pub struct NewPasswordForm {
    password: String,
    #[serde(default)]
    reason: String,
}

pub async fn set_password(
    visitor: Visitor,
    By(actor): By,
    Named(name): Named,
    State(state): State<AdminState>,
    Form(form): Form<NewPasswordForm>,
) -> Response {
    change(visitor, state, move |access| access.set_password(wish(&actor, &form.reason), &name, &form.password)).await
}

#[derive(serde::Deserialize)]
pub struct TokenForm {
    name: String,
    role: String,
    days: u32,
    #[serde(default)]
    reason: String,
}

/// Shows the new token, this once.
pub async fn create_token(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Form(form): Form<TokenForm>,
) -> Response {
    let Some(role) = role_of(&form.role) else { return bad(&visitor, &state) };
    let made = make_token(&state, actor, form, role).await;
    match made {
        Ok(made) => {
            let content = token_content(visitor.lang, &made);
            page(&visitor.frame(&state), Some(Tab::Users), visitor.lang.text("tokens.made"), &content).into_response()
        }
        Err(error) => list(&visitor, &state, Some(error)).await,
    }
}

async fn make_token(
    state: &AdminState,
    actor: Actor,
    form: TokenForm,
    role: Role,
) -> Result<crate::access::NewTokenText, AccessError> {
    ask(state, move |access| access.create_token(wish(&actor, &form.reason), form.name.trim(), role, form.days)).await
}

#[derive(serde::Deserialize)]
pub struct RevokeForm {
    #[serde(default)]
    reason: String,
}

pub async fn revoke_token(
    visitor: Visitor,
    By(actor): By,
    Named(id): Named,
    State(state): State<AdminState>,
    Form(form): Form<RevokeForm>,
) -> Response {
    change(visitor, state, move |access| access.revoke_token(wish(&actor, &form.reason), &id)).await
}
