//! A shift on paper.

use super::alarms::{alarm_value, kind_word, severity_badge};
use super::layout::{bar, ms, percent, verdict_word};
use super::review::truth_word;
use crate::admin::i18n::Lang;
use crate::admin::report::{CountsJson, DriftJson, ReasonJson, ReportJson, Wish, Wrong};
use crate::domain::{ShiftPlan, VerdictKind};
use maud::{Markup, html};

/// The shift before or behind one.
pub struct Moved {
    pub date: String,
    pub shift: String,
}

pub struct ReportView<'v> {
    pub lang: Lang,
    pub shifts: &'v ShiftPlan,
    pub wish: &'v Wish,
    pub wrong: &'v [Wrong],
    pub before: Option<Moved>,
    pub after: Option<Moved>,
    /// None where it is not understood what was asked for.
    pub report: Option<&'v ReportJson>,
}

pub fn content(view: &ReportView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        link rel="stylesheet" href="/assets/report.css";
        h1 { (t("report.title")) @if let Some(report) = view.report { " " span class="dim" { (name(view.lang, report)) } } }
        (form(view))
        @if let Some(report) = view.report { (Drawing { view, report }.all()) }
    }
}

/// The day and the shift, or the two ends.
fn name(lang: Lang, report: &ReportJson) -> String {
    match (&report.span.date, &report.span.shift) {
        (Some(date), Some(shift)) => format!("{date}, {} {shift}", lang.text("report.shift")),
        (Some(date), None) => date.clone(),
        _ => String::new(),
    }
}

fn form(view: &ReportView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let shown = view.report.map(|report| &report.span);
    let or = |key: &str, of: Option<&String>| match view.wish.get(key) {
        "" => of.cloned().unwrap_or_default(),
        typed => typed.to_owned(),
    };
    let date = or("date", shown.and_then(|span| span.date.as_ref()));
    let shift = or("shift", shown.and_then(|span| span.shift.as_ref()));
    let by_range = !view.wish.get("from").is_empty() || !view.wish.get("to").is_empty();
    html! {
        form class="filter panel" method="get" action="/report" {
            label { (t("report.date")) input type="date" name="date" value=(date) aria-invalid=[invalid(view, "date")]; }
            label { (t("report.of-shift"))
                select name="shift" aria-invalid=[invalid(view, "shift")] {
                    option value="" selected[shift.is_empty()] { (t("report.whole-day")) }
                    @for one in view.shifts.shifts() {
                        option value=(one.name) selected[one.name == shift] { (one.name) " (" (one.start.strftime("%H:%M")) ")" }
                    }
                }
            }
            button type="submit" { (t("report.show")) }
            @if let Some(before) = &view.before { a class="button quiet" rel="prev" href=(address(before)) { (t("report.before")) } }
            @if let Some(after) = &view.after { a class="button quiet" rel="next" href=(address(after)) { (t("report.after")) } }
            a class="button quiet" href={ "/api/v1/report" (query(view)) } { "JSON" }
            p class="dim" { (t("report.print-hint")) }
        }
        details class="panel range" open[by_range] {
            summary { (t("report.range")) }
            form class="filter" method="get" action="/report" {
                @for (key, example) in [("from", "2026-11-24T06:00"), ("to", "2026-11-24T14:00")] {
                    label { (t(if key == "from" { "report.from" } else { "report.to" }))
                        input type="text" name=(key) value=(view.wish.get(key)) placeholder=(example) maxlength="64" autocomplete="off" aria-invalid=[invalid(view, key)];
                    }
                }
                button type="submit" { (t("report.show")) }
            }
        }
        @if !view.wrong.is_empty() {
            div class="wrong" role="alert" { b { (t("report.wrong")) } ul { @for one in view.wrong { li { (one.say(view.lang)) } } } }
        }
    }
}

