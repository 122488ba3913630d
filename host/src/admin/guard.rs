//! What every request passes before a handler sees it: who asks, may they, and is it their own wish.

use super::api::{Problem, is_api};
use super::draft;
use super::request::Visitor;
use super::routes::{BodyRule, Least};
use super::same_origin::{self, Forged, MAX_FORM_BYTES};
use super::serve::AdminState;
use crate::access::{AccessError, Denied, Identity, Presented};
use crate::journal::AuditEntry;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;

/// The session's cookie. Behind a proxy that speaks TLS the name binds it to this host and to encrypted requests.
const COOKIE: &str = "assay-session";
const SECURE_COOKIE: &str = "__Host-assay-session";

/// On every answer that a guard or a fallback has let through; see [`sealed`].
#[derive(Clone, Copy)]
struct Seal;

/// Who may pass to one handler.
#[derive(Clone)]
pub struct Guard {
    pub state: AdminState,
    pub least: Least,
    pub body: BodyRule,
}

/// Time for a form to come in. Who is slower holds a connection that others need.
const FORM_LIMIT: Duration = Duration::from_secs(10);

/// The layer before one handler.
pub async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let mut response = answer(&guard, request, next).await;
    response.extensions_mut().insert(Seal);
    response
}

/// The layer around the router: what no guard stands before gives nothing away.
pub async fn sealed(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    if response.extensions().get::<Seal>().is_some() {
        return response;
    }
    tracing::error!(path, "an address without an entry in the list of routes");
    StatusCode::NOT_FOUND.into_response()
}

async fn answer(guard: &Guard, request: Request, next: Next) -> Response {
    let Guard { state, least, body: rule } = guard;
    let (mut parts, mut body) = request.into_parts();
    let presented = presented(&parts, state.reach.behind_proxy());
    let by_token = presented.bearer.is_some() || presented.several;
    if presented.several {
        return not_known(state, &parts, &Denied::SeveralCredentials, by_token).await;
    }
    if let Least::Role(least) = *least {
        let identity = match identify(state, presented).await {
            Ok(identity) => identity,
            Err(denied) => {
                // A review is not lost with the session of who wrote it.
                let page = draft::page_of(&parts).filter(|_| !by_token);
                let refused = not_known(state, &parts, &denied, by_token).await;
                return match page {
                    Some(page) => match form_body(body).await {
                        Ok(bytes) => draft::keep(&page, &bytes, true),
                        Err(_) => refused,
                    },
                    None => refused,
                };
            }
        };
        if identity.actor.role < least {
            let entry = AuditEntry::new(&identity.actor, "request", target(&parts));
            record(state, entry, "wrong-role").await;
            parts.extensions.insert(identity);
            let detail = format!("this needs the role {least} or above");
            return refusal(state, parts, StatusCode::FORBIDDEN, "wrong-role", "Not allowed", detail).await;
        }
        parts.extensions.insert(identity);
    }
    let changes = !matches!(parts.method, Method::GET | Method::HEAD);
    let mut kept = None;
    if *rule == BodyRule::Form {
        let bytes = match form_body(body).await {
            Ok(bytes) => bytes,
            Err(BadBody { status, kind, title, detail }) => {
                return refusal(state, parts, status, kind, title, detail).await;
            }
        };
        kept = draft::page_of(&parts).map(|page| (page, bytes.clone()));
        body = Body::from(bytes);
    }
    if !changes || by_token {
        // A browser adds cookies to the requests of other sites, never a token.
        return next.run(Request::from_parts(parts, body)).await;
    }
    let identity = parts.extensions.get::<Identity>().cloned();
    match same_origin::check(parts, body, identity.as_ref()).await {
        Ok(request) => next.run(request).await,
        Err((parts, forged)) => {
            let refused = not_own_wish(state, parts, identity, forged).await;
            match kept.filter(|_| forged == Forged::FormToken) {
                // The page is of a session before this one: its form is shown again, with this session's token.
                Some((page, bytes)) => draft::keep(&page, &bytes, false),
                None => refused,
            }
        }
    }
}

/// A form's body that cannot be taken.
struct BadBody {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
}

