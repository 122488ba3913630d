//! What a list shows, and the place in it.

use super::streams::{SCORE_BUCKETS, Stream};
use crate::domain::VerdictKind;
use std::fmt;
use std::str::FromStr;

/// Rows of one page, at most.
pub const MAX_PAGE: usize = 200;

/// What a list shows; absent is any. Times are those of the verdict, `from_us` included, `to_us` not.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub verdict: Option<VerdictKind>,
    /// Label of a pass, reason of a fail, the model's top label of an undecided frame.
    pub label: Option<String>,
    /// Label of a raised finding.
    pub finding: Option<String>,
    pub product: Option<String>,
    pub serial: Option<String>,
    pub from_us: Option<i64>,
    pub to_us: Option<i64>,
    /// True: with any raised finding.
    pub flagged: Option<bool>,
    /// In [0, 1], both included.
    pub score_min: Option<f64>,
    pub score_max: Option<f64>,
    /// Digest of a plugin's component or of a model, or how it begins: what was judged by a recipe that has it.
    pub part: Option<PartPrefix>,
    /// True: at least one person has said what the part is.
    pub reviewed: Option<bool>,
    /// True: passes of the random sample that people are to look at.
    pub sampled: Option<bool>,
}

impl Filter {
    /// True where the score has to lie somewhere.
    pub(super) const fn has_score(&self) -> bool {
        self.score_min.is_some() || self.score_max.is_some()
    }

    pub(super) fn score_range(&self) -> (f64, f64) {
        (self.score_min.unwrap_or(0.0), self.score_max.unwrap_or(1.0))
    }

    /// The indexes that serve this filter: what it shows is in each of them. `recipes` are those of the wished part.
    pub(super) fn streams(&self, recipes: Option<&[[u8; 32]]>) -> Vec<Stream> {
        let mut streams = Vec::new();
        let mut text = |value: &Option<String>, stream: fn(String) -> Stream| {
            streams.extend(value.clone().map(stream));
        };
        text(&self.serial, Stream::Serial);
        text(&self.finding, Stream::Finding);
        text(&self.label, Stream::Label);
        text(&self.product, Stream::Product);
        streams.extend(self.verdict.map(Stream::Verdict));
        if self.sampled == Some(true) {
            streams.push(Stream::Sampled);
        }
        if self.reviewed == Some(true) {
            streams.push(Stream::Reviewed);
        }
        if self.flagged == Some(true) {
            streams.push(Stream::Flagged);
        }
        if self.has_score() {
            let (low, high) = self.score_range();
            let bucket = |score: f64| ((score.clamp(0.0, 1.0) * SCORE_BUCKETS as f64) as i64).clamp(0, SCORE_BUCKETS);
            streams.push(Stream::Scores(bucket(low), bucket(high)));
        }
        if let Some(recipes) = recipes.filter(|recipes| recipes.len() <= MAX_RECIPE_STREAMS) {
            streams.push(Stream::Recipes(recipes.to_vec()));
        }
        if streams.is_empty() {
            streams.push(Stream::Time);
        }
        streams
    }
}

/// Recipes whose rows are merged; of a part that more recipes have, each row is looked at.
const MAX_RECIPE_STREAMS: usize = 64;

/// Hexadecimal digits of a digest, from its first on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPrefix {
    digits: String,
}

/// Fewer digits would name half the plugins there are.
pub const MIN_PART_DIGITS: usize = 8;

/// The text is not the beginning of a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is given by its first {MIN_PART_DIGITS} to 64 hexadecimal digits, found {found:?}")]
pub struct PartParseError {
    pub found: String,
}

impl PartPrefix {
    /// The first and the last digest that begin so.
    pub(super) fn bounds(&self) -> [Vec<u8>; 2] {
        ['0', 'f'].map(|fill| {
            let padded: String = self.digits.chars().chain(std::iter::repeat(fill)).take(64).collect();
            let pairs = (0..64).step_by(2).filter_map(|at| padded.get(at..at + 2));
            pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
        })
    }

    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }
}

impl FromStr for PartPrefix {
    type Err = PartParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.to_ascii_lowercase();
        if (MIN_PART_DIGITS..=64).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(Self { digits });
        }
        Err(PartParseError { found: text.chars().take(80).collect() })
    }
}

/// The place of a row in a list. Written `MICROS-ROW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub judged_at_us: i64,
    pub row: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.judged_at_us, self.row)
    }
}

/// The text is no place in a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a place in a list is MICROS-ROW as the page before gave it, found {found:?}")]
pub struct CursorParseError {
    pub found: String,
}

impl FromStr for Cursor {
    type Err = CursorParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse =
            |(micros, row): (&str, &str)| Some(Self { judged_at_us: micros.parse().ok()?, row: row.parse().ok()? });
        let bad = || CursorParseError { found: text.chars().take(60).collect() };
        text.rsplit_once('-').and_then(parse).ok_or_else(bad)
    }
}

/// One page of a list: at most [`MAX_PAGE`] rows, older than `before`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    pub before: Option<Cursor>,
    pub limit: usize,
}
