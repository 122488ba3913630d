//! The filter of inspections as an address carries it. The same keys serve the list, its pages, the detail page's way to
//! the next one, exports, saved views and the API.

use super::i18n::Lang;
use super::pages::layout::percent;
use crate::domain::{Digest, VerdictKind};
use crate::journal::{Cursor, Direction, Filter, MAX_PAGE, Turn};
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use std::convert::Infallible;

/// Characters of one value.
const MAX_CHARS: usize = 128;
/// Rows of a page where nothing else is asked for.
pub const PAGE_ROWS: usize = 50;

/// Keys of the filter, in the order of an address. `cursor` and `limit` say which page of it.
pub const KEYS: [&str; 13] = [
    "from",
    "to",
    "verdict",
    "score_min",
    "score_max",
    "label",
    "finding",
    "serial",
    "product",
    "part",
    "flagged",
    "reviewed",
    "sampled",
];
pub const PAGE_KEYS: [&str; 2] = ["cursor", "limit"];

/// What was asked for, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    values: [String; KEYS.len()],
    cursor: String,
    limit: String,
    /// Keys that are none, or are there twice.
    wrong: Vec<Wrong>,
    /// Keys of others, such as those of a form that shares the address.
    others: Vec<(String, String)>,
}

/// A value that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub key: String,
    /// Key of its text, behind `filter.`.
    pub text: &'static str,
    pub found: String,
}

impl Wrong {
    #[must_use]
    pub fn new(key: &str, text: &'static str, found: &str) -> Self {
        let cut = |text: &str| text.chars().take(MAX_CHARS).collect();
        Self { key: cut(key), text, found: cut(found) }
    }

    /// What was found and what is expected.
    #[must_use]
    pub fn say(&self, lang: Lang) -> String {
        let text = lang.text(&format!("filter.{}", self.text));
        format!("{}: {text} ({:?})", self.key, self.found)
    }

    /// The kind of the problem that the API answers with.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.text {
            "foreign-cursor" => "cursor-of-another-filter",
            "bad-cursor" => "bad-cursor",
            _ => "bad-filter",
        }
    }
}

/// A wish that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    pub filter: Filter,
    pub from: Option<Cursor>,
    pub direction: Direction,
    pub limit: usize,
}

impl Understood {
    #[must_use]
    pub fn turn(&self) -> Turn {
        Turn { from: self.from, direction: self.direction, ..Turn::newest(self.limit) }
    }
}

/// The query of an address as pairs; never refused here, so that a page can show what was wrong beside what was typed.
pub struct Pairs(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        // Bytes that are no text: said as a key that is none.
        Ok(Self(pairs.map_or_else(|_| vec![("?".to_owned(), String::new())], |Query(pairs)| pairs)))
    }
}

