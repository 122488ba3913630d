use super::alarms::{kind_word, severity_badge};
use super::chart_kit;
use super::histogram::{histogram, number};
use super::layout::{PageFrame, badge, bytes, percent, shape, utc};
use crate::admin::drift::{
    CollectJson, CrossingJson, DistributionJson, DriftOverviewJson, DriftReportJson, EpisodeJson, SampleJson, Seen,
    ToldJson, Wish,
};
use crate::admin::filter::Wrong;
use crate::admin::i18n::Lang;
use crate::admin::series::Range;
use crate::domain::{Role, VerdictKind};
use maud::{Markup, html};

/// What the page shows.
pub struct DriftView<'v> {
    pub frame: &'v PageFrame,
    pub wish: &'v Wish,
    pub wrong: &'v [Wrong],
    /// None where the time was not understood.
    pub seen: Option<&'v (crate::admin::drift::Asked, Seen)>,
}

/// How the series stand, what changed first, how the features are spread, and a chart of each series.
pub fn content(view: &DriftView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    html! {
        (chart_kit())
        link rel="stylesheet" href="/assets/overview.css";
        link rel="stylesheet" href="/assets/drift.css";
        h1 { (t("drift.title")) }
        p class="dim" { (t("drift.intro")) }
        (times(view))
        @for wrong in view.wrong { p class="wrong" role="alert" { (wrong.say(view.frame.lang)) } }
        @if let Some((asked, seen)) = view.seen {
            @if seen.overview.series.is_empty() {
                section class="panel empty" { b { (t("drift.empty")) } p class="dim" { (t("drift.empty-hint")) } }
            } @else { (filled(view, seen, asked.range)) }
        }
    }
}

fn filled(view: &DriftView<'_>, seen: &Seen, range: Option<Range>) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    let Seen { overview, told, distributions } = seen;
    html! {
        h2 { (t("drift.first")) }
        @match told {
            Some(told) => (episode(view, told)),
            None => section class="panel" { p { (super::layout::shape(VerdictKind::Pass)) " " (t("drift.no-episode")) } }
        }
        @if overview.episodes.len() > 1 { (others(view, overview, told.as_ref())) }
        @if !overview.alarms.is_empty() { (alarms(lang, overview)) }
        h2 { (t("drift.spread")) }
        p class="dim" { (t("drift.spread-hint")) }
        div class="charts" { @for one in distributions { (spread(lang, one)) } }
        (without_values(lang, overview, distributions))
        h2 { (t("drift.chart")) }
        noscript { p class="dim" { (t("drift.no-script")) } }
        div class="charts" { @for series in &overview.series { (chart(view, series, range)) } }
        h2 { (t("drift.newest")) }
        section class="panel scroll" tabindex="0" { (table(lang, &overview.series)) }
    }
}

/// The range as links, or two times as a form; both make an address that says what is seen.
fn times(view: &DriftView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let (wish, by_times) = (view.wish, !view.wish.get("from").is_empty() || !view.wish.get("to").is_empty());
    let chosen = |range: Range| {
        let asked = wish.get("range");
        !by_times && (asked == range.name() || (asked.is_empty() && range == Range::default()))
    };
    html! {
        nav class="choices" aria-label=(t("dashboard.range")) {
            span class="group" { @for range in Range::ALL {
                a href={ "/drift?range=" (range.name()) } aria-current=[chosen(range).then_some("true")] { (t(&format!("range.{}", range.name()))) }
            } }
            form class="inline" method="get" action="/drift" {
                label { (t("filter.from")) " " input type="text" name="from" value=(wish.get("from")) placeholder="2026-11-24T06:00" autocomplete="off"; }
                label { (t("filter.to")) " " input type="text" name="to" value=(wish.get("to")) autocomplete="off"; }
                button class="quiet" type="submit" { (t("drift.show")) }
            }
        }
    }
}

/// The address of this page, of the same time, with an episode.
fn address(wish: &Wish, path: &str, more: &[(&str, &str)]) -> String {
    let own = ["range", "from", "to"].map(|key| (key, wish.get(key)));
    let pairs = own.iter().chain(more).filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", percent(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
}

