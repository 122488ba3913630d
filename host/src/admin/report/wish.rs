//! Which span a report is of, as an address has it.

use crate::admin::i18n::Lang;
use crate::domain::{ShiftPlan, ShiftSpan};
use crate::journal::SpanUs;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

pub const KEYS: [&str; 4] = ["date", "shift", "from", "to"];
/// Characters of a value that is shown again.
const MAX_CHARS: usize = 64;
const MAX_SPAN_US: i64 = 31 * 24 * 3600 * 1_000_000;

/// What was asked for, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    values: [String; KEYS.len()],
    /// Keys that are none, or are there twice.
    wrong: Vec<Wrong>,
}

/// A value that is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub key: String,
    /// Key of its text.
    pub text: &'static str,
    found: String,
}

impl Wrong {
    fn new(key: &str, text: &'static str, found: &str) -> Self {
        let cut = |text: &str| text.chars().take(MAX_CHARS).collect();
        Self { key: cut(key), text, found: cut(found) }
    }

    /// What was found and what is expected.
    #[must_use]
    pub fn say(&self, lang: Lang) -> String {
        format!("{}: {} ({:?})", self.key, lang.text(self.text), self.found)
    }
}

/// A span that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub span: SpanUs,
    /// The day, where it is one.
    pub date: Option<Date>,
    /// The shift, where it is one.
    pub shift: Option<ShiftSpan>,
}

impl From<ShiftSpan> for Asked {
    fn from(shift: ShiftSpan) -> Self {
        let span = SpanUs { from_us: shift.from_us, to_us: shift.to_us };
        Self { span, date: Some(shift.date), shift: Some(shift) }
    }
}

impl Wish {
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        let mut wish = Self::default();
        for (key, value) in pairs {
            let slot = wish.values.iter_mut().zip(KEYS).find(|(_, known)| *known == key);
            match slot {
                None => wish.wrong.push(Wrong::new(&key, "report.wrong-key", &value)),
                Some((slot, _)) if slot.is_empty() => value.trim().clone_into(slot),
                Some(_) => wish.wrong.push(Wrong::new(&key, "report.wrong-twice", &value)),
            }
        }
        wish
    }

    #[must_use]
    pub fn get(&self, key: &str) -> &str {
        self.values.iter().zip(KEYS).find(|(_, known)| *known == key).map_or("", |(value, _)| value)
    }

    /// What is to be changed where reading all of it took too long.
    #[must_use]
    pub fn too_long(&self) -> Wrong {
        let key = if self.get("to").is_empty() { "date" } else { "to" };
        Wrong::new(key, "report.wrong-slow", self.get(key))
    }

    /// Understands all of it, or says all that is wrong.
    ///
    /// # Errors
    /// With every value that is not understood.
    pub fn understand(&self, shifts: &ShiftPlan, now_us: i64) -> Result<Asked, Vec<Wrong>> {
        let mut wrong = self.wrong.clone();
        let [date, shift, from, to] = &self.values;
        let by_range = !from.is_empty() || !to.is_empty();
        if by_range && !(date.is_empty() && shift.is_empty()) {
            wrong.push(Wrong::new("from", "report.wrong-both", from));
        }
        let asked = if by_range { self.range(shifts, &mut wrong) } else { self.day(shifts, now_us, &mut wrong) };
        match asked {
            Some(asked) if wrong.is_empty() => Ok(asked),
            _ if wrong.is_empty() => Err(vec![Wrong::new("date", "report.wrong-date", date)]),
            _ => Err(wrong),
        }
    }

    fn day(&self, shifts: &ShiftPlan, now_us: i64, wrong: &mut Vec<Wrong>) -> Option<Asked> {
        let (date, shift) = (self.get("date"), self.get("shift"));
        let known = shift.is_empty() || shifts.shifts().iter().any(|one| one.name == shift);
        if !known {
            wrong.push(Wrong::new("shift", "report.wrong-shift", shift));
        }
        if date.is_empty() {
            if !shift.is_empty() {
                wrong.push(Wrong::new("date", "report.wrong-date-missing", date));
            }
            return shifts.at(now_us).map(Asked::from);
        }
        // jiff also reads other ways to write a day.
        let read = (date.len() == 10).then(|| Date::strptime("%Y-%m-%d", date).ok()).flatten();
        let Some(day) = read else {
            wrong.push(Wrong::new("date", "report.wrong-date", date));
            return None;
        };
        if shift.is_empty() {
            let (from_us, to_us) = shifts.whole_day(day)?;
            return Some(Asked { span: SpanUs { from_us, to_us }, date: Some(day), shift: None });
        }
        shifts.on(day, shift).map(Asked::from)
    }

    fn range(&self, shifts: &ShiftPlan, wrong: &mut Vec<Wrong>) -> Option<Asked> {
        let mut read = |key| {
            let text = self.get(key);
            let time = time(shifts, text);
            if time.is_none() {
                wrong.push(Wrong::new(key, "report.wrong-time", text));
            }
            time
        };
        let (from, to) = (read("from"), read("to"));
        let (from_us, to_us) = (from?, to?);
        if from_us >= to_us {
            wrong.push(Wrong::new("to", "report.wrong-turned", self.get("to")));
        } else if to_us.saturating_sub(from_us) > MAX_SPAN_US {
            wrong.push(Wrong::new("to", "report.wrong-long", self.get("to")));
        }
        Some(Asked { span: SpanUs { from_us, to_us }, date: None, shift: None })
    }
}

