//! Whether a request that changes something comes from a page of this station. A browser sends the session's cookie
//! also with what another site makes it send, so the cookie alone says who, not whether they wanted it.

use super::api::is_api;
use crate::access::{ActorKind, Identity};
use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest as _, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};

/// A form of the admin is far smaller.
/// A form of the admin has a few short fields.
pub const MAX_FORM_BYTES: usize = 64 << 10;
/// Header, query key and form field that carry the form token.
const TOKEN_HEADER: &str = "x-csrf-token";

/// Why a request is not taken for its sender's own wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("the request comes from a page of another site, or does not say where it comes from")]
    CrossSite,
    #[error("the form's token is missing or is not that of this session: load the page again")]
    FormToken,
    #[error("a form of the admin has at most {MAX_FORM_BYTES} bytes")]
    TooLarge,
}

impl Forged {
    pub const fn code(self) -> &'static str {
        match self {
            Self::CrossSite => "cross-site",
            Self::FormToken => "form-token",
            Self::TooLarge => "form-too-large",
        }
    }

    pub const fn status(self) -> StatusCode {
        match self {
            Self::CrossSite | Self::FormToken => StatusCode::FORBIDDEN,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

#[derive(serde::Deserialize, Default)]
struct TokenField {
    #[serde(default)]
    csrf: String,
}

/// Gives the request back where it is its sender's own wish. `identity` is none on a public address: nobody is signed
/// in there, so there is no token yet.
///
/// # Errors
/// Where it may be the wish of another site.
pub async fn check(parts: Parts, body: Body, identity: Option<&Identity>) -> Result<Request, (Parts, Forged)> {
    let origin = origin(&parts.headers);
    let local = identity.is_some_and(|who| who.actor.kind == ActorKind::Local);
    if origin == Origin::Unsaid && local && is_api(parts.uri.path()) {
        // Every browser says where a change comes from: this is a program on the station itself.
        return Ok(Request::from_parts(parts, body));
    }
    if origin != Origin::Own {
        return Err((parts, Forged::CrossSite));
    }
    let Some(identity) = identity else { return Ok(Request::from_parts(parts, body)) };
    let expected = identity.form_token.as_deref().unwrap_or("");
    if same(beside_body(&parts).as_deref().unwrap_or(""), expected) {
        return Ok(Request::from_parts(parts, body));
    }
    if !is_form(&parts.headers) {
        return Err((parts, Forged::FormToken));
    }
    let Ok(bytes) = to_bytes(body, MAX_FORM_BYTES).await else { return Err((parts, Forged::TooLarge)) };
    let copy = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    let field = Form::<TokenField>::from_request(copy, &()).await.map(|form| form.0.csrf).unwrap_or_default();
    if same(&field, expected) {
        return Ok(Request::from_parts(parts, Body::from(bytes)));
    }
    Err((parts, Forged::FormToken))
}

/// Whether the sender says that it is a page of this station.
#[must_use]
pub fn is_own(headers: &HeaderMap) -> bool {
    origin(headers) == Origin::Own
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Own,
    Other,
    Unsaid,
}

fn origin(headers: &HeaderMap) -> Origin {
    if let Some(site) = headers.get("sec-fetch-site") {
        return if site == "same-origin" { Origin::Own } else { Origin::Other };
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Origin::Unsaid };
    let named = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if named.is_some() && named == host { Origin::Own } else { Origin::Other }
}

/// The token in the header, or in the query where the body is a file.
fn beside_body(parts: &Parts) -> Option<String> {
    if let Some(value) = parts.headers.get(TOKEN_HEADER) {
        return value.to_str().ok().map(str::to_owned);
    }
    Query::<TokenField>::try_from_uri(&parts.uri).ok().map(|query| query.0.csrf)
}

fn is_form(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    media.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Compares digests, so that the time says nothing of the token. No token is never the right one.
fn same(found: &str, expected: &str) -> bool {
    use crate::domain::Digest;
    !expected.is_empty() && Digest::of(found.as_bytes()) == Digest::of(expected.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_this_stations_own_pages_are_of_the_same_origin() {
        let host = ("host", "line3.example:8080");
        assert_eq!(origin(&headers(&[host, ("sec-fetch-site", "same-origin")])), Origin::Own);
        for site in ["cross-site", "same-site", "none", ""] {
            assert_eq!(origin(&headers(&[host, ("sec-fetch-site", site)])), Origin::Other, "{site}");
        }
        assert_eq!(origin(&headers(&[host, ("origin", "https://line3.example:8080")])), Origin::Own);
        for other in ["https://evil.example", "https://line3.example", "null", "", "line3.example:8080"] {
            assert_eq!(origin(&headers(&[host, ("origin", other)])), Origin::Other, "{other}");
        }
        assert_eq!(origin(&headers(&[host])), Origin::Unsaid);
    }
}
