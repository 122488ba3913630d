//! How right the station's verdicts are.

use super::chart::{Mark, Series, shares};
use super::kit;
use super::layout::verdict_word;
use super::review::truth_word;
use crate::admin::i18n::Lang;
use crate::domain::{Labelled, Rate, Sample, Span, Stratum, VerdictKind, WhatIf};
use maud::{Markup, html};
use std::collections::BTreeMap;

const KINDS: [VerdictKind; 3] = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided];
/// Labels of the matrix; of more, the rarest are left out.
const LABELS: usize = 12;

/// What the page shows.
pub struct QualityView<'q> {
    pub lang: Lang,
    pub days: u32,
    pub choices: &'q [u32],
    pub rows: &'q [Labelled],
    pub sample: &'q Sample<'q>,
    pub spans: &'q [Span],
    pub what_if: &'q [WhatIf],
    /// The least probability of a pass of the running recipe.
    pub threshold: Option<f64>,
    pub kappa: Option<f64>,
    /// Parts that two people have looked at.
    pub pairs: u64,
    /// True where there are more reviewed parts than figures are made of.
    pub cut: bool,
    /// A floor that accuracy should not go below.
    pub floor: Option<f64>,
}

pub fn content(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        (kit())
        h1 { (t("quality.title")) }
        nav class="tabs" aria-label=(t("quality.range")) {
            @for days in view.choices {
                a href={ "/quality?days=" (days) } aria-current=[(*days == view.days).then_some("page")] { (days) " " (t(if *days == 1 { "quality.day" } else { "quality.days" })) }
            }
        }
        @if view.cut { p class="notice undecided" { (t("quality.cut")) } }
        (missing(view))
        (figures(view))
        div class="split" {
            section class="panel scroll" tabindex="0" { h2 { (t("quality.matrix")) } (matrix(view)) }
            section class="panel scroll" tabindex="0" { h2 { (t("quality.coverage")) } (coverage(view)) (agreement(view)) }
        }
        section class="panel" { h2 { (t("quality.over-time")) } (over_time(view)) }
        section class="panel" { h2 { (t("quality.what-if")) } p class="dim" { (t("quality.what-if-hint")) } (what_if(view)) }
        section class="panel scroll" tabindex="0" { h2 { (t("quality.labels")) } (labels(view)) }
        p class="dim" { (t("quality.how")) }
    }
}

/// Why there are no figures.
fn missing(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let missing: Vec<Stratum> = view.sample.missing().collect();
    html! {
        @if !missing.is_empty() {
            p class="notice undecided" {
                b { (t("quality.not-yet")) } " "
                @for one in missing { a href={ "/review?queue=" (queue_of(one)) } { (t(&format!("quality.of-{}", one.name()))) } " " }
            }
        }
    }
}

const fn queue_of(stratum: Stratum) -> &'static str {
    match stratum {
        Stratum::Fail => "fail",
        Stratum::Undecided => "undecided",
        Stratum::Drawn => "sample",
    }
}

fn figures(view: &QualityView<'_>) -> Markup {
    let sample = view.sample;
    html! {
        div class="counters rates" {
            (rate(view.lang, "quality.false-rejects", sample.false_rejects()))
            (rate(view.lang, "quality.escapes", sample.escapes()))
            (rate(view.lang, "quality.held", sample.held()))
            (rate(view.lang, "quality.accuracy", sample.accuracy()))
            div class="counter" {
                b { @match sample.f1() { Some(f1) => { (format!("{f1:.3}")) } None => { (not_measured(view.lang)) } } }
                span { (view.lang.text("quality.f1")) }
            }
        }
    }
}

fn not_measured(lang: Lang) -> Markup {
    html! { span class="not-measured" { (lang.text("quality.not-measured")) } }
}

fn rate(lang: Lang, key: &str, rate: Option<Rate>) -> Markup {
    html! {
        div class="counter" {
            b { @match rate { Some(rate) => { (percent(rate.value)) } None => { (not_measured(lang)) } } }
            span { (lang.text(key)) }
            @if let Some(rate) = rate {
                span { (percent(rate.interval.low)) " - " (percent(rate.interval.high)) " (95 %), n = " (rate.parts) }
            }
        }
    }
}

/// Small shares keep two digits.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 { format!("{percent:.2} %") } else { format!("{percent:.1} %") }
}

fn matrix(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let count = |verdict: VerdictKind, truth: VerdictKind| {
        view.rows.iter().filter(|row| row.verdict == verdict && row.truth == truth).count()
    };
    html! {
        table class="matrix" {
            thead { tr { th { (t("quality.station-says")) } @for truth in KINDS { th class="num" { (truth_word(view.lang, truth)) } } } }
            tbody { @for verdict in KINDS { tr {
                th { (verdict_word(view.lang, verdict)) }
                @for truth in KINDS { td class={ "num " (cell(verdict, truth)) } { (count(verdict, truth)) } }
            } } }
        }
        p class="dim" { (t("quality.matrix-hint")) }
    }
}

