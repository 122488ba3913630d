use super::fields::Fields;
use crate::domain::{AlarmKind, AlarmRule, AlarmUnit, Severity};
use crate::trust::{NAME_RULE, is_name};
use std::collections::BTreeSet;

const MAX_ALARMS: usize = 64;
/// The longest window: the station remembers one sample per second for so long.
pub const MAX_WINDOW_S: u32 = 3600;

/// The rules of the station: those that `[[alarm]]` gives, and for every kind that it does not name, the usual one.
pub(super) fn alarms(root: &Fields<'_>) -> Option<Vec<AlarmRule>> {
    let given = root.sections("alarm", alarm)?;
    let names: BTreeSet<_> = given.iter().map(|given| &given.rule.name).collect();
    if names.len() != given.len() || given.len() > MAX_ALARMS {
        let found = format!("{} alarms with {} different names", given.len(), names.len());
        root.wrong_because("alarm", &found, &format!("a name of its own for each, at most {MAX_ALARMS} alarms"));
        return None;
    }
    let named: BTreeSet<AlarmKind> = given.iter().map(|given| given.rule.kind).collect();
    let usual = AlarmRule::defaults().into_iter().filter(|rule| !named.contains(&rule.kind));
    Some(usual.chain(given.into_iter().filter(|given| given.on).map(|given| given.rule)).collect())
}

struct Given {
    rule: AlarmRule,
    on: bool,
}

fn alarm(fields: &Fields<'_>) -> Option<Given> {
    let kinds = AlarmKind::ALL.map(AlarmKind::name).join(", ");
    let kind = fields.required_parsed("kind", &format!("one of {kinds}"), AlarmKind::from_name);
    let name = fields.parsed("name", NAME_RULE, |text| is_name(text).then(|| text.to_owned()));
    let severity = fields.parsed("severity", "\"warning\" or \"critical\"", Severity::from_name);
    let on = fields.or("on", true);
    let (raise, clear) = (fields.optional::<f64>("raise"), fields.optional::<f64>("clear"));
    let usual = AlarmRule::default_of(kind.unwrap_or(AlarmKind::Drift));
    let window_s = fields.number("window_s", 1..=MAX_WINDOW_S, Some(usual.window_s));
    let raise_after_s = fields.number("raise_after_s", 0..=86_400, Some(usual.raise_after_s));
    let clear_after_s = fields.number("clear_after_s", 0..=86_400, Some(usual.clear_after_s));
    let min_frames = fields.number("min_frames", 0..=1_000_000, Some(usual.min_frames));
    let kind = kind?;
    let (raise, clear) = limits(fields, &usual, raise, clear)?;
    if fields.has("name") && name.is_none() || fields.has("severity") && severity.is_none() {
        return None;
    }
    let rule = AlarmRule {
        name: name.unwrap_or_else(|| kind.name().to_owned()),
        kind,
        severity: severity.unwrap_or(usual.severity),
        raise,
        clear,
        window_s: window_s?,
        raise_after_s: raise_after_s?,
        clear_after_s: clear_after_s?,
        min_frames: min_frames?,
    };
    Some(Given { rule, on })
}

/// Raise has to lie above clear: what is raised and cleared at one value would go on and off.
fn limits(fields: &Fields<'_>, usual: &AlarmRule, raise: Option<f64>, clear: Option<f64>) -> Option<(f64, f64)> {
    if fields.has("raise") && raise.is_none() || fields.has("clear") && clear.is_none() {
        return None;
    }
    let raise = raise.unwrap_or(usual.raise);
    let clear = clear.unwrap_or_else(|| usual.clear.min(raise / 2.0));
    let highest = usual.kind.highest();
    let unit = match usual.kind.unit() {
        AlarmUnit::Share => "a share of the frames",
        AlarmUnit::Millis => "milliseconds",
        AlarmUnit::Count => "a count",
        AlarmUnit::Flag | AlarmUnit::Level => "a level",
    };
    let fits = raise > 0.0 && raise <= highest;
    if !fits {
        fields.wrong("raise", &format!("{unit} above 0, at most {highest}"));
    }
    let below = clear >= 0.0 && clear < raise;
    if fits && !below {
        fields.wrong("clear", &format!("{unit} from 0 to below raise ({raise})"));
    }
    (fits && below).then_some((raise, clear))
}
