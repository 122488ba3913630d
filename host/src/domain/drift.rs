//! What monitors say over time: when a series began to drift, what began first, and how values are spread.

use std::collections::BTreeSet;

/// One measure of one feature by one monitor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DriftSeries {
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
}

/// A report that says otherwise than the one before it in its series: drift where there was none, or none any more.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftChange {
    /// Its place in the record: later reports have higher ones.
    pub row: i64,
    /// The frame that the monitor had just seen.
    pub boot: u64,
    pub trigger: u64,
    pub at_us: i64,
    pub series: DriftSeries,
    /// NaN where the monitor had no number.
    pub value: f64,
    pub threshold: f64,
    pub drifted: bool,
    /// Frames that the report speaks of.
    pub window: u64,
}

impl DriftChange {
    /// The first trigger that the report speaks of.
    #[must_use]
    pub const fn first_trigger(&self) -> u64 {
        self.trigger.saturating_sub(self.window.saturating_sub(1))
    }

    /// Whether the report speaks of frames up to that of `other`: then what it found may have begun by then. Triggers
    /// of two starts of the station cannot be compared.
    fn reaches_back_to(&self, other: &Self) -> bool {
        self.boot == other.boot && self.first_trigger() <= other.trigger
    }
}

/// A time in which at least one series drifted, from one quiet time to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftEpisode {
    /// The first report of drift of each series, in the order in which they came. Never empty.
    pub crossings: Vec<DriftChange>,
    /// The report after which nothing drifted any more; none while something does.
    pub ended: Option<DriftChange>,
}

impl DriftEpisode {
    /// What began first.
    #[must_use]
    pub fn first(&self) -> Option<&DriftChange> {
        self.crossings.first()
    }
}

/// The episodes of changes that are given oldest first. Pure.
///
/// It is quiet when no series drifts and the next report of drift speaks of later frames only. Without the second part,
/// a detector that reports a change once and is content thereafter would end the episode before slower statistics have
/// seen the same change, and "what changed first" would be cut in two.
#[must_use]
pub fn drift_episodes(changes: &[DriftChange]) -> Vec<DriftEpisode> {
    let mut episodes: Vec<DriftEpisode> = Vec::new();
    let mut drifting = BTreeSet::new();
    for change in changes {
        let series = &change.series;
        if change.drifted {
            drifting.insert(series);
            let quiet = |episode: &DriftEpisode| episode.ended.as_ref().is_some_and(|end| !change.reaches_back_to(end));
            match episodes.last_mut().filter(|episode| !quiet(episode)) {
                None => episodes.push(DriftEpisode { crossings: vec![change.clone()], ended: None }),
                Some(episode) => {
                    episode.ended = None;
                    if !episode.crossings.iter().any(|known| known.series == *series) {
                        episode.crossings.push(change.clone());
                    }
                }
            }
        } else if drifting.remove(series)
            && drifting.is_empty()
            && let Some(episode) = episodes.last_mut()
        {
            episode.ended = Some(change.clone());
        }
    }
    episodes
}

/// Bins of one width. The outer ones take what lies beyond them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvenBins {
    pub from: f64,
    pub width: f64,
    pub count: usize,
}

impl EvenBins {
    /// Bins over the middle 98 % of each of the sorted sets: a single outlier must not press all else into one bin.
    /// None where no set has a value.
    #[must_use]
    pub fn over(sorted_sets: &[&[f64]], count: usize) -> Option<Self> {
        let filled = || sorted_sets.iter().filter(|set| !set.is_empty());
        let low = filled().map(|set| quantile(set, 0.01)).reduce(f64::min)?;
        let high = filled().map(|set| quantile(set, 0.99)).reduce(f64::max)?;
        // One value alone still gets bins around it.
        let span = if high > low { high - low } else { (low.abs() * 0.1).max(0.01) };
        let from = if high > low { low } else { low - span / 2.0 };
        let count = count.max(1);
        Some(Self { from, width: span / count as f64, count })
    }

    /// The share of the values in each bin; zeroes without values.
    #[must_use]
    pub fn shares(&self, values: &[f64]) -> Vec<f64> {
        let mut counts = vec![0u64; self.count];
        for value in values {
            let bin = ((value - self.from) / self.width).max(0.0) as usize;
            if let Some(count) = counts.get_mut(bin.min(self.count - 1)) {
                *count += 1;
            }
        }
        let total = values.len().max(1) as f64;
        counts.into_iter().map(|count| count as f64 / total).collect()
    }
}