impl Wish {
    /// From the pairs of an address. Keys with a prefix of `others` are left alone and kept.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>, others: &[&str]) -> Self {
        let mut wish = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in pairs {
            let is_own = KEYS.contains(&key.as_str()) || PAGE_KEYS.contains(&key.as_str());
            if !is_own {
                if others.contains(&key.as_str()) {
                    wish.others.push((key, value));
                } else {
                    wish.wrong.push(Wrong::new(&key, "no-such", &value));
                }
                continue;
            }
            if seen.contains(&key) {
                wish.wrong.push(Wrong::new(&key, "twice", &value));
                continue;
            }
            wish.set(&key, value.trim());
            seen.push(key);
        }
        wish
    }

    /// From the text of an address behind its `?`, as a saved view or a form keeps it.
    #[must_use]
    pub fn from_query(query: &str) -> Self {
        let uri = format!("/?{query}").parse::<axum::http::Uri>();
        let pairs = uri.ok().and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        Self::new(pairs.map_or_else(|| vec![("?".to_owned(), query.to_owned())], |Query(pairs)| pairs), &[])
    }

    fn set(&mut self, key: &str, value: &str) {
        match key {
            "cursor" => value.clone_into(&mut self.cursor),
            "limit" => value.clone_into(&mut self.limit),
            _ => {
                let slot = self.values.iter_mut().zip(KEYS).find(|(_, known)| *known == key);
                if let Some((slot, _)) = slot {
                    value.clone_into(slot);
                }
            }
        }
    }

    /// The same with another value.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.iter().zip(KEYS).find(|(_, known)| *known == key).map_or("", |(value, _)| value)
    }

    /// A value that is not the filter's own.
    #[must_use]
    pub fn other(&self, key: &str) -> &str {
        self.others.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
    }

    #[must_use]
    pub const fn is_first_page(&self) -> bool {
        self.cursor.is_empty()
    }

    /// The filter alone, as a query without `?`; empty for none.
    #[must_use]
    pub fn query(&self) -> String {
        let pairs = KEYS.iter().zip(&self.values).filter(|(_, value)| !value.is_empty());
        pairs.map(|(key, value)| format!("{key}={}", percent(value))).collect::<Vec<_>>().join("&")
    }

    /// An address with this filter.
    #[must_use]
    pub fn address(&self, path: &str) -> String {
        join(path, &[&self.query()])
    }

    /// The address of another page of this filter.
    #[must_use]
    pub fn page_address(&self, path: &str, cursor: &str) -> String {
        let limit = if self.limit.is_empty() { String::new() } else { format!("limit={}", percent(&self.limit)) };
        join(path, &[&self.query(), &limit, &format!("cursor={cursor}")])
    }

    /// A place in the list of this filter, as text: of another filter it is refused.
    #[must_use]
    pub fn cursor(&self, place: Cursor, direction: Direction) -> String {
        let way = if direction == Direction::Older { 'o' } else { 'n' };
        format!("{way}{place}-{}", self.mark())
    }

    /// Tells filters apart.
    fn mark(&self) -> String {
        Digest::of(self.query().as_bytes()).to_string().chars().take(8).collect()
    }

    /// Understands all of it, or says all that is wrong.
    ///
    /// # Errors
    /// With every value that is not understood.
    pub fn understand(&self) -> Result<Understood, Vec<Wrong>> {
        let mut wrong = self.wrong.clone();
        let filter = self.filter(&mut wrong);
        let (from, direction) = self.place(&mut wrong);
        let limit = match self.limit.as_str() {
            "" => PAGE_ROWS,
            text => text.parse().ok().filter(|rows| (1..=MAX_PAGE).contains(rows)).unwrap_or_else(|| {
                wrong.push(Wrong::new("limit", "bad-limit", text));
                PAGE_ROWS
            }),
        };
        if wrong.is_empty() { Ok(Understood { filter, from, direction, limit }) } else { Err(wrong) }
    }

    fn filter(&self, wrong: &mut Vec<Wrong>) -> Filter {
        let mut read = Reading { wish: self, wrong };
        let filter = Filter {
            from_us: read.value("from", "bad-time", time),
            to_us: read.value("to", "bad-time", time),
            verdict: read.value("verdict", "bad-verdict", verdict),
            score_min: read.value("score_min", "bad-score", score),
            score_max: read.value("score_max", "bad-score", score),
            label: read.value("label", "too-long", short),
            finding: read.value("finding", "too-long", short),
            serial: read.value("serial", "too-long", short),
            product: read.value("product", "too-long", short),
            part: read.value("part", "bad-part", |text| text.parse().ok()),
            flagged: read.value("flagged", "bad-choice", choice),
            reviewed: read.value("reviewed", "bad-choice", choice),
            sampled: read.value("sampled", "bad-choice", choice),
        };
        if filter.from_us.zip(filter.to_us).is_some_and(|(from, to)| from >= to) {
            wrong.push(Wrong::new("to", "turned-time", self.get("to")));
        }
        if filter.score_min.zip(filter.score_max).is_some_and(|(low, high)| low > high) {
            wrong.push(Wrong::new("score_max", "turned-score", self.get("score_max")));
        }
        filter
    }

    fn place(&self, wrong: &mut Vec<Wrong>) -> (Option<Cursor>, Direction) {
        let newest = (None, Direction::Older);
        if self.cursor.is_empty() {
            return newest;
        }
        let direction = match self.cursor.chars().next() {
            Some('o') => Some(Direction::Older),
            Some('n') => Some(Direction::Newer),
            _ => None,
        };
        let parts = self.cursor.get(1..).and_then(|rest| rest.rsplit_once('-'));
        let read = direction.zip(parts).and_then(|(way, (place, mark))| Some((way, place.parse().ok()?, mark)));
        match read {
            Some((direction, place, mark)) if mark == self.mark() => (Some(place), direction),
            Some(_) => {
                wrong.push(Wrong::new("cursor", "foreign-cursor", &self.cursor));
                newest
            }
            None => {
                wrong.push(Wrong::new("cursor", "bad-cursor", &self.cursor));
                newest
            }
        }
    }
}

fn join(path: &str, parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
}

struct Reading<'w> {
    wish: &'w Wish,
    wrong: &'w mut Vec<Wrong>,
}

impl Reading<'_> {
    fn value<T>(&mut self, key: &str, text: &'static str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let found = self.wish.get(key);
        if found.is_empty() {
            return None;
        }
        let value = read(found);
        if value.is_none() {
            self.wrong.push(Wrong::new(key, text, found));
        }
        value
    }
}

/// `2026-11-24`, `2026-11-24T03:19`, with seconds or not, in UTC; `Z` or an offset may stand behind it.
pub fn time(text: &str) -> Option<i64> {
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(stamp.as_microsecond());
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok().map(|stamp| stamp.as_microsecond())
}

fn verdict(text: &str) -> Option<VerdictKind> {
    [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided].into_iter().find(|kind| kind.name() == text)
}

