use jiff::Timestamp;
use jiff::ToSpan as _;
use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// A part of every day; it ends where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    pub name: String,
    /// By the clock on the wall.
    pub start: Time,
}

/// How the days of a station are divided. Never without a shift; in the order of the day, no two at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftPlan {
    zone: TimeZone,
    shifts: Vec<Shift>,
    /// Whether somebody has said so; the usual ones are only how a day is divided for a report.
    chosen: bool,
}

/// One shift of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShiftSpan {
    pub name: String,
    /// The day that it begins on.
    pub date: Date,
    /// Microseconds since 1970-01-01 UTC; the end is not included.
    pub from_us: i64,
    pub to_us: i64,
}

/// The shifts make no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShiftError {
    #[error("there is no shift")]
    Empty,
    #[error("two shifts begin at {start}")]
    SameStart { start: String },
    #[error("two shifts are called {name:?}")]
    SameName { name: String },
}

impl Default for ShiftPlan {
    /// The usual ones in UTC, as every time that the station shows.
    fn default() -> Self {
        Self::usual(TimeZone::UTC)
    }
}

impl ShiftPlan {
    /// Three shifts from 06:00 on: what a day is divided into where nobody says how.
    #[must_use]
    pub fn usual(zone: TimeZone) -> Self {
        let shift = |(name, hour): (&str, i8)| Shift { name: name.to_owned(), start: Time::midnight() + hour.hours() };
        Self { zone, shifts: [("1", 6), ("2", 14), ("3", 22)].map(shift).to_vec(), chosen: false }
    }