fn episode(view: &DriftView<'_>, told: &ToldJson) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel episode" id="episode" {
            p class="span" {
                (state(lang, told.episode.ended_at_us.is_none()))
                " " (t("drift.began")) " " b { (utc(told.episode.began_at_us)) }
                @if let Some(at_us) = told.episode.ended_at_us { " · " (t("drift.ended")) " " b { (utc(at_us)) } }
            }
            div class="scroll" tabindex="0" {
                table class="tight" {
                    thead { tr {
                        th class="num" { "#" } th class="num" { "UTC" } th { (t("drift.feature")) } th { (t("drift.statistic")) } th class="num" { (t("drift.value")) }
                        th class="num" { (t("drift.threshold")) } th class="num" { (t("drift.window")) } th { (t("drift.frame")) }
                    } }
                    tbody { @for (place, one) in (1..).zip(&told.episode.crossings) { (crossing(place, one)) } }
                }
            }
            div class="samples" {
                (samples(lang, "drift.before", &told.before))
                (samples(lang, "drift.since", &told.since))
            }
            (collect(view, &told.collect))
        }
    }
}

fn crossing(place: u32, one: &CrossingJson) -> Markup {
    html! {
        tr {
            td class="num" { (place) } td class="num time" { (utc(one.at_us)) }
            td { b { (one.feature) } " " span class="dim" { (one.plugin) } } td { (one.statistic) }
            td class="num" { (figure(one.value)) } td class="num" { (figure(one.threshold)) } td class="num" { (one.window) }
            td { a class="mono" href={ "/inspections/" (one.frame) } { (one.frame) } }
        }
    }
}

fn samples(lang: Lang, title: &str, samples: &[SampleJson]) -> Markup {
    html! {
        section {
            h3 { (lang.text(title)) }
            @if samples.is_empty() { p class="dim" { (lang.text("drift.no-pictures")) } }
            @else { div class="strip" { @for one in samples {
                a class={ "edge-" (one.verdict.name()) } href={ "/inspections/" (one.id) } title=(utc(one.judged_at_us)) {
                    img src={ "/pictures/" (one.picture) } alt=(one.id) loading="lazy" width="160" height="120";
                    (badge(lang, one.verdict))
                }
            } } }
        }
    }
}

fn collect(view: &DriftView<'_>, collect: &CollectJson) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let may = view.frame.identity.as_ref().is_some_and(|identity| identity.actor.role >= Role::Operator);
    html! {
        section class="collect" {
            h3 { (t("drift.collect")) }
            p {
                b { (collect.pictures) } " " (t("drift.collect-of")) " " (collect.inspections) " · " (bytes(collect.bytes))
                br; span class="dim" { (utc(collect.from_us)) " – " (utc(collect.to_us)) }
            }
            @if !collect.all { p class="dim" { (t("drift.collect-newest")) } }
            @if collect.pictures == 0 { p class="dim" { (t("drift.no-pictures")) } }
            @else if may { p { a class="button" href=(collect.address) download { (t("drift.collect-get")) } } }
            @else { p class="dim" { (t("drift.collect-role")) } }
        }
    }
}

fn others(view: &DriftView<'_>, overview: &DriftOverviewJson, told: Option<&ToldJson>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let is_told = |one: &EpisodeJson| told.is_some_and(|told| told.episode.id == one.id);
    let href = |one: &EpisodeJson| address(view.wish, "/drift", &[("episode", &one.id.to_string())]);
    let first = |one: &EpisodeJson| {
        one.crossings.first().map_or_else(String::new, |first| format!("{} ({})", first.feature, first.statistic))
    };
    html! {
        section class="panel scroll" tabindex="0" {
            h2 { (t("drift.episodes")) }
            table class="tight" {
                thead { tr { th { (t("drift.began")) } th { (t("drift.ended")) } th { (t("drift.first")) } th class="num" { (t("drift.series")) } } }
                tbody { @for one in &overview.episodes { tr aria-current=[is_told(one).then_some("true")] {
                    td class="time" { a href=(href(one)) { (utc(one.began_at_us)) } }
                    td class="time" { @match one.ended_at_us { Some(at_us) => (utc(at_us)), None => b { (t("alarms.still")) } } }
                    td { (first(one)) } td class="num" { (one.crossings.len()) }
                } } }
            }
        }
    }
}

