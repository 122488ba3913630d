//! How right a station's verdicts are, by what people say of the parts. Nothing is a figure where nobody looked.
//!
//! People look at rejects and at what is undecided because they are rejects and undecided, and at a random sample of the
//! passes. Each reviewed part stands for as many as its kind was looked at one in how many (Horvitz-Thompson, with the
//! parts of a kind that nobody has looked at yet shared among those that somebody has). A pass that was not drawn, but
//! looked at because somebody chose it, is in the matrix of counts only: it stands for nothing else.

mod estimate;
#[cfg(test)]
mod tests;

pub use estimate::{Interval, Rate, kappa, share, wilson};

use super::VerdictKind;

/// A reviewed inspection, as far as figures need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    pub row: i64,
    pub judged_at_us: i64,
    /// The station's verdict, with its label, score and, where it is undecided, its code.
    pub verdict: VerdictKind,
    pub label: Option<String>,
    pub score: Option<f64>,
    pub code: Option<String>,
    /// What the latest review says.
    pub truth: VerdictKind,
    pub truth_label: Option<String>,
    /// One in so many passes was drawn when this one was; none where it was not drawn.
    pub one_in: Option<u64>,
}

/// How many inspections there are of each kind, and how many passes the drawn ones stand for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Strata {
    pub fail: u64,
    pub undecided: u64,
    pub drawn: u64,
    /// Sum over the drawn passes of one in how many each is.
    pub drawn_for: u64,
}

/// A kind of parts that people look at in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stratum {
    Fail,
    Undecided,
    /// Passes of the random sample.
    Drawn,
}

impl Stratum {
    pub const ALL: [Self; 3] = [Self::Fail, Self::Undecided, Self::Drawn];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Undecided => "undecided",
            Self::Drawn => "drawn",
        }
    }

    /// None for a pass that was not drawn.
    #[must_use]
    pub fn of(row: &Labelled) -> Option<Self> {
        match row.verdict {
            VerdictKind::Fail => Some(Self::Fail),
            VerdictKind::Undecided => Some(Self::Undecided),
            VerdictKind::Pass => row.one_in.map(|_| Self::Drawn),
        }
    }
}

/// How much of a stratum somebody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    pub stratum: Stratum,
    pub reviewed: u64,
    pub of: u64,
}

/// A part with a known truth and what it stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighed<'l> {
    pub row: &'l Labelled,
    pub good: bool,
    pub weight: f64,
}

/// Reviewed parts as a sample of all.
#[derive(Debug, Clone)]
pub struct Sample<'l> {
    pub parts: Vec<Weighed<'l>>,
    pub coverage: [Coverage; 3],
}

