use super::layout::{Shown, badge, bar, heat_switch, ms, picture, shape, verdict_word};
use crate::admin::i18n::Lang;
use crate::domain::{Inspection, PluginKind, Region, Report, Stage, Verdict, VerdictKind};
use crate::pipeline::{BoardSnapshot, Condition, Counters, Outcome, StageLatency};
use maud::{Markup, html};

/// What the live page shows.
pub struct LiveView<'a> {
    pub lang: Lang,
    pub board: &'a BoardSnapshot,
    pub queued: u64,
    pub reports: &'a [Report],
    pub condition: &'a Condition,
}

/// The page's content: the fragment inside an element that the event stream refreshes.
pub fn content(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        h1 class="skip" { (t("nav.live")) }
        p class="offline" role="status" { (t("live.disconnected")) }
        // Outside of what each frame replaces, so that it stays as it was put.
        @if maps_heat(view) { (heat_switch(view.lang)) }
        div hx-ext="sse" sse-connect="/live/events" sse-swap="live" id="live" { (fragment(view)) }
    }
}

/// True where the recipe's model says where it found something.
fn maps_heat(view: &LiveView<'_>) -> bool {
    view.board.recipe.as_ref().is_some_and(|card| card.recipe.model.heatmap.is_some())
}

/// What changes with every frame.
pub fn fragment(view: &LiveView<'_>) -> Markup {
    html! {
        (condition(view.lang, view.condition))
        div class="live" {
            div class="stack" { (last_frame(view)) (recent(view)) }
            div class="stack" { (counters(view)) (latency(view)) (recipe(view)) }
        }
    }
}

/// What keeps the line from judging as its recipe says; nothing where nothing does.
fn condition(lang: Lang, condition: &Condition) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        div role="status" id="condition" {
            @if let Some(reason) = &condition.stopped {
                p class="notice fail" { b { (t("live.stopped")) } " " (t("live.stopped-hint")) br; span class="dim" { (reason) } }
            }
            @for (plugin, kind) in &condition.plugins_out {
                p class="notice undecided" {
                    b { (t("live.plugin-out")) ": " (plugin) } " (" (t(&format!("kind.{kind}"))) "). "
                    @if *kind == PluginKind::Monitor { (t("live.monitor-out-hint")) } @else { (t("live.plugin-out-hint")) }
                }
            }
            @if condition.lanes_hanging > 0 {
                p class="notice undecided" {
                    b { (t("live.lanes-hanging")) ": " (condition.lanes_hanging) }
                    @if condition.lanes_exhausted { ". " (t("live.lanes-exhausted")) }
                }
            }
        }
    }
}

fn last_frame(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let Some(outcome) = &view.board.last else {
        return html! {
            section class="panel" {
                div class="big none" { div { div class="word" { (t("verdict.none")) } div class="why" { (t("verdict.none-hint")) } } }
            }
        };
    };
    let inspection = &outcome.inspection;
    html! {
        section class="panel" aria-live="polite" {
            (verdict_banner(view.lang, inspection))
            @if let Some(digest) = inspection.picture.filter(|_| inspection.width > 0) {
                @let own = maps_heat(view) && inspection.answer.is_some() && inspection.replaced_by().is_none();
                @let heat = own.then(|| format!("/inspections/{}/heatmap", inspection.meta.id));
                (picture(&Shown {
                    src: &format!("/pictures/{digest}"), alt: inspection.meta.origin.as_deref().unwrap_or(""),
                    width: inspection.width, height: inspection.height,
                    regions: &regions_of_frame(inspection), heat: heat.as_deref(),
                }))
            }
            p class="dim" {
                a href={ "/inspections/" (inspection.meta.id) } class="mono" { (inspection.meta.id) }
                @if let Some(origin) = &inspection.meta.origin { " · " (origin) }
                @if let Some(serial) = &inspection.meta.serial { " · " (serial) }
            }
        }
    }
}

/// The verdict in words, colour and shape, with its reason.
pub fn verdict_banner(lang: Lang, inspection: &Inspection) -> Markup {
    let kind = inspection.verdict.kind();
    html! {
        div class={ "big " (kind.name()) } {
            (shape(kind))
            div {
                div class="word" { (verdict_word(lang, kind)) }
                div class="why" { (reason(lang, &inspection.verdict)) }
            }
        }
    }
}

/// One line that says why.
pub fn reason(lang: Lang, verdict: &Verdict) -> Markup {
    html! {
        @match verdict {
            Verdict::Pass { label, score } | Verdict::Fail { reason: label, score } => { b { (label) } " " (format!("{:.1} %", score * 100.0)) }
            Verdict::Undecided { stage, blame, code, detail } => {
                b { (code) } " · " (stage_word(lang, *stage)) " · " (lang.text(&format!("blame.{blame}")))
                br; span class="dim" { (detail) }
            }
        }
    }
}

/// Regions to draw over the frame's own picture: none where the detectors saw another one.
pub fn regions_of_frame(inspection: &Inspection) -> Vec<(Region, String)> {
    if inspection.replaced_by().is_some() { Vec::new() } else { regions(inspection) }
}

