use super::i18n::Lang;
use super::pages::layout::{PageFrame, page};
use super::pages::problem;
use super::serve::AdminState;
use axum::extract::{FromRequestParts, Query, Request};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;

/// Who asks: language and address, taken from the request.
pub struct Visitor {
    pub lang: Lang,
    pub here: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let here = parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned();
        Ok(Self { lang: language(&parts.headers), here })
    }
}

impl Visitor {
    /// What every page shows around its content.
    #[must_use]
    pub fn frame(&self, state: &AdminState) -> PageFrame {
        PageFrame { lang: self.lang, station: state.station.to_string(), here: self.here.clone() }
    }

    /// A whole page that says what went wrong; `key` is a text's key with a `-hint` beside it.
    pub fn problem(&self, state: &AdminState, status: StatusCode, key: &str) -> Response {
        let content = problem::content(self.lang, key);
        (status, page(&self.frame(state), None, self.lang.text(key), &content)).into_response()
    }
}

fn language(headers: &HeaderMap) -> Lang {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let chosen = cookies.split(';').filter_map(|pair| pair.trim().strip_prefix("lang=")).find_map(Lang::from_tag);
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    chosen.unwrap_or_else(|| Lang::from_accept(accepted))
}

#[derive(serde::Deserialize)]
pub struct LanguageQuery {
    to: String,
    back: String,
}

/// Remembers the language in a cookie and goes back to the page it was chosen on.
pub async fn choose_language(Query(query): Query<LanguageQuery>) -> Response {
    let Some(lang) = Lang::from_tag(&query.to) else { return StatusCode::BAD_REQUEST.into_response() };
    let cookie = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", lang.tag());
    let headers = [(SET_COOKIE, cookie), (LOCATION, own_path(&query.back))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Only a path of this server, so that a link cannot send somebody elsewhere.
fn own_path(back: &str) -> String {
    let is_path = back.starts_with('/') && !back.starts_with("//") && !back.contains(['\\', '\r', '\n']);
    if is_path && back.is_ascii() { back.to_owned() } else { "/".to_owned() }
}

/// Refuses requests under a name that is not this machine's: a page elsewhere could have pointed its own name here
/// (DNS rebinding) and would read what only this machine may see.
pub async fn own_host(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    if is_own_host(host) { next.run(request).await } else { StatusCode::MISDIRECTED_REQUEST.into_response() }
}

/// An address or `localhost`, with or without a port.
pub(super) fn is_own_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok()
}
