use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the buckets, in milliseconds. What takes longer than the last one is counted without a bound.
pub const BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 20, 30, 50, 80, 100, 150, 250, 500];
/// The last one.
pub const LONGEST_BOUND_MS: u64 = {
    let [.., last] = BOUNDS_MS;
    last
};
/// Times are cut here, so that a sum of them never wraps: more than eleven days.
const LONGEST_US: u64 = 1_000_000_000_000;

/// How long something took, counted by buckets. Recording takes no lock and never waits for a reader.
#[derive(Debug, Default)]
pub struct LatencyHistogram {
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_us: AtomicU64,
}

/// A histogram as it stood at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatencyCounts {
    /// One for each bound, and one more for what took longer.
    pub buckets: [u64; BOUNDS_MS.len() + 1],
    pub sum_us: u64,
}

impl LatencyHistogram {
    pub fn record(&self, micros: u64) {
        let micros = micros.min(LONGEST_US);
        // Without a branch: the times of a line are never far apart, and never quite alike.
        let index = BOUNDS_MS.iter().map(|bound| usize::from(bound * 1000 < micros)).sum::<usize>();
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// A record that is being made at this moment may be in one of the figures only.
    #[must_use]
    pub fn read(&self) -> LatencyCounts {
        LatencyCounts {
            buckets: std::array::from_fn(|at| self.buckets.get(at).map_or(0, |bucket| bucket.load(Ordering::Relaxed))),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }
}

impl LatencyCounts {
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Counts those of `other` too.
    pub fn add(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.sum_us += other.sum_us;
    }

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = *self;
        for (bucket, before) in rest.buckets.iter_mut().zip(&earlier.buckets) {
            *bucket = bucket.saturating_sub(*before);
        }
        rest.sum_us = self.sum_us.saturating_sub(earlier.sum_us);
        rest
    }

    /// The bound below which `percent` of the times lie, in milliseconds; none of none. Where it lies above the last
    /// bound, infinity.
    #[must_use]
    pub fn percentile_ms(&self, percent: u64) -> Option<f64> {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        if self.count() == 0 {
            return None;
        }
        let mut seen = 0;
        for (bound, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            seen += bucket;
            if seen >= rank {
                return Some(*bound as f64);
            }
        }
        Some(f64::INFINITY)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_time_counts_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let histogram = LatencyHistogram::default();
        for micros in [0, 1000, 1001, 500_000, 500_001, u64::MAX] {
            histogram.record(micros);
        }
        let counts = histogram.read();
        assert_eq!((counts.buckets[0], counts.buckets[1]), (2, 1));
        assert_eq!((counts.buckets[11], counts.buckets[12]), (1, 2));
        assert_eq!(counts.count(), 6);
        assert_eq!(counts.sum_us, 1000 + 1001 + 500_000 + 500_001 + LONGEST_US);
    }

    #[test]
    fn percentiles_are_bounds_and_those_of_nothing_are_none() {
        let histogram = LatencyHistogram::default();
        assert_eq!(histogram.read().percentile_ms(99), None);
        (0..99).for_each(|_| histogram.record(1500));
        let early = histogram.read();
        histogram.record(600_000);
        assert_eq!(histogram.read().percentile_ms(99), Some(2.0));
        assert_eq!(histogram.read().percentile_ms(100), Some(f64::INFINITY));
        let since = histogram.read().since(&early);
        assert_eq!((since.count(), since.sum_us), (1, 600_000));
        let mut both = early;
        both.add(&since);
        assert_eq!(both, histogram.read());
    }
}
