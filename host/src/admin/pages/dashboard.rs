use super::chart_kit;
use super::layout::{bytes, ms, utc};
use super::live::stage_word;
use crate::admin::i18n::Lang;
use crate::admin::series::{History, Points, Range, frames_per_min, ratio};
use crate::charts::Now;
use crate::domain::Stage;
use crate::journal::{Figures, StageKey};
use crate::pipeline::BoardSnapshot;
use crate::telemetry::{Gauges, PluginReading, Reading};
use maud::{Markup, html};
use serde::Deserialize;

/// Rows of the table beside the charts.
const ROWS: usize = 48;
/// Stages that are stacked: those on the way of a frame, in its order.
const STACKED: [Stage; 7] =
    [Stage::Source, Stage::Decode, Stage::Preprocess, Stage::Infer, Stage::Detect, Stage::Decide, Stage::Journal];

/// What is so now.
pub struct DashboardView<'a> {
    pub lang: Lang,
    pub board: &'a BoardSnapshot,
    pub queued: u64,
    pub reading: &'a Reading,
    pub gauges: &'a Gauges,
    /// None where no figures are kept.
    pub now: Option<&'a Now>,
}

/// What the address says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Choice {
    pub range: Range,
    pub compare: bool,
    pub percentile: Percentile,
}

/// Which percentile the stages are stacked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Percentile {
    P50,
    #[default]
    P95,
    P99,
}

impl Percentile {
    const ALL: [Self; 3] = [Self::P50, Self::P95, Self::P99];

    const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
        }
    }
}

impl Choice {
    fn query(self) -> String {
        let compare = if self.compare { "&compare=true" } else { "" };
        format!("range={}{compare}&percentile={}", self.range.name(), self.percentile.name())
    }

    fn series(self) -> String {
        let compare = if self.compare { "&compare=true" } else { "" };
        format!("/api/v1/series?range={}{compare}", self.range.name())
    }
}

pub fn content(view: &DashboardView<'_>, choice: Choice, history: Option<&History>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        (chart_kit())
        link rel="stylesheet" href="/assets/overview.css";
        script src="/assets/overview.js" defer {}
        h1 { (t("dashboard.title")) }
        p class="offline" role="status" { (t("live.disconnected")) }
        div id="dashboard" hx-ext="sse" sse-connect="/dashboard/events" sse-swap="dashboard" { (fragment(view)) }
        (choices(view.lang, choice))
        @if let Some(now) = view.now {
            @if now.in_trouble { p class="notice fail" role="status" { (t("dashboard.trouble")) } }
            @if now.began_anew { p class="notice undecided" role="status" { (t("dashboard.anew")) } }
        }
        @match history {
            Some(history) => {
                (charts(view, choice))
                (table(view.lang, choice, history))
            }
            None => section class="panel empty" { b { (t("dashboard.none")) } }
        }
    }
}

/// What changes every second.
pub fn fragment(view: &DashboardView<'_>) -> Markup {
    html! {
        div class="tiles-now" { (line_tiles(view)) (machine_tiles(view)) }
        div class="split" { (device(view)) (plugins(view)) }
    }
}