fn alarms(lang: Lang, overview: &DriftOverviewJson) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel scroll" tabindex="0" {
            h2 { (t("alarms.title")) " " a class="more" href="/alarms" { (t("drift.all-alarms")) } }
            table {
                thead { tr { th { (t("alarms.severity")) } th { (t("alarms.alarm")) } th { (t("alarms.about")) } th { (t("alarms.raised")) } th { (t("alarms.cleared")) } } }
                tbody { @for alarm in &overview.alarms { tr {
                    td { (severity_badge(lang, alarm)) } td { (kind_word(lang, alarm)) } td class="words" { (alarm.about) }
                    td { (utc(alarm.raised_at_us)) } td { @match alarm.cleared_at_us { Some(at_us) => (utc(at_us)), None => b { (t("alarms.still")) } } }
                } } }
            }
        }
    }
}

fn spread(lang: Lang, of: &DistributionJson) -> Markup {
    let t = |key: &str| lang.text(key);
    let word = |name: &str| t(&format!("drift.set-{name}"));
    html! {
        section class="panel spread" tabindex="0" {
            h3 { (of.feature) }
            (histogram(&format!("{}: {}", t("drift.spread"), of.feature), of))
            table class="tight" {
                thead { tr { th { (t("drift.set")) } th class="num" { (t("drift.count")) } th class="num" { "5 %" } th class="num" { (t("drift.median")) } th class="num" { "95 %" } } }
                tbody { @for set in &of.sets { tr {
                    td { span class={ "swatch " (set.of.name()) } {} " " (word(set.of.name())) } td class="num" { (set.count) }
                    @for value in [set.p5, set.p50, set.p95] { td class="num" { (number(value)) } }
                } } }
            }
        }
    }
}

/// Features that no recorded inspection has a value of.
fn without_values(lang: Lang, overview: &DriftOverviewJson, distributions: &[DistributionJson]) -> Markup {
    let mut missing: Vec<&str> = overview.series.iter().map(|series| series.feature.as_str()).collect();
    missing.retain(|feature| !distributions.iter().any(|known| known.feature == *feature));
    missing.dedup();
    html! { @if !missing.is_empty() { p class="dim" { (lang.text("drift.no-values")) " " (missing.join(", ")) } } }
}

fn table(lang: Lang, series: &[DriftReportJson]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        table {
            thead { tr {
                th { (t("drift.feature")) } th { (t("drift.statistic")) } th class="num" { (t("drift.value")) }
                th class="num" { (t("drift.threshold")) } th class="num" { (t("drift.window")) } th { (t("drift.state")) } th { "UTC" }
            } }
            tbody { @for one in series {
                tr {
                    td { b { (one.feature) } " " span class="dim" { (one.plugin) } } td { (one.statistic) }
                    td class="num" { (figure(one.value)) } td class="num" { (figure(one.threshold)) }
                    td class="num" { (one.window) } td { (state(lang, one.drifted)) } td class="time" { (utc(one.at_us)) }
                }
            } }
        }
    }
}

fn state(lang: Lang, drifted: bool) -> Markup {
    html! {
        @if drifted { span class="badge undecided" { (shape(VerdictKind::Undecided)) (lang.text("drift.alarm")) } }
        @else { span class="badge pass" { (shape(VerdictKind::Pass)) (lang.text("drift.ok")) } }
    }
}

/// What ends now is drawn anew; the longer it is, the less often.
fn chart(view: &DriftView<'_>, series: &DriftReportJson, range: Option<Range>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let names = [
        ("plugin", series.plugin.as_str()),
        ("feature", series.feature.as_str()),
        ("statistic", series.statistic.as_str()),
    ];
    let refresh_s = range.map(|range| if range.shape().2 <= 3600 { 10 } else { 60 });
    html! {
        section class="panel chart" data-series=(address(view.wish, "/api/v1/drift/series", &names)) data-refresh-s=[refresh_s]
            data-value-label=(t("drift.value")) data-threshold-label=(t("drift.threshold")) {
            h2 { span { (series.feature) " · " (series.statistic) } (state(view.frame.lang, series.drifted)) }
            div class="plot" {}
            p class="no-data dim" hidden { (t("dashboard.no-data")) }
        }
    }
}
