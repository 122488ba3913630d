//! Times counted finely enough for percentiles: eight steps per doubling, so that none is off by more than 6.3 %.

use std::sync::atomic::{AtomicU64, Ordering};

const STEPS: u64 = 8;
const STEP_BITS: u32 = 3;
/// The highest power of two that has steps of its own: times of over two minutes share the last step.
const HIGHEST_BIT: u32 = 26;
const BUCKETS: usize = ((HIGHEST_BIT - STEP_BITS + 2) as usize) << STEP_BITS;

/// How long something took. Recording is one addition and takes no lock.
#[derive(Debug)]
pub struct FineHistogram([AtomicU64; BUCKETS]);

impl Default for FineHistogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl FineHistogram {
    pub fn record(&self, micros: u64) {
        if let Some(bucket) = self.0.get(bucket_of(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[must_use]
    pub fn read(&self) -> FineCounts {
        FineCounts(std::array::from_fn(|at| self.0.get(at).map_or(0, |bucket| bucket.load(Ordering::Relaxed))))
    }
}

/// A histogram as it stood at one moment, or what came between two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FineCounts([u64; BUCKETS]);

impl Default for FineCounts {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl FineCounts {
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// What came after `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut rest = self.clone();
        rest.0.iter_mut().zip(&earlier.0).for_each(|(bucket, before)| *bucket = bucket.saturating_sub(*before));
        rest
    }

    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(bucket, more)| *bucket = bucket.saturating_add(*more));
    }

    /// The middle of the step in which the nearest-rank percentile lies, in microseconds; none of none.
    #[must_use]
    pub fn percentile_us(&self, percent: u64) -> Option<u64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = count.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0u64;
        let found = self.0.iter().position(|bucket| {
            seen = seen.saturating_add(*bucket);
            seen >= rank
        });
        found.map(middle_of)
    }

    /// Short, for a database: for each step that is not empty, its distance from the one before and its count, each as
    /// groups of seven bits, the low ones first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (mut bytes, mut next) = (Vec::new(), 0);
        for (at, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            write_number(&mut bytes, (at - next) as u64);
            write_number(&mut bytes, *count);
            next = at + 1;
        }
        bytes
    }

    /// None where these bytes are no such counts.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let (mut counts, mut at) = (Self::default(), 0usize);
        while !bytes.is_empty() {
            let distance = usize::try_from(read_number(&mut bytes)?).ok()?;
            at = at.checked_add(distance)?;
            *counts.0.get_mut(at)? = read_number(&mut bytes)?;
            at += 1;
        }
        Some(counts)
    }
}

fn bucket_of(micros: u64) -> usize {
    let bounded = micros.min((2 << HIGHEST_BIT) - 1);
    if bounded < STEPS {
        return bounded as usize;
    }
    let bit = bounded.ilog2();
    let step = (bounded >> (bit - STEP_BITS)) & (STEPS - 1);
    (((bit - STEP_BITS + 1) as usize) << STEP_BITS) | step as usize
}

fn middle_of(bucket: usize) -> u64 {
    let (group, step) = (bucket >> STEP_BITS, bucket as u64 & (STEPS - 1));
    match group.checked_sub(1) {
        None => step,
        Some(shift) => ((STEPS + step) << shift) + (1 << shift) / 2,
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0u64, 0);
    loop {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        if shift > 63 || part.checked_shl(shift).is_none_or(|moved| moved >> shift != part) {
            return None;
        }
        number |= part << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn no_time_is_shown_more_than_its_step_away() {
        for micros in (0..20_000).chain([123_456, 1_000_000, 59_999_999, 100_000_000]) {
            let shown = middle_of(bucket_of(micros));
            let off = shown.abs_diff(micros) as f64 / (micros.max(1)) as f64;
            assert!(off <= 0.063, "{micros} is shown as {shown}");
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn steps_are_in_order_and_each_is_used() {
        let all: Vec<usize> = (0..4096).map(bucket_of).collect();
        assert!(all.is_sorted());
        assert_eq!(all.last().copied(), Some(bucket_of(4095)));
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), bucket_of(4095) + 1);
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank_and_those_of_nothing_are_none() {
        let histogram = FineHistogram::default();
        assert_eq!(histogram.read().percentile_us(50), None);
        (1..=100).for_each(|_| histogram.record(3));
        let early = histogram.read();
        histogram.record(1000);
        assert_eq!(histogram.read().percentile_us(99), Some(3));
        let high = histogram.read().percentile_us(100).unwrap();
        assert!((960..=1088).contains(&high), "{high}");
        let since = histogram.read().since(&early);
        assert_eq!(since.count(), 1);
        let mut both = early;
        both.add(&since);
        assert_eq!(both, histogram.read());
    }

    #[test]
    fn counts_survive_their_bytes_and_other_bytes_are_refused() {
        let histogram = FineHistogram::default();
        for micros in [0, 7, 8, 1500, 1501, 90_000_000, u64::MAX] {
            (0..200).for_each(|_| histogram.record(micros));
        }
        let counts = histogram.read();
        let bytes = counts.to_bytes();
        assert!(bytes.len() < 32, "{}", bytes.len());
        assert_eq!(FineCounts::from_bytes(&bytes), Some(counts));
        assert_eq!(FineCounts::from_bytes(&[]), Some(FineCounts::default()));
        for wrong in [
            &[0x80][..],
            &[1],
            &[0xff, 0xff, 0x03, 1],
            &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert_eq!(FineCounts::from_bytes(wrong), None, "{wrong:?}");
        }
    }
}
