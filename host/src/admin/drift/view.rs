//! What the drift page shows, as data: the same for the page and for programs. Made on a thread that may block.

use crate::admin::export::MOST_PICTURES;
use crate::admin::filter::Wish;
use crate::domain::{
    Alarm, AlarmKind, Digest, DriftChange, DriftEpisode, EvenBins, FrameId, VerdictKind, drift_episodes, quantile,
};
use crate::journal::{
    Budget, Direction, Filter, JournalError, KeptPictures, Ledger, LedgerError, Line, MAX_PAGE, Observed, Reader,
    SpanUs, Turn,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;
use utoipa::ToSchema;

/// Changes that episodes are made of, the newest before the end of the span.
const MOST_CHANGES: usize = 4_000;
/// Episodes of a span, the newest.
pub const MOST_EPISODES: usize = 20;
/// Alarms beside them.
const MOST_ALARMS: usize = 50;
/// Pictures before and after.
const SAMPLES: usize = 6;
/// Inspections whose values are compared with the reference.
const NOW_INSPECTIONS: usize = 1_000;
const BEFORE_INSPECTIONS: usize = 500;
/// Bars of a histogram.
const BARS: usize = 24;
/// Values of a reference; a longer sample is thinned out evenly.
const MOST_REFERENCE_VALUES: usize = 2_000;
const SAMPLE_BUDGET: Budget = Budget { places: 1 << 16, time: Duration::from_millis(50) };

/// What cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    #[error("the journal cannot be read")]
    Journal(#[from] JournalError),
    #[error("the station's records cannot be read")]
    Ledger(#[from] LedgerError),
}

/// How the monitors' series stand, and when they drifted within a span.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftOverviewJson {
    /// Microseconds since 1970, UTC; the end is not included.
    pub from_us: i64,
    pub to_us: i64,
    /// The newest report of each series, of whatever time it is.
    pub series: Vec<DriftReportJson>,
    /// Times in which something drifted, the newest first; at most 20.
    pub episodes: Vec<EpisodeJson>,
    /// Alarms of drift that stood at any time of the span, the newest first.
    pub alarms: Vec<Alarm>,
}

/// The newest report of a series.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftReportJson {
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
    pub at_us: i64,
    /// Null where the monitor had no number.
    pub value: Option<f64>,
    /// At and above it the value counts as drift.
    pub threshold: Option<f64>,
    pub drifted: bool,
    /// Frames that the report speaks of.
    pub window: u64,
}

/// From the first report of drift to the report after which nothing drifted any more.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EpisodeJson {
    pub id: i64,
    pub began_at_us: i64,
    /// Null while something drifts.
    pub ended_at_us: Option<i64>,
    /// What changed, the first first: each series with its first report of drift.
    pub crossings: Vec<CrossingJson>,
}

/// The first report of drift of a series.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CrossingJson {
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
    pub at_us: i64,
    /// The frame that the monitor had just seen.
    pub frame: String,
    pub value: Option<f64>,
    pub threshold: Option<f64>,
    pub window: u64,
}

/// An episode with pictures of before and of since then.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToldJson {
    #[serde(flatten)]
    pub episode: EpisodeJson,
    /// When the frame was judged at which the first series drifted.
    pub since_us: i64,
    /// Where the frames begin that its report speaks of: what lies before is of before the drift.
    pub before_us: i64,
    /// The newest kept pictures of before, the oldest first.
    pub before: Vec<SampleJson>,
    /// The first kept pictures of since then.
    pub since: Vec<SampleJson>,
    pub collect: CollectJson,
}

/// An inspection whose picture is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct SampleJson {
    pub id: String,
    pub judged_at_us: i64,
    pub verdict: VerdictKind,
    pub picture: Digest,
}

/// The pictures since the drift began, for training: what an export of them has.
#[derive(Debug, Serialize, ToSchema)]
pub struct CollectJson {
    pub from_us: i64,
    pub to_us: i64,
    pub inspections: u64,
    /// Of those, the ones whose picture is still kept.
    pub pictures: u64,
    pub bytes: u64,
    /// False where there are more inspections than one export may have: these are the newest.
    pub all: bool,
    /// Address of the export as ImageFolder; needs the role operator.
    pub address: String,
}

/// How a feature is spread.
#[derive(Debug, Serialize, ToSchema)]
pub struct DistributionJson {
    pub feature: String,
    /// Where the first bin begins, and how wide each is. The outer ones take what lies beyond.
    pub from: f64,
    pub width: f64,
    pub sets: Vec<SetJson>,
}