fn invalid(view: &ReportView<'_>, key: &str) -> Option<&'static str> {
    view.wrong.iter().any(|one| one.key == key).then_some("true")
}

fn address(moved: &Moved) -> String {
    format!("/report?date={}&shift={}", moved.date, percent(&moved.shift))
}

/// The same report for a program: a shift by its name, so that the answer does not depend on when it is asked for.
fn query(view: &ReportView<'_>) -> String {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    if let Some(span) = view.report.map(|report| &report.span) {
        pairs.extend(span.date.clone().map(|date| ("date", date)));
        pairs.extend(span.shift.clone().map(|shift| ("shift", shift)));
        if span.date.is_none() {
            pairs.extend([("from", view.wish.get("from").to_owned()), ("to", view.wish.get("to").to_owned())]);
        }
    }
    let words: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={}", percent(value))).collect();
    if words.is_empty() { String::new() } else { format!("?{}", words.join("&")) }
}

/// Draws one report.
struct Drawing<'v> {
    view: &'v ReportView<'v>,
    report: &'v ReportJson,
}

impl Drawing<'_> {
    fn t(&self, key: &str) -> &'static str {
        self.view.lang.text(key)
    }

    /// By the clock of the report.
    fn time(&self, at_us: i64) -> String {
        let zoned =
            jiff::Timestamp::from_microsecond(at_us).map(|at| at.to_zoned_datetime(self.view.shifts.zone().clone()));
        zoned.map_or_else(|_| at_us.to_string(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S").to_string())
    }

    fn all(&self) -> Markup {
        html! {
            (self.head())
            (self.counts())
            div class="split" { (self.rejects()) (self.undecided()) }
            (self.latency())
            (self.drift())
            (self.alarms())
            (self.changes())
        }
    }

    fn head(&self) -> Markup {
        let span = &self.report.span;
        html! {
            p class="span" {
                (self.t("site.station")) " " b { (self.report.station) } " · "
                b { (self.time(span.from_us)) } " - " b { (self.time(span.to_us)) } " " (span.time_zone)
                @if !span.ended { " · " span class="badge undecided" { (self.t("report.not-over")) } }
                span class="dim" { " · " (self.t("report.made")) " " (self.time(span.made_at_us)) }
            }
        }
    }

    fn not_measured(&self) -> Markup {
        html! { span class="not-measured" { (self.t("report.not-measured")) } }
    }

    fn counts(&self) -> Markup {
        let CountsJson { total, pass, fail, undecided } = self.report.counts;
        let share = self.report.pass_share;
        html! {
            section class="panel" {
                h2 { (self.t("report.counts")) }
                div class="counters" {
                    (counter(total, self.t("report.frames")))
                    div class="counter yield" {
                        b { @match share { Some(share) => { (in_percent(share)) } None => { (self.not_measured()) } } }
                        span { (self.t("report.yield")) }
                    }
                    @for (kind, count) in [(VerdictKind::Pass, pass), (VerdictKind::Fail, fail), (VerdictKind::Undecided, undecided)] {
                        div class={ "counter " (kind.name()) } { b { (count) } span { (verdict_word(self.view.lang, kind)) } @if total > 0 { span { (in_percent(count as f64 / total as f64)) } } }
                    }
                    @if self.report.lost > 0 { (counter(self.report.lost, self.t("report.lost"))) }
                }
                @if total > 0 { (mix(self.view.lang, [pass, fail, undecided])) }
            }
        }
    }

    /// The most frequent reasons with their pictures.
    fn rejects(&self) -> Markup {
        let rejects = &self.report.rejects;
        html! {
            section class="panel pareto" {
                h2 { (self.t("report.rejects")) }
                @if rejects.reasons.is_empty() { (self.none(self.t("report.no-rejects"))) }
                @else {
                    table {
                        thead { tr { th { (self.t("report.picture")) } th { (self.t("report.reason")) } th class="num" { (self.t("report.count")) } th class="num" { (self.t("report.cumulative")) } } }
                        tbody { @for one in &rejects.reasons { (self.reason(one)) } }
                    }
                    @if rejects.others > 0 { p class="dim" { (self.t("report.others")) " " (rejects.others) } }
                    @if rejects.of < self.report.counts.fail { p class="dim" { (self.t("report.newest-of")) " " (rejects.of) } }
                }
            }
        }
    }

    fn reason(&self, one: &ReasonJson) -> Markup {
        html! {
            tr {
                td {
                    @match (&one.example, &one.picture) {
                        (Some(id), Some(digest)) => { a href={ "/inspections/" (id) } { img class="thumb" src={ "/pictures/" (digest) } alt={ (self.t("report.example")) " " (one.label) } width="96" height="72"; } }
                        _ => { span class="dim" { (self.t("list.no-picture")) } }
                    }
                }
                td { b { (one.label) } (bar(one.share)) }
                td class="num" { (one.count) br; span class="dim" { (in_percent(one.share)) } }
                td class="num" { (in_percent(one.cumulative)) }
            }
        }
    }

    /// Nothing to tell: of a span without frames, nothing was measured.
    fn none(&self, text: &str) -> Markup {
        html! { p { @if self.report.counts.total == 0 { (self.not_measured()) } @else { (text) } } }
    }

    fn undecided(&self) -> Markup {
        let undecided = &self.report.undecided;
        html! {
            section class="panel" {
                h2 { (verdict_word(self.view.lang, VerdictKind::Undecided)) }
                @if undecided.by.is_empty() { (self.none(self.t("report.no-undecided"))) }
                @else {
                    table {
                        thead { tr { th { (self.t("report.stage")) } th { (self.t("report.blame")) } th { (self.t("report.code")) } th class="num" { (self.t("report.count")) } } }
                        tbody { @for one in &undecided.by { tr {
                            td { (self.t(&format!("stage.{}", one.stage))) } td { (self.t(&format!("blame.{}", one.blame))) }
                            td { code { (one.code) } } td class="num" { (one.count) }
                        } } }
                    }
                    @if undecided.others > 0 { p class="dim" { (self.t("report.others")) " " (undecided.others) } }
                    @if undecided.of < self.report.counts.undecided { p class="dim" { (self.t("report.newest-of")) " " (undecided.of) } }
                }
            }
        }
    }

    fn latency(&self) -> Markup {
        let all = &self.report.latency;
        let frames = all.last().map_or(0, |total| total.frames);
        html! {
            section class="panel scroll" tabindex="0" {
                h2 { (self.t("report.latency")) }
                @if all.is_empty() { p { (self.not_measured()) } }
                @else {
                    table {
                        thead { tr { th { (self.t("report.stage")) } th class="num" { "p50" } th class="num" { "p95" } th class="num" { "p99" } th class="num" { (self.t("report.max")) } } }
                        tbody { @for one in all { tr {
                            td { @match one.stage { Some(stage) => { (self.t(&format!("stage.{stage}"))) } None => { b { (self.t("report.all-stages")) } } } }
                            @for micros in [one.p50_us, one.p95_us, one.p99_us, one.max_us] { td class="num" { (ms(micros)) } }
                        } } }
                    }
                    p class="dim" { (self.t("report.latency-of")) " " (frames) }
                }
            }
        }
    }

    fn drift(&self) -> Markup {
        html! {
            section class="panel scroll" tabindex="0" {
                h2 { (self.t("report.drift")) }
                @if self.report.drift.is_empty() { p { (self.not_measured()) } }
                @else {
                    table {
                        thead { tr {
                            th { (self.t("drift.feature")) } th { (self.t("drift.statistic")) } th class="num" { (self.t("report.newest")) } th class="num" { (self.t("report.highest")) }
                            th class="num" { (self.t("drift.threshold")) } th class="num" { (self.t("report.drifted")) }
                        } }
                        tbody { @for one in &self.report.drift { (self.series(one)) } }
                    }
                }
            }
        }
    }

    fn series(&self, one: &DriftJson) -> Markup {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        html! {
            tr {
                td { b { (one.feature) } " " span class="dim" { (one.plugin) } } td { (one.statistic) }
                td class="num" { (number(one.value)) } td class="num" { (number(one.highest)) } td class="num" { (number(one.threshold)) }
                td class="num" { @if one.drifted > 0 { span class="badge undecided" { (one.drifted) " / " (one.reports) } } @else { "0 / " (one.reports) } }
            }
        }
    }

    fn alarms(&self) -> Markup {
        let alarms = &self.report.alarms;
        html! {
            section class="panel scroll" tabindex="0" {
                h2 { (self.t("alarms.title")) }
                @if alarms.is_empty() { p { (self.t("report.no-alarms")) } }
                @else {
                    table {
                        thead { tr { th { (self.t("alarms.severity")) } th { (self.t("alarms.alarm")) } th class="num" { (self.t("alarms.value")) } th { (self.t("alarms.about")) } th { (self.t("report.raised")) } th { (self.t("report.cleared")) } } }
                        tbody { @for alarm in alarms { tr {
                            td { (severity_badge(self.view.lang, alarm)) } td { (kind_word(self.view.lang, alarm)) }
                            td class="num" { (alarm_value(alarm, alarm.value)) } td class="words" { (alarm.about) }
                            td { (self.time(alarm.raised_at_us)) } td { @if let Some(at) = alarm.cleared_at_us { (self.time(at)) } @else { b { (self.t("alarms.still")) } } }
                        } } }
                    }
                }
            }
        }
    }

    fn changes(&self) -> Markup {
        let reviews = self.report.reviews;
        html! {
            section class="panel scroll" tabindex="0" {
                h2 { (self.t("report.changes")) }
                h3 { (self.t("deployments.title")) }
                @if self.report.deployments.is_empty() { p { (self.t("report.no-deployments")) } }
                @else { ul { @for one in &self.report.deployments { li {
                    (self.time(one.received_at_us)) ": " b { (one.bundle.as_deref().unwrap_or("?")) } ", " (self.t(&format!("deploy-state.{}", one.state)))
                    ", " (one.actor) @if !one.reason.is_empty() { ": " (one.reason) } @if let Some(outcome) = &one.outcome { " (" (outcome) ")" }
                } } } }
                h3 { (self.t("report.reviews")) }
                p { @if reviews.total == 0 { (self.t("report.no-reviews")) } @else {
                    (reviews.total) ":"
                    @for (kind, count) in [(VerdictKind::Pass, reviews.pass), (VerdictKind::Fail, reviews.fail), (VerdictKind::Undecided, reviews.undecided)] { " " (truth_word(self.view.lang, kind)) " " (count) ";" }
                } }
                @if let Some(changes) = &self.report.changes {
                    h3 { (self.t("audit.title")) }
                    @if changes.is_empty() { p { (self.t("report.no-changes")) } }
                    @else {
                        table {
                            thead { tr { th { (self.t("report.time")) } th { (self.t("audit.actor")) } th { (self.t("audit.action")) } th { (self.t("audit.target")) } th { (self.t("audit.reason")) } } }
                            tbody { @for one in changes { tr {
                                td { (self.time(one.at_us)) } td { (one.actor) } td { code { (one.action) } } td class="words" { (one.target) } td class="words" { (one.reason.as_deref().unwrap_or("")) }
                            } } }
                        }
                    }
                }
            }
        }
    }
}

fn counter(count: u64, word: &str) -> Markup {
    html! { div class="counter" { b { (count) } span { (word) } } }
}

/// Small shares keep two digits.
fn in_percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
}

/// The mix of verdicts as one bar, in the order of the counters above it; on paper in greys that differ.
fn mix(lang: Lang, counts: [u64; 3]) -> Markup {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let kinds = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided];
    let mut from = 0.0;
    let parts: Vec<(VerdictKind, f64, f64)> = kinds
        .into_iter()
        .zip(counts)
        .map(|(kind, count)| {
            let width = count as f64 / total * 1000.0;
            let part = (kind, from, width);
            from += width;
            part
        })
        .collect();
    html! {
        svg class="mix" viewBox="0 0 1000 36" preserveAspectRatio="none" role="img" aria-label=(lang.text("report.mix")) {
            @for (kind, from, width) in &parts { @if *width > 0.0 { rect class=(kind.name()) x=(format!("{from:.2}")) width=(format!("{width:.2}")) height="36" {} } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_share_is_not_shown_as_none() {
        assert_eq!(in_percent(0.0004), "0.04 %");
        assert_eq!(in_percent(0.0), "0.0 %");
        assert_eq!(in_percent(0.1234), "12.3 %");
    }
}
