//! Pictures that the model sees much as it sees another.

use super::api::Problem;
use super::api::inspections::LineJson;
use super::asked::{Asked, Named};
use super::browse::row;
use super::inspections::read;
use super::pages::alike::{AlikeView, Tile, content};
use super::pages::layout::{Tab, page};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::{FrameId, with_causes};
use crate::journal::{Alike, Cursor, JournalError, Like, Line, MAX_PAGE, Reader, Reviewed};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use utoipa::{IntoParams, ToSchema};

/// Pictures of one page.
const SHOWN: usize = 24;
/// How long others are looked for: some hundred thousand of them, on a slow disk fewer.
const TIME: Duration = Duration::from_millis(500);

/// A picture and those that are like it.
struct Looked {
    of: Line,
    /// None where nothing is kept of the picture.
    alike: Option<Alike>,
    /// The journal's lines of those that were found, with their likeness; the most alike first.
    lines: Vec<(f64, Line)>,
    reviewed: BTreeMap<i64, Reviewed>,
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Named(id): Named) -> Response {
    let missing = || visitor.problem(&state, StatusCode::NOT_FOUND, "error.not-found");
    let Some(frame) = FrameId::parse(&id) else { return missing() };
    let Some(turn) = state.take_turn().await else {
        return visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.busy");
    };
    let looked = read(&state, move |reader| {
        let _held_while_looking = turn;
        look(reader, &frame, SHOWN)
    });
    let Some(found) = looked.await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let Some(Looked { of, alike, lines, reviewed }) = found else { return missing() };
    let tile = |(likeness, line): &(f64, Line)| Tile { likeness: *likeness, row: row(line, &reviewed) };
    let view = AlikeView {
        of: row(&of, &reviewed),
        compared: alike.as_ref().map(|alike| alike.compared),
        stopped: alike.is_some_and(|alike| alike.stopped),
        tiles: lines.iter().map(tile).collect(),
    };
    let title = visitor.lang.text("alike.title");
    page(&visitor.frame(&state), Some(Tab::Inspections), title, &content(visitor.lang, &view)).into_response()
}

/// None where there is no such inspection.
fn look(reader: &Reader, id: &FrameId, most: usize) -> Result<Option<Looked>, JournalError> {
    let Some(entry) = reader.get(id)? else { return Ok(None) };
    let here = Cursor { judged_at_us: entry.inspection.judged_at_us, row: entry.row };
    let Some(of) = reader.lines_at(&[here])?.pop() else { return Ok(None) };
    let due = Instant::now() + TIME;
    let alike = reader.embeddings().alike(here.row, here.judged_at_us, most, due).unwrap_or_else(|error| {
        tracing::error!(error = with_causes(&error), "pictures that are alike cannot be looked for");
        None
    });
    let found = alike.as_ref().map_or(&[][..], |alike| &alike.found);
    let places: Vec<_> = found.iter().map(|like| Cursor { judged_at_us: like.judged_at_us, row: like.row }).collect();
    let mut lines = reader.lines_at(&places)?.into_iter().peekable();
    let with_line = |like: &Like| lines.next_if(|line| line.row == like.row).map(|line| (like.likeness, line));
    let lines: Vec<_> = found.iter().filter_map(with_line).collect();
    let rows: Vec<_> = lines.iter().map(|(_, line)| line.row).chain([of.row]).collect();
    Ok(Some(Looked { reviewed: reader.reviewed_rows(&rows)?, of, lines, alike }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlikeQuery {
    /// How many; 24 where nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// One that is like it.
#[derive(Serialize, ToSchema)]
struct LikeJson<'l> {
    /// Cosine of both embeddings, -1 to 1.
    likeness: f64,
    inspection: LineJson<'l>,
}

#[derive(Serialize, ToSchema)]
struct AlikeJson<'l> {
    /// The newest pictures of the same model, so many; null where nothing is kept of this one, as it is too old, has no answer
    /// of the model, or the model has no output `embedding`.
    compared: Option<usize>,
    /// There are older ones that there was no time for.
    stopped: bool,
    /// The most alike first.
    alike: Vec<LikeJson<'l>>,
}

/// Pictures that the model sees much as it sees this one.
#[utoipa::path(get, path = "/api/v1/inspections/{id}/alike", operation_id = "alikeInspections", tag = "inspections",
    params(("id" = String, Path, description = "The frame: station, start and trigger"), AlikeQuery),
    responses(
        (status = 200, description = "The most alike first", body = AlikeJson),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 503, response = Problem)))]
pub async fn json(
    State(state): State<AdminState>,
    Named(id): Named,
    Asked(query): Asked<AlikeQuery>,
) -> Result<Response, Problem> {
    let most = query.limit.unwrap_or(SHOWN);
    if !(1..=MAX_PAGE).contains(&most) {
        return Err(Problem::bad_request(format!("limit is {most}: give 1 to {MAX_PAGE}")));
    }
    let missing = || Problem::not_found(&format!("/api/v1/inspections/{id}/alike"));
    let frame = FrameId::parse(&id).ok_or_else(missing)?;
    let turn = state.take_turn().await.ok_or_else(Problem::busy)?;
    let looked = read(&state, move |reader| {
        let _held_while_looking = turn;
        look(reader, &frame, most)
    });
    let found = looked.await.ok_or_else(Problem::internal)?;
    let Looked { alike, lines, reviewed, .. } = found.ok_or_else(missing)?;
    let like = lines.iter().map(|(likeness, line)| LikeJson {
        likeness: *likeness,
        inspection: LineJson::new(line, reviewed.get(&line.row)),
    });
    Ok(Json(AlikeJson {
        compared: alike.as_ref().map(|alike| alike.compared),
        stopped: alike.as_ref().is_some_and(|alike| alike.stopped),
        alike: like.collect(),
    })
    .into_response())
}