fn score(text: &str) -> Option<f64> {
    text.parse().ok().filter(|score| (0.0..=1.0).contains(score))
}

fn short(text: &str) -> Option<String> {
    (text.chars().count() <= MAX_CHARS).then(|| text.to_owned())
}

fn choice(text: &str) -> Option<bool> {
    match text {
        // What the list had as a tick box.
        "yes" | "1" => Some(true),
        "no" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn understood(query: &str) -> Understood {
        Wish::from_query(query).understand().unwrap()
    }

    fn wrong(query: &str) -> Vec<(String, &'static str)> {
        let wrong = Wish::from_query(query).understand().unwrap_err();
        wrong.into_iter().map(|wrong| (wrong.key, wrong.text)).collect()
    }

    #[test]
    fn each_key_of_an_address_is_a_filter() {
        let found = understood(
            "from=2026-11-24&to=2026-11-24T03:19:30Z&verdict=fail&score_min=0.25&score_max=1&label=a%26b&finding=f&serial=S1\
             &product=p&part=00ff00ff&flagged=yes&reviewed=no&sampled=1&limit=7",
        );
        let filter = Filter {
            from_us: Some(1_795_478_400_000_000),
            to_us: Some(1_795_490_370_000_000),
            verdict: Some(VerdictKind::Fail),
            score_min: Some(0.25),
            score_max: Some(1.0),
            label: Some("a&b".to_owned()),
            finding: Some("f".to_owned()),
            serial: Some("S1".to_owned()),
            product: Some("p".to_owned()),
            part: "00ff00ff".parse().ok(),
            flagged: Some(true),
            reviewed: Some(false),
            sampled: Some(true),
        };
        assert_eq!((found.filter, found.limit, found.from), (filter, 7, None));
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let found = wrong(
            "from=yesterday&verdict=maybe&score_min=2&score_max=nan&part=xyz&flagged=often&limit=100000&cursor=7&verdct=fail\
             &serial=a&serial=b",
        );
        let expected = [
            ("verdct", "no-such"),
            ("serial", "twice"),
            ("from", "bad-time"),
            ("verdict", "bad-verdict"),
            ("score_min", "bad-score"),
            ("score_max", "bad-score"),
            ("part", "bad-part"),
            ("flagged", "bad-choice"),
            ("cursor", "bad-cursor"),
            ("limit", "bad-limit"),
        ];
        assert_eq!(found, expected.map(|(key, text)| (key.to_owned(), text)));
        assert_eq!(wrong("from=2026-11-25&to=2026-11-24"), [("to".to_owned(), "turned-time")]);
        assert_eq!(wrong("score_min=0.5&score_max=0.4"), [("score_max".to_owned(), "turned-score")]);
        assert_eq!(wrong(&format!("label={}", "x".repeat(129))), [("label".to_owned(), "too-long")]);
        assert_eq!(wrong("limit=0"), [("limit".to_owned(), "bad-limit")]);
    }

    #[test]
    fn a_cursor_belongs_to_its_filter() {
        let place = Cursor { judged_at_us: 1_764_000_000_000_000, row: 17 };
        let fails = Wish::from_query("verdict=fail");
        for direction in [Direction::Older, Direction::Newer] {
            let cursor = fails.cursor(place, direction);
            let found = understood(&format!("verdict=fail&limit=3&cursor={cursor}"));
            assert_eq!((found.from, found.direction), (Some(place), direction));
            assert_eq!(wrong(&format!("verdict=pass&cursor={cursor}")), [("cursor".to_owned(), "foreign-cursor")]);
            assert_eq!(wrong(&format!("cursor={cursor}")), [("cursor".to_owned(), "foreign-cursor")]);
        }
    }

    #[test]
    fn an_address_keeps_its_filter_when_the_page_is_turned() {
        let wish = Wish::from_query("label=a%26b%20c&verdict=fail&limit=7");
        assert_eq!(wish.address("/inspections"), "/inspections?verdict=fail&label=a%26b%20c");
        assert_eq!(wish.page_address("/x", "o1-2-3"), "/x?verdict=fail&label=a%26b%20c&limit=7&cursor=o1-2-3");
        assert_eq!(Wish::default().address("/inspections"), "/inspections");
        assert_eq!(wish.with("verdict", "").query(), "label=a%26b%20c");
    }

    #[test]
    fn every_text_of_a_wrong_value_is_there() {
        let keys = [
            "no-such",
            "twice",
            "bad-time",
            "bad-verdict",
            "bad-score",
            "bad-part",
            "bad-choice",
            "bad-cursor",
            "foreign-cursor",
            "bad-limit",
            "turned-time",
            "turned-score",
            "too-long",
        ];
        for key in keys {
            for lang in [Lang::En, Lang::ZhCn] {
                assert_ne!(lang.text(&format!("filter.{key}")), "?", "{key}");
            }
        }
    }
}
