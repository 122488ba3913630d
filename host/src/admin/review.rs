//! Reviews: the queue of parts that people should look at, and what they say of them.

use super::asked::Named;
use super::browse::{row, turn};
use super::draft::{Draft, queue_page};
use super::filter::{Pairs, Wish};
use super::inspections::{Beside, read, show_detail};
use super::pages::layout::{Tab, page};
use super::pages::review::{QueueView, queue as draw_queue};
use super::request::{By, Visitor, own_path};
use super::serve::AdminState;
use crate::domain::{Actor, FrameId, VerdictKind, VerdictPolicy};
use crate::journal::{AuditEntry, JournalError, NewReview, Reader, ReviewError};
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Parts on one page of the queue.
const CARDS: usize = 24;
/// A score is near a threshold where it is at most so far from it.
const NEAR: f64 = 0.05;

/// Why people should look at a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    Undecided,
    Fail,
    Near,
    Adversarial,
    /// Passes of the random sample.
    Sample,
    /// Looked at by one other person.
    Second,
    Disputed,
}

impl Queue {
    pub const ALL: [Self; 7] =
        [Self::Undecided, Self::Fail, Self::Near, Self::Adversarial, Self::Sample, Self::Second, Self::Disputed];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Fail => "fail",
            Self::Near => "near",
            Self::Adversarial => "adversarial",
            Self::Sample => "sample",
            Self::Second => "second",
            Self::Disputed => "disputed",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        if name.is_empty() {
            return Some(Self::Undecided);
        }
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// The filter of the parts that wait; none for those that have been looked at once.
    fn wish(self, policy: Option<&VerdictPolicy>) -> Option<Wish> {
        let waiting = |query: &str| Some(Wish::from_query(&format!("{query}&reviewed=no&limit={CARDS}")));
        match self {
            Self::Undecided => waiting("verdict=undecided"),
            Self::Fail => waiting("verdict=fail"),
            Self::Adversarial => waiting("finding=adversarial"),
            Self::Sample => waiting("sampled=yes"),
            Self::Near => {
                let (pass, fail) =
                    policy.map_or((0.5, 0.5), |policy| (policy.min_pass_probability, policy.min_fail_probability));
                let (low, high) = (f64::from(pass.min(fail)) - NEAR, f64::from(pass.max(fail)) + NEAR);
                waiting(&format!("score_min={:.3}&score_max={:.3}", low.max(0.0), high.min(1.0)))
            }
            Self::Second | Self::Disputed => None,
        }
    }
}

/// The rows of a queue, the address of what is behind them, and whether the search was stopped.
fn waiting(
    reader: &Reader,
    queue: Queue,
    wish: Option<&Wish>,
    reviewer: &str,
) -> Result<(Vec<super::pages::list::ListRow>, Option<String>, bool), JournalError> {
    let Some(wish) = wish else {
        let lines = match queue {
            Queue::Second => reader.second_looks(reviewer, CARDS)?,
            _ => reader.disputed(CARDS)?,
        };
        let reviewed = reader.reviewed_rows(&lines.iter().map(|line| line.row).collect::<Vec<_>>())?;
        return Ok((lines.iter().map(|line| row(line, &reviewed)).collect(), None, false));
    };
    // Understood: it was checked before.
    let Ok(asked) = wish.understand() else { return Ok((Vec::new(), None, false)) };
    let turned = turn(reader, wish, &asked)?;
    let older = turned.older.map(|cursor| format!("/review?queue={}&cursor={cursor}", queue.name()));
    let rows = turned.lines.iter().map(|line| row(line, &turned.reviewed)).collect();
    Ok((rows, older, turned.stopped_at_us.is_some()))
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    let bad = || visitor.problem(&state, StatusCode::BAD_REQUEST, "error.bad-request");
    let asked = queue_page(pairs);
    let Some((name, cursor)) = asked else { return bad() };
    let Some(queue) = Queue::from_name(&name) else { return bad() };
    let card = state.board.snapshot().recipe.clone();
    let wish = queue.wish(card.as_ref().map(|card| &card.recipe.policy)).map(|wish| wish.with("cursor", &cursor));
    if wish.as_ref().is_some_and(|wish| wish.understand().is_err()) {
        // A cursor of a queue whose thresholds have changed since, or of another one.
        return bad();
    }
    let reviewer = visitor.identity.as_ref().map(|identity| identity.actor.name.clone()).unwrap_or_default();
    let own = wish.clone();
    let found = read(&state, move |reader| waiting(reader, queue, own.as_ref(), &reviewer)).await;
    let Some((rows, older, stopped)) = found else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let frame = visitor.frame(&state);
    let labels = card.map(|card| card.recipe.model.labels.clone()).unwrap_or_default();
    let note = (queue == Queue::Near).then(|| wish.as_ref().map(near_note)).flatten();
    let view = QueueView { frame: &frame, queue, rows: &rows, older, stopped, labels: &labels, note };
    let content = draw_queue(&view);
    page(&frame, Some(Tab::Review), visitor.lang.text("queue.title"), &content).into_response()
}

