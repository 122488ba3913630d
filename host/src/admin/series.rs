//! How the station was over a range of time, for the dashboard and for programs.

use super::api::Problem;
use super::asked::Asked;
use super::assets::packed_json;
use super::serve::AdminState;
use crate::domain::{FineCounts, Stage, with_causes};
use crate::journal::{Figures, PluginFigures, SeriesReader, StageKey, Tier};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{IntoParams, ToSchema};

/// A range of time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
pub enum Range {
    #[serde(rename = "15m")]
    QuarterHour,
    #[default]
    #[serde(rename = "1h")]
    Hour,
    #[serde(rename = "8h")]
    Shift,
    #[serde(rename = "24h")]
    Day,
    #[serde(rename = "7d")]
    Week,
    #[serde(rename = "30d")]
    Month,
    #[serde(rename = "90d")]
    Quarter,
}

impl Range {
    pub const ALL: [Self; 7] =
        [Self::QuarterHour, Self::Hour, Self::Shift, Self::Day, Self::Week, Self::Month, Self::Quarter];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuarterHour => "15m",
            Self::Hour => "1h",
            Self::Shift => "8h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    /// What it is read of, the length of one point and of all of it, in seconds.
    #[must_use]
    pub const fn shape(self) -> (Tier, i64, i64) {
        match self {
            Self::QuarterHour => (Tier::TenSeconds, 10, 900),
            Self::Hour => (Tier::TenSeconds, 10, 3600),
            Self::Shift => (Tier::Minute, 60, 8 * 3600),
            Self::Day => (Tier::Minute, 300, 86_400),
            Self::Week => (Tier::QuarterHour, 900, 7 * 86_400),
            Self::Month => (Tier::QuarterHour, 3600, 30 * 86_400),
            Self::Quarter => (Tier::SixHours, 6 * 3600, 90 * 86_400),
        }
    }
}

/// A point for each step, the oldest first; none where the station did not run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Points {
    pub step_s: i64,
    pub all: Vec<(i64, Option<Figures>)>,
}

impl Points {
    /// The points up to and with the one that `now_s` lies in, `periods` ranges back.
    fn read(reader: &SeriesReader, range: Range, now_s: i64, periods: i64) -> Result<Self, crate::journal::SideError> {
        let (tier, step_s, length_s) = range.shape();
        let to_s = now_s - now_s.rem_euclid(step_s) + step_s - periods * length_s;
        let from_s = to_s - length_s;
        let mut merged = BTreeMap::<i64, Figures>::new();
        for (at_s, figures) in reader.read(tier, from_s, to_s)? {
            merged.entry(at_s - at_s.rem_euclid(step_s)).or_default().add(&figures);
        }
        let starts = (0..length_s / step_s).map(|number| from_s + number * step_s);
        Ok(Self { step_s, all: starts.map(|at_s| (at_s, merged.remove(&at_s))).collect() })
    }

    /// At most so many, each of several.
    #[must_use]
    pub fn coarser(&self, most: usize) -> Self {
        let each = self.all.len().div_ceil(most.max(1)).max(1);
        let all = self.all.chunks(each).filter_map(|chunk| Some((chunk.first()?.0, sum(chunk)))).collect();
        Self { step_s: self.step_s * i64::try_from(each).unwrap_or(1), all }
    }

    /// All of it as one.
    #[must_use]
    pub fn sum(&self) -> Option<Figures> {
        sum(&self.all)
    }
}

fn sum(points: &[(i64, Option<Figures>)]) -> Option<Figures> {
    points.iter().filter_map(|(_, figures)| figures.as_ref()).fold(None, |sum: Option<Figures>, figures| {
        let mut sum = sum.unwrap_or_default();
        sum.add(figures);
        Some(sum)
    })
}

/// What a range was like, and where it was asked for, the range before.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub points: Points,
    pub before: Option<Points>,
}

