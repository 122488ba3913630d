use super::asked::Asked;
use super::inspections::{read, report};
use super::pages::drift::content;
use super::pages::layout::{Tab, page};
use super::request::Visitor;
use super::serve::AdminState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Points of one chart.
const POINTS: usize = 500;

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let Some(seen) = read(&state, |reader| reader.latest_reports()).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let reports: Vec<_> = seen.into_iter().map(report).collect();
    let content = content(visitor.lang, &reports);
    page(&visitor.frame(&state), Some(Tab::Drift), visitor.lang.text("drift.title"), &content).into_response()
}

#[derive(serde::Deserialize)]
pub struct SeriesQuery {
    plugin: String,
    feature: String,
    statistic: String,
}

/// Columns of a chart: seconds since 1970, values, thresholds.
#[derive(serde::Serialize, Default)]
struct Series {
    t: Vec<f64>,
    value: Vec<Option<f64>>,
    threshold: Vec<Option<f64>>,
}

pub async fn series(State(state): State<AdminState>, Asked(query): Asked<SeriesQuery>) -> Response {
    let SeriesQuery { plugin, feature, statistic } = query;
    let Some(points) = read(&state, move |reader| reader.drift(&plugin, &feature, &statistic, POINTS)).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let mut series = Series::default();
    for point in points {
        series.t.push(point.at_us as f64 / 1e6);
        series.value.push(finite(point.value));
        series.threshold.push(finite(point.threshold));
    }
    Json(series).into_response()
}
