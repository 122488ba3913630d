//! Inspections and their reviews for programs.

use super::Problem;
use super::parameters::{FilterParams, no_empty};
use super::verdict::JudgedJson;
use crate::admin::asked::Named;
use crate::admin::browse::{Turned, turn};
use crate::admin::filter::{Pairs, Wish, Wrong};
use crate::admin::i18n::Lang;
use crate::admin::inspections::read;
use crate::admin::request::By;
use crate::admin::review::{record, status_of, verdict_of};
use crate::admin::serve::AdminState;
use crate::domain::{Digest, FrameId, VerdictKind, with_causes};
use crate::journal::{Line, MAX_PAGE, NewReview, Review, ReviewError, Reviewed};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// One inspection of a list.
#[derive(Serialize, ToSchema)]
pub(in crate::admin) struct LineJson<'l> {
    id: String,
    row: i64,
    captured_at_us: i64,
    judged_at_us: i64,
    #[schema(value_type = VerdictKind)]
    verdict: &'static str,
    label: Option<&'l str>,
    score: Option<f64>,
    code: Option<&'l str>,
    stage: Option<&'l str>,
    blame: Option<&'l str>,
    flagged: bool,
    product: Option<&'l str>,
    serial: Option<&'l str>,
    source: &'l str,
    origin: Option<&'l str>,
    simulated: bool,
    picture: Option<Digest>,
    recipe: &'l str,
    recipe_version: &'l str,
    recipe_digest: Digest,
    backend: Option<&'l str>,
    device: Option<&'l str>,
    total_us: i64,
    review: Option<ReviewedJson<'l>>,
}

/// What people say of a part, in short.
#[derive(Serialize, ToSchema)]
struct ReviewedJson<'l> {
    #[schema(value_type = VerdictKind)]
    verdict: &'static str,
    label: Option<&'l str>,
    reviews: u64,
    /// Row of the latest one: what the next review has to have seen.
    latest: i64,
    disputed: bool,
}

impl<'l> ReviewedJson<'l> {
    fn new(reviewed: &'l Reviewed) -> Self {
        Self {
            verdict: reviewed.verdict.name(),
            label: reviewed.label.as_deref(),
            reviews: reviewed.reviews,
            latest: reviewed.latest,
            disputed: reviewed.is_disputed(),
        }
    }
}

impl<'l> LineJson<'l> {
    pub(in crate::admin) fn new(line: &'l Line, reviewed: Option<&'l Reviewed>) -> Self {
        Self {
            id: line.id.to_string(),
            row: line.row,
            captured_at_us: line.captured_at_us,
            judged_at_us: line.judged_at_us,
            verdict: line.verdict.name(),
            label: line.label.as_deref(),
            score: line.score,
            code: line.code.as_deref(),
            stage: line.stage.as_deref(),
            blame: line.blame.as_deref(),
            flagged: line.flagged,
            product: line.product.as_deref(),
            serial: line.serial.as_deref(),
            source: &line.source,
            origin: line.origin.as_deref(),
            simulated: line.simulated,
            picture: line.picture,
            recipe: &line.recipe,
            recipe_version: &line.recipe_version,
            recipe_digest: line.recipe_digest,
            backend: line.backend.as_deref(),
            device: line.device.as_deref(),
            total_us: line.total_us,
            review: reviewed.map(ReviewedJson::new),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct ListJson<'l> {
    inspections: Vec<LineJson<'l>>,
    /// Cursors of the pages beside this one; null where there is none.
    older: Option<&'l str>,
    newer: Option<&'l str>,
    /// How far it was looked where the search was stopped before the page was full; `older` or `newer` goes on there.
    stopped_at_us: Option<i64>,
}

/// One page of a filter.
#[utoipa::path(get, path = "/api/v1/inspections", operation_id = "listInspections", tag = "inspections",
    params(FilterParams, ("if-none-match" = Option<String>, Header, description = "The ETag of an answer before")),
    responses(
        (status = 200, description = "The newest first", body = ListJson, headers(("etag" = String))),
        (status = 304, description = "As it was"),
        (status = 400, response = Problem)))]
pub async fn list(State(state): State<AdminState>, headers: HeaderMap, Pairs(pairs): Pairs) -> Response {
    if let Err(problem) = no_empty(&pairs) {
        return problem.into_response();
    }
    let wish = Wish::new(pairs, &[]);
    let asked = match wish.understand() {
        Ok(asked) => asked,
        Err(wrong) => return not_understood(&wrong).into_response(),
    };
    let Some(turned) = read(&state, move |reader| turn(reader, &wish, &asked)).await else {
        return Problem::internal().into_response();
    };
    let Turned { lines, reviewed, newer, older, stopped_at_us } = &turned;
    let list = ListJson {
        inspections: lines.iter().map(|line| LineJson::new(line, reviewed.get(&line.row))).collect(),
        older: older.as_deref(),
        newer: newer.as_deref(),
        stopped_at_us: *stopped_at_us,
    };
    tagged(&headers, &list)
}

