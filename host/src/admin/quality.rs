//! What reviews say of the station's verdicts.

use super::asked::Asked;
use super::i18n::Lang;
use super::inspections::read;
use super::pages::layout::{Tab, page};
use super::pages::quality::{QualityView, content};
use super::request::Visitor;
use super::serve::AdminState;
use crate::domain::{Labelled, Sample, Strata, VerdictKind, VerdictPolicy, WhatIf, kappa};
use crate::journal::{JournalError, MAX_LABELLED, Reader};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::Markup;

/// Spans that can be chosen, in days.
const DAYS: [u32; 4] = [1, 7, 30, 90];
const DAY_US: i64 = 24 * 3600 * 1_000_000;
/// Points of a chart over time.
const SPANS: usize = 30;
/// Thresholds of the what-if curve.
const THRESHOLDS: u32 = 100;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityQuery {
    days: Option<u32>,
    /// Accuracy should not be below it; in [0, 1].
    floor: Option<f64>,
}

/// First and second opinions, and how often each pair was given.
type Opinions = Vec<(VerdictKind, VerdictKind, u64)>;

fn look_up(reader: &Reader, from_us: i64, to_us: i64) -> Result<(Vec<Labelled>, Strata, Opinions), JournalError> {
    let rows = reader.labelled(from_us, to_us, MAX_LABELLED)?;
    Ok((rows, reader.strata(from_us, to_us)?, reader.opinions(from_us, to_us)?))
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Asked(query): Asked<QualityQuery>) -> Response {
    let days = query.days.unwrap_or(7);
    let floor_is_share = query.floor.is_none_or(|floor| (0.0..=1.0).contains(&floor));
    if !DAYS.contains(&days) || !floor_is_share {
        return visitor.problem(&state, StatusCode::BAD_REQUEST, "error.bad-request");
    }
    let to_us = jiff::Timestamp::now().as_microsecond();
    let from_us = to_us - i64::from(days) * DAY_US;
    let card = state.board.snapshot().recipe.clone();
    let asked = AskedFor {
        lang: visitor.lang,
        days,
        from_us,
        to_us,
        policy: card.map(|card| card.recipe.policy.clone()),
        floor: query.floor,
    };
    // Figures of many rows take a while: not on the thread that serves.
    let Some(content) = read(&state, move |reader| draw(reader, &asked)).await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    page(&visitor.frame(&state), Some(Tab::Quality), visitor.lang.text("quality.title"), &content).into_response()
}

/// What the figures are to be of.
struct AskedFor {
    lang: Lang,
    days: u32,
    from_us: i64,
    to_us: i64,
    policy: Option<VerdictPolicy>,
    floor: Option<f64>,
}

fn draw(reader: &Reader, asked: &AskedFor) -> Result<Markup, JournalError> {
    let AskedFor { from_us, to_us, .. } = *asked;
    let (rows, strata, opinions) = look_up(reader, from_us, to_us)?;
    let mut pass_labels = asked.policy.as_ref().map(|policy| policy.pass_labels.clone()).unwrap_or_default();
    // Recipes before this one may have had others.
    let passed = rows.iter().filter(|row| row.verdict == VerdictKind::Pass).filter_map(|row| row.label.clone());
    pass_labels.extend(passed);
    pass_labels.sort_unstable();
    pass_labels.dedup();
    let sample = Sample::new(&rows, &strata);
    let what_if: Vec<WhatIf> =
        (0..=THRESHOLDS).map(|step| sample.what_if(&pass_labels, f64::from(step) / f64::from(THRESHOLDS))).collect();
    let bucket_us = (to_us - from_us) / i64::try_from(SPANS).unwrap_or(1);
    Ok(content(&QualityView {
        lang: asked.lang,
        days: asked.days,
        choices: &DAYS,
        rows: &rows,
        sample: &sample,
        spans: &sample.over_time(from_us, bucket_us, SPANS),
        what_if: &what_if,
        threshold: asked.policy.as_ref().map(|policy| f64::from(policy.min_pass_probability)),
        kappa: kappa(&opinions),
        pairs: opinions.iter().map(|(.., count)| count).sum(),
        cut: rows.len() == MAX_LABELLED,
        floor: asked.floor,
    }))
}
