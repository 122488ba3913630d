use super::asked::Named;
use super::browse::PATH;
use super::draft::{self, Draft};
use super::filter::{Pairs, Wish};
use super::pages::detail::{DetailView, Neighbours, content as detail_content};
use super::pages::layout::{Tab, page};
use super::pages::replay::ReplayPanel;
use super::pages::review::Panel;
use super::replay::Refused;
use super::request::Visitor;
use super::serve::AdminState;
use crate::deploy::Replayed;
use crate::domain::{Digest, FrameId, Report, VerdictPolicy, is_heatmap};
use crate::journal::{Budget, Cursor, Direction, Entry, Filter, JournalError, Observed, Reader, Review, Turn};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use std::time::Duration;

/// Reviews of one part that its page shows, the newest.
const REVIEWS_SHOWN: usize = 50;
/// What the way to the next inspection of a filter may cost, each way.
const NEIGHBOUR_BUDGET: Budget = Budget { places: 1 << 20, time: Duration::from_millis(20) };

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

pub async fn detail(
    visitor: Visitor,
    State(state): State<AdminState>,
    Named(id): Named,
    Pairs(pairs): Pairs,
) -> Response {
    let wish = Wish::new(pairs, &draft::KEYS);
    let draft = Draft::of(&wish);
    let kept = draft.is_kept().then(|| (StatusCode::OK, visitor.lang.text("review.kept").to_owned()));
    show_detail(&visitor, &state, &id, &wish, Beside { draft, note: kept, replay: None }).await
}

/// What a page of one inspection shows beside what is recorded.
#[derive(Default)]
pub(super) struct Beside {
    /// What somebody has entered into the review form.
    pub draft: Draft,
    /// What is to be said of that, with the status of the answer.
    pub note: Option<(StatusCode, String)>,
    /// What came of judging it again, where somebody asked for that.
    pub replay: Option<Result<Replayed, Refused>>,
}

/// The page of one inspection within a filter.
pub(super) async fn show_detail(
    visitor: &Visitor,
    state: &AdminState,
    id: &str,
    wish: &Wish,
    beside: Beside,
) -> Response {
    let Beside { draft, note, replay } = beside;
    let missing = || visitor.problem(state, StatusCode::NOT_FOUND, "error.not-found");
    let Some(id) = FrameId::parse(id) else { return missing() };
    let filter = match wish.understand() {
        Ok(asked) => asked.filter,
        // The way to the next one is not worth refusing the page for.
        Err(_) => Filter::default(),
    };
    let Some(found) = read(state, move |reader| look_up(reader, &id, &filter)).await else {
        return visitor.problem(state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let Some(Looked { entry, older, newer, reviews }) = found else { return missing() };
    let frame = visitor.frame(state);
    let id = entry.inspection.meta.id.clone();
    let address = |id: &FrameId| wish.address(&format!("{PATH}/{id}"));
    let (older, newer) = (older.as_ref().map(address), newer.as_ref().map(address));
    let neighbours = Neighbours { all: wish.address(PATH), older, newer };
    let labels = entry.inspection.answer.as_ref().map(|answer| answer.labels.clone()).unwrap_or_default();
    let refused = replay.as_ref().and_then(|replay| replay.as_ref().err()).map(|refused| refused.status);
    let (status, wrong) = note.map_or((refused.unwrap_or(StatusCode::OK), None), |(status, text)| (status, Some(text)));
    let panel = Panel { frame: &frame, id: &id, reviews: &reviews, draft: &draft, labels: &labels, wrong }.draw();
    let card = state.board.snapshot().recipe.clone();
    let again = ReplayPanel {
        frame: &frame,
        action: wish.address(&format!("{PATH}/{id}/replay")),
        missing: match entry.inspection.picture {
            None => Some("replay.err-no-picture"),
            Some(_) => (!entry.picture_kept).then_some("replay.err-picture-gone"),
        },
        outcome: replay.as_ref(),
        running: card.as_ref().map(|card| &card.recipe),
    };
    let panels = (panel, again.draw());
    let policy = card.filter(|card| card.recipe.digest == entry.inspection.recipe_digest);
    let policy = policy.map(|card| card.recipe.policy.clone());
    let content = detail_content(visitor.lang, &view(entry, neighbours, panels, policy));
    (status, page(&frame, Some(Tab::Inspections), &id.to_string(), &content)).into_response()
}

/// One inspection with what is beside it in a list, and what people say of it.
struct Looked {
    entry: Entry,
    older: Option<FrameId>,
    newer: Option<FrameId>,
    reviews: Vec<Review>,
}

fn look_up(reader: &Reader, id: &FrameId, filter: &Filter) -> Result<Option<Looked>, JournalError> {
    let Some(entry) = reader.get(id)? else { return Ok(None) };
    let here = Cursor { judged_at_us: entry.inspection.judged_at_us, row: entry.row };
    let next = |direction| -> Result<Option<FrameId>, JournalError> {
        let turn = Turn { from: Some(here), direction, limit: 1, budget: NEIGHBOUR_BUDGET };
        Ok(reader.search(filter, &turn)?.lines.into_iter().next().map(|line| line.id))
    };
    let (older, newer) = (next(Direction::Older)?, next(Direction::Newer)?);
    let reviews = reader.reviews(entry.row, REVIEWS_SHOWN)?;
    Ok(Some(Looked { entry, older, newer, reviews }))
}

fn view(
    entry: Entry,
    neighbours: Neighbours,
    (review, replay): (Markup, Markup),
    policy: Option<VerdictPolicy>,
) -> DetailView {
    DetailView {
        inspection: entry.inspection,
        images: entry.images.into_iter().map(|image| (image.plugin, image.name, image.digest)).collect(),
        reports: entry.observations.into_iter().map(report).collect(),
        has_picture: entry.picture_kept,
        row_hash: entry.hash.to_string(),
        neighbours,
        review,
        replay,
        policy,
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