fn tile(label: &str, value: &str, more: &str, class: &str) -> Markup {
    html! { div class={ "counter " (class) } { b { (value) } span { (label) } @if !more.is_empty() { small class="dim" { (more) } } } }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn line_tiles(view: &DashboardView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let (reading, frames) = (view.reading, view.reading.passed + view.reading.failed + view.reading.undecided);
    let budget = view.board.recipe.as_ref().map_or(0, |card| card.recipe.frame_budget_ms);
    let missed = |count: u64| if count > 0 { "bad" } else { "" };
    let mix = format!(
        "{} {} · {} {} · {} {}",
        t("verdict.pass"),
        reading.passed,
        t("verdict.fail"),
        reading.failed,
        t("verdict.undecided"),
        reading.undecided
    );
    html! {
        (tile(t("live.rate"), &format!("{:.1}", view.board.frames_per_s), &format!("{} {frames}", t("live.total")), ""))
        (tile(t("live.yield"), &percent(ratio(reading.passed, frames)), &mix, ""))
        @match view.board.judged {
            Some(judged) => (tile(t("dashboard.p99"), &format!("{} ms", ms(judged.p99_us)), &format!("p50 {} ms · {} {budget} ms", ms(judged.p50_us), t("dashboard.budget")), "")),
            None => (tile(t("dashboard.p99"), "-", "", "")),
        }
        (tile(t("dashboard.missed"), &reading.deadline_missed.to_string(), &percent(ratio(reading.deadline_missed, frames)), missed(reading.deadline_missed)))
        (tile(t("live.not-durable"), &reading.not_durable.to_string(), "", missed(reading.not_durable)))
        (tile(t("live.queued"), &view.queued.to_string(), "", ""))
        (tile(t("dashboard.outbox"), &view.gauges.outbox_pending.to_string(), &age(view), ""))
    }
}

fn age(view: &DashboardView<'_>) -> String {
    if view.gauges.outbox_pending == 0 {
        return String::new();
    }
    format!("{} {:.0} s", view.lang.text("dashboard.oldest"), view.gauges.outbox_oldest_age_s)
}

fn machine_tiles(view: &DashboardView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let now = view.now;
    let machine = now.and_then(|now| now.machine);
    let busy = format!("{} {}", t("dashboard.machine"), percent(now.and_then(|now| now.busy_cpu)));
    html! {
        (tile(t("dashboard.cpu"), &percent(now.and_then(|now| now.own_cpu)), &busy, ""))
        @match machine {
            Some(machine) => (tile(t("dashboard.memory"), &bytes(machine.own_memory_bytes), &format!("{} {}", t("dashboard.free"), bytes(machine.memory_free_bytes)), "")),
            None => (tile(t("dashboard.memory"), "-", "", "")),
        }
        (tile(t("dashboard.disk"), &bytes(view.gauges.storage_free_bytes), &format!("{} {}", t("dashboard.pictures"), bytes(view.gauges.picture_bytes)), ""))
    }
}

fn device(view: &DashboardView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("dashboard.inference")) }
            @if let Some(card) = &view.board.recipe {
                dl class="facts" {
                    dt { (t("live.device-asked")) } dd { (card.device.asked.join(", ")) }
                    dt { (t("live.device-used")) } dd {
                        b { (card.device.used) } " (" (card.device.precision) ")"
                        @if !card.device.is_first_wish() { " " span class="badge undecided" { (super::layout::shape(crate::domain::VerdictKind::Undecided)) (t("alarm.device-not-as-asked")) } }
                    }
                    dt { (t("detail.backend")) } dd { (card.device.backend) " " (card.library_version) }
                    dt { (t("detail.model")) } dd { (card.recipe.model.name) " " (card.recipe.model.version) }
                    dt { (t("live.recipe")) } dd { (card.recipe.name) " " (card.recipe.version) }
                }
            }
        }
    }
}

/// Since the start of the station.
fn plugins(view: &DashboardView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let mean = |plugin: &PluginReading| {
        ratio(plugin.micros, plugin.calls).map_or_else(|| "-".to_owned(), |micros| ms(micros as u64))
    };
    html! {
        section class="panel scroll" {
            h2 { (t("dashboard.plugins")) " " span class="dim" { (t("live.counters")) } }
            @if view.reading.plugins.is_empty() { p class="dim" { (t("dashboard.no-plugins")) } }
            @else {
                table {
                    thead { tr {
                        th { (t("detail.plugin")) } th class="num" { (t("dashboard.calls")) } th class="num" { (t("dashboard.mean")) }
                        th class="num" { (t("dashboard.failures")) } th class="num" { (t("dashboard.memory-peak")) }
                    } }
                    tbody { @for (name, plugin) in &view.reading.plugins {
                        tr {
                            td { b { (name) } } td class="num" { (plugin.calls) } td class="num" { (mean(plugin)) }
                            td class="num" { @if plugin.failures > 0 { span class="badge fail" { (plugin.failures) } } @else { "0" } }
                            td class="num" { @if plugin.memory_peak_bytes > 0 { (bytes(plugin.memory_peak_bytes)) } @else { "-" } }
                        }
                    } }
                }
            }
        }
    }
}

/// Links, so that an address says what is seen.
fn choices(lang: Lang, choice: Choice) -> Markup {
    let t = |key: &str| lang.text(key);
    let link = |to: Choice| format!("/dashboard?{}", to.query());
    html! {
        nav class="choices" aria-label=(t("dashboard.range")) {
            span class="group" { @for range in Range::ALL {
                a href=(link(Choice { range, ..choice })) aria-current=[(range == choice.range).then_some("true")] { (t(&format!("range.{}", range.name()))) }
            } }
            span class="group" { @for percentile in Percentile::ALL {
                a href=(link(Choice { percentile, ..choice })) aria-current=[(percentile == choice.percentile).then_some("true")] { (percentile.name()) }
            } }
            span class="group" {
                a href=(link(Choice { compare: !choice.compare, ..choice })) aria-current=[choice.compare.then_some("true")] { (t("dashboard.compare")) }
            }
        }
    }
}