fn near_note(wish: &Wish) -> String {
    format!("{} - {}", wish.get("score_min"), wish.get("score_max"))
}

/// Records a review with its audit row; none is there without the other.
pub async fn record(state: &AdminState, actor: Actor, id: FrameId, review: NewReview) -> Result<i64, ReviewError> {
    let (desk, access) = (state.reviews.clone(), Arc::clone(&state.access));
    let work = move || {
        let checked = desk.check(&id, &review, &actor)?;
        let target = format!("{id} {}", review.verdict);
        let entry = AuditEntry::new(&actor, "review", target).because(review.reason.as_deref());
        access.ledger().audit(&entry).map_err(|source| ReviewError::Audit { source })?;
        desk.record(checked).map(|committed| committed.row).inspect_err(|error| {
            access.refused(entry, error.code());
        })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "recording a review panicked");
        Err(ReviewError::Panicked)
    })
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
pub struct ReviewForm {
    verdict: String,
    label: String,
    reason: String,
    seen: i64,
    back: String,
}

/// Takes a review from the detail page or from the queue. What is wrong with it is said beside what was entered.
pub async fn post(
    visitor: Visitor,
    By(actor): By,
    State(state): State<AdminState>,
    Named(id): Named,
    form: Result<Form<ReviewForm>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Some(frame) = FrameId::parse(&id) else {
        return visitor.problem(&state, StatusCode::NOT_FOUND, "error.not-found");
    };
    let Ok(Form(ReviewForm { verdict, label, reason, seen, back })) = form else {
        return visitor.problem(&state, StatusCode::BAD_REQUEST, "error.bad-form");
    };
    let draft = Draft { verdict, label, reason, back };
    let Some(verdict) = verdict_of(&draft.verdict) else {
        let wrong = visitor.lang.text("review.err-choose").to_owned();
        return show_detail(
            &visitor,
            &state,
            &id,
            &Wish::default(),
            Beside { draft, note: Some((StatusCode::UNPROCESSABLE_ENTITY, wrong)), replay: None },
        )
        .await;
    };
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
    let review = NewReview { verdict, label: text(&draft.label), reason: text(&draft.reason), seen };
    match record(&state, actor, frame, review).await {
        Ok(_) => {
            let to = if draft.back.is_empty() { format!("/inspections/{id}") } else { own_path(&draft.back) };
            (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
        }
        Err(error) => {
            tracing::warn!(error = crate::domain::with_causes(&error), "a review was not recorded");
            let wrong = visitor.lang.text(&format!("review.err-{}", error.code())).to_owned();
            let beside = Beside { draft, note: Some((status_of(&error), wrong)), replay: None };
            show_detail(&visitor, &state, &id, &Wish::default(), beside).await
        }
    }
}

pub const fn status_of(error: &ReviewError) -> StatusCode {
    match error {
        ReviewError::UnknownFrame { .. } => StatusCode::NOT_FOUND,
        ReviewError::ReasonMissing { .. } | ReviewError::TooLong { .. } | ReviewError::NotOneLine { .. } => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ReviewError::Stale { .. } => StatusCode::CONFLICT,
        ReviewError::Audit { .. } | ReviewError::Journal { .. } | ReviewError::Panicked => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

pub fn verdict_of(name: &str) -> Option<VerdictKind> {
    [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided].into_iter().find(|kind| kind.name() == name)
}
