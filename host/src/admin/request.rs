use super::api::Problem;
use super::asked::Asked;
use super::guard::presented;
use super::i18n::Lang;
use super::pages::layout::{PageFrame, page};
use super::pages::problem;
use super::serve::AdminState;
use super::theme::Theme;
use crate::access::{Actor, Identity, Presented};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HOST, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Headers of proxies. Where none is configured, one that sends them makes the station reachable unnoticed.
const OF_PROXIES: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Who asks: language, address and, where that is known, who it is; taken from the request.
pub struct Visitor {
    pub lang: Lang,
    pub theme: Theme,
    pub here: String,
    pub identity: Option<Identity>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let here = parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned();
        let (lang, theme) = (language(&parts.headers), Theme::of(&parts.headers));
        Ok(Self { lang, theme, here, identity: parts.extensions.get().cloned() })
    }
}

impl Visitor {
    /// What every page shows around its content.
    #[must_use]
    pub fn frame(&self, state: &AdminState) -> PageFrame {
        PageFrame {
            lang: self.lang,
            theme: self.theme,
            station: state.station.to_string(),
            here: self.here.clone(),
            identity: self.identity.clone(),
            alarms: state.alarms.snapshot(),
        }
    }

    /// A whole page that says what went wrong; `key` is a text's key with a `-hint` beside it.
    pub fn problem(&self, state: &AdminState, status: StatusCode, key: &str) -> Response {
        let content = problem::content(self.lang, key);
        (status, page(&self.frame(state), None, self.lang.text(key), &content)).into_response()
    }
}

/// Values of the cookies of a name.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(one, _)| *one == name).map(|(_, value)| value)
}

fn language(headers: &HeaderMap) -> Lang {
    let chosen = cookie(headers, "lang").find_map(Lang::from_tag);
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    chosen.unwrap_or_else(|| Lang::from_accept(accepted))
}

#[derive(serde::Deserialize)]
pub struct LanguageQuery {
    to: String,
    back: String,
}

/// Remembers the language in a cookie and goes back to the page it was chosen on.
pub async fn choose_language(Asked(query): Asked<LanguageQuery>) -> Response {
    let Some(lang) = Lang::from_tag(&query.to) else { return StatusCode::BAD_REQUEST.into_response() };
    let cookie = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly", lang.tag());
    let headers = [(SET_COOKIE, cookie), (LOCATION, own_path(&query.back))];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// Only a path of this server, so that a link cannot send somebody elsewhere.
pub(super) fn own_path(back: &str) -> String {
    let is_path =
        back.starts_with('/') && !back.starts_with("//") && !back.contains(|c: char| c == '\\' || c.is_ascii_control());
    if is_path && back.is_ascii() { back.to_owned() } else { "/".to_owned() }
}

/// Who does something: the guard has let them through. For handlers that change or audit.
pub struct By(pub Actor);

impl<S: Send + Sync> FromRequestParts<S> for By {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Missing only where a public address asks for it: then nobody is known, and nothing is done.
        let identity = parts.extensions.get::<Identity>();
        identity.map(|identity| Self(identity.actor.clone())).ok_or(StatusCode::UNAUTHORIZED)
    }
}

/// What a request showed of who asks, to be asked again later without counting as something that the person did.
pub struct Shown(pub Presented);

impl FromRequestParts<AdminState> for Shown {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Infallible> {
        Ok(Self(Presented { active: false, ..presented(parts, state.reach.behind_proxy()) }))
    }
}

/// Where a request comes from; unspecified where that is not known.
pub struct Client(pub IpAddr);

impl FromRequestParts<AdminState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AdminState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        // What stands last was added by the proxy; all before it is what the client says.
        let forwarded = parts.headers.get_all("x-forwarded-for").into_iter().next_back();
        let forwarded = forwarded.filter(|_| state.reach.behind_proxy()).and_then(|value| value.to_str().ok());
        let told = forwarded.and_then(|all| all.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
        Ok(Self(told.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// From where the admin can be reached.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The name under which a proxy that speaks TLS serves it; none where only this machine reaches it.
    pub public_host: Option<String>,
}

impl Reach {
    #[must_use]
    pub const fn behind_proxy(&self) -> bool {
        self.public_host.is_some()
    }
}

/// Refuses requests under a name that is not this station's: a page elsewhere could have pointed its own name here
/// (DNS rebinding) and would read what only this machine may see. Refuses those of a proxy that nobody told us of.
pub async fn own_host(State(state): State<AdminState>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let by_proxy = OF_PROXIES.iter().any(|name| headers.contains_key(*name));
    if !is_own_host(host, state.reach.public_host.as_deref()) {
        let detail =
            "the header Host names neither an address nor localhost nor the public_host in [admin] of station.toml";
        return Problem::misdirected(detail).into_response();
    }
    if by_proxy && !state.reach.behind_proxy() {
        let detail = "this request came through a proxy: set behind_proxy and public_host in [admin] of station.toml";
        return Problem::misdirected(detail).into_response();
    }
    next.run(request).await
}

/// An address, `localhost` or the public name, with or without a port.
pub(super) fn is_own_host(host: &str, public: Option<&str>) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    let is_public = public.is_some_and(|public| name.eq_ignore_ascii_case(public));
    is_public || name == "localhost" || name.parse::<IpAddr>().is_ok()
}
