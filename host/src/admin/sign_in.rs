//! Signing in and out, the first set-up, and one's own account.

use super::asked::Asked;
use super::guard::{session_cookie, session_of};
use super::pages::layout::page;
use super::pages::sign_in::{SetUpView, SignInView, account_content, set_up_content, sign_in_content};
use super::request::{By, Client, Visitor, own_path};
use super::serve::AdminState;
use super::users::{ask, status_of};
use crate::access::{AccessError, ActorKind};
use axum::extract::{Form, State};
use axum::http::header::{LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub struct Back {
    back: String,
    /// Set where somebody comes from a change that asks for signing in again.
    note: String,
}

#[derive(serde::Deserialize)]
pub struct SignInForm {
    name: String,
    password: String,
    #[serde(default)]
    back: String,
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Asked(query): Asked<Back>) -> Response {
    let note = match query.note.as_str() {
        "set-up" => Some("sign-in.after-set-up"),
        "password" => Some("sign-in.after-password"),
        _ => None,
    };
    let view = SignInView { name: "", back: &query.back, note, error: None };
    sign_in_page(&visitor, &state, &view).into_response()
}

fn sign_in_page(visitor: &Visitor, state: &AdminState, view: &SignInView<'_>) -> maud::Markup {
    let content = sign_in_content(visitor.lang, view);
    page(&visitor.frame(state), None, visitor.lang.text("sign-in.title"), &content)
}

pub async fn sign_in(
    visitor: Visitor,
    client: Client,
    State(state): State<AdminState>,
    Form(form): Form<SignInForm>,
) -> Response {
    let SignInForm { name, password, back } = form;
    let shown: String = name.chars().take(32).collect();
    let begun = ask(&state, move |access| access.sign_in(name.trim(), &password, client.0)).await;
    match begun {
        Ok(session) => {
            let cookie = session_cookie(&session.secret, state.reach.behind_proxy());
            (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, own_path(&back))]).into_response()
        }
        Err(error) => {
            let view = SignInView { name: &shown, back: &back, note: None, error: Some(&error) };
            failed(&error, sign_in_page(&visitor, &state, &view))
        }
    }
}

/// A form again, with what was wrong.
fn failed(error: &AccessError, page: maud::Markup) -> Response {
    let mut response = (status_of(error), page).into_response();
    if let AccessError::TooSoon { wait_s } = error {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*wait_s));
    }
    response
}

pub async fn sign_out(By(actor): By, headers: HeaderMap, State(state): State<AdminState>) -> Response {
    let behind_proxy = state.reach.behind_proxy();
    if let Some(secret) = session_of(&headers, behind_proxy) {
        let access = Arc::clone(&state.access);
        if let Err(error) = tokio::task::spawn_blocking(move || access.sign_out(&secret, &actor)).await {
            tracing::error!(%error, "a sign-out panicked");
        }
    }
    let ended = session_cookie("", behind_proxy);
    (StatusCode::SEE_OTHER, [(SET_COOKIE, ended), (LOCATION, "/login".to_owned())]).into_response()
}

#[derive(serde::Deserialize)]
pub struct SetUpForm {
    secret: String,
    name: String,
    password: String,
    again: String,
}

pub async fn show_set_up(visitor: Visitor, State(state): State<AdminState>) -> Response {
    match ask(&state, |access| access.has_users()).await {
        Ok(false) => set_up_page(&visitor, &state, &SetUpView::default()).into_response(),
        Ok(true) => visitor.problem(&state, StatusCode::NOT_FOUND, "error.set-up-done"),
        Err(error) => visitor.problem(&state, status_of(&error), "error.internal"),
    }
}

fn set_up_page(visitor: &Visitor, state: &AdminState, view: &SetUpView<'_>) -> maud::Markup {
    page(&visitor.frame(state), None, visitor.lang.text("set-up.title"), &set_up_content(visitor.lang, view))
}

pub async fn set_up(
    visitor: Visitor,
    client: Client,
    State(state): State<AdminState>,
    Form(form): Form<SetUpForm>,
) -> Response {
    let SetUpForm { secret, name, password, again } = form;
    let shown: String = name.chars().take(32).collect();
    if password != again {
        let view = SetUpView { name: &shown, differ: true, error: None };
        return (StatusCode::UNPROCESSABLE_ENTITY, set_up_page(&visitor, &state, &view)).into_response();
    }
    match ask(&state, move |access| access.set_up(&secret, name.trim(), &password, client.0)).await {
        Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, "/login?note=set-up")]).into_response(),
        Err(error) => {
            let view = SetUpView { name: &shown, differ: false, error: Some(&error) };
            failed(&error, set_up_page(&visitor, &state, &view))
        }
    }
}

pub async fn account(visitor: Visitor, By(actor): By, State(state): State<AdminState>) -> Response {
    account_page(&visitor, &actor, &state, None).into_response()
}

fn account_page(
    visitor: &Visitor,
    actor: &crate::access::Actor,
    state: &AdminState,
    wrong: Option<&'static str>,
) -> maud::Markup {
    let frame = visitor.frame(state);
    page(&frame, None, visitor.lang.text("account.title"), &account_content(&frame, actor, wrong))
}

#[derive(serde::Deserialize)]
pub struct PasswordForm {
    present: String,
    password: String,
    again: String,
}

pub async fn change_password(
    visitor: Visitor,
    By(actor): By,
    client: Client,
    State(state): State<AdminState>,
    Form(form): Form<PasswordForm>,
) -> Response {
    let PasswordForm { present, password, again } = form;
    let again_differs = password != again;
    if again_differs || actor.kind != ActorKind::User {
        let wrong = if again_differs { "access.passwords-differ" } else { "access.no-password" };
        return (StatusCode::UNPROCESSABLE_ENTITY, account_page(&visitor, &actor, &state, Some(wrong))).into_response();
    }
    let changing = actor.clone();
    let change = ask(&state, move |access| access.change_own_password(&changing, &present, &password, client.0));
    match change.await {
        Ok(()) => (StatusCode::SEE_OTHER, [(LOCATION, "/login?note=password")]).into_response(),
        Err(error) => {
            let text = super::users::text_of(visitor.lang, &error);
            failed(&error, account_page(&visitor, &actor, &state, Some(text)))
        }
    }
}
