//! The list of inspections: filters, pages in both directions, saved views.

use super::filter::{Pairs, Understood, Wish};
use super::inspections::read;
use super::pages::layout::{Tab, page};
use super::pages::list::{ListRow, ListView, content};
use super::request::{By, Visitor};
use super::serve::AdminState;
use super::users::ask;
use crate::domain::one_line;
use crate::journal::{AuditEntry, Direction, Found, JournalError, Line, Reader, Reviewed, SavedView};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;

pub const PATH: &str = "/inspections";
/// Characters of a view's name.
const MAX_NAME_CHARS: usize = 60;

/// A page of inspections with what people said of them.
pub struct Turned {
    pub lines: Vec<Line>,
    pub reviewed: BTreeMap<i64, Reviewed>,
    /// Cursors of the pages beside this one; none where there is none.
    pub newer: Option<String>,
    pub older: Option<String>,
    /// How far it was looked, where the search was stopped before the page was full.
    pub stopped_at_us: Option<i64>,
}

/// Reads the page that was asked for.
pub fn turn(reader: &Reader, wish: &Wish, asked: &Understood) -> Result<Turned, JournalError> {
    let Found { lines, more, stopped } = reader.search(&asked.filter, &asked.turn())?;
    let rows: Vec<i64> = lines.iter().map(|line| line.row).collect();
    let reviewed = reader.reviewed_rows(&rows)?;
    let (newest, oldest) = (lines.first().map(Line::cursor), lines.last().map(Line::cursor));
    let (newer, older) = match asked.direction {
        // Where the page is empty, the way back begins at the place that it was read from.
        Direction::Older => {
            (newest.or(asked.from).filter(|_| asked.from.is_some()), stopped.or(oldest).filter(|_| more))
        }
        Direction::Newer => (stopped.or(newest).filter(|_| more), oldest.or(asked.from)),
    };
    Ok(Turned {
        newer: newer.map(|place| wish.cursor(place, Direction::Newer)),
        older: older.map(|place| wish.cursor(place, Direction::Older)),
        stopped_at_us: stopped.map(|place| place.judged_at_us),
        lines,
        reviewed,
    })
}

pub async fn list(visitor: Visitor, State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    let wish = Wish::new(pairs, &["note"]);
    show(&visitor, &state, &wish, None).await
}

async fn show(visitor: &Visitor, state: &AdminState, wish: &Wish, note: Option<&'static str>) -> Response {
    let internal = || visitor.problem(state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    let owner = visitor.identity.as_ref().map(|identity| identity.actor.name.clone()).unwrap_or_default();
    let Ok(views) = ask(state, move |access| Ok(access.ledger().views(&owner)?)).await else { return internal() };
    let (mut status, mut wrong, mut turned) = (StatusCode::OK, Vec::new(), None);
    match wish.understand() {
        Ok(asked) => {
            let own = wish.clone();
            let Some(found) = read(state, move |reader| turn(reader, &own, &asked)).await else { return internal() };
            turned = Some(found);
        }
        Err(found) => (status, wrong) = (StatusCode::BAD_REQUEST, found),
    }
    if note.is_some() {
        status = StatusCode::UNPROCESSABLE_ENTITY;
    }
    let rows =
        turned.iter().flat_map(|turned| turned.lines.iter().map(move |line| row(line, &turned.reviewed))).collect();
    let frame = visitor.frame(state);
    let view = ListView { frame: &frame, wish, wrong: &wrong, rows, turned: turned.as_ref(), views: &views, note };
    let content = content(&view);
    (status, page(&frame, Some(Tab::Inspections), visitor.lang.text("list.title"), &content)).into_response()
}

/// A line as a page shows it.
pub fn row(line: &Line, reviewed: &BTreeMap<i64, Reviewed>) -> ListRow {
    ListRow {
        id: line.id.clone(),
        captured_at_us: line.captured_at_us,
        verdict: line.verdict,
        reason: line.code.clone().or_else(|| line.label.clone()).unwrap_or_default(),
        score: line.score,
        picture: line.picture,
        origin: line.origin.clone(),
        serial: line.serial.clone(),
        flagged: line.flagged,
        total_micros: u64::try_from(line.total_us).unwrap_or(0),
        reviewed: reviewed.get(&line.row).cloned(),
    }
}

#[derive(serde::Deserialize)]
pub struct ViewForm {
    name: String,
    /// The filter, as an address has it.
    query: String,
}

/// Keeps the filter of a list under a name, for whoever asks.
pub async fn save_view(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Form(form): Form<ViewForm>,
) -> Response {
    let wish = Wish::from_query(&form.query);
    let name = one_line(form.name.trim());
    let long = name.chars().count() > MAX_NAME_CHARS;
    if name.is_empty() || long || wish.understand().is_err() {
        let note = if long { "views.long" } else { "views.nameless" };
        return show(&visitor, &state, &wish, Some(note)).await;
    }
    let entry = AuditEntry::new(&actor, "save-view", name.clone());
    let view = SavedView { name, query: wish.query() };
    match ask(&state, move |access| Ok(access.ledger().save_view(&actor.name, &view, &entry)?)).await {
        Ok(true) => back(&wish),
        Ok(false) => show(&visitor, &state, &wish, Some("views.too-many")).await,
        Err(_) => visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.internal"),
    }
}

/// Forgets a view; one that is not there is forgotten already.
pub async fn forget_view(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Form(form): Form<ViewForm>,
) -> Response {
    let wish = Wish::from_query(&form.query);
    let entry = AuditEntry::new(&actor, "forget-view", form.name.clone());
    match ask(&state, move |access| Ok(access.ledger().forget_view(&actor.name, &form.name, &entry)?)).await {
        Ok(_) => back(&wish),
        Err(_) => visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.internal"),
    }
}

fn back(wish: &Wish) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, wish.address(PATH))]).into_response()
}
