//! Where frames come from, and how each source is.

use super::api::Problem;
use super::inspections::read;
use super::pages::layout::{Tab, page};
use super::pages::sources::content;
use super::request::Visitor;
use super::serve::AdminState;
use crate::journal::{Given, GivenBy};
use crate::source::{IntakeState, SourceCard};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long the record is looked through for what the sources gave.
const TIME: Duration = Duration::from_millis(500);

/// The sources of the station, and the queue that they share.
#[derive(Serialize, ToSchema)]
pub struct SourcesView {
    /// When the station started, in microseconds since 1970: what is counted is counted since then.
    pub since_us: i64,
    /// The counts of the record are of its newest 20,000 inspections only.
    pub cut: bool,
    pub queue: QueueView,
    pub sources: Vec<SourceView>,
}

/// Between the sources and the lanes.
#[derive(Serialize, ToSchema)]
pub struct QueueView {
    /// Pictures that wait for a lane.
    pub frames: u64,
    pub most_frames: usize,
    /// Bytes of picture files that may be on their way from source to verdict.
    pub most_bytes: u64,
}

#[derive(Serialize, ToSchema)]
pub struct SourceView {
    pub name: String,
    /// `folder`, `http`, `replay` or `burst`.
    pub kind: &'static str,
    /// `running`, `ended` (it gives nothing any more) or `stopped` (with the line).
    pub state: &'static str,
    /// Frames that it gave.
    pub frames: u64,
    /// Those of them that were undecided since the source could not give their picture.
    pub unreadable: u64,
    /// Numbers of its own counter that gave no frame.
    pub lost: u64,
    /// When its newest picture was taken, in microseconds since 1970.
    pub newest_us: Option<i64>,
    /// Where uploads wait; null for other kinds than `http`.
    pub uploads: Option<UploadsView>,
    /// As in station.toml.
    pub settings: BTreeMap<&'static str, String>,
}

#[derive(Serialize, ToSchema)]
pub struct UploadsView {
    /// Pictures that wait for a place in the line.
    pub waiting: usize,
    pub most: usize,
    /// Uploads that are being read.
    pub reading: usize,
    /// Uploads that found no room (429).
    pub refused: u64,
}

impl From<IntakeState> for UploadsView {
    fn from(state: IntakeState) -> Self {
        let IntakeState { waiting, most, reading, refused } = state;
        Self { waiting, most, reading, refused }
    }
}

/// None where the journal cannot be read.
async fn look(state: &AdminState) -> Option<SourcesView> {
    let given = read(state, |reader| reader.given(Instant::now() + TIME)).await?;
    let (stopped, ended) = (state.board.condition().stopped.is_some(), state.board.ended_sources());
    let state_of = |name: &str| match (stopped, ended.contains(name)) {
        (true, _) => "stopped",
        (false, true) => "ended",
        (false, false) => "running",
    };
    let one = |card: &SourceCard| {
        let intake = state.intakes.iter().find(|intake| intake.options.name == card.name);
        source(card, state_of(&card.name), &given, intake.map(|intake| intake.state().into()))
    };
    Some(SourcesView {
        since_us: given.since_us,
        cut: given.cut,
        queue: QueueView {
            frames: state.board.queued(),
            most_frames: state.sources.queue.frames,
            most_bytes: state.sources.queue.bytes,
        },
        sources: state.sources.sources.iter().map(one).collect(),
    })
}

fn source(card: &SourceCard, state: &'static str, given: &Given, uploads: Option<UploadsView>) -> SourceView {
    let GivenBy { frames, unreadable, lost, newest_us } = given.by_source.get(&card.name).copied().unwrap_or_default();
    let (name, kind) = (card.name.clone(), card.kind);
    let settings = card.settings.iter().cloned().collect();
    SourceView { name, kind, state, frames, unreadable, lost, newest_us, uploads, settings }
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(view) = look(&state).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let title = visitor.lang.text("sources.title");
    page(&visitor.frame(&state), Some(Tab::Sources), title, &content(visitor.lang, &view)).into_response()
}

/// Where frames come from, and how each source is.
#[utoipa::path(get, path = "/api/v1/sources", operation_id = "listSources", tag = "station",
    responses((status = 200, description = "Settings, state and counts of each", body = SourcesView)))]
pub async fn json(State(state): State<AdminState>) -> Result<Response, Problem> {
    let view = look(&state).await.ok_or_else(Problem::internal)?;
    Ok(Json(view).into_response())
}