/// A form's few fields, whole and in time.
async fn form_body(body: Body) -> Result<Bytes, BadBody> {
    match tokio::time::timeout(FORM_LIMIT, to_bytes(body, MAX_FORM_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(BadBody {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            kind: "too-large",
            title: "Too large",
            detail: format!("the body has to be whole and of at most {MAX_FORM_BYTES} bytes"),
        }),
        Err(_) => Err(BadBody {
            status: StatusCode::REQUEST_TIMEOUT,
            kind: "too-slow",
            title: "Too slow",
            detail: format!("the body did not come within {} s", FORM_LIMIT.as_secs()),
        }),
    }
}

/// Says who asks; looks it up on a thread that may block.
pub async fn identify(state: &AdminState, presented: Presented) -> Result<Identity, Denied> {
    let access = Arc::clone(&state.access);
    let looked_up = tokio::task::spawn_blocking(move || access.identify(&presented)).await;
    looked_up.unwrap_or_else(|error| {
        tracing::error!(%error, "a look-up of the admin panicked");
        Err(Denied::Trouble(AccessError::Busy))
    })
}

/// What the request brings to show who asks.
pub fn presented(parts: &Parts, behind_proxy: bool) -> Presented {
    // Another scheme is not for us: a browser sends `Basic` by itself to a proxy that asks for it.
    let mut all = parts.headers.get_all(header::AUTHORIZATION).into_iter();
    let authorization = all.next().and_then(|value| value.to_str().ok());
    let several = all.next().is_some();
    let bearer = authorization.and_then(|text| text.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let bearer = bearer.map(|(_, token)| token.trim().to_owned());
    // What a page fetches by itself (charts, pictures, events) keeps no session alive.
    let fetched = parts.headers.get("sec-fetch-dest").is_some_and(|value| value != "document");
    let active = !fetched || parts.method != Method::GET;
    Presented { bearer, several, session: session_of(&parts.headers, behind_proxy), active }
}

/// The secret in the session's cookie.
pub fn session_of(headers: &HeaderMap, behind_proxy: bool) -> Option<String> {
    let name = if behind_proxy { SECURE_COOKIE } else { COOKIE };
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(one, _)| *one == name).map(|(_, value)| value.chars().take(100).collect())
}

/// A cookie that begins a session, or ends it where `secret` is empty.
pub fn session_cookie(secret: &str, behind_proxy: bool) -> String {
    let (name, secure) = if behind_proxy { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    let ends = if secret.is_empty() { "; Max-Age=0" } else { "" };
    format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict{secure}{ends}")
}

/// Puts a refusal into the audit log, on a thread that may block.
pub(super) async fn record(state: &AdminState, entry: AuditEntry, code: &'static str) {
    let access = Arc::clone(&state.access);
    if let Err(error) = tokio::task::spawn_blocking(move || access.refused(entry, code)).await {
        tracing::error!(%error, "recording a refusal panicked");
    }
}

/// Method and path; the query may hold what is nobody's business.
fn target(parts: &Parts) -> String {
    format!("{} {}", parts.method, parts.uri.path())
}

/// The answer to every address that is not in the list.
pub async fn nothing_there(State(state): State<AdminState>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let mut response = if is_api(parts.uri.path()) {
        Problem::not_found(parts.uri.path()).into_response()
    } else {
        if let Ok(identity) = identify(&state, presented(&parts, state.reach.behind_proxy())).await {
            parts.extensions.insert(identity);
        }
        page(&state, parts, StatusCode::NOT_FOUND, "error.not-found").await
    };
    response.extensions_mut().insert(Seal);
    response
}

/// The answer to a method that an address does not have; the router adds `Allow`.
pub async fn wrong_method(request: Request) -> Response {
    let mut response = Problem::method_not_allowed(request.method().as_str()).into_response();
    response.extensions_mut().insert(Seal);
    response
}

async fn not_known(state: &AdminState, parts: &Parts, denied: &Denied, by_token: bool) -> Response {
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if let Denied::Trouble(error) = denied {
        tracing::error!(%error, "who asks cannot be looked up");
        return unavailable(parts);
    }
    if by_token || !reads {
        record(state, AuditEntry::unknown(denied.name(), "request", target(parts)), denied.code()).await;
    }
    let to_page = parts.headers.get("sec-fetch-dest").is_none_or(|value| value == "document");
    if reads && !by_token && to_page && !is_api(parts.uri.path()) {
        let back = parts.uri.path_and_query().map_or("/", |back| back.as_str());
        let login = format!("/login?back={}", super::pages::layout::percent(back));
        return (StatusCode::SEE_OTHER, [(header::LOCATION, login)]).into_response();
    }
    Problem::new(StatusCode::UNAUTHORIZED, denied.code(), "It is not known who asks", denied.to_string())
        .header(header::WWW_AUTHENTICATE, "Bearer")
        .into_response()
}

fn unavailable(parts: &Parts) -> Response {
    if is_api(parts.uri.path()) {
        return Problem::internal().into_response();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

async fn not_own_wish(state: &AdminState, parts: Parts, identity: Option<Identity>, forged: Forged) -> Response {
    let entry = match &identity {
        Some(identity) => AuditEntry::new(&identity.actor, "request", target(&parts)),
        None => AuditEntry::unknown("unknown", "request", target(&parts)),
    };
    record(state, entry, forged.code()).await;
    refusal(state, parts, forged.status(), forged.code(), "Not asked by a page of this station", forged.to_string())
        .await
}

/// A problem for programs, a page with the same key for people.
async fn refusal(
    state: &AdminState,
    parts: Parts,
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
) -> Response {
    if is_api(parts.uri.path()) || parts.extensions.get::<Identity>().is_some_and(|who| who.form_token.is_none()) {
        return Problem::new(status, kind, title, detail).into_response();
    }
    page(state, parts, status, &format!("error.{kind}")).await
}

async fn page(state: &AdminState, mut parts: Parts, status: StatusCode, key: &str) -> Response {
    match Visitor::from_request_parts(&mut parts, state).await {
        Ok(visitor) => visitor.problem(state, status, key),
        Err(never) => match never {},
    }
}
