use super::kit;
use super::layout::{Shown, bar, heat_switch, ms, picture, utc};
use super::live::{regions, regions_of_frame, stage_word, verdict_banner};
use crate::admin::browse::PATH;
use crate::admin::i18n::Lang;
use crate::domain::{Digest, Inspection, ModelAnswer, PluginRun, REPLACED_PICTURE, Report, VerdictPolicy, is_heatmap};
use maud::{Markup, html};

/// All that the journal holds of one inspection.
#[derive(Debug, Clone)]
pub struct DetailView {
    pub inspection: Inspection,
    /// Plugin, name and digest of pictures that plugins made.
    pub images: Vec<(String, String, Digest)>,
    /// Plugin and report of the monitors.
    pub reports: Vec<(String, Report)>,
    /// True while the picture's bytes are still kept.
    pub has_picture: bool,
    pub row_hash: String,
    pub neighbours: Neighbours,
    /// What people say of the part, and the form for it.
    pub review: Markup,
    /// The form that judges it again, and what came of that.
    pub replay: Markup,
    /// How the recipe comes to a verdict; none where another recipe runs by now.
    pub policy: Option<VerdictPolicy>,
}

/// Addresses of what is beside an inspection in the list that it was opened from.
#[derive(Debug, Clone, Default)]
pub struct Neighbours {
    pub all: String,
    pub older: Option<String>,
    pub newer: Option<String>,
}

impl DetailView {
    /// The address of the model's heat map.
    fn heat(&self) -> Option<String> {
        let map = self.images.iter().find(|(by, name, _)| is_heatmap(by, name));
        map.map(|(.., digest)| format!("/pictures/{digest}"))
    }
}

pub fn content(lang: Lang, view: &DetailView) -> Markup {
    let t = |key: &str| lang.text(key);
    let inspection = &view.inspection;
    html! {
        (kit())
        nav class="pager" {
            a class="button quiet" href=(view.neighbours.all) data-back { (t("detail.back")) }
            @if let Some(newer) = &view.neighbours.newer { a class="button quiet" rel="prev" href=(newer) { (t("detail.newer")) } }
            @if let Some(older) = &view.neighbours.older { a class="button quiet" rel="next" href=(older) { (t("detail.older")) } }
            @if inspection.answer.is_some() { a class="button quiet" href={ (PATH) "/" (inspection.meta.id) "/alike" } { (t("alike.title")) } }
        }
        h1 { (t("detail.title")) " " span class="mono" { (inspection.meta.id) } }
        div class="split" {
            div class="stack" { (shown_picture(lang, view)) (images(lang, view)) (identity(lang, view)) }
            div class="stack" {
                section class="panel" { h2 { (t("detail.why")) } (verdict_banner(lang, inspection)) (policy(lang, view)) (findings(lang, inspection)) }
                (view.review)
                (view.replay)
                @if let Some(answer) = &inspection.answer { (model(lang, answer)) }
                (stages(lang, inspection))
                (plugins(lang, &inspection.runs))
                (monitors(lang, view))
            }
        }
    }
}

fn shown_picture(lang: Lang, view: &DetailView) -> Markup {
    let t = |key: &str| lang.text(key);
    let inspection = &view.inspection;
    html! {
        section class="panel" {
            h2 { (t("detail.picture")) }
            @if let Some(digest) = inspection.picture.filter(|_| view.has_picture && inspection.width > 0) {
                (zoom_tools(lang, &format!("/pictures/{digest}")))
                @let heat = view.heat().filter(|_| inspection.replaced_by().is_none());
                @if heat.is_some() { (heat_switch(lang)) }
                (picture(&Shown {
                    src: &format!("/pictures/{digest}"), alt: t("detail.picture"), width: inspection.width, height: inspection.height,
                    regions: &regions_of_frame(inspection), heat: heat.as_deref(),
                }))
            } @else { p class="dim" { (t("detail.no-picture")) } }
        }
    }
}

/// Shows and hides what is drawn over the picture; without scripts the picture opens in full size.
fn zoom_tools(lang: Lang, src: &str) -> Markup {
    html! {
        div class="zoom-tools" {
            label { input type="checkbox" class="overlay-toggle" checked; (lang.text("detail.overlay")) }
            a href=(src) target="_blank" rel="noopener" { (lang.text("detail.full-size")) }
            span class="dim" { (lang.text("detail.zoom")) }
        }
    }
}