    /// # Errors
    /// When there is no shift, or two of one name or at one time.
    pub fn new(zone: TimeZone, mut shifts: Vec<Shift>) -> Result<Self, ShiftError> {
        if shifts.is_empty() {
            return Err(ShiftError::Empty);
        }
        shifts.sort_by_key(|shift| shift.start);
        let mut names: Vec<&str> = shifts.iter().map(|shift| shift.name.as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, next]| one == next) {
            return Err(ShiftError::SameName { name: (*name).to_owned() });
        }
        if let Some([one, _]) = shifts.array_windows().find(|[one, next]| one.start == next.start) {
            return Err(ShiftError::SameStart { start: one.start.strftime("%H:%M").to_string() });
        }
        Ok(Self { zone, shifts, chosen: true })
    }

    #[must_use]
    pub fn shifts(&self) -> &[Shift] {
        &self.shifts
    }

    #[must_use]
    pub const fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The name of the zone, as `station.toml` has it.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Whether the station's people work by these shifts.
    #[must_use]
    pub const fn is_chosen(&self) -> bool {
        self.chosen
    }

    /// The clock on the wall at a moment, such as `06:00`.
    #[must_use]
    pub fn clock_at(&self, at_us: i64) -> Option<String> {
        let at = Timestamp::from_microsecond(at_us).ok()?.to_zoned_datetime(self.zone.clone());
        Some(at.strftime("%H:%M").to_string())
    }

    /// The day of a moment by the clock on the wall.
    #[must_use]
    pub fn date_of(&self, at_us: i64) -> Option<Date> {
        Timestamp::from_microsecond(at_us).ok().map(|at| at.to_zoned_datetime(self.zone.clone()).date())
    }

    /// The shift of a moment; none at the ends of the calendar.
    #[must_use]
    pub fn at(&self, at_us: i64) -> Option<ShiftSpan> {
        let today = self.date_of(at_us)?;
        // What runs over midnight began yesterday.
        let days = [today.yesterday().ok(), Some(today)];
        let spans = days.into_iter().flatten().flat_map(|day| self.day(day));
        spans.into_iter().find(|span| (span.from_us..span.to_us).contains(&at_us))
    }

    /// A shift by its day and name.
    #[must_use]
    pub fn on(&self, date: Date, name: &str) -> Option<ShiftSpan> {
        self.day(date).into_iter().find(|span| span.name == name)
    }

    /// A day as the shifts have it: from the first one's beginning to that of the first one of the next day.
    #[must_use]
    pub fn whole_day(&self, date: Date) -> Option<(i64, i64)> {
        let first = self.shifts.first()?;
        Some((self.moment(date, first.start)?, self.moment(date.tomorrow().ok()?, first.start)?))
    }

    fn day(&self, date: Date) -> Vec<ShiftSpan> {
        let first = self.shifts.first().zip(date.tomorrow().ok());
        let ends = self.shifts.iter().skip(1).map(|shift| (date, shift.start));
        let ends = ends.chain(first.map(|(shift, next)| (next, shift.start)));
        let spans = self.shifts.iter().zip(ends).filter_map(|(shift, (day, end))| {
            let (from_us, to_us) = (self.moment(date, shift.start)?, self.moment(day, end)?);
            Some(ShiftSpan { name: shift.name.clone(), date, from_us, to_us })
        });
        spans.collect()
    }

    /// A time that the clock leaves out in spring is the moment at which it is put forward, so that a later time is never
    /// an earlier moment; of one that it shows twice, the first.
    fn moment(&self, date: Date, time: Time) -> Option<i64> {
        let ambiguous = self.zone.to_ambiguous_timestamp(date.to_datetime(time));
        let gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
        // In a gap it is as far behind the change as the time is behind the gap's beginning.
        let at = ambiguous.compatible().ok()?;
        let change = || self.zone.preceding(at + 1.nanosecond()).next().map(|change| change.timestamp());
        Some(if gap { change()? } else { at }.as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use jiff::civil::{date, time};

    const HOUR_US: i64 = 3600 * 1_000_000;

    fn plan(zone: &str, starts: &[(&str, i8)]) -> ShiftPlan {
        let shifts = starts.iter().map(|(name, hour)| Shift { name: (*name).to_owned(), start: time(*hour, 0, 0, 0) });
        ShiftPlan::new(TimeZone::get(zone).unwrap(), shifts.collect()).unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn a_shift_over_midnight_belongs_to_the_day_that_it_begins_on() {
        let plan = plan("Asia/Shanghai", &[("night", 22), ("early", 6), ("late", 14)]);
        let night = plan.at(at("2026-11-24T17:00:00Z")).unwrap();
        assert_eq!((night.name.as_str(), night.date), ("night", date(2026, 11, 24)));
        assert_eq!((night.from_us, night.to_us), (at("2026-11-24T14:00:00Z"), at("2026-11-24T22:00:00Z")));
        assert_eq!(plan.on(date(2026, 11, 24), "night"), Some(night.clone()));
        assert_eq!(plan.at(night.to_us).unwrap().name, "early");
        assert_eq!(plan.at(night.from_us - 1).unwrap().name, "late");
        assert_eq!(plan.on(date(2026, 11, 24), "noon"), None);
        assert_eq!(plan.whole_day(date(2026, 11, 24)), Some((at("2026-11-23T22:00:00Z"), at("2026-11-24T22:00:00Z"))));
    }

    #[test]
    fn the_night_in_which_the_clock_is_changed_is_longer_or_shorter() {
        let plan = plan("Europe/Berlin", &[("1", 6), ("2", 14), ("3", 22)]);
        let hours = |day| {
            let span = plan.on(day, "3").unwrap();
            (span.to_us - span.from_us) / HOUR_US
        };
        assert_eq!(hours(date(2026, 3, 28)), 7);
        assert_eq!(hours(date(2026, 6, 1)), 8);
        assert_eq!(hours(date(2026, 10, 24)), 9);
        // Every moment of that night has one shift.
        let night = plan.on(date(2026, 10, 24), "3").unwrap();
        for hour in 0..9 {
            assert_eq!(plan.at(night.from_us + hour * HOUR_US).unwrap(), night);
        }
    }

    #[test]
    fn shifts_never_overlap_also_where_they_begin_in_the_hour_that_is_left_out() {
        let shift = |name: &str, hour, minute| Shift { name: name.to_owned(), start: time(hour, minute, 0, 0) };
        let shifts = vec![shift("a", 2, 10), shift("b", 2, 40), shift("c", 3, 20), shift("d", 14, 0)];
        let plan = ShiftPlan::new(TimeZone::get("Europe/Berlin").unwrap(), shifts).unwrap();
        for first in [date(2026, 3, 27), date(2026, 10, 23)] {
            let days = first.series(1.day()).take(5);
            let spans: Vec<ShiftSpan> = days.flat_map(|day| plan.day(day)).collect();
            assert_eq!(spans.len(), 20);
            for [one, next] in spans.array_windows() {
                assert!(one.from_us <= one.to_us && one.to_us == next.from_us, "{one:?} {next:?}");
            }
        }
        let [a, b] = ["a", "b"].map(|name| plan.on(date(2026, 3, 29), name).unwrap());
        assert_eq!((a.from_us, a.to_us, b.from_us), (at("2026-03-29T01:00:00Z"), b.from_us, b.from_us));
        assert_eq!(b.to_us - b.from_us, HOUR_US / 3, "from 03:00 to 03:20");
        assert_eq!(plan.at(b.from_us).unwrap().name, "b");
    }

    #[test]
    fn one_shift_is_a_day_and_the_usual_ones_are_three() {
        let day = plan("UTC", &[("day", 0)]);
        let span = day.at(at("2026-11-24T23:59:59Z")).unwrap();
        assert_eq!((span.to_us - span.from_us, span.date), (24 * HOUR_US, date(2026, 11, 24)));
        let usual = ShiftPlan::default();
        assert_eq!(usual.zone_name(), "UTC");
        assert_eq!(usual.at(at("2026-11-24T05:00:00Z")).unwrap().name, "3");
        assert_eq!(usual.at(at("2026-11-24T06:00:00Z")).unwrap().name, "1");
    }

    #[test]
    fn two_of_one_name_or_time_are_no_plan() {
        let shift = |name: &str, hour| Shift { name: name.to_owned(), start: time(hour, 0, 0, 0) };
        let plan = |shifts: Vec<Shift>| ShiftPlan::new(TimeZone::UTC, shifts).unwrap_err();
        assert_eq!(plan(vec![]), ShiftError::Empty);
        assert_eq!(plan(vec![shift("a", 1), shift("b", 2), shift("a", 3)]), ShiftError::SameName { name: "a".into() });
        assert_eq!(plan(vec![shift("a", 1), shift("b", 1)]), ShiftError::SameStart { start: "01:00".into() });
    }
}
