use super::fields::Fields;
use crate::domain::{Shift, ShiftPlan};
use jiff::civil::Time;
use jiff::tz::TimeZone;

const MAX_SHIFTS: usize = 12;
const MAX_NAME_CHARS: usize = 32;

/// The shifts of `[[shift]]` by the clock of `[report] time_zone`; the usual three where none are given.
pub(super) fn shifts(root: &Fields<'_>) -> Option<ShiftPlan> {
    let zone = root.section("report", time_zone).unwrap_or(Some(TimeZone::UTC));
    let given = root.sections("shift", shift)?;
    let zone = zone?;
    if given.len() > MAX_SHIFTS {
        let found = format!("{} shifts", given.len());
        root.wrong_because("shift", &found, &format!("at most {MAX_SHIFTS}"));
        return None;
    }
    if given.is_empty() {
        return Some(ShiftPlan::usual(zone));
    }
    match ShiftPlan::new(zone, given) {
        Ok(plan) => Some(plan),
        Err(error) => {
            root.wrong_because("shift", &error.to_string(), "a name and a start of its own for each");
            None
        }
    }
}

fn time_zone(fields: &Fields<'_>) -> Option<TimeZone> {
    if !fields.has("time_zone") {
        return Some(TimeZone::UTC);
    }
    let expected = "the name of a time zone such as \"Asia/Shanghai\", \"Europe/Berlin\" or \"UTC\"";
    fields.parsed("time_zone", expected, |text| TimeZone::get(text).ok())
}

fn shift(fields: &Fields<'_>) -> Option<Shift> {
    let expected = format!("a text on one line of 1 to {MAX_NAME_CHARS} characters");
    let name = fields.required_parsed("name", &expected, |text| {
        let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count()) && text.trim() == text;
        (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
    });
    let start = fields.required_parsed("start", "the time of the day from \"00:00\" to \"23:59\"", |text| {
        // jiff also reads other ways to write a time.
        (text.len() == 5).then(|| Time::strptime("%H:%M", text).ok()).flatten()
    });
    Some(Shift { name: name?, start: start? })
}