/// With an offset, or by the clock of the report.
fn time(shifts: &ShiftPlan, text: &str) -> Option<i64> {
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Some(stamp.as_microsecond());
    }
    let civil = text.parse::<DateTime>().ok()?;
    civil.to_zoned_datetime(shifts.zone().clone()).ok().map(|zoned| zoned.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::Shift;
    use jiff::civil::{date, time};
    use jiff::tz::TimeZone;

    fn shifts() -> ShiftPlan {
        let shift = |name: &str, hour| Shift { name: name.to_owned(), start: time(hour, 0, 0, 0) };
        ShiftPlan::new(TimeZone::get("Asia/Shanghai").unwrap(), vec![shift("early", 6), shift("late", 18)]).unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    fn wish(pairs: &[(&str, &str)]) -> Wish {
        Wish::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn understood(pairs: &[(&str, &str)]) -> Asked {
        wish(pairs).understand(&shifts(), at("2026-11-24T00:00:00Z")).unwrap()
    }

    fn wrong(pairs: &[(&str, &str)]) -> Vec<(String, &'static str)> {
        let wrong = wish(pairs).understand(&shifts(), at("2026-11-24T00:00:00Z")).unwrap_err();
        wrong.into_iter().map(|one| (one.key, one.text)).collect()
    }

    #[test]
    fn a_report_is_of_the_present_shift_a_shift_a_day_or_a_range() {
        let present = understood(&[]);
        assert_eq!(present.shift.map(|shift| shift.name).as_deref(), Some("early"));
        let night = understood(&[("date", "2026-11-23"), ("shift", "late")]);
        let span = SpanUs { from_us: at("2026-11-23T10:00:00Z"), to_us: at("2026-11-23T22:00:00Z") };
        assert_eq!((night.span, night.date), (span, Some(date(2026, 11, 23))));
        let day = understood(&[("date", "2026-11-23")]);
        assert_eq!((day.span.to_us - day.span.from_us, day.shift), (24 * 3600 * 1_000_000, None));
        let range = understood(&[("from", "2026-11-23T08:00"), ("to", "2026-11-23T08:00:00Z")]);
        assert_eq!(range.span.to_us - range.span.from_us, 8 * 3600 * 1_000_000, "the first by the clock of the report");
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let found = wrong(&[("date", "24.11.2026"), ("shift", "noon"), ("day", "x"), ("date", "2026-11-24")]);
        let expected = [
            ("day", "report.wrong-key"),
            ("date", "report.wrong-twice"),
            ("shift", "report.wrong-shift"),
            ("date", "report.wrong-date"),
        ];
        assert_eq!(found, expected.map(|(key, text)| (key.to_owned(), text)));
        let one = |pairs: &[(&str, &str)]| wrong(pairs).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(one(&[("shift", "late")]), ["report.wrong-date-missing"]);
        assert_eq!(one(&[("from", "2026-11-24T00:00")]), ["report.wrong-time"], "without an end");
        assert_eq!(one(&[("from", "2026-11-24T00:00"), ("to", "2026-11-23T00:00")]), ["report.wrong-turned"]);
        assert_eq!(one(&[("from", "2026-11-24T00:00"), ("to", "2026-12-25T00:01")]), ["report.wrong-long"]);
        assert_eq!(
            one(&[("from", "2026-11-23T00:00"), ("to", "2026-11-24T00:00"), ("date", "2026-11-24")]),
            ["report.wrong-both"]
        );
        assert_eq!(one(&[("date", "9999-12-31")]), ["report.wrong-date"], "no day is behind it");
        for text in ["wrong-key", "wrong-twice", "wrong-shift", "wrong-date", "wrong-long", "wrong-both"] {
            assert_ne!(Lang::En.text(&format!("report.{text}")), "?");
        }
    }
}