/// Reads on a thread that may block; none where nobody keeps figures, they cannot be read, or too many read already.
pub async fn history(state: &AdminState, range: Range, compare: bool) -> Option<History> {
    let reader = state.charts.as_ref()?.reader().clone();
    let turn = state.take_charts_turn().await?;
    let now_s = crate::pipeline::now_us() / 1_000_000;
    let read = move || {
        // Until it is read, also where nobody waits for it any more.
        let _turn = turn;
        let before = compare.then(|| Points::read(&reader, range, now_s, 1)).transpose()?;
        Ok::<_, crate::journal::SideError>(History { points: Points::read(&reader, range, now_s, 0)?, before })
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(history)) => Some(history),
        Ok(Err(error)) => {
            tracing::warn!(error = with_causes(&error), "the history of charts cannot be read");
            None
        }
        Err(error) => {
            tracing::error!(%error, "a reader of charts panicked");
            None
        }
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeriesQuery {
    /// Up to now; an hour where nothing is said.
    #[serde(default)]
    #[param(inline)]
    range: Range,
    /// The range before, too.
    #[serde(default)]
    compare: bool,
}

/// How the station was over a range of time.
#[utoipa::path(get, path = "/api/v1/series", operation_id = "getSeries", tag = "station", params(SeriesQuery),
    responses(
        (status = 200, description = "Figures by interval", body = SeriesJson),
        (status = 400, response = Problem), (status = 503, response = Problem)))]
pub async fn get(State(state): State<AdminState>, headers: HeaderMap, Asked(query): Asked<SeriesQuery>) -> Response {
    let Some(history) = history(&state, query.range, query.compare).await else {
        let detail = "none is kept at the moment (then the station's log says why), or too many read it just now";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no-history", "There is no history", detail)
            .retry_after(super::api::RETRY_AFTER_S)
            .into_response();
    };
    let before = history.before.as_ref().map(Columns::new);
    packed_json(&headers, &SeriesJson { range: query.range.name(), columns: Columns::new(&history.points), before })
}

#[derive(Serialize, ToSchema)]
struct SeriesJson {
    range: &'static str,
    #[serde(flatten)]
    columns: Columns,
    before: Option<Columns>,
}

/// One list per figure, all as long as `t`; null where the station did not run or nothing was measured.
#[derive(Serialize, ToSchema)]
struct Columns {
    step_s: i64,
    /// Start of each point in seconds since 1970.
    t: Vec<i64>,
    covered_s: Vec<Option<f64>>,
    passed: Vec<Option<u64>>,
    failed: Vec<Option<u64>>,
    undecided: Vec<Option<u64>>,
    flagged: Vec<Option<u64>>,
    frames_per_min: Vec<Option<f64>>,
    #[serde(rename = "yield")]
    yields: Vec<Option<f64>>,
    deadline_missed: Vec<Option<u64>>,
    plugin_faults: Vec<Option<u64>>,
    not_durable: Vec<Option<u64>>,
    other_device_s: Vec<Option<f64>>,
    own_cpu: Vec<Option<f64>>,
    busy_cpu: Vec<Option<f64>>,
    own_memory_bytes: Vec<Option<u64>>,
    memory_free_bytes: Vec<Option<u64>>,
    disk_free_bytes: Vec<Option<u64>>,
    queue_frames: Vec<Option<u64>>,
    outbox_pending: Vec<Option<u64>>,
    stages: BTreeMap<&'static str, Percentiles>,
    plugins: BTreeMap<String, PluginColumns>,
}

/// Milliseconds.
#[derive(Serialize, ToSchema)]
struct Percentiles {
    p50_ms: Vec<Option<f64>>,
    p95_ms: Vec<Option<f64>>,
    p99_ms: Vec<Option<f64>>,
}

#[derive(Serialize, ToSchema)]
struct PluginColumns {
    calls: Vec<Option<u64>>,
    mean_ms: Vec<Option<f64>>,
    failures: Vec<Option<u64>>,
    memory_bytes: Vec<Option<u64>>,
}

