//! The two-sample Kolmogorov-Smirnov test, two-sided.

/// Above this many pairs the exact p-value gives way to the asymptotic one.
const MAX_EXACT_PAIRS: usize = 100_000;

/// Largest distance between the two empirical distribution functions, in [0, 1]. Both samples have to be sorted; 0
/// where one is empty.
#[must_use]
pub fn statistic(a: &[f64], b: &[f64]) -> f64 {
    steps(a, b) as f64 / ((a.len() * b.len()).max(1) as f64)
}

/// The statistic as whole steps of `1 / (a.len() * b.len())`: no rounding.
fn steps(a: &[f64], b: &[f64]) -> usize {
    let (mut rest_a, mut rest_b, mut largest) = (a, b, 0usize);
    if a.is_empty() || b.is_empty() {
        return 0;
    }
    while let (Some(x), Some(y)) = (rest_a.first(), rest_b.first()) {
        let value = x.min(*y);
        rest_a = skip_to(rest_a, value);
        rest_b = skip_to(rest_b, value);
        let above_a = (a.len() - rest_a.len()) * b.len();
        let above_b = (b.len() - rest_b.len()) * a.len();
        largest = largest.max(above_a.abs_diff(above_b));
    }
    largest
}

/// What follows the values up to and including `value`.
fn skip_to(sorted: &[f64], value: f64) -> &[f64] {
    let count = sorted.iter().take_while(|x| **x <= value).count();
    sorted.get(count..).unwrap_or_default()
}

/// Chance of a statistic of at least `d` where both samples come from one distribution: exact while it is affordable,
/// else asymptotic.
#[must_use]
pub fn p_value(d: f64, m: usize, n: usize) -> f64 {
    if m * n <= MAX_EXACT_PAIRS { p_exact(d, m, n) } else { p_asymptotic(d, m, n) }
}

/// Exact, by the share of lattice paths from (0, 0) to (m, n) that touch a distance of `d`: every order of the pooled
/// values is one path, and all are equally probable. Ties make it cautious (p too large).
#[must_use]
pub fn p_exact(d: f64, m: usize, n: usize) -> f64 {
    if m == 0 || n == 0 {
        return 1.0;
    }
    let limit = (d * (m * n) as f64).round() as usize;
    if limit == 0 {
        return 1.0;
    }
    // inside[j]: share of the paths to (i, j) that stayed inside.
    let mut inside = vec![0.0f64; n + 1];
    for i in 0..=m {
        let mut left = 0.0;
        for (j, here) in inside.iter_mut().enumerate() {
            let (a, b) = (i as f64, j as f64);
            *here = match (i * n).abs_diff(j * m) {
                distance if distance >= limit => 0.0,
                _ if i == 0 && j == 0 => 1.0,
                _ => *here * a / (a + b) + left * b / (a + b),
            };
            left = *here;
        }
    }
    (1.0 - inside.last().copied().unwrap_or(1.0)).clamp(0.0, 1.0)
}

/// Asymptotic, as `scipy.stats.ks_2samp(method="asymp")` has it: the one-sample distribution with the harmonic size
/// `m n / (m + n)`, rounded.
#[must_use]
pub fn p_asymptotic(d: f64, m: usize, n: usize) -> f64 {
    let size = (m * n) as f64 / ((m + n).max(1) as f64);
    one_sample_p(d, size.round_ties_even() as usize)
}

/// The limit for large samples: Kolmogorov's distribution.
#[must_use]
#[cfg(test)]
pub fn p_limit(d: f64, m: usize, n: usize) -> f64 {
    let x = d * ((m * n) as f64 / ((m + n).max(1) as f64)).sqrt();
    if x < 0.2 {
        return 1.0;
    }
    let term = |k: i32| (-2.0 * f64::from(k * k) * x * x).exp() * if k % 2 == 0 { -1.0 } else { 1.0 };
    (2.0 * (1..=50).map(term).sum::<f64>()).clamp(0.0, 1.0)
}

/// Smallest statistic whose p-value is at most `alpha`; above 1 where no statistic is.
#[must_use]
pub fn critical(alpha: f64, m: usize, n: usize) -> f64 {
    let pairs = m * n;
    let (mut low, mut high) = (0usize, pairs + 1);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if p_value(middle as f64 / pairs as f64, m, n) <= alpha {
            high = middle;
        } else {
            low = middle;
        }
    }
    high as f64 / (pairs.max(1) as f64)
}

