use super::alarms::{kind_word, severity_class, worst_first};
use super::layout::{PageFrame, Shown, head, ms, picture, shape, switches, utc, verdict_word};
use super::live::{reason, regions_of_frame};
use crate::admin::i18n::Lang;
use crate::charts::{Recent, Verdicts};
use crate::domain::{Alarm, Inspection, Severity, VerdictKind};
use crate::pipeline::{BoardSnapshot, Condition, Outcome};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Alarms that are named; of more it says how many.
const NAMED_ALARMS: usize = 3;
/// A part that lies so far back is said to be the last one, so that nobody takes it for the one in front of them.
const OLD_US: i64 = 20_000_000;

/// What the station page shows.
pub struct StationView<'a> {
    pub lang: Lang,
    pub board: &'a BoardSnapshot,
    pub condition: &'a Condition,
    /// Why nothing is recorded any more; none while it is.
    pub unrecorded: Option<String>,
    /// Raised now, the newest first.
    pub alarms: &'a [Alarm],
    pub tally: Tally,
    pub now_us: i64,
}

/// What the parts of some time came to.
pub enum Tally {
    Shift(ShiftTally),
    /// Of the last hours: the station has no shifts of its own.
    Hours(Verdicts),
    /// No history is kept.
    SinceStart,
}

pub struct ShiftTally {
    pub name: String,
    /// By which clock too.
    pub since: String,
    pub counts: Verdicts,
    /// The name of the shift before, and what it came to.
    pub before: Option<(String, Verdicts)>,
}

/// The whole page: no navigation, everything as large as the screen allows.
pub fn kiosk(frame: &PageFrame, view: &StationView<'_>) -> Markup {
    let t = |key: &str| frame.lang.text(key);
    let more = html! {
        link rel="stylesheet" href="/assets/overview.css";
        script src="/assets/overview.js" defer {}
        // Without scripts nothing comes by itself: then the page is asked for again.
        noscript { meta http-equiv="refresh" content="5"; }
    };
    html! {
        (DOCTYPE)
        html lang=(frame.lang.tag()) data-theme=[frame.theme.attribute()] {
            (head(frame, t("station.title"), &more))
            body class="kiosk" {
                h1 class="skip" { (t("station.title")) " " (frame.station) }
                div class="kiosk-grid" hx-ext="sse" sse-connect="/station/events" {
                    header class="kiosk-top" {
                        a class="brand" href="/" { img src="/assets/icon.svg" width="28" height="28" alt=""; (t("site.title")) }
                        b class="name" { (frame.station) }
                        div id="beat" sse-swap="beat" { (beat(view)) }
                        span class="kiosk-tools" {
                            (switches(frame))
                            button type="button" id="full-screen" class="quiet" hidden { (t("station.full-screen")) }
                        }
                    }
                    main id="station" sse-swap="station" { (fragment(view)) }
                }
            }
        }
    }
}