/// One set of values of a feature.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetJson {
    pub of: SetKind,
    pub count: u64,
    pub p5: f64,
    pub p50: f64,
    pub p95: f64,
    /// Share of each bin.
    pub shares: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SetKind {
    /// In the bundle of the model that runs.
    Reference,
    /// Inspections of before the drift.
    Before,
    /// The newest inspections: since the drift began, or of the span where none did.
    Now,
}

impl SetKind {
    /// Drawn as bars; the others are lines over them.
    #[must_use]
    pub const fn is_filled(self) -> bool {
        matches!(self, Self::Reference)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Before => "before",
            Self::Now => "now",
        }
    }
}

/// The features of a reference, as far as this page reads it.
#[derive(Deserialize, Default)]
struct Reference {
    features: Vec<ReferenceFeature>,
}

#[derive(Deserialize)]
struct ReferenceFeature {
    name: String,
    #[serde(default)]
    samples: Vec<f64>,
}

/// Where all of it is read.
pub struct Sources<'s> {
    pub station: &'s str,
    pub journal: &'s Reader,
    pub ledger: &'s Ledger,
    /// Of the model that runs.
    pub reference: Option<&'s str>,
    pub now_us: i64,
}

impl Sources<'_> {
    /// How the series stand and when they drifted.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn overview(&self, span: SpanUs) -> Result<DriftOverviewJson, DriftError> {
        let latest = self.journal.latest_reports()?;
        let all = self.episodes(span)?;
        let episodes = all.iter().rev().take(MOST_EPISODES).filter_map(|one| self.episode(one));
        let mut alarms = self.ledger.alarms_within(span, MAX_PAGE)?;
        alarms.retain(|alarm| alarm.kind == AlarmKind::Drift);
        alarms.truncate(MOST_ALARMS);
        Ok(DriftOverviewJson {
            from_us: span.from_us,
            to_us: span.to_us,
            series: latest.into_iter().map(series).collect(),
            episodes: episodes.collect(),
            alarms,
        })
    }

    /// Those that overlap the span, the oldest first.
    fn episodes(&self, span: SpanUs) -> Result<Vec<DriftEpisode>, JournalError> {
        let mut episodes = drift_episodes(&self.journal.drift_changes(span.to_us, MOST_CHANGES)?);
        episodes.retain(|episode| episode.ended.as_ref().is_none_or(|end| end.at_us >= span.from_us));
        Ok(episodes)
    }

    /// One episode of the span with its pictures: the newest where none is named; none where there is no such.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn told(&self, span: SpanUs, id: Option<i64>) -> Result<Option<ToldJson>, DriftError> {
        let episodes = self.episodes(span)?;
        let is_meant = |episode: &&DriftEpisode| id.is_none_or(|id| episode.first().is_some_and(|one| one.row == id));
        let Some(episode) = episodes.iter().rev().find(is_meant) else { return Ok(None) };
        let (Some(first), Some(shown)) = (episode.first(), self.episode(episode)) else { return Ok(None) };
        let judged = |trigger| self.journal.judged_from(first.boot, trigger);
        let since_us = judged(first.trigger)?.unwrap_or(first.at_us);
        let before_us = judged(first.first_trigger())?.unwrap_or(since_us).min(since_us);
        let to_us = shown.ended_at_us.unwrap_or(self.now_us).max(since_us.saturating_add(1));
        let before = Filter { to_us: Some(before_us), ..Filter::default() };
        let since = Filter { from_us: Some(since_us), to_us: Some(to_us), ..Filter::default() };
        Ok(Some(ToldJson {
            episode: shown,
            since_us,
            before_us,
            before: self.samples(&before, Direction::Older)?,
            since: self.samples(&since, Direction::Newer)?,
            collect: self.collect(SpanUs { from_us: since_us, to_us })?,
        }))
    }

    /// Kept pictures next to one end of a filter, the oldest first.
    fn samples(&self, filter: &Filter, direction: Direction) -> Result<Vec<SampleJson>, JournalError> {
        let turn = Turn { from: None, direction, limit: MAX_PAGE, budget: SAMPLE_BUDGET };
        let lines = self.journal.search(filter, &turn)?.lines;
        let kept = |line: &Line| {
            let picture = line.picture.filter(|digest| self.journal.picture_path(digest).is_some())?;
            Some(SampleJson {
                id: line.id.to_string(),
                judged_at_us: line.judged_at_us,
                verdict: line.verdict,
                picture,
            })
        };
        // Lines come newest first, whichever way was read.
        if direction == Direction::Newer {
            return Ok(lines.iter().rev().filter_map(kept).take(SAMPLES).collect());
        }
        let mut samples: Vec<_> = lines.iter().filter_map(kept).take(SAMPLES).collect();
        samples.reverse();
        Ok(samples)
    }

    fn collect(&self, span: SpanUs) -> Result<CollectJson, JournalError> {
        let KeptPictures { from_us, inspections, pictures, bytes, all } =
            self.journal.kept_pictures(span, MOST_PICTURES)?;
        let wish = Wish::default().with("from", &stamp(from_us)).with("to", &stamp(span.to_us));
        let address = wish.address("/inspections/export/imagefolder");
        Ok(CollectJson { from_us, to_us: span.to_us, inspections, pictures, bytes, all, address })
    }

    /// How each watched feature is spread: reference, before the drift, now.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn distributions(&self, span: SpanUs, told: Option<&ToldJson>) -> Result<Vec<DistributionJson>, DriftError> {
        let watched = self.journal.latest_reports()?.into_iter().map(|seen| seen.feature).collect::<BTreeSet<_>>();
        let now = told.map_or(span, |told| SpanUs { from_us: told.collect.from_us, to_us: told.collect.to_us });
        let now = self.journal.feature_values(now, &watched, NOW_INSPECTIONS)?.values;
        let before = match told {
            None => Default::default(),
            Some(told) => {
                let span = SpanUs { from_us: 0, to_us: told.before_us };
                self.journal.feature_values(span, &watched, BEFORE_INSPECTIONS)?.values
            }
        };
        let reference = self.reference();
        let all = watched.iter().filter_map(|feature| {
            let of =
                |known: &std::collections::BTreeMap<String, Vec<f64>>| known.get(feature).cloned().unwrap_or_default();
            let known = reference.features.iter().find(|one| one.name == *feature);
            let sets = [
                (SetKind::Reference, known.map(|one| one.samples.clone()).unwrap_or_default()),
                (SetKind::Before, of(&before)),
                (SetKind::Now, of(&now)),
            ];
            distribution(feature, &sets)
        });
        Ok(all.collect())
    }

    /// One that is not as this page knows it says nothing.
    fn reference(&self) -> Reference {
        let mut reference: Reference =
            self.reference.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for feature in &mut reference.features {
            let every = feature.samples.len().div_ceil(MOST_REFERENCE_VALUES).max(1);
            feature.samples = std::mem::take(&mut feature.samples).into_iter().step_by(every).collect();
            feature.samples.sort_by(f64::total_cmp);
        }
        reference
    }

    fn episode(&self, episode: &DriftEpisode) -> Option<EpisodeJson> {
        let first = episode.first()?;
        Some(EpisodeJson {
            id: first.row,
            began_at_us: first.at_us,
            ended_at_us: episode.ended.as_ref().map(|end| end.at_us),
            crossings: episode.crossings.iter().map(|one| self.crossing(one)).collect(),
        })
    }

    fn crossing(&self, change: &DriftChange) -> CrossingJson {
        let series = change.series.clone();
        let id = FrameId { station: self.station.to_owned(), boot: change.boot, trigger: change.trigger };
        CrossingJson {
            plugin: series.plugin,
            feature: series.feature,
            statistic: series.statistic,
            at_us: change.at_us,
            frame: id.to_string(),
            value: finite(change.value),
            threshold: finite(change.threshold),
            window: change.window,
        }
    }
}

