use super::api::Problem;
use super::asked::Named;
use crate::domain::Digest;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::Write as _;
use std::sync::LazyLock;

/// Files that are part of the binary, with their media types.
const FILES: [(&str, &str, &[u8]); 15] = [
    ("style.css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/app.js")),
    ("browse.css", "text/css; charset=utf-8", include_bytes!("../../assets/browse.css")),
    ("browse.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/browse.js")),
    ("deploy.css", "text/css; charset=utf-8", include_bytes!("../../assets/deploy.css")),
    ("deploy.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/deploy.js")),
    ("overview.css", "text/css; charset=utf-8", include_bytes!("../../assets/overview.css")),
    ("overview.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/overview.js")),
    ("drift.css", "text/css; charset=utf-8", include_bytes!("../../assets/drift.css")),
    ("report.css", "text/css; charset=utf-8", include_bytes!("../../assets/report.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ("htmx.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/htmx.min.js")),
    ("htmx-sse.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/htmx-sse.min.js")),
    ("uplot.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/uplot.min.js")),
    ("uplot.min.css", "text/css; charset=utf-8", include_bytes!("../../assets/vendor/uplot.min.css")),
];

/// Each file as it is sent; made once, when the first is asked for.
static ASSETS: LazyLock<Vec<Asset>> =
    LazyLock::new(|| FILES.iter().map(|(name, media, bytes)| Asset::new(name, media, bytes)).collect());

struct Asset {
    name: &'static str,
    media: &'static str,
    plain: Sent,
    packed: Option<Sent>,
}

/// Bytes, and the name of just these.
struct Sent {
    bytes: Vec<u8>,
    tag: String,
}

impl Sent {
    fn new(bytes: Vec<u8>) -> Self {
        Self { tag: format!("\"{}\"", Digest::of(&bytes).short()), bytes }
    }
}

impl Asset {
    fn new(name: &'static str, media: &'static str, bytes: &[u8]) -> Self {
        // Where it is not smaller it is not worth a browser's while.
        let packed = gzip(bytes, Compression::best()).filter(|packed| packed.len() < bytes.len());
        Self { name, media, plain: Sent::new(bytes.to_vec()), packed: packed.map(Sent::new) }
    }
}

/// JSON that may be long, packed for whoever takes that. For numbers only: beside a secret, what others write into a packed
/// answer can make its length tell something.
pub fn packed_json(headers: &HeaderMap, body: &impl Serialize) -> Response {
    let Ok(plain) = serde_json::to_vec(body) else { return Problem::internal().into_response() };
    let always = [(header::CONTENT_TYPE, "application/json"), (header::VARY, "accept-encoding")];
    match takes_gzip(headers).then(|| gzip(&plain, Compression::fast())).flatten() {
        Some(packed) => (always, [(header::CONTENT_ENCODING, "gzip")], packed).into_response(),
        None => (always, plain).into_response(),
    }
}

fn gzip(bytes: &[u8], level: Compression) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

pub async fn asset(Named(name): Named, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let packed = asset.packed.as_ref().filter(|_| takes_gzip(&headers));
    let sent = packed.unwrap_or(&asset.plain);
    // Short, since a new binary may bring new files under the same names; then only asked whether they are.
    let always =
        [(header::CACHE_CONTROL, "max-age=60"), (header::VARY, "accept-encoding"), (header::ETAG, sent.tag.as_str())];
    if has(&headers, &sent.tag) {
        return (StatusCode::NOT_MODIFIED, always).into_response();
    }
    let media = [(header::CONTENT_TYPE, asset.media)];
    let coding = packed.map(|_| [(header::CONTENT_ENCODING, "gzip")]);
    match coding {
        Some(coding) => (always, media, coding, sent.bytes.as_slice()).into_response(),
        None => (always, media, sent.bytes.as_slice()).into_response(),
    }
}

/// Whether the browser unpacks gzip: it says so, and not with the weight 0.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|weight| weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)))
    })
}

/// Whether the browser has it already.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