/// Says all that is wrong in one problem.
fn not_understood(wrong: &[Wrong]) -> Problem {
    let kind = wrong.first().map_or("bad-filter", Wrong::kind);
    let said: Vec<String> = wrong.iter().map(|one| one.say(Lang::En)).collect();
    Problem::new(StatusCode::BAD_REQUEST, kind, "The filter is not understood", said.join("; "))
}

/// JSON with its digest as ETag; nothing but that where the sender has it already.
pub(in crate::admin) fn tagged(headers: &HeaderMap, body: &impl Serialize) -> Response {
    let Ok(text) = serde_json::to_string(body) else { return Problem::internal().into_response() };
    let tag = format!("\"{}\"", Digest::of(text.as_bytes()).short());
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or("");
    let same = known.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*");
    let cache = (header::CACHE_CONTROL, "private, no-cache".to_owned());
    if same {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag), cache]).into_response();
    }
    let media = (header::CONTENT_TYPE, "application/json".to_owned());
    ([(header::ETAG, tag), cache, media], text).into_response()
}

#[derive(Serialize, ToSchema)]
struct OneJson<'e> {
    #[serde(flatten)]
    judged: JudgedJson,
    row: i64,
    /// Hash of the record's entry in the chain.
    hash: Digest,
    picture_kept: bool,
    /// The whole record.
    inspection: &'e crate::domain::Inspection,
    reviews: Vec<Review>,
}

/// All that is recorded of one frame, with the newest reviews.
#[utoipa::path(get, path = "/api/v1/inspections/{id}", operation_id = "getInspection", tag = "inspections",
    params(
        ("id" = String, Path, description = "The frame: station, start and trigger"),
        ("if-none-match" = Option<String>, Header, description = "The ETag of an answer before")),
    responses(
        (status = 200, description = "The record", body = OneJson, headers(("etag" = String))),
        (status = 304, description = "As it was"),
        (status = 404, response = Problem)))]
pub async fn one(State(state): State<AdminState>, headers: HeaderMap, Named(id): Named) -> Response {
    let missing = || Problem::not_found(&format!("/api/v1/inspections/{id}")).into_response();
    let Some(frame) = FrameId::parse(&id) else { return missing() };
    let found = read(&state, move |reader| {
        let Some(entry) = reader.get(&frame)? else { return Ok(None) };
        let reviews = reader.reviews(entry.row, MAX_PAGE)?;
        Ok(Some((entry, reviews)))
    });
    let (entry, reviews) = match found.await {
        Some(Some(found)) => found,
        Some(None) => return missing(),
        None => return Problem::internal().into_response(),
    };
    let one = OneJson {
        judged: JudgedJson::new(&entry.inspection),
        row: entry.row,
        hash: entry.hash,
        picture_kept: entry.picture_kept,
        inspection: &entry.inspection,
        reviews,
    };
    tagged(&headers, &one)
}

/// What somebody says of a part.
#[derive(serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewJson {
    /// What the part is.
    #[schema(value_type = VerdictKind)]
    verdict: String,
    #[serde(default)]
    #[schema(max_length = 128)]
    label: Option<String>,
    /// Needed where the verdict is not the station's.
    #[serde(default)]
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// Row of the latest review that the sender has seen; 0 where there was none.
    #[serde(default)]
    seen: i64,
}

/// Where a review is recorded.
#[derive(Serialize, ToSchema)]
struct RecordedReview {
    /// The frame.
    id: String,
    /// The review's row.
    row: i64,
}

/// Takes a review; answered once it is durable.
#[utoipa::path(post, path = "/api/v1/inspections/{id}/reviews", operation_id = "review", tag = "inspections",
    params(("id" = String, Path, description = "The frame: station, start and trigger")),
    request_body = ReviewJson,
    responses(
        (status = 201, description = "It is recorded", body = RecordedReview),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 409, response = Problem),
        (status = 422, response = Problem), (status = 503, response = Problem)))]
pub async fn review(
    By(actor): By,
    State(state): State<AdminState>,
    Named(id): Named,
    body: Result<Json<ReviewJson>, JsonRejection>,
) -> Response {
    let Json(ReviewJson { verdict, label, reason, seen }) = match body {
        Ok(body) => body,
        Err(rejection) => return Problem::bad_request(rejection.body_text()).into_response(),
    };
    let Some(verdict) = verdict_of(&verdict) else {
        let found: String = verdict.chars().take(40).collect();
        let detail = format!("`verdict` is {found:?}; it is pass, fail or undecided: what the part is");
        return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-verdict", TITLE, detail).into_response();
    };
    let unknown = || ReviewError::UnknownFrame { id: id.chars().take(200).collect() };
    let recorded = match FrameId::parse(&id) {
        Some(frame) => record(&state, actor, frame, NewReview { verdict, label, reason, seen }).await,
        None => Err(unknown()),
    };
    match recorded {
        Ok(row) => (StatusCode::CREATED, Json(RecordedReview { id, row })).into_response(),
        Err(error) => {
            let status = status_of(&error);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                tracing::error!(error = with_causes(&error), "a review was not recorded");
            }
            Problem::new(status, error.code(), TITLE, error.to_string()).into_response()
        }
    }
}

const TITLE: &str = "The review was not recorded";
