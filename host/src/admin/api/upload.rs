//! Reads a picture from a request: bounded in bytes and time, refused before it is read where that is possible.

use super::Problem;
use super::inspect::InspectQuery;
use crate::source::Intake;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request};
use axum::http::{HeaderMap, StatusCode, header};
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::StreamExt as _;

/// What a form may have beside the picture's own bytes.
const FORM_OVERHEAD_BYTES: u64 = 64 << 10;
/// Of a request that is refused for another reason than its size, so much is read all the same.
const MAX_DISCARDED_BYTES: u64 = 1 << 20;
const DISCARD_TIME: Duration = Duration::from_millis(200);
const PICTURE_TYPES: [&str; 9] = [
    "image/png",
    "image/jpeg",
    "image/bmp",
    "image/x-ms-bmp",
    "image/x-portable-anymap",
    "image/x-portable-bitmap",
    "image/x-portable-graymap",
    "image/x-portable-pixmap",
    "application/octet-stream",
];
const FORM_TYPE: &str = "multipart/form-data";

/// A picture and what was said of it.
#[derive(Debug)]
pub struct Upload {
    pub picture: Arc<[u8]>,
    pub file_name: Option<String>,
    pub said: InspectQuery,
}

/// Refuses by type and length; true for a form, false for a bare picture.
pub fn check_head(headers: &HeaderMap, intake: &Intake) -> Result<bool, Problem> {
    let form = is_form(headers)?;
    let max_bytes = body_limit(intake, form);
    if length(headers).is_some_and(|length| length > max_bytes) { Err(too_large(max_bytes)) } else { Ok(form) }
}

fn body_limit(intake: &Intake, form: bool) -> u64 {
    intake.options.max_file_bytes + if form { FORM_OVERHEAD_BYTES } else { 0 }
}

/// Reads a small body of a refused request to its end: a client that is still sending would miss the answer.
pub async fn discard(request: Request) {
    if length(request.headers()).is_some_and(|length| length <= MAX_DISCARDED_BYTES) {
        let mut pieces = request.into_body().into_data_stream();
        let _ = tokio::time::timeout(DISCARD_TIME, async { while let Some(Ok(_)) = pieces.next().await {} }).await;
    }
}

pub async fn read_upload(request: Request, said: InspectQuery, intake: &Intake, form: bool) -> Result<Upload, Problem> {
    let (parts, body) = request.into_parts();
    let limit = Duration::from_millis(intake.options.read_ms);
    let read = tokio::time::timeout(limit, read_body(body, body_limit(intake, form))).await;
    let bytes = read.map_err(|_| too_slow(limit))??;
    if form {
        return read_form(Request::from_parts(parts, Body::from(bytes)), said, intake.options.max_file_bytes).await;
    }
    Ok(Upload { picture: bytes.into(), file_name: None, said })
}

/// True for a form, false for a bare picture.
fn is_form(headers: &HeaderMap) -> Result<bool, Problem> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = found.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if essence == FORM_TYPE {
        return Ok(true);
    }
    if PICTURE_TYPES.contains(&essence.as_str()) {
        return Ok(false);
    }
    let found: String = essence.chars().take(80).collect();
    let detail = format!("Content-Type is {found:?}, expected {} or {FORM_TYPE}", PICTURE_TYPES.join(", "));
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "wrong-content-type", "This is no picture", detail))
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok())
}

/// Never holds more than the limit and one piece beyond it, whatever the length was said to be.
async fn read_body(body: Body, max_bytes: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece.map_err(|_| Problem::bad_request("the body ended early".to_owned()))?;
        if bytes.len() as u64 + piece.len() as u64 > max_bytes {
            return Err(too_large(max_bytes));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn read_form(mut request: Request, mut said: InspectQuery, max_bytes: u64) -> Result<Upload, Problem> {
    // The body is bounded already.
    DefaultBodyLimit::disable().apply(&mut request);
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
    let (mut picture, mut file_name) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| bad_form(&error))? {
        let name = field.name().unwrap_or("").to_owned();
        let given = field.file_name().map(str::to_owned);
        let bytes = field.bytes().await.map_err(|error| bad_form(&error))?;
        let place = match name.as_str() {
            "picture" => {
                if picture.replace(bytes).is_some() {
                    return Err(twice("picture"));
                }
                file_name = given;
                continue;
            }
            "product" => &mut said.product,
            "serial" => &mut said.serial,
            "trigger" => &mut said.trigger,
            _ => {
                let name: String = name.chars().take(40).collect();
                return Err(Problem::bad_request(format!(
                    "field {name:?}, expected picture, product, serial or trigger"
                )));
            }
        };
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Problem::bad_request(format!("field {name} is no text in UTF-8")))?;
        if place.replace(text.to_owned()).is_some() {
            return Err(twice(&name));
        }
    }
    let picture = picture.ok_or_else(|| Problem::bad_request("the form has no field picture".to_owned()))?;
    if picture.len() as u64 > max_bytes {
        return Err(too_large(max_bytes));
    }
    Ok(Upload { picture: picture.as_ref().into(), file_name, said })
}

fn bad_form(error: &MultipartError) -> Problem {
    Problem::bad_request(error.body_text())
}

fn twice(name: &str) -> Problem {
    Problem::bad_request(format!("{name} is given twice"))
}

fn too_large(max_bytes: u64) -> Problem {
    let detail = format!("more than {max_bytes} bytes, the limit; make the picture smaller or raise the limit");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The picture is too large", detail)
}

fn too_slow(limit: Duration) -> Problem {
    let detail = format!("the body was not there within {} ms", limit.as_millis());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The upload took too long", detail)
}