/// Chance that the largest distance of an empirical distribution of `n` values from its true one is at least `d`.
fn one_sample_p(d: f64, n: usize) -> f64 {
    if d <= 0.0 || n == 0 {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    // Both tails cannot be that far off at once from d = 1/2 on; further down they do so with less than 1e-8.
    if d >= 0.5 || n as f64 * d * d >= 2.5 {
        return (2.0 * one_sided_p(d, n)).min(1.0);
    }
    (1.0 - marsaglia_tsang_wang(d, n)).clamp(0.0, 1.0)
}

/// Smirnov's exact one-sided chance, summed in logarithms.
fn one_sided_p(d: f64, n: usize) -> f64 {
    let size = n as f64;
    let last = (size * (1.0 - d)).floor() as usize;
    let mut log_binomial = 0.0;
    let mut sum = 0.0;
    for j in 0..=last.min(n) {
        let share = j as f64 / size;
        let left = 1.0 - d - share;
        let tail = if j == n { 0.0 } else { (size - j as f64) * left.ln() };
        if left > 0.0 || j == n {
            sum += (log_binomial + (j as f64 - 1.0) * (d + share).ln() + tail).exp();
        }
        log_binomial += ((size - j as f64) / (j as f64 + 1.0)).ln();
    }
    d * sum
}

/// P(D < d) by the matrix method of Marsaglia, Tsang and Wang (2003). Used where `n d^2 < 2.5`, so that the matrix
/// has at most about `4 sqrt(n)` rows.
fn marsaglia_tsang_wang(d: f64, n: usize) -> f64 {
    let size = n as f64;
    let k = (size * d).floor() as usize + 1;
    let h = k as f64 - size * d;
    let (power, exponent) = Matrix::of_steps(2 * k - 1, h).power(n);
    let mut share = power.at(k - 1, k - 1);
    let mut decimal = exponent;
    for i in 1..=n {
        share *= i as f64 / size;
        if share < 1e-140 {
            share *= 1e140;
            decimal -= 140;
        }
    }
    share * 10f64.powi(decimal)
}

/// Square, row by row.
#[derive(Clone)]
struct Matrix {
    side: usize,
    values: Vec<f64>,
}

impl Matrix {
    fn at(&self, row: usize, column: usize) -> f64 {
        self.values.get(row * self.side + column).copied().unwrap_or(0.0)
    }

    fn from_fn(side: usize, value: impl Fn(usize, usize) -> f64) -> Self {
        let values = (0..side * side).map(|at| value(at / side, at % side)).collect();
        Self { side, values }
    }

    /// `H` of the paper: `1 / (i - j + 1)!` on and below the upper diagonal, corrected by powers of `h` in the first
    /// column and the last row.
    fn of_steps(side: usize, h: f64) -> Self {
        let last = side - 1;
        Self::from_fn(side, |row, column| {
            if row + 1 < column {
                return 0.0;
            }
            let mut value = 1.0;
            if column == 0 {
                value -= h.powi(row as i32 + 1);
            }
            if row == last {
                value -= h.powi((side - column) as i32);
            }
            if column == 0 && row == last && 2.0 * h - 1.0 > 0.0 {
                value += (2.0 * h - 1.0).powi(side as i32);
            }
            (1..=row + 1 - column).fold(value, |value, factor| value / factor as f64)
        })
    }

    fn times(&self, other: &Self) -> Self {
        let side = self.side;
        let mut values = vec![0.0; side * side];
        for (target, row) in values.chunks_exact_mut(side).zip(self.values.chunks_exact(side)) {
            for (factor, line) in row.iter().zip(other.values.chunks_exact(side)) {
                target.iter_mut().zip(line).for_each(|(sum, value)| *sum += factor * value);
            }
        }
        Self { side, values }
    }

    /// The power, with a decimal exponent taken out so that nothing overflows.
    fn power(&self, n: usize) -> (Self, i32) {
        let mut result = (Self::from_fn(self.side, |row, column| f64::from(row == column)), 0);
        for bit in (0..usize::BITS - n.leading_zeros()).rev() {
            result = scaled(result.0.times(&result.0), 2 * result.1);
            if n >> bit & 1 == 1 {
                result = scaled(result.0.times(self), result.1);
            }
        }
        result
    }
}

fn scaled(mut matrix: Matrix, exponent: i32) -> (Matrix, i32) {
    if matrix.at(matrix.side / 2, matrix.side / 2) <= 1e140 {
        return (matrix, exponent);
    }
    matrix.values.iter_mut().for_each(|value| *value *= 1e-140);
    (matrix, exponent + 140)
}

#[cfg(test)]
mod tests;
