use super::asked::Named;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Files that are part of the binary, with their media types.
const ASSETS: [(&str, &str, &[u8]); 10] = [
    ("style.css", "text/css; charset=utf-8", include_bytes!("../../assets/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/app.js")),
    ("browse.css", "text/css; charset=utf-8", include_bytes!("../../assets/browse.css")),
    ("browse.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/browse.js")),
    ("report.css", "text/css; charset=utf-8", include_bytes!("../../assets/report.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    ("htmx.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/htmx.min.js")),
    ("htmx-sse.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/htmx-sse.min.js")),
    ("uplot.min.js", "text/javascript; charset=utf-8", include_bytes!("../../assets/vendor/uplot.min.js")),
    ("uplot.min.css", "text/css; charset=utf-8", include_bytes!("../../assets/vendor/uplot.min.css")),
];

pub async fn asset(Named(name): Named) -> Response {
    match ASSETS.iter().find(|(file, ..)| *file == name) {
        Some((_, media, bytes)) => {
            // Short, since a new binary may bring new files under the same names.
            ([(header::CONTENT_TYPE, *media), (header::CACHE_CONTROL, "max-age=60")], *bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
