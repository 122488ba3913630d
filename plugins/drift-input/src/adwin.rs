//! ADWIN: a window that grows while a stream stays as it is and drops its old part when the mean has moved
//! (Bifet and Gavalda, "Learning from Time-Changing Data with Adaptive Windowing", 2007).
//!
//! The window is kept as an exponential histogram: rows of buckets, a bucket of row `r` sums up `2^r` values, so that
//! n values need about `5 log2 n` buckets. Where the paper leaves room, this does as the library river 0.23 does, and
//! it fires at the same values as river: see `tests`.

/// Rows: a window of `2^40` values is the end of any station.
const MAX_ROWS: usize = 40;

/// How sensitive, and how often looked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdwinOptions {
    /// Bound on the chance of a false alarm per check.
    pub delta: f64,
    /// A check happens at every `clock`-th value.
    pub clock: u64,
    /// Buckets of one size before the two oldest become one of the next size.
    pub max_buckets: usize,
    /// Smallest part that a cut may leave on either side.
    pub min_part: f64,
    /// No check while the window is not longer than this.
    pub grace: f64,
}

impl Default for AdwinOptions {
    fn default() -> Self {
        Self { delta: 0.002, clock: 32, max_buckets: 5, min_part: 5.0, grace: 10.0 }
    }
}

/// Sum and sum of squared deviations of the values of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bucket {
    pub total: f64,
    pub variance: f64,
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Check {
    /// Largest difference of means over all cuts, as a multiple of what that cut allows: above 1 is a change.
    pub strength: f64,
    /// The mean has moved, and the old part of the window is gone.
    pub changed: bool,
}

/// The window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Adwin {
    /// The last value was one at which the mean had moved.
    pub changed: bool,
    /// Values seen since the last change.
    pub tick: u64,
    /// Values in the window.
    pub width: f64,
    pub total: f64,
    /// Sum of squared deviations from the mean.
    pub variance: f64,
    /// Row `r` holds buckets of `2^r` values, the oldest first; the last row holds the oldest.
    pub rows: Vec<Vec<Bucket>>,
}

/// Both sides of a cut while it moves from the old end to the new one.
struct Sides {
    old_width: f64,
    old_total: f64,
    new_width: f64,
    new_total: f64,
}

impl Adwin {
    /// Mean of the window; 0 while it is empty.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.width > 0.0 { self.total / self.width } else { 0.0 }
    }

    /// Takes one value, which has to be finite. Gives a check where one was due. The value after a change begins a
    /// window of its own: what is left in the old one may still reach back over the change.
    pub fn update(&mut self, value: f64, options: &AdwinOptions) -> Option<Check> {
        if self.changed {
            *self = Self::default();
        }
        self.insert(value, options.max_buckets);
        self.tick += 1;
        let due = self.tick.is_multiple_of(options.clock.max(1)) && self.width > options.grace;
        let check = due.then(|| self.check(options))?;
        self.changed = check.changed;
        Some(check)
    }

    fn insert(&mut self, value: f64, max_buckets: usize) {
        if self.width > 0.0 {
            let difference = value - self.total / self.width;
            self.variance += self.width * difference * difference / (self.width + 1.0);
        }
        self.width += 1.0;
        self.total += value;
        self.push(0, Bucket { total: value, variance: 0.0 });
        self.compress(max_buckets);
    }

    fn push(&mut self, row: usize, bucket: Bucket) {
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Vec::new);
        }
        if let Some(row) = self.rows.get_mut(row) {
            row.push(bucket);
        }
    }

    /// Merges the two oldest buckets of each row that is too full.
    fn compress(&mut self, max_buckets: usize) {
        for at in 0..MAX_ROWS - 1 {
            let Some(row) = self.rows.get_mut(at).filter(|row| row.len() > max_buckets) else { return };
            let [first, second, ..] = row[..] else { return };
            row.drain(..2);
            let size = bucket_size(at);
            let difference = first.total / size - second.total / size;
            let between = size * size * difference * difference / (size + size);
            let variance = first.variance + second.variance + between;
            self.push(at + 1, Bucket { total: first.total + second.total, variance });
        }
    }

    fn check(&mut self, options: &AdwinOptions) -> Check {
        let mut check = Check { strength: 0.0, changed: false };
        // Each round drops the oldest bucket, so there are no more rounds than buckets.
        loop {
            let (strength, cut) = self.strongest_cut(options);
            check.strength = check.strength.max(strength);
            if !cut {
                return check;
            }
            check.changed = true;
            if !self.drop_oldest() {
                return check;
            }
        }
    }

    /// Strength of the cuts from the old end to the new one, up to the first that is a change.
    fn strongest_cut(&self, options: &AdwinOptions) -> (f64, bool) {
        let mut sides = Sides { old_width: 0.0, old_total: 0.0, new_width: self.width, new_total: self.total };
        let mut strongest = 0.0f64;
        for (at, row) in self.rows.iter().enumerate().rev() {
            let size = bucket_size(at);
            for bucket in row {
                sides.old_width += size;
                sides.old_total += bucket.total;
                sides.new_width -= size;
                sides.new_total -= bucket.total;
                if sides.old_width < options.min_part || sides.new_width < options.min_part {
                    continue;
                }
                let strength = self.strength(&sides, options);
                strongest = strongest.max(strength);
                if strength > 1.0 {
                    return (strongest, true);
                }
            }
        }
        (strongest, false)
    }

    /// Difference of the two means as a multiple of the bound for parts of these lengths.
    fn strength(&self, sides: &Sides, options: &AdwinOptions) -> f64 {
        let difference = sides.old_total / sides.old_width - sides.new_total / sides.new_width;
        let confidence = (2.0 * self.width.ln() / options.delta).ln();
        let parts = 1.0 / (sides.old_width - options.min_part + 1.0) + 1.0 / (sides.new_width - options.min_part + 1.0);
        let spread = (2.0 * parts * (self.variance / self.width) * confidence).sqrt();
        difference.abs() / (spread + 2.0 / 3.0 * confidence * parts)
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(at) = self.rows.len().checked_sub(1) else { return false };
        let Some(row) = self.rows.get_mut(at).filter(|row| !row.is_empty()) else { return false };
        let bucket = row.remove(0);
        if row.is_empty() {
            self.rows.pop();
        }
        let size = bucket_size(at);
        self.width -= size;
        self.total -= bucket.total;
        let difference = bucket.total / size - self.total / self.width;
        self.variance -= bucket.variance + size * self.width * difference * difference / (size + self.width);
        true
    }
}

#[allow(clippy::cast_precision_loss, reason = "a power of two is exact")]
fn bucket_size(row: usize) -> f64 {
    (1u64 << row.min(MAX_ROWS)) as f64
}

#[cfg(test)]
mod tests;
