use super::asked::Named;
use super::pages::detail::{DetailView, content as detail_content};
use super::pages::layout::{Tab, page};
use super::pages::list::{ListQuery, ListRow, content as list_content};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::{Digest, FrameId, Report, VerdictKind, is_heatmap};
use crate::journal::{Cursor, Entry, Filter, JournalError, Line, Observed, Page, Reader};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Inspections on one page of the list.
const PAGE_ROWS: usize = 50;

/// Reads the journal on a thread that may block.
pub(super) async fn read<T: Send + 'static>(
    state: &AdminState,
    work: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
) -> Option<T> {
    let reader = std::sync::Arc::clone(&state.journal);
    match tokio::task::spawn_blocking(move || work(&reader)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::error!(error = %error, "the admin cannot read the journal");
            None
        }
        Err(error) => {
            tracing::error!(error = %error, "a reader of the admin panicked");
            None
        }
    }
}

pub async fn list(
    visitor: Visitor,
    State(state): State<AdminState>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Response {
    let bad = || visitor.problem(&state, StatusCode::BAD_REQUEST, "error.bad-request");
    let Ok(Query(query)) = query else { return bad() };
    let Some((filter, page_of)) = parse(&query) else { return bad() };
    let Some(listing) = read(&state, move |reader| reader.list(&filter, &page_of)).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let rows: Vec<ListRow> = listing.lines.into_iter().map(row).collect();
    let older = listing.next.map(|cursor| cursor.to_string());
    let content = list_content(visitor.lang, &query, &rows, older.as_deref());
    page(&visitor.frame(&state), Some(Tab::Inspections), visitor.lang.text("list.title"), &content).into_response()
}

/// The filter of a query; none where a part of it is not understood.
fn parse(query: &ListQuery) -> Option<(Filter, Page)> {
    let verdict = match query.verdict.as_str() {
        "" => None,
        "pass" => Some(VerdictKind::Pass),
        "fail" => Some(VerdictKind::Fail),
        "undecided" => Some(VerdictKind::Undecided),
        _ => return None,
    };
    let text = |value: &str| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
    let filter = Filter {
        verdict,
        label: text(&query.label),
        finding: text(&query.finding),
        product: text(&query.product),
        serial: text(&query.serial),
        flagged: (!query.flagged.is_empty()).then_some(true),
        ..Filter::default()
    };
    let before = match query.before.as_str() {
        "" => None,
        cursor => Some(cursor.parse::<Cursor>().ok()?),
    };
    Some((filter, Page { before, limit: PAGE_ROWS }))
}

fn row(line: Line) -> ListRow {
    let reason = line.code.clone().or_else(|| line.label.clone()).unwrap_or_default();
    ListRow {
        id: line.id,
        captured_at_us: line.captured_at_us,
        verdict: line.verdict,
        reason,
        score: line.score.map(|score| score as f32),
        picture: line.picture,
        origin: line.origin,
        serial: line.serial,
        flagged: line.flagged,
        total_micros: u64::try_from(line.total_us).unwrap_or(0),
        device: line.device,
    }
}

pub async fn detail(visitor: Visitor, State(state): State<AdminState>, Named(id): Named) -> Response {
    let missing = || visitor.problem(&state, StatusCode::NOT_FOUND, "error.not-found");
    let Some(id) = FrameId::parse(&id) else { return missing() };
    let wanted = id.clone();
    let Some(found) = read(&state, move |reader| Ok((reader.get(&wanted)?, neighbours(reader, &wanted)?))).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let (Some(entry), (older, newer)) = found else { return missing() };
    let content = detail_content(visitor.lang, &view(entry, older, newer));
    page(&visitor.frame(&state), Some(Tab::Inspections), &id.to_string(), &content).into_response()
}

/// The frames before and after, where they are recorded.
fn neighbours(reader: &Reader, id: &FrameId) -> Result<(Option<String>, Option<String>), JournalError> {
    let there = |trigger: Option<u64>| -> Result<Option<String>, JournalError> {
        let Some(trigger) = trigger.filter(|trigger| *trigger > 0) else { return Ok(None) };
        let other = FrameId { trigger, ..id.clone() };
        Ok(reader.get(&other)?.map(|_| other.to_string()))
    };
    Ok((there(id.trigger.checked_sub(1))?, there(id.trigger.checked_add(1))?))
}

fn view(entry: Entry, older: Option<String>, newer: Option<String>) -> DetailView {
    DetailView {
        inspection: entry.inspection,
        images: entry.images.into_iter().map(|image| (image.plugin, image.name, image.digest)).collect(),
        reports: entry.observations.into_iter().map(report).collect(),
        has_picture: entry.picture_kept,
        row_hash: entry.hash.to_string(),
        older,
        newer,
    }
}

/// A recorded report with its plugin.
pub(super) fn report(seen: Observed) -> (String, Report) {
    let Observed { plugin, feature, statistic, value, threshold, drifted, window, .. } = seen;
    (plugin, Report { feature, statistic, value, threshold, drifted, window })
}

/// The heat map of an inspection, by the inspection's name: the live page knows no more.
pub async fn heatmap(State(state): State<AdminState>, Named(id): Named) -> Response {
    let missing = || StatusCode::NOT_FOUND.into_response();
    let Some(id) = FrameId::parse(&id) else { return missing() };
    let found = read(&state, move |reader| {
        let images = reader.get(&id)?.map(|entry| entry.images).unwrap_or_default();
        let map = images.into_iter().find(|image| is_heatmap(&image.plugin, &image.name));
        map.map_or(Ok(None), |image| reader.picture(&image.digest))
    });
    let Some(Some(bytes)) = found.await else { return missing() };
    let headers = [(header::CONTENT_TYPE, media_type(&bytes)), (header::CACHE_CONTROL, "private, no-cache")];
    (headers, bytes).into_response()
}

/// A stored picture. Its digest is its name, so it never changes.
pub async fn picture(State(state): State<AdminState>, Named(digest): Named) -> Response {
    let Ok(digest) = digest.parse::<Digest>() else { return StatusCode::NOT_FOUND.into_response() };
    let Some(Some(bytes)) = read(&state, move |reader| reader.picture(&digest)).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers =
        [(header::CONTENT_TYPE, media_type(&bytes)), (header::CACHE_CONTROL, "private, max-age=31536000, immutable")];
    (headers, bytes).into_response()
}

/// By the first bytes. What no browser shows is offered as a download.
fn media_type(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'B', b'M', ..] => "image/bmp",
        _ => "application/octet-stream",
    }
}