/// The nearest-rank quantile of a sorted set; NaN of an empty one.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share.clamp(0.0, 1.0) * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(row: i64, statistic: &str, trigger: u64, window: u64, drifted: bool) -> DriftChange {
        let series =
            DriftSeries { plugin: "m".to_owned(), feature: "brightness".to_owned(), statistic: statistic.to_owned() };
        let at_us = row * 1000;
        DriftChange { row, boot: 1, trigger, at_us, series, value: 2.0, threshold: 1.0, drifted, window }
    }

    fn orders(changes: &[DriftChange]) -> Vec<(Vec<String>, bool)> {
        let names = |episode: &DriftEpisode| {
            episode.crossings.iter().map(|one| format!("{}@{}", one.series.statistic, one.row)).collect()
        };
        drift_episodes(changes).iter().map(|episode| (names(episode), episode.ended.is_some())).collect()
    }

    #[test]
    fn what_drifted_first_stands_first_and_each_series_once() {
        let changes = [
            change(1, "adwin", 100, 20, true),
            change(2, "psi", 110, 50, true),
            change(3, "adwin", 132, 32, false),
            change(4, "adwin", 150, 20, true),
            change(5, "ks", 160, 50, true),
        ];
        assert_eq!(orders(&changes), [(vec!["adwin@1".into(), "psi@2".into(), "ks@5".into()], false)]);
    }

    #[test]
    fn an_episode_ends_when_nothing_drifts_and_the_next_one_stands_alone() {
        let changes = [
            change(1, "adwin", 100, 20, true),
            change(2, "adwin", 132, 32, false),
            change(3, "psi", 400, 50, true),
            change(4, "psi", 450, 50, false),
        ];
        assert_eq!(orders(&changes), [(vec!["adwin@1".into()], true), (vec!["psi@3".into()], true)]);
    }

    #[test]
    fn a_window_that_reaches_back_over_the_quiet_moment_belongs_to_the_same_episode() {
        let with = |trigger| {
            orders(&[
                change(1, "adwin", 100, 20, true),
                change(2, "adwin", 132, 32, false),
                change(3, "psi", trigger, 50, true),
            ])
        };
        assert_eq!(with(181), [(vec!["adwin@1".into(), "psi@3".into()], false)], "frames 132 to 181");
        assert_eq!(with(182).len(), 2, "frames 133 to 182 are all behind it");
        let mut other_start = [change(1, "adwin", 100, 20, true), change(2, "adwin", 132, 32, false)].to_vec();
        other_start.push(DriftChange { boot: 2, ..change(3, "psi", 20, 50, true) });
        assert_eq!(orders(&other_start).len(), 2, "numbers of another start say nothing");
    }

    #[test]
    fn an_end_without_its_beginning_says_nothing() {
        assert_eq!(orders(&[change(1, "adwin", 10, 5, false)]), []);
        let changes =
            [change(1, "psi", 90, 5, false), change(2, "adwin", 100, 5, true), change(3, "ks", 110, 5, false)];
        assert_eq!(orders(&changes), [(vec!["adwin@2".into()], false)], "what never began does not end it");
    }

    #[test]
    fn an_outlier_does_not_stretch_the_bins_and_is_counted() {
        let mut values: Vec<f64> = (0..200).map(f64::from).collect();
        values.push(1e9);
        let bins = EvenBins::over(&[&values], 10).unwrap_or(EvenBins { from: 0.0, width: 0.0, count: 1 });
        assert!(bins.from + 10.0 * bins.width < 300.0, "{bins:?}");
        let shares = bins.shares(&values);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    }

    #[test]
    fn one_value_has_bins_and_no_value_has_none() {
        assert_eq!(EvenBins::over(&[&[], &[]], 10), None);
        let bins = EvenBins::over(&[&[0.0, 0.0]], 10);
        assert_eq!(bins.map(|bins| bins.shares(&[0.0]).iter().sum::<f64>()), Some(1.0));
        assert_eq!((quantile(&[1.0, 2.0, 3.0], 0.5), quantile(&[], 0.5).is_nan()), (2.0, true));
    }
}