/// A picture that a plugin made; large, and with the findings' regions, where it is the one that the detectors saw.
fn figure(lang: Lang, view: &DetailView, plugin: &str, name: &str, digest: &Digest) -> Markup {
    let inspection = &view.inspection;
    let src = format!("/pictures/{digest}");
    let caption = |what: &str| html! { figcaption { (plugin) ": " (what) } };
    match inspection.replaced_by() {
        Some((by, size)) if by == plugin && name == REPLACED_PICTURE => html! {
            figure class="wide" {
                @let heat = view.heat();
                @if heat.is_some() { (heat_switch(lang)) }
                (picture(&Shown {
                    src: &src, alt: name, width: size.width, height: size.height, regions: &regions(inspection), heat: heat.as_deref(),
                }))
                (caption(lang.text("detail.seen")))
            }
        },
        _ if is_heatmap(plugin, name) => html! {
            figure { img src=(src) alt=(lang.text("heat.alone")) loading="lazy"; (caption(lang.text("heat.alone"))) }
        },
        _ => html! { figure { img src=(src) alt=(name) loading="lazy"; (caption(name)) } },
    }
}

/// The policy that led to the verdict.
fn policy(lang: Lang, view: &DetailView) -> Markup {
    let t = |key: &str| lang.text(key);
    let list = |labels: &[String]| if labels.is_empty() { t("policy.none").to_owned() } else { labels.join(", ") };
    html! {
        details class="policy" {
            summary { (t("policy.title")) " " span class="dim" { (view.inspection.recipe) " " (view.inspection.recipe_version) } }
            @if let Some(policy) = &view.policy {
                ol {
                    li { (t("policy.fail-on")) " " b { (list(&policy.fail_on)) } }
                    li { (t("policy.undecided-on")) " " b { (list(&policy.undecided_on)) } }
                    li { (t("policy.pass")) " " b { (list(&policy.pass_labels)) } " " (t("policy.at-least")) " " b { (policy.min_pass_probability) } }
                    li { (t("policy.else-fail")) " " (t("policy.at-least")) " " b { (policy.min_fail_probability) } }
                }
            } @else { p class="dim" { (t("policy.other")) } }
        }
    }
}

fn images(lang: Lang, view: &DetailView) -> Markup {
    html! {
        @if !view.images.is_empty() {
            section class="panel" {
                h2 { (lang.text("detail.images")) }
                div class="figures" {
                    @for (plugin, name, digest) in &view.images {
                        (figure(lang, view, plugin, name, digest))
                    }
                }
            }
        }
    }
}

fn findings(lang: Lang, inspection: &Inspection) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h2 { (t("detail.findings")) }
        @if inspection.findings().next().is_none() { p class="dim" { (t("detail.no-findings")) } }
        @else {
            table { tbody {
                @for (plugin, finding) in inspection.findings() {
                    tr {
                        td { b { (finding.label) } @if finding.raised { " " span class="badge undecided" { (t("detail.raised")) } } br; span class="dim" { (plugin) } }
                        td class="num" { (format!("{:.3}", finding.score)) }
                        td { (bar(f64::from(finding.score))) }
                        td { (finding.text.as_deref().unwrap_or("")) @for (key, value) in &finding.attributes { " " span class="mono dim" { (key) "=" (value) } } }
                    }
                }
            } }
        }
    }
}

fn model(lang: Lang, answer: &ModelAnswer) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("detail.model")) " " (answer.model) }
            table { tbody {
                @for (label, p) in answer.labels.iter().zip(&answer.probabilities) {
                    tr { td { (label) } td class="num" { (format!("{:.1} %", p * 100.0)) } td { (bar(f64::from(*p))) } }
                }
            } }
            dl class="facts" {
                dt { (t("detail.digest")) } dd class="mono" { (answer.digest) }
                dt { (t("live.device")) } dd { b { (answer.device.used) } " (" (t("live.device-asked")) " " (answer.device.asked.join(", ")) ")" }
                dt { (t("detail.backend")) } dd { (answer.device.backend) }
                dt { (t("detail.precision")) } dd { (answer.device.precision) }
            }
        }
    }
}

