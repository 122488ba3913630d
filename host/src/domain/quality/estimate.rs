//! Shares with their uncertainty, and agreement. Held against statsmodels and scikit-learn in the tests.

use crate::domain::VerdictKind;

/// Two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Where a share lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// A share that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    pub value: f64,
    pub interval: Interval,
    /// Parts that somebody looked at.
    pub parts: u64,
    /// As many equal ones would say as much (Kish); the interval is that of these.
    pub effective: f64,
}

/// Wilson's score interval of `hits` out of `n`, both of which may be parts of whole ones. None for nothing.
#[must_use]
pub fn wilson(hits: f64, n: f64) -> Option<Interval> {
    if n.is_nan() || n <= 0.0 {
        return None;
    }
    let share = (hits / n).clamp(0.0, 1.0);
    let z2 = Z * Z;
    let centre = share + z2 / (2.0 * n);
    let spread = Z * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z2 / n;
    Some(Interval { low: ((centre - spread) / whole).max(0.0), high: ((centre + spread) / whole).min(1.0) })
}

/// The weighted share of parts that count. None where there are no parts.
#[must_use]
pub fn share(parts: impl Iterator<Item = (bool, f64)>) -> Option<Rate> {
    let (mut hits, mut all, mut squares, mut count) = (0.0, 0.0, 0.0, 0u64);
    for (hit, weight) in parts {
        hits += if hit { weight } else { 0.0 };
        all += weight;
        squares += weight * weight;
        count += 1;
    }
    if all <= 0.0 {
        return None;
    }
    let (value, effective) = (hits / all, all * all / squares);
    Some(Rate { value, interval: wilson(value * effective, effective)?, parts: count, effective })
}

/// Cohen's kappa of first and second opinions: 1 where they always agree, 0 where chance would agree as often. None
/// where there are none, or all say the same, so that chance alone explains it.
#[must_use]
pub fn kappa(opinions: &[(VerdictKind, VerdictKind, u64)]) -> Option<f64> {
    let all: u64 = opinions.iter().map(|(.., count)| count).sum();
    if all == 0 {
        return None;
    }
    let of = |wish: &dyn Fn(&(VerdictKind, VerdictKind, u64)) -> bool| {
        opinions.iter().filter(|pair| wish(pair)).map(|(.., count)| *count as f64).sum::<f64>() / all as f64
    };
    let agreed = of(&|(first, second, _)| first == second);
    let kinds = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided];
    let chance: f64 = kinds.iter().map(|kind| of(&|pair| pair.0 == *kind) * of(&|pair| pair.1 == *kind)).sum();
    (chance < 1.0).then(|| (agreed - chance) / (1.0 - chance))
}