fn distribution(feature: &str, sets: &[(SetKind, Vec<f64>)]) -> Option<DistributionJson> {
    let all: Vec<&[f64]> = sets.iter().map(|(_, values)| values.as_slice()).collect();
    let bins = EvenBins::over(&all, BARS)?;
    let filled = sets.iter().filter(|(_, values)| !values.is_empty());
    let set = |(of, values): &(SetKind, Vec<f64>)| SetJson {
        of: *of,
        count: values.len() as u64,
        p5: quantile(values, 0.05),
        p50: quantile(values, 0.5),
        p95: quantile(values, 0.95),
        shares: bins.shares(values),
    };
    Some(DistributionJson {
        feature: feature.to_owned(),
        from: bins.from,
        width: bins.width,
        sets: filled.map(set).collect(),
    })
}

fn series(seen: Observed) -> DriftReportJson {
    let Observed { at_us, plugin, feature, statistic, value, threshold, drifted, window } = seen;
    let (value, threshold) = (finite(value), finite(threshold));
    DriftReportJson { plugin, feature, statistic, at_us, value, threshold, drifted, window }
}

pub fn finite(value: f64) -> Option<f64> {
    Some(value).filter(|value| value.is_finite())
}

/// A time as a filter reads it, to the microsecond.
fn stamp(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).map_or_else(|_| String::new(), |stamp| stamp.to_string())
}