/// What comes every two seconds: the clock, how long ago the last part was, and a cover over all of it. The style sheet
/// uncovers the page anew with each beat; where none comes, the cover stays, whatever has become of scripts and network.
pub fn beat(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let age_us = view.board.last.as_ref().map(|outcome| (view.now_us - outcome.inspection.judged_at_us).max(0));
    html! {
        span class="clock num" { (utc(view.now_us).get(..19).unwrap_or("")) " UTC" }
        @if let Some(age_us) = age_us {
            span class={ "age num" (if age_us > OLD_US { " old" } else { "" }) } { (t("station.age")) " " (duration(view.lang, age_us)) }
        }
        div class="cover" role="alert" {
            svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true" {
                (PreEscaped(r#"<path d="M3 8.5a13 13 0 0 1 18 0M6.5 12.2a8 8 0 0 1 11 0M10 16a3 3 0 0 1 4 0M12 19.5v.1M3 3l18 18"/>"#))
            }
            b { (t("station.lost")) }
            span { (t("station.lost-hint")) }
        }
    }
}

/// What changes with every frame.
pub fn fragment(view: &StationView<'_>) -> Markup {
    html! {
        (shown(view))
        div class="kiosk-side" {
            (verdict(view))
            (part(view))
            (latency(view))
            (counts(view))
        }
        (bottom(view))
    }
}

/// Why no verdict of now can be shown: nothing that stands there may be read as one.
fn stopped(view: &StationView<'_>) -> Option<String> {
    let stopped = view.condition.stopped.as_ref().map(ToString::to_string);
    stopped.or_else(|| view.unrecorded.clone())
}

fn verdict(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    if let Some(reason) = stopped(view) {
        return html! {
            section class="say stopped" role="alert" {
                (stop_shape())
                div { div class="word" { (t("station.stopped")) } div class="why" { (reason) } }
            }
        };
    }
    match &view.board.last {
        None => html! {
            section class="say nothing" {
                (nothing_shape())
                div { div class="word" { (t("verdict.none")) } div class="why" { (t("verdict.none-hint")) } }
            }
        },
        Some(outcome) => {
            let kind = outcome.inspection.verdict.kind();
            html! {
                section class={ "say " (kind.name()) } aria-live="polite" {
                    (shape(kind))
                    div {
                        div class="word" { (verdict_word(view.lang, kind)) }
                        div class="why" { (reason(view.lang, &outcome.inspection.verdict)) }
                    }
                    p class="old-note" { (t("station.old")) }
                }
            }
        }
    }
}

/// A hand that holds up.
fn stop_shape() -> Markup {
    html! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true" {
            (PreEscaped(r#"<rect x="2.5" y="2.5" width="19" height="19" rx="2"/><path d="M9 8v8M15 8v8"/>"#))
        }
    }
}

/// An empty, broken circle.
fn nothing_shape() -> Markup {
    html! {
        svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true" {
            (PreEscaped(r#"<circle cx="12" cy="12" r="10" stroke-dasharray="4 4.4"/><path d="M8 12h8"/>"#))
        }
    }
}

fn shown(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let last = view.board.last.as_ref().filter(|_| stopped(view).is_none());
    html! {
        section class="kiosk-picture" {
            @match last.and_then(|outcome| of_picture(view, outcome)) {
                Some(shown) => (shown),
                None => p class="no-part" {
                    @if last.is_some() { (t("station.no-picture")) } @else { (t("station.waiting")) }
                },
            }
        }
    }
}

fn of_picture(view: &StationView<'_>, outcome: &Outcome) -> Option<Markup> {
    let inspection: &Inspection = &outcome.inspection;
    let digest = inspection.picture.filter(|_| inspection.width > 0)?;
    let maps_heat = view.board.recipe.as_ref().is_some_and(|card| card.recipe.model.heatmap.is_some());
    let own = maps_heat && inspection.answer.is_some() && inspection.replaced_by().is_none();
    let heat = own.then(|| format!("/inspections/{}/heatmap", inspection.meta.id));
    Some(html! {
        @if heat.is_some() { (super::layout::heat_colours()) }
        (picture(&Shown {
            src: &format!("/pictures/{digest}"),
            alt: inspection.meta.origin.as_deref().unwrap_or(""),
            width: inspection.width,
            height: inspection.height,
            regions: &regions_of_frame(inspection),
            heat: heat.as_deref(),
        }))
    })
}

/// Which part it was, and what judged it.
fn part(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let meta = view.board.last.as_ref().map(|outcome| &outcome.inspection.meta);
    html! {
        dl class="part-facts" {
            div { dt { (t("list.serial")) } dd {
                @match meta.and_then(|meta| meta.serial.as_deref().or(meta.origin.as_deref())) { Some(serial) => (serial), None => "-" }
            } }
            @if let Some(card) = &view.board.recipe { div { dt { (t("live.recipe")) } dd { (card.recipe.name) " " (card.recipe.version) } } }
        }
    }
}

/// Time until the verdict against the frame's budget, with the 99th percentile as a mark.
fn latency(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let budget_ms = view.board.recipe.as_ref().map_or(0, |card| card.recipe.frame_budget_ms);
    let budget_us = u64::from(budget_ms).saturating_mul(1000).max(1);
    let last_us = view.board.last.as_ref().map(|outcome| outcome.inspection.judged_in_us());
    let place = |micros: u64| (micros as f64 / budget_us as f64 * 100.0).min(100.0);
    let over = last_us.is_some_and(|micros| micros > budget_us);
    html! {
        section class={ "gauge" (if over { " over" } else { "" }) } {
            p {
                (t("station.latency")) " "
                b class="num" { @match last_us { Some(micros) => { (ms(micros)) " ms" }, None => "-" } }
                span class="dim" { " / " (budget_ms) " ms" }
                @if over { b class="late" { (t("station.over")) } }
            }
            svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label=(t("station.gauge")) {
                rect class="track" width="100" height="10" {}
                @if let Some(micros) = last_us { rect class="fill" width=(format!("{:.2}", place(micros))) height="10" {} }
                @if let Some(judged) = view.board.judged {
                    line class="mark" x1=(format!("{:.2}", place(judged.p99_us))) x2=(format!("{:.2}", place(judged.p99_us))) y1="0" y2="10" {}
                }
            }
            @if let Some(judged) = view.board.judged { p class="dim" { "p50 " (ms(judged.p50_us)) " ms · p99 " (ms(judged.p99_us)) " ms" } }
        }
    }
}

fn counts(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let since = view.board.counters;
    let start = Verdicts { passed: since.pass, failed: since.fail, undecided: since.undecided };
    let (title, counts) = match &view.tally {
        Tally::Shift(ShiftTally { name, since, counts, .. }) => {
            (t("station.shift").replace("{since}", since).replace("{name}", name), *counts)
        }
        Tally::Hours(recent) => (t("station.recent").replace("{hours}", &Recent::HOURS.to_string()), *recent),
        Tally::SinceStart => (t("live.counters").to_owned(), start),
    };
    let yields = |counts: &Verdicts| match counts.total() {
        0 => "-".to_owned(),
        total => format!("{:.1} %", counts.passed as f64 * 100.0 / total as f64),
    };
    let by_kind = [
        (VerdictKind::Pass, counts.passed),
        (VerdictKind::Fail, counts.failed),
        (VerdictKind::Undecided, counts.undecided),
    ];
    html! {
        section class="tally" {
            h2 { (title) @if matches!(view.tally, Tally::Hours(_)) { " " span { "(" (t("station.no-shifts")) ")" } } }
            div class="tally-row" {
                @for (kind, count) in by_kind {
                    div class={ "tally-cell " (kind.name()) } { (shape(kind)) b class="num" id={ "tally-" (kind.name()) } { (short(count)) } span { (verdict_word(view.lang, kind)) } }
                }
                div class="tally-cell" { b class="num" { (yields(&counts)) } span { (t("live.yield")) } }
            }
            @if let Tally::Shift(ShiftTally { before: Some((name, before)), .. }) = &view.tally {
                p class="dim" { (t("station.shift-before").replace("{name}", name)) ": " span id="count-before" { (before.total()) } " · " (t("live.yield")) " " (yields(before)) }
            }
            @if !matches!(view.tally, Tally::SinceStart) {
                p class="dim" { (t("live.counters")) ": " span id="count-total" { (start.total()) } " · " (t("live.yield")) " " (yields(&start)) }
            }
        }
    }
}

/// What somebody has to look at; a line of its own that is never hidden.
fn bottom(view: &StationView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let trouble = if stopped(view).is_some() { None } else { view.condition.trouble() };
    html! {
        footer class="kiosk-bottom" {
            @if let Some(trouble) = trouble { p class="notice fail" { b { (trouble) } } }
            @if view.alarms.is_empty() { p class="quiet-line dim" { (shape(VerdictKind::Pass)) (t("alarms.none")) } }
            @for alarm in worst_first(view.alarms.iter()).into_iter().take(NAMED_ALARMS) {
                p class={ "notice " (severity_class(alarm)) } {
                    (shape(if alarm.severity == Severity::Critical { VerdictKind::Fail } else { VerdictKind::Undecided }))
                    b { (kind_word(view.lang, alarm)) } @if !alarm.about.is_empty() { " " (alarm.about) }
                }
            }
            @if view.alarms.len() > NAMED_ALARMS { p class="notice undecided" { "+" (view.alarms.len() - NAMED_ALARMS) " " a href="/alarms" { (t("nav.alarms")) } } }
        }
    }
}

/// With five digits at most, so that none is cut off on a panel.
fn short(count: u64) -> String {
    match count {
        0..100_000 => count.to_string(),
        100_000..1_000_000 => format!("{:.1} k", count as f64 / 1e3),
        _ => format!("{:.2} M", count as f64 / 1e6),
    }
}

/// Whole seconds, minutes or hours.
fn duration(lang: Lang, micros: i64) -> String {
    let seconds = micros / 1_000_000;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let [h, min, s] = ["unit.h", "unit.min", "unit.s"].map(|unit| lang.text(unit));
    let text = if hours > 0 {
        format!("{hours} {h} {minutes} {min}")
    } else if minutes > 0 {
        format!("{minutes} {min} {rest} {s}")
    } else {
        format!("{rest} {s}")
    };
    lang.text("station.ago").replace("{time}", &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_stays_short_whatever_a_shift_brings() {
        let shown = [0, 99_999, 100_000, 345_678, 1_000_000, 12_345_678].map(short);
        assert_eq!(shown, ["0", "99999", "100.0 k", "345.7 k", "1.00 M", "12.35 M"]);
    }

    #[test]
    fn an_age_has_the_units_that_matter() {
        let shown = [0, 59_999_999, 61_000_000, 7_260_000_000].map(|micros| duration(Lang::En, micros));
        assert_eq!(shown, ["0 s ago", "59 s ago", "1 min 1 s ago", "2 h 1 min ago"]);
        assert_eq!(duration(Lang::ZhCn, 61_000_000), "1 分 1 秒前");
    }
}
