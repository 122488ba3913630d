//! Drift: how the monitors' series went, what changed first, how features are spread, and pictures of before and after.

mod view;
mod wish;

pub use view::{
    CollectJson, CrossingJson, DistributionJson, DriftOverviewJson, DriftReportJson, EpisodeJson, SampleJson, SetJson,
    ToldJson,
};
pub use wish::{Asked, Wish};

use super::api::Problem;
use super::api::parameters::no_empty;
use super::filter::{Pairs, Wrong};
use super::i18n::Lang;
use super::pages::drift::{DriftView, content};
use super::pages::layout::{Tab, page};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::{DriftSeries, with_causes};
use crate::journal::{DriftPoints, JournalError};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use view::{DriftError, Sources, finite};

/// Points of one chart.
const POINTS: u16 = 360;
/// Longest name of a plugin, feature or statistic.
const MAX_NAME_CHARS: usize = 128;

/// Which time is asked about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described: `Wish` reads all of it, with all that is wrong at once")]
pub struct SpanParams {
    /// Up to now; an hour where nothing is said.
    #[param(inline)]
    range: Option<super::series::Range>,
    /// Instead of a range: from when on. RFC 3339, or `2026-11-24`, or `2026-11-24T03:19` in UTC.
    from: Option<String>,
    /// Until when, at most 90 days later; until now where only `from` is given.
    to: Option<String>,
    /// Id of an episode of that time; the newest where none is named.
    episode: Option<i64>,
}

/// Why there is no answer.
enum Refused {
    Wrong(Vec<Wrong>),
    NoSuch,
    Busy,
    Internal,
}

/// Reads on a thread that may block, in turn with others that take a while.
async fn ask<T: Send + 'static>(
    state: &AdminState,
    work: impl FnOnce(&Sources<'_>) -> Result<T, DriftError> + Send + 'static,
) -> Result<T, Refused> {
    let Some(turn) = state.take_turn().await else { return Err(Refused::Busy) };
    let (journal, access, station) =
        (Arc::clone(&state.journal), Arc::clone(&state.access), Arc::clone(&state.station));
    let card = state.board.snapshot().recipe.clone();
    let work = move || {
        // Until it is read, also where nobody waits for it any more.
        let _turn = turn;
        work(&Sources {
            station: &station,
            journal: &journal,
            ledger: access.ledger(),
            reference: card.as_ref().and_then(|card| card.recipe.model.reference.as_deref()),
            now_us: crate::pipeline::now_us(),
        })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(DriftError::Journal(JournalError::TookTooLong { .. }))) => Err(Refused::Busy),
        Ok(Err(error)) => {
            tracing::error!(error = with_causes(&error), "what monitors reported cannot be read");
            Err(Refused::Internal)
        }
        Err(error) => {
            tracing::error!(%error, "a look at the drift panicked");
            Err(Refused::Internal)
        }
    }
}

fn understand(wish: &Wish) -> Result<Asked, Refused> {
    wish.understand(crate::pipeline::now_us()).map_err(Refused::Wrong)
}

/// All that the page shows.
pub struct Seen {
    pub overview: DriftOverviewJson,
    pub told: Option<ToldJson>,
    pub distributions: Vec<DistributionJson>,
}

async fn see(state: &AdminState, wish: &Wish) -> Result<(Asked, Seen), Refused> {
    let asked = understand(wish)?;
    let seen = ask(state, move |sources| {
        let overview = sources.overview(asked.span)?;
        let told = sources.told(asked.span, asked.episode)?;
        let distributions = sources.distributions(asked.span, told.as_ref())?;
        Ok(Seen { overview, told, distributions })
    });
    let seen = seen.await?;
    if asked.episode.is_some() && seen.told.is_none() {
        return Err(Refused::NoSuch);
    }
    Ok((asked, seen))
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    let wish = Wish::new(&pairs, &[]);
    let no_episode = || vec![Wrong::new("episode", "no-episode", wish.get("episode"))];
    let (status, seen, wrong) = match see(&state, &wish).await {
        Ok(seen) => (StatusCode::OK, Some(seen), Vec::new()),
        Err(Refused::Wrong(wrong)) => (StatusCode::BAD_REQUEST, None, wrong),
        Err(Refused::NoSuch) => (StatusCode::NOT_FOUND, None, no_episode()),
        Err(Refused::Busy) => return visitor.problem(&state, StatusCode::SERVICE_UNAVAILABLE, "error.busy"),
        Err(Refused::Internal) => {
            return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
        }
    };
    let frame = visitor.frame(&state);
    let content = content(&DriftView { frame: &frame, wish: &wish, wrong: &wrong, seen: seen.as_ref() });
    (status, page(&frame, Some(Tab::Drift), visitor.lang.text("drift.title"), &content)).into_response()
}

impl Refused {
    fn problem(self) -> Problem {
        match self {
            Self::Wrong(wrong) => {
                let said: Vec<String> = wrong.iter().map(|one| one.say(Lang::En)).collect();
                let title = "The time is not understood";
                Problem::new(StatusCode::BAD_REQUEST, "bad-span", title, said.join("; "))
            }
            Self::NoSuch => {
                let detail = "no such episode, or series, of this time: GET /api/v1/drift lists those that there are";
                Problem::new(StatusCode::NOT_FOUND, "no-such-drift", "There is no such drift", detail)
            }
            Self::Busy => Problem::busy(),
            Self::Internal => Problem::internal(),
        }
    }
}

