//! Which time the drift page is asked about: a range up to now, or from one time to another.

use crate::admin::filter::{Wrong, time};
use crate::admin::series::Range;
use crate::journal::SpanUs;

/// Keys of an address.
const KEYS: [&str; 4] = ["range", "from", "to", "episode"];
/// The longest span, as the longest range.
const MAX_SPAN_US: i64 = 90 * 86_400 * 1_000_000;

/// What was asked for, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    values: [String; KEYS.len()],
    wrong: Vec<Wrong>,
}

/// A wish that was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// None where two times were given.
    pub range: Option<Range>,
    pub span: SpanUs,
    /// The episode to be told; the newest where none is named.
    pub episode: Option<i64>,
}

impl Wish {
    /// From the pairs of an address; those of `others` are left alone.
    #[must_use]
    pub fn new(pairs: &[(String, String)], others: &[&str]) -> Self {
        let mut wish = Self::default();
        for (key, value) in pairs.iter().filter(|(key, _)| !others.contains(&key.as_str())) {
            let slot = wish.values.iter_mut().zip(KEYS).find(|(_, known)| known == key);
            match slot {
                None => wish.wrong.push(Wrong::new(key, "no-such", value)),
                Some((slot, _)) if slot.is_empty() => value.trim().clone_into(slot),
                Some(_) => wish.wrong.push(Wrong::new(key, "twice", value)),
            }
        }
        wish
    }

    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.iter().zip(KEYS).find(|(_, known)| *known == key).map_or("", |(value, _)| value)
    }

    /// Understands all of it, or says all that is wrong.
    ///
    /// # Errors
    /// With every value that is not understood.
    pub fn understand(&self, now_us: i64) -> Result<Asked, Vec<Wrong>> {
        let mut wrong = self.wrong.clone();
        let [range, from, to, episode] = &self.values;
        let number = episode.parse().ok();
        if !episode.is_empty() && number.is_none() {
            wrong.push(Wrong::new("episode", "bad-episode", episode));
        }
        let by_times = !from.is_empty() || !to.is_empty();
        if by_times && !range.is_empty() {
            wrong.push(Wrong::new("range", "range-and-times", range));
        }
        let known = Range::ALL.into_iter().find(|known| known.name() == range);
        let (range, span) = if by_times {
            (None, times(from, to, now_us, &mut wrong))
        } else {
            if known.is_none() && !range.is_empty() {
                wrong.push(Wrong::new("range", "bad-range", range));
            }
            let range = known.unwrap_or_default();
            (Some(range), SpanUs { from_us: now_us - range.shape().2 * 1_000_000, to_us: now_us })
        };
        if wrong.is_empty() { Ok(Asked { range, span, episode: number }) } else { Err(wrong) }
    }
}

/// Without an end: until now.
fn times(from: &str, to: &str, now_us: i64, wrong: &mut Vec<Wrong>) -> SpanUs {
    let mut read = |key, text: &str| {
        let at = time(text);
        if at.is_none() {
            wrong.push(Wrong::new(key, "bad-time", text));
        }
        at
    };
    let from_us = read("from", from);
    let to_us = if to.is_empty() { Some(now_us) } else { read("to", to) };
    if let (Some(from_us), Some(to_us)) = (from_us, to_us) {
        if from_us >= to_us {
            wrong.push(Wrong::new("to", "turned-time", to));
        } else if to_us.saturating_sub(from_us) > MAX_SPAN_US {
            wrong.push(Wrong::new("from", "long-span", from));
        }
    }
    SpanUs { from_us: from_us.unwrap_or(0), to_us: to_us.unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::admin::i18n::Lang;

    const NOW_US: i64 = 1_795_000_000_000_000;

    fn asked(pairs: &[(&str, &str)]) -> Result<Asked, Vec<(String, &'static str)>> {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let understood = Wish::new(&pairs, &["feature"]).understand(NOW_US);
        understood.map_err(|wrong| wrong.into_iter().map(|one| (one.key, one.text)).collect())
    }

    #[test]
    fn a_range_ends_now_and_two_times_are_as_given() {
        let hour = asked(&[("feature", "left alone")]).unwrap();
        assert_eq!((hour.range, hour.span.to_us - hour.span.from_us), (Some(Range::Hour), 3_600_000_000));
        assert_eq!(asked(&[("range", "90d"), ("episode", "7")]).unwrap().episode, Some(7));
        let day = asked(&[("from", "2026-11-10"), ("to", "2026-11-11")]).unwrap();
        assert_eq!((day.range, day.span.to_us - day.span.from_us), (None, 86_400_000_000));
        assert_eq!(asked(&[("from", "2026-11-10")]).unwrap().span.to_us, NOW_US);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_and_has_a_text() {
        let wrong = [
            (vec![("range", "2h")], "bad-range"),
            (vec![("range", "1h"), ("range", "8h")], "twice"),
            (vec![("colour", "red")], "no-such"),
            (vec![("from", "noon")], "bad-time"),
            (vec![("to", "2026-11-10")], "bad-time"),
            (vec![("from", "2026-11-11"), ("to", "2026-11-10")], "turned-time"),
            (vec![("from", "2026-01-01"), ("to", "2026-11-10")], "long-span"),
            (vec![("from", "2026-11-10"), ("range", "1h")], "range-and-times"),
            (vec![("episode", "first")], "bad-episode"),
        ];
        for (pairs, expected) in wrong {
            let found: Vec<_> = asked(&pairs).unwrap_err().into_iter().map(|(_, text)| text).collect();
            assert_eq!(found, [expected], "{pairs:?}");
            assert_ne!(Lang::En.text(&format!("filter.{expected}")), "?");
        }
        assert_eq!(asked(&[("range", "2h"), ("colour", "red"), ("episode", "x")]).unwrap_err().len(), 3);
    }
}