impl Columns {
    fn new(points: &Points) -> Self {
        let each = |figure: fn(&Figures) -> u64| column(points, |figures| Some(figure(figures)));
        let share = |part: fn(&Figures) -> u64, whole: fn(&Figures) -> u64| {
            column(points, move |figures| ratio(part(figures), whole(figures)))
        };
        Self {
            step_s: points.step_s,
            t: points.all.iter().map(|(at_s, _)| *at_s).collect(),
            covered_s: column(points, |figures| Some(figures.covered_ms as f64 / 1e3)),
            passed: each(|figures| figures.passed),
            failed: each(|figures| figures.failed),
            undecided: each(|figures| figures.undecided),
            flagged: each(|figures| figures.flagged),
            frames_per_min: column(points, frames_per_min),
            yields: share(|figures| figures.passed, Figures::frames),
            deadline_missed: each(|figures| figures.deadline_missed),
            plugin_faults: each(|figures| figures.plugin_faults),
            not_durable: each(|figures| figures.not_durable),
            other_device_s: column(points, |figures| Some(figures.other_device_ms as f64 / 1e3)),
            own_cpu: share(|figures| figures.own_cpu_ms, |figures| figures.all_cpu_ms),
            busy_cpu: share(|figures| figures.busy_cpu_ms, |figures| figures.all_cpu_ms),
            own_memory_bytes: each(|figures| figures.own_memory_bytes),
            memory_free_bytes: column(points, |figures| figures.memory_free_bytes),
            disk_free_bytes: column(points, |figures| figures.disk_free_bytes),
            queue_frames: each(|figures| figures.queue_frames),
            outbox_pending: each(|figures| figures.outbox_pending),
            stages: stages(points),
            plugins: plugins(points),
        }
    }
}

fn column<T>(points: &Points, figure: impl Fn(&Figures) -> Option<T>) -> Vec<Option<T>> {
    points.all.iter().map(|(_, figures)| figures.as_ref().and_then(&figure)).collect()
}

/// None of none.
#[must_use]
pub fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Over the time in which the station ran.
#[must_use]
pub fn frames_per_min(figures: &Figures) -> Option<f64> {
    (figures.covered_ms > 0).then(|| figures.frames() as f64 * 60_000.0 / figures.covered_ms as f64)
}

fn stages(points: &Points) -> BTreeMap<&'static str, Percentiles> {
    let keys = Stage::ALL.into_iter().map(|stage| (stage.name(), StageKey::Stage(stage)));
    let keys = keys.chain([("whole", StageKey::Whole), ("judged", StageKey::Judged)]);
    let seen: BTreeSet<StageKey> = used(points, |figures| figures.stages.keys().copied());
    let of = |key: StageKey, percent: u64| {
        let at = |counts: &FineCounts| counts.percentile_us(percent).map(|micros| micros as f64 / 1e3);
        column(points, |figures| figures.stages.get(&key).and_then(at))
    };
    let percentiles = |key| Percentiles { p50_ms: of(key, 50), p95_ms: of(key, 95), p99_ms: of(key, 99) };
    keys.filter(|(_, key)| seen.contains(key)).map(|(name, key)| (name, percentiles(key))).collect()
}

fn plugins(points: &Points) -> BTreeMap<String, PluginColumns> {
    let names: BTreeSet<String> = used(points, |figures| figures.plugins.keys().cloned());
    let of = |name: &str| {
        let each = |figure: fn(&PluginFigures) -> u64| column(points, |figures| figures.plugins.get(name).map(figure));
        let mean = |plugin: &PluginFigures| ratio(plugin.micros, plugin.calls).map(|micros| micros / 1e3);
        PluginColumns {
            calls: each(|plugin| plugin.calls),
            mean_ms: column(points, |figures| figures.plugins.get(name).and_then(mean)),
            failures: each(|plugin| plugin.failures),
            memory_bytes: each(|plugin| plugin.memory_bytes),
        }
    };
    names
        .into_iter()
        .map(|name| {
            let columns = of(&name);
            (name, columns)
        })
        .collect()
}

fn used<'p, K: Ord, I: Iterator<Item = K> + 'p>(points: &'p Points, keys: impl Fn(&'p Figures) -> I) -> BTreeSet<K> {
    points.all.iter().filter_map(|(_, figures)| figures.as_ref()).flat_map(keys).collect()
}