impl<'l> Sample<'l> {
    /// Weighs the rows of which somebody could tell what they are.
    #[must_use]
    pub fn new(rows: &'l [Labelled], strata: &Strata) -> Self {
        let told = |row: &&Labelled| row.truth != VerdictKind::Undecided;
        let reviewed =
            |stratum| rows.iter().filter(told).filter(|row| Stratum::of(row) == Some(stratum)).count() as u64;
        let sizes = [strata.fail, strata.undecided, strata.drawn];
        let mut of = Stratum::ALL.into_iter().zip(sizes);
        let coverage = [(); 3].map(|()| {
            let (stratum, of) = of.next().unwrap_or((Stratum::Drawn, 0));
            let reviewed = reviewed(stratum);
            // A part that was recorded after the kind was counted is one of it.
            Coverage { stratum, reviewed, of: of.max(reviewed) }
        });
        let weight = |row: &Labelled| {
            let stratum = Stratum::of(row)?;
            let found = coverage.iter().find(|found| found.stratum == stratum && found.reviewed > 0)?;
            Some(row.one_in.unwrap_or(1).max(1) as f64 * found.of as f64 / found.reviewed as f64)
        };
        let weigh = |row: &'l Labelled| {
            let weight = weight(row)?;
            Some(Weighed { row, good: row.truth == VerdictKind::Pass, weight })
        };
        Self { parts: rows.iter().filter(told).filter_map(weigh).collect(), coverage }
    }

    /// Kinds of which there are parts, and nobody looked at one. While there are such, nothing is known of all parts.
    /// Passes have to be drawn: where none was, nothing is known of those that passed.
    pub fn missing(&self) -> impl Iterator<Item = Stratum> {
        self.coverage
            .iter()
            .filter(|one| one.reviewed == 0 && (one.of > 0 || one.stratum == Stratum::Drawn))
            .map(|one| one.stratum)
    }

    fn is_whole(&self) -> bool {
        self.missing().next().is_none()
    }

    fn rate(&self, among: impl Fn(&Weighed<'_>) -> bool, counted: impl Fn(&Weighed<'_>) -> bool) -> Option<Rate> {
        let parts = self.parts.iter().filter(|part| self.is_whole() && among(part));
        share(parts.map(|part| (counted(part), part.weight)))
    }

    /// Good parts that failed, of all good ones.
    #[must_use]
    pub fn false_rejects(&self) -> Option<Rate> {
        self.rate(|part| part.good, |part| part.row.verdict == VerdictKind::Fail)
    }

    /// Good parts left undecided, of all good ones.
    #[must_use]
    pub fn held(&self) -> Option<Rate> {
        self.rate(|part| part.good, |part| part.row.verdict == VerdictKind::Undecided)
    }

    /// Defective parts that passed, of all defective ones.
    #[must_use]
    pub fn escapes(&self) -> Option<Rate> {
        self.rate(|part| !part.good, |part| part.row.verdict == VerdictKind::Pass)
    }

    /// Parts whose verdict was right, of all; an undecided one was not.
    #[must_use]
    pub fn accuracy(&self) -> Option<Rate> {
        self.rate(|_| true, is_right)
    }

    /// Harmonic mean of precision and recall of the rejects: what failed counts as called defective. None where there
    /// was neither a defect nor a reject.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        if !self.is_whole() {
            return None;
        }
        let sum = |wish: fn(bool, bool) -> bool| {
            let called = |part: &&Weighed<'_>| wish(part.row.verdict == VerdictKind::Fail, !part.good);
            self.parts.iter().filter(called).map(|part| part.weight).sum::<f64>()
        };
        let (right, wrong) = (sum(|called, defect| called && defect), sum(|called, defect| called != defect));
        (right + wrong > 0.0).then(|| 2.0 * right / (2.0 * right + wrong))
    }

    /// The same over time: `buckets` spans of `bucket_us` from `from_us` on. What a part stands for is that of the whole
    /// time.
    #[must_use]
    pub fn over_time(&self, from_us: i64, bucket_us: i64, buckets: usize) -> Vec<Span> {
        let index = |part: &Weighed<'_>| (part.row.judged_at_us - from_us).div_euclid(bucket_us.max(1));
        let span = |number: usize| {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let parts = self.parts.iter().filter(|part| index(part) == number).copied().collect();
            let inside = Sample { parts, coverage: self.coverage };
            Span {
                from_us: from_us.saturating_add(bucket_us.saturating_mul(number)),
                parts: inside.parts.len(),
                accuracy: inside.accuracy(),
                f1: inside.f1(),
            }
        };
        (0..buckets).map(span).collect()
    }

    /// What another least probability of a pass would have come to. Findings and failures that kept a part from passing
    /// would have done so too; what the model called defective does not change.
    #[must_use]
    pub fn what_if(&self, pass_labels: &[String], threshold: f64) -> WhatIf {
        let passes = |part: &Weighed<'_>| {
            governed(part.row, pass_labels) && part.row.score.is_some_and(|score| score >= threshold)
        };
        WhatIf {
            threshold,
            escapes: self.rate(|part| !part.good, passes),
            stopped_good: self.rate(|part| part.good, |part| !passes(part)),
        }
    }
}

fn is_right(part: &Weighed<'_>) -> bool {
    match part.row.verdict {
        VerdictKind::Pass => part.good,
        VerdictKind::Fail => !part.good,
        VerdictKind::Undecided => false,
    }
}

/// Code of an undecided verdict that the threshold alone gave.
const UNSURE: &str = "unsure";

/// True where the least probability of a pass alone says whether it passes.
fn governed(row: &Labelled, pass_labels: &[String]) -> bool {
    let called_good = row.label.as_ref().is_some_and(|label| pass_labels.contains(label));
    match row.verdict {
        VerdictKind::Pass => true,
        VerdictKind::Fail => false,
        VerdictKind::Undecided => called_good && row.code.as_deref() == Some(UNSURE),
    }
}

/// Figures of one span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub from_us: i64,
    /// Reviewed parts in it that stand for others.
    pub parts: usize,
    pub accuracy: Option<Rate>,
    pub f1: Option<f64>,
}

/// What a threshold would have come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WhatIf {
    pub threshold: f64,
    pub escapes: Option<Rate>,
    /// Good parts that would not have passed, of all good ones.
    pub stopped_good: Option<Rate>,
}
