use super::layout::{PageFrame, utc};
use crate::admin::i18n::Lang;
use crate::alarms::AlarmSnapshot;
use crate::domain::{Alarm, AlarmUnit, Role, Severity};
use maud::{Markup, html};

/// Alarms that the banner names; of more it says how many.
const NAMED: usize = 3;

pub struct AlarmsView<'v> {
    pub active: &'v [Alarm],
    /// Newest first, those of now among them.
    pub history: &'v [Alarm],
}

/// What stands on top of every page while something is raised that nobody has acknowledged, or that is critical.
pub fn banner(lang: Lang, alarms: &AlarmSnapshot) -> Markup {
    let open = alarms.active.iter().filter(|alarm| alarm.acknowledged.is_none());
    let shown = worst_first(open);
    let critical = shown.iter().any(|alarm| alarm.severity == Severity::Critical);
    html! {
        @if !shown.is_empty() {
            a class={ "banner " (if critical { "fail" } else { "undecided" }) } href="/alarms" {
                b { (lang.text("alarms.banner")) ": " }
                @for (number, alarm) in shown.iter().take(NAMED).enumerate() {
                    @if number > 0 { " · " }
                    (kind_word(lang, alarm))
                }
                @if shown.len() > NAMED { " (+" (shown.len() - NAMED) ")" }
            }
        }
    }
}

/// What is critical must not hide behind warnings; within a severity the order stays.
pub fn worst_first<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> Vec<&'a Alarm> {
    let mut alarms: Vec<&Alarm> = alarms.collect();
    alarms.sort_by_key(|alarm| std::cmp::Reverse(alarm.severity));
    alarms
}

pub fn content(frame: &PageFrame, view: &AlarmsView<'_>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        h1 { (t("alarms.title")) }
        h2 { (t("alarms.active")) }
        section class="panel scroll" tabindex="0" {
            @if view.active.is_empty() { div class="empty" { b { (t("alarms.none")) } } }
            @else { (table(frame, view.active)) }
        }
        h2 { (t("alarms.history")) }
        section class="panel scroll" tabindex="0" {
            @if view.history.is_empty() { div class="empty" { b { (t("alarms.no-history")) } } }
            @else { (table(frame, view.history)) }
        }
    }
}

fn table(frame: &PageFrame, alarms: &[Alarm]) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    html! {
        table class="list alarms" {
            thead { tr {
                th { (t("alarms.severity")) } th { (t("alarms.alarm")) } th class="num" { (t("alarms.value")) }
                th class="num" { (t("alarms.limit")) } th { (t("alarms.about")) } th class="num" { (t("alarms.raised")) }
                th class="num" { (t("alarms.cleared")) } th { (t("alarms.acknowledged")) }
            } }
            tbody { @for alarm in alarms { (row(frame, alarm)) } }
        }
    }
}

fn row(frame: &PageFrame, alarm: &Alarm) -> Markup {
    let lang = frame.lang;
    html! {
        tr {
            td { (severity_badge(lang, alarm)) }
            td { b { (kind_word(lang, alarm)) } @if alarm.rule != alarm.kind.name() { " " span class="dim" { (alarm.rule) } } }
            td class="num" { (alarm_value(alarm, alarm.value)) }
            td class="num" { (alarm_value(alarm, alarm.limit)) }
            td { (alarm.about) }
            td class="num" { (utc(alarm.raised_at_us)) }
            td class="num" { @if let Some(at_us) = alarm.cleared_at_us { (utc(at_us)) } @else { (lang.text("alarms.still")) } }
            td { (acknowledged(frame, alarm)) }
        }
    }
}

fn acknowledged(frame: &PageFrame, alarm: &Alarm) -> Markup {
    let may = frame.identity.as_ref().is_some_and(|identity| identity.actor.role >= Role::Operator);
    html! {
        @if let Some(seen) = &alarm.acknowledged {
            b { (seen.by) } " " span class="num dim" { (utc(seen.at_us)) }
        } @else if may {
            form method="post" action={ "/alarms/" (alarm.id) "/acknowledge" } {
                (frame.form_token())
                button type="submit" { (frame.lang.text("alarms.acknowledge")) }
            }
        }
    }
}

/// The verdict whose colour an alarm has.
pub(super) const fn severity_class(alarm: &Alarm) -> &'static str {
    match alarm.severity {
        Severity::Critical => "fail",
        Severity::Warning => "undecided",
    }
}

pub(super) fn severity_badge(lang: Lang, alarm: &Alarm) -> Markup {
    html! { span class={ "badge " (severity_class(alarm)) } { (lang.text(&format!("severity.{}", alarm.severity.name()))) } }
}

pub(super) fn kind_word(lang: Lang, alarm: &Alarm) -> &'static str {
    lang.text(&format!("alarm.{}", alarm.kind.name()))
}

pub(super) fn alarm_value(alarm: &Alarm, value: f64) -> String {
    match alarm.kind.unit() {
        AlarmUnit::Share => format!("{:.1} %", value * 100.0),
        AlarmUnit::Millis => format!("{value:.0} ms"),
        AlarmUnit::Count | AlarmUnit::Flag | AlarmUnit::Level => format!("{value:.0}"),
    }
}