const fn cell(verdict: VerdictKind, truth: VerdictKind) -> &'static str {
    match (verdict, truth) {
        (VerdictKind::Pass, VerdictKind::Pass) | (VerdictKind::Fail, VerdictKind::Fail) => "right",
        (VerdictKind::Pass, VerdictKind::Fail) => "escape",
        (VerdictKind::Fail, VerdictKind::Pass) => "reject",
        _ => "",
    }
}

fn coverage(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        table { tbody { @for one in &view.sample.coverage { tr {
            td { a href={ "/review?queue=" (queue_of(one.stratum)) } { (t(&format!("quality.of-{}", one.stratum.name()))) } }
            td class="num" { (one.reviewed) " / " (one.of) }
            td class="num" { @if one.of > 0 { (percent(one.reviewed as f64 / one.of as f64)) } @else { "-" } }
        } } } }
    }
}

fn agreement(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        dl class="facts" {
            dt { (t("quality.kappa")) }
            dd { @match view.kappa { Some(kappa) => { b { (format!("{kappa:.2}")) } } None => { (not_measured(view.lang)) } } " (" (view.pairs) " " (t("quality.pairs")) ")" }
        }
    }
}

fn over_time(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let count = view.spans.len().max(1) as f64;
    let at = |index: usize| (index as f64 + 0.5) / count;
    let points = |value: &dyn Fn(&Span) -> Option<f64>| {
        view.spans.iter().enumerate().map(|(index, span)| (at(index), value(span))).collect::<Vec<_>>()
    };
    let band = view.spans.iter().enumerate();
    let band =
        band.filter_map(|(index, span)| span.accuracy.map(|rate| (at(index), rate.interval.low, rate.interval.high)));
    let series = [
        Series {
            label: t("quality.accuracy"),
            class: "one",
            points: points(&|span| span.accuracy.map(|rate| rate.value)),
            band: band.collect(),
        },
        Series { label: t("quality.f1"), class: "two", points: points(&|span| span.f1), band: Vec::new() },
    ];
    let every = view.spans.len().div_ceil(6).max(1);
    let ticks: Vec<_> = view
        .spans
        .iter()
        .enumerate()
        .step_by(every)
        .map(|(index, span)| (at(index), moment(span.from_us, view.days)))
        .collect();
    let marks: Vec<_> =
        view.floor.map(|at| Mark { label: t("quality.floor"), at, upright: false }).into_iter().collect();
    html! {
        @if view.spans.iter().all(|span| span.accuracy.is_none()) { p { (not_measured(view.lang)) } }
        @else { (shares(t("quality.over-time"), &series, &marks, &ticks)) }
    }
}

/// Hour and minute within a day, else month and day.
fn moment(micros: i64, days: u32) -> String {
    let part = if days == 1 { 11..16 } else { 5..10 };
    super::layout::utc(micros).get(part).unwrap_or_default().to_owned()
}

fn what_if(view: &QualityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let points = |value: &dyn Fn(&WhatIf) -> Option<Rate>| {
        view.what_if.iter().map(|one| (one.threshold, value(one).map(|rate| rate.value))).collect::<Vec<_>>()
    };
    let series = [
        Series { label: t("quality.escapes"), class: "bad", points: points(&|one| one.escapes), band: Vec::new() },
        Series {
            label: t("quality.stopped-good"),
            class: "one",
            points: points(&|one| one.stopped_good),
            band: Vec::new(),
        },
    ];
    let ticks: Vec<_> = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0].map(|at| (at, format!("{at:.1}"))).to_vec();
    let marks: Vec<_> =
        view.threshold.map(|at| Mark { label: t("quality.threshold"), at, upright: true }).into_iter().collect();
    html! {
        @if view.what_if.iter().all(|one| one.escapes.is_none() && one.stopped_good.is_none()) { p { (not_measured(view.lang)) } }
        @else { (shares(t("quality.what-if"), &series, &marks, &ticks)) }
    }
}

/// The model's labels against what people saw.
fn labels(view: &QualityView<'_>) -> Markup {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for row in view.rows {
        if let (Some(label), Some(truth)) = (&row.label, &row.truth_label) {
            *counts.entry((label.as_str(), truth.as_str())).or_default() += 1;
            [label, truth].into_iter().for_each(|label| *totals.entry(label.as_str()).or_default() += 1);
        }
    }
    let mut shown: Vec<(&str, u64)> = totals.into_iter().collect();
    shown.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    shown.truncate(LABELS);
    html! {
        @if shown.is_empty() { p { (not_measured(view.lang)) } }
        @else {
            table class="matrix" {
                thead { tr { th { (view.lang.text("quality.model-says")) } @for (truth, _) in &shown { th class="num" { (truth) } } } }
                tbody { @for (label, _) in &shown { tr {
                    th { (label) }
                    @for (truth, _) in &shown { td class={ "num " (if label == truth { "right" } else { "" }) } { (counts.get(&(*label, *truth)).copied().unwrap_or(0)) } }
                } } }
            }
        }
    }
}