/// Regions of raised findings with their labels, in the picture that the detectors saw.
pub fn regions(inspection: &Inspection) -> Vec<(Region, String)> {
    inspection
        .findings()
        .filter(|(_, finding)| finding.raised)
        .filter_map(|(_, finding)| finding.region.map(|region| (region, finding.label.clone())))
        .collect()
}

pub fn stage_word(lang: Lang, stage: Stage) -> &'static str {
    lang.text(&format!("stage.{stage}"))
}

fn counters(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let counters = &view.board.counters;
    html! {
        section class="panel" {
            h2 { (t("live.counters")) }
            div class="counters" {
                div class="counter" { b id="count-total" { (counters.total()) } span { (t("live.total")) } }
                @for (kind, count) in by_kind(counters) {
                    div class="counter" { b { (count) } span class=(kind.name()) { (shape(kind)) (verdict_word(view.lang, kind)) } }
                }
                div class="counter" { b { (share(counters.pass, counters.total())) } span { (t("live.yield")) } }
                div class="counter" { b { (counters.flagged) } span { (t("live.flagged")) } }
                div class="counter" { b { (format!("{:.1}", view.board.frames_per_s)) } span { (t("live.rate")) } }
                div class="counter" { b { (view.queued) } span { (t("live.queued")) } }
                @if counters.not_durable > 0 { div class="counter fail" { b { (counters.not_durable) } span { (t("live.not-durable")) } } }
                @if counters.unmonitored > 0 { div class="counter" { b { (counters.unmonitored) } span { (t("live.unmonitored")) } } }
            }
            p { (drift_line(view)) }
        }
    }
}

fn by_kind(counters: &Counters) -> [(VerdictKind, u64); 3] {
    [
        (VerdictKind::Pass, counters.pass),
        (VerdictKind::Fail, counters.fail),
        (VerdictKind::Undecided, counters.undecided),
    ]
}

/// A share in percent; a dash where there is nothing to share.
fn share(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

fn drift_line(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let mut drifted: Vec<&str> =
        view.reports.iter().filter(|report| report.drifted).map(|report| report.feature.as_str()).collect();
    drifted.sort_unstable();
    drifted.dedup();
    html! {
        a href="/drift" {
            @if view.reports.is_empty() { (t("live.drift-none")) }
            @else if drifted.is_empty() { (t("live.drift-ok")) }
            @else { span class="badge undecided" { (shape(VerdictKind::Undecided)) (t("live.drift-alarm")) ": " (drifted.join(", ")) } }
        }
    }
}

fn latency(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let stages = &view.board.stages;
    let longest = stages.iter().map(|stage| stage.p99_us).max().unwrap_or(1).max(1);
    let row = |stage: &StageLatency| {
        html! {
            tr {
                td { (stage_word(view.lang, stage.stage)) }
                td class="num" { (ms(stage.p50_us)) }
                td class="num" { (ms(stage.p99_us)) }
                td { (bar(stage.p99_us as f64 / longest as f64)) }
            }
        }
    };
    html! {
        section class="panel" {
            h2 { (t("live.latency")) }
            table {
                thead { tr { th { (t("live.stage")) } th class="num" { (t("live.p50")) } th class="num" { (t("live.p99")) } th {} } }
                tbody { @for stage in stages { (row(stage)) } }
            }
            p class="dim" { (t("live.window")) }
        }
    }
}

fn recipe(view: &LiveView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        @if let Some(card) = &view.board.recipe {
            section class="panel" {
                h2 { (t("live.recipe")) }
                dl class="facts" {
                    dt { (t("live.recipe")) } dd { (card.recipe.name) " " (card.recipe.version) }
                    dt { (t("detail.digest")) } dd class="mono" { (card.recipe.digest.short()) }
                    dt { (t("detail.model")) } dd { (card.recipe.model.name) " " (card.recipe.model.version) }
                    dt { (t("live.device")) } dd { (card.device.backend) ", " (t("live.device-used")) " " b { (card.device.used) } ", " (t("live.device-asked")) " " (card.device.asked.join(", ")) ", " (card.device.precision) }
                }
            }
        }
    }
}

fn recent(view: &LiveView<'_>) -> Markup {
    let tile = |outcome: &Outcome| {
        let inspection = &outcome.inspection;
        let kind = inspection.verdict.kind();
        html! {
            a href={ "/inspections/" (inspection.meta.id) } {
                @if let Some(digest) = inspection.picture.filter(|_| inspection.width > 0) {
                    img src={ "/pictures/" (digest) } alt=(inspection.meta.origin.as_deref().unwrap_or("")) loading="lazy";
                }
                (badge(view.lang, kind))
            }
        }
    };
    html! {
        section class="panel" {
            h2 { (view.lang.text("live.recent")) }
            div class="strip" { @for outcome in &view.board.recent { (tile(outcome)) } }
        }
    }
}