/// A waterfall: each stage starts where the one before it ended.
fn stages(lang: Lang, inspection: &Inspection) -> Markup {
    let total = inspection.stages.iter().map(|stage| stage.micros).sum::<u64>().max(1) as f64;
    let share = |micros: u64| micros as f64 / total * 100.0;
    let starts = inspection.stages.iter().scan(0, |spent, stage| Some(std::mem::replace(spent, *spent + stage.micros)));
    html! {
        section class="panel" {
            h2 { (lang.text("detail.stages")) }
            table { tbody {
                @for (stage, start) in inspection.stages.iter().zip(starts) {
                    tr {
                        td { (stage_word(lang, stage.stage)) } td class="num" { (ms(stage.micros)) " ms" }
                        td { svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                            rect class="track" width="100" height="8" {}
                            rect class="fill" x=(format!("{:.2}", share(start))) width=(format!("{:.2}", share(stage.micros).max(0.4))) height="8" {}
                        } }
                    }
                }
            } }
        }
    }
}

fn plugins(lang: Lang, runs: &[PluginRun]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel scroll" tabindex="0" {
            h2 { (t("detail.plugins")) }
            table {
                thead { tr {
                    th { (t("detail.plugin")) } th class="num" { (t("detail.time")) } th class="num" { (t("detail.host-time")) }
                    th class="num" { (t("detail.memory")) } th class="num" { (t("detail.host-bytes")) } th { (t("detail.digest")) }
                } }
                tbody { @for run in runs {
                    tr {
                        td { b { (run.plugin) } " " span class="dim" { (t(&format!("kind.{}", run.kind))) }
                            @if let Some(failure) = &run.failure { br; span class="badge fail" { (failure.code.name()) } " " (failure.detail) }
                            @for (key, value) in &run.attributes { br; span class="mono dim" { (key) "=" (value) } }
                        }
                        td class="num" { (ms(run.micros)) } td class="num" { (ms(run.host_micros)) }
                        td class="num" { (run.memory_bytes >> 10) } td class="num" { (run.host_bytes >> 10) }
                        td class="mono" { (run.component.short()) }
                    }
                } }
            }
        }
    }
}

fn monitors(lang: Lang, view: &DetailView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        @if !view.reports.is_empty() {
            section class="panel scroll" tabindex="0" {
                h2 { (t("detail.monitors")) }
                table { tbody { @for (plugin, report) in &view.reports {
                    tr {
                        td { (plugin) } td { (report.feature) } td { (report.statistic) }
                        td class="num" { (format!("{:.4}", report.value)) } td class="num dim" { (format!("{:.4}", report.threshold)) }
                        td { @if report.drifted { span class="badge undecided" { (t("drift.alarm")) } } @else { (t("drift.ok")) } }
                    }
                } } }
            }
        }
    }
}