/// The charts, empty until a script draws them; their words are theirs.
fn charts(view: &DashboardView<'_>, choice: Choice) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let budget = view.board.recipe.as_ref().map_or(0, |card| card.recipe.frame_budget_ms);
    let stages = STACKED.map(|stage| format!("{}={}", stage.name(), stage_word(view.lang, stage))).join("|");
    let words = [
        ("pass", "verdict.pass"),
        ("fail", "verdict.fail"),
        ("undecided", "verdict.undecided"),
        ("before", "dashboard.before"),
        ("yield", "live.yield"),
        ("missed", "dashboard.missed"),
        ("faults", "dashboard.faults"),
        ("flagged", "live.flagged"),
        ("cpu", "dashboard.cpu"),
        ("busy", "dashboard.machine"),
        ("memory", "dashboard.memory"),
        ("memory-free", "dashboard.memory-free"),
        ("disk", "dashboard.disk"),
        ("queue", "live.queued"),
        ("outbox", "dashboard.outbox"),
        ("whole", "dashboard.whole"),
        ("judged", "dashboard.judged"),
        ("budget", "dashboard.budget-line"),
    ];
    let words = words.map(|(word, key)| format!("{word}={}", t(key))).join("|");
    let all = ["throughput", "yield", "latency", "misses", "plugins", "failures", "cpu", "memory", "disk", "queue"];
    html! {
        p class="dim zoom-hint" { (t("dashboard.zoom")) }
        div class="charts wide-charts" id="series" data-history=(choice.series()) data-percentile=(choice.percentile.name())
            data-budget-ms=(budget) data-stages=(stages) data-words=(words) {
            @for chart in all {
                section class="panel chart" data-chart=(chart) {
                    h2 { (t(&format!("chart.{chart}"))) }
                    div class="plot" {}
                    p class="no-data dim" hidden { (t("dashboard.no-data")) }
                }
            }
        }
        noscript { p class="dim" { (t("dashboard.no-script")) } }
    }
}

/// The figures of the charts, for reading.
fn table(lang: Lang, choice: Choice, history: &History) -> Markup {
    let t = |key: &str| lang.text(key);
    let coarse = history.points.coarser(ROWS);
    html! {
        details class="panel figures-table" {
            summary { (t("dashboard.table")) }
            p { (totals(lang, &history.points)) @if let Some(before) = &history.before { br; span class="dim" { (t("dashboard.before")) ": " (totals(lang, before)) } } }
            div class="scroll" {
                table class="tight" {
                    thead { tr {
                        th { "UTC" } th class="num" { (t("live.total")) } th class="num" { (t("dashboard.per-min")) } th class="num" { (t("live.yield")) }
                        th class="num" { (t("verdict.fail")) } th class="num" { (t("verdict.undecided")) } th class="num" { (t("dashboard.missed")) }
                        @for percentile in Percentile::ALL { th class="num" title=(t("dashboard.judged")) { (percentile.name()) ", ms" } } th class="num" { (t("dashboard.faults")) }
                        th class="num" { (t("dashboard.cpu")) } th class="num" { (t("dashboard.memory")) } th class="num" { (t("dashboard.disk")) } th class="num" { (t("live.queued")) }
                    } }
                    tbody { @for (at_s, figures) in coarse.all.iter().rev() { @if let Some(figures) = figures { (row(*at_s, figures)) } } }
                }
            }
            p { a href=(choice.series()) { "JSON" } }
        }
    }
}

fn row(at_s: i64, figures: &Figures) -> Markup {
    let judged = figures.stages.get(&StageKey::Judged);
    let at = |percent: u64| judged.and_then(|counts| counts.percentile_us(percent)).map_or_else(|| "-".to_owned(), ms);
    html! {
        tr {
            td class="time" { (utc(at_s.saturating_mul(1_000_000)).get(..16).unwrap_or("")) }
            td class="num" { (figures.frames()) }
            td class="num" { @match frames_per_min(figures) { Some(rate) => (format!("{rate:.1}")), None => "-" } }
            td class="num" { (percent(ratio(figures.passed, figures.frames()))) }
            td class="num" { (figures.failed) } td class="num" { (figures.undecided) } td class="num" { (figures.deadline_missed) }
            td class="num" { (at(50)) } td class="num" { (at(95)) } td class="num" { (at(99)) }
            td class="num" { (figures.plugin_faults) }
            td class="num" { (percent(ratio(figures.own_cpu_ms, figures.all_cpu_ms))) }
            td class="num" { (bytes(figures.own_memory_bytes)) }
            td class="num" { @match figures.disk_free_bytes { Some(free) => (bytes(free)), None => "-" } }
            td class="num" { (figures.queue_frames) }
        }
    }
}

fn totals(lang: Lang, points: &Points) -> Markup {
    let t = |key: &str| lang.text(key);
    let sum = points.sum().unwrap_or_default();
    let p99 = sum.stages.get(&StageKey::Judged).and_then(|counts| counts.percentile_us(99));
    html! {
        (t("live.total")) " " b { (sum.frames()) } " · " (t("live.yield")) " " b { (percent(ratio(sum.passed, sum.frames()))) }
        " · " (t("dashboard.p99")) " " b { @match p99 { Some(micros) => { (ms(micros)) " ms" }, None => "-" } }
        " · " (t("dashboard.missed")) " " b { (sum.deadline_missed) }
    }
}