fn answer<T: Serialize>(made: Result<T, Refused>) -> Response {
    match made {
        Ok(made) => Json(made).into_response(),
        Err(refused) => refused.problem().into_response(),
    }
}

/// How the monitors' series stand, and when they drifted.
#[utoipa::path(get, path = "/api/v1/drift", operation_id = "getDrift", tag = "station", params(SpanParams),
    responses(
        (status = 200, description = "Series, episodes, alarms", body = DriftOverviewJson),
        (status = 400, response = Problem), (status = 503, response = Problem)))]
pub async fn json(State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    if let Err(problem) = no_empty(&pairs) {
        return problem.into_response();
    }
    let made = async {
        let asked = understand(&Wish::new(&pairs, &[]))?;
        ask(&state, move |sources| sources.overview(asked.span)).await
    };
    answer(made.await)
}

/// One time of drift: what changed first, pictures of before and since, how features are spread.
#[derive(Serialize, ToSchema)]
struct EpisodeAnswer {
    #[serde(flatten)]
    told: ToldJson,
    distributions: Vec<DistributionJson>,
}

/// What changed first, pictures of before and since then, and how the features are spread.
#[utoipa::path(get, path = "/api/v1/drift/episode", operation_id = "getDriftEpisode", tag = "station",
    params(SpanParams),
    responses(
        (status = 200, description = "The episode", body = EpisodeAnswer),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 503, response = Problem)))]
pub async fn episode(State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    if let Err(problem) = no_empty(&pairs) {
        return problem.into_response();
    }
    let made = async {
        let (_, Seen { told, distributions, .. }) = see(&state, &Wish::new(&pairs, &[])).await?;
        told.map(|told| EpisodeAnswer { told, distributions }).ok_or(Refused::NoSuch)
    };
    answer(made.await)
}

/// Whose series.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described: `named` reads it")]
pub struct SeriesParams {
    #[param(max_length = 128)]
    plugin: String,
    #[param(max_length = 128)]
    feature: String,
    #[param(max_length = 128)]
    statistic: String,
}

const SERIES_KEYS: [&str; 3] = ["plugin", "feature", "statistic"];

fn named(pairs: &[(String, String)]) -> Result<DriftSeries, Problem> {
    let one = |wanted: &str| {
        let mut values = pairs.iter().filter(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        let value = values.next().filter(|value| values.next().is_none() && value.chars().count() <= MAX_NAME_CHARS);
        value.ok_or_else(|| Problem::bad_request(format!("{wanted} has to be given once, in at most 128 characters")))
    };
    let [plugin, feature, statistic] = SERIES_KEYS.map(one);
    Ok(DriftSeries { plugin: plugin?, feature: feature?, statistic: statistic? })
}

/// Columns of a chart.
#[derive(Serialize, ToSchema, Default)]
struct DriftSeriesJson {
    /// The time that was asked about, in seconds since 1970.
    from: f64,
    to: f64,
    /// True where parts of the time had more reports than were looked at.
    thinned: bool,
    /// When each report was made, in seconds since 1970.
    t: Vec<f64>,
    value: Vec<Option<f64>>,
    threshold: Vec<Option<f64>>,
    drifted: Vec<bool>,
}

/// One series over a time, at most 360 parts of it with the highest report of each.
#[utoipa::path(get, path = "/api/v1/drift/series", operation_id = "getDriftSeries", tag = "station",
    params(SeriesParams, SpanParams),
    responses(
        (status = 200, description = "The series", body = DriftSeriesJson),
        (status = 400, response = Problem), (status = 404, response = Problem), (status = 503, response = Problem)))]
pub async fn series(State(state): State<AdminState>, Pairs(pairs): Pairs) -> Response {
    let series = match no_empty(&pairs).and_then(|()| named(&pairs)) {
        Ok(series) => series,
        Err(problem) => return problem.into_response(),
    };
    let made = async {
        let asked = understand(&Wish::new(&pairs, &SERIES_KEYS))?;
        let points = ask(&state, move |sources| {
            let is_known = |seen: &crate::journal::Observed| {
                (&seen.plugin, &seen.feature, &seen.statistic) == (&series.plugin, &series.feature, &series.statistic)
            };
            if !sources.journal.latest_reports()?.iter().any(is_known) {
                return Ok(None);
            }
            Ok(Some(sources.journal.drift_points(&series, asked.span, POINTS)?))
        });
        let points = points.await?.ok_or(Refused::NoSuch)?;
        Ok(columns(asked, points))
    };
    answer(made.await)
}

fn columns(asked: Asked, DriftPoints { points, thinned }: DriftPoints) -> DriftSeriesJson {
    let seconds = |micros: i64| micros as f64 / 1e6;
    let (from, to) = (seconds(asked.span.from_us), seconds(asked.span.to_us));
    let mut columns = DriftSeriesJson { from, to, thinned, ..DriftSeriesJson::default() };
    for point in points {
        columns.t.push(seconds(point.at_us));
        columns.value.push(finite(point.value));
        columns.threshold.push(finite(point.threshold));
        columns.drifted.push(point.drifted);
    }
    columns
}