fn identity(lang: Lang, view: &DetailView) -> Markup {
    let t = |key: &str| lang.text(key);
    let inspection = &view.inspection;
    let meta = &inspection.meta;
    html! {
        section class="panel" {
            h2 { (t("detail.identity")) }
            dl class="facts" {
                dt { (t("detail.captured")) } dd { (utc(meta.captured_at_us)) }
                dt { (t("detail.judged")) } dd { (utc(inspection.judged_at_us)) }
                dt { (t("detail.source")) } dd { (meta.source) @if meta.simulated { " (" (t("detail.simulated")) ")" } }
                @if let Some(origin) = &meta.origin { dt { (t("list.origin")) } dd { (origin) } }
                @if let Some(product) = &meta.product { dt { (t("list.product")) } dd { (product) } }
                @if let Some(serial) = &meta.serial { dt { (t("list.serial")) } dd { (serial) } }
                dt { (t("detail.size")) } dd { (inspection.width) " x " (inspection.height) }
                @if let Some(digest) = inspection.picture { dt { (t("detail.picture")) } dd class="mono" { (digest) } }
                dt { (t("detail.recipe")) } dd { (inspection.recipe) " " (inspection.recipe_version) br; span class="mono" { (inspection.recipe_digest) } }
                dt { (t("detail.row-hash")) } dd class="mono" { (view.row_hash) }
                dt { (t("detail.replay")) } dd class="mono" { "assay replay --config station.toml " (meta.id) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use serde_json::{Value, json};

    /// One raised finding with a region; the picture is replaced by `align` where `replaced` says so.
    fn view(replaced: bool) -> DetailView {
        let digest = |what: &str| serde_json::to_value(Digest::of(what.as_bytes())).unwrap();
        let run = |plugin: &str, kind: &str, replaced: Option<Value>, findings: Value| {
            json!({
                "plugin": plugin, "kind": kind, "component": digest(plugin), "micros": 1, "host_micros": 0,
                "memory_bytes": 0, "host_bytes": 0, "findings": findings, "replaced": replaced, "failure": null
            })
        };
        let size = replaced.then(|| json!({ "width": 50, "height": 40 }));
        let region = json!({ "x": 11, "y": 12, "width": 13, "height": 14 });
        let findings = json!([{ "label": "spot", "score": 0.9, "raised": true, "region": region, "text": null }]);
        let align = run("align", "preprocessor", size, json!([]));
        let finder = run("finder", "detector", None, findings);
        let inspection = json!({
            "meta": {
                "id": { "station": "line-1", "boot": 1, "trigger": 1 }, "captured_at_us": 0, "source": "folder",
                "origin": null, "product": null, "serial": null, "simulated": false
            },
            "picture": digest("frame"), "width": 320, "height": 240, "recipe": "r", "recipe_version": "1.0.0",
            "recipe_digest": digest("r"), "verdict": { "verdict": "fail", "reason": "spot", "score": 0.9 },
            "answer": null, "runs": [align, finder], "stages": [], "judged_at_us": 0
        });
        let made = |name: &str| ("align".to_owned(), name.to_owned(), Digest::of(name.as_bytes()));
        DetailView {
            inspection: serde_json::from_value(inspection).unwrap(),
            images: vec![made(REPLACED_PICTURE), made("edges")],
            reports: Vec::new(),
            has_picture: true,
            row_hash: String::new(),
            neighbours: Neighbours::default(),
            review: html! {},
            replay: html! {},
            policy: None,
        }
    }

    /// The addresses of the pictures that regions are drawn over.
    fn drawn_over(page: &str) -> Vec<&str> {
        let pictures = page.split("<img ").skip(1);
        let overlaid = pictures.filter(|rest| rest.contains("<rect x=\"11\" y=\"12\" width=\"13\" height=\"14\""));
        overlaid.filter_map(|rest| rest.split('"').nth(1)).collect()
    }

    #[test]
    fn a_heat_map_lies_over_the_picture_that_the_detectors_saw_and_can_be_switched_off() {
        let address = |what: &str| format!("/pictures/{}", Digest::of(what.as_bytes()));
        let page = |replaced: bool| {
            let mut view = view(replaced);
            view.images.push(("model:surface".to_owned(), "heatmap".to_owned(), Digest::of(b"heat")));
            content(Lang::En, &view).into_string()
        };
        for (replaced, below) in [(false, "frame"), (true, REPLACED_PICTURE)] {
            let page = page(replaced);
            let before = page.split_once(&format!("<image href=\"{}\"", address("heat"))).unwrap().0;
            let picture = before.rsplit_once("<img src=\"").unwrap().1;
            assert!(picture.starts_with(&address(below)), "{replaced}: {picture}");
            assert_eq!(page.matches("id=\"show-heat\"").count(), 1, "{replaced}");
            assert!(page.contains("heat map alone"));
        }
        assert!(!content(Lang::En, &view(false)).into_string().contains("show-heat"), "without a map no switch");
    }

    #[test]
    fn regions_are_drawn_over_the_picture_that_the_detectors_saw() {
        let address = |what: &str| format!("/pictures/{}", Digest::of(what.as_bytes()));
        let own = content(Lang::En, &view(false)).into_string();
        assert_eq!(drawn_over(&own), [address("frame")]);
        let other = content(Lang::En, &view(true)).into_string();
        assert_eq!(drawn_over(&other), [address(REPLACED_PICTURE)]);
        assert!(other.contains("viewBox=\"0 0 50 40\""), "the regions are in the size of that picture");
    }
}
