use super::chart_kit;
use super::layout::percent;
use crate::admin::i18n::Lang;
use crate::domain::Report;
use maud::{Markup, html};

/// Newest report of each plugin, feature and statistic, and a chart of each.
pub fn content(lang: Lang, reports: &[(String, Report)]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        (chart_kit())
        h1 { (t("drift.title")) }
        p class="dim" { (t("drift.intro")) }
        @if reports.is_empty() {
            section class="panel empty" { b { (t("drift.empty")) } p class="dim" { (t("drift.empty-hint")) } }
        } @else {
            section class="panel scroll" tabindex="0" { (table(lang, reports)) }
            noscript { p class="dim" { (t("drift.no-script")) } }
            h2 { (t("drift.chart")) }
            div class="charts" { @for (plugin, report) in reports { (chart(lang, plugin, report)) } }
        }
    }
}

fn table(lang: Lang, reports: &[(String, Report)]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        table {
            thead { tr {
                th { (t("drift.feature")) } th { (t("drift.statistic")) } th class="num" { (t("drift.value")) }
                th class="num" { (t("drift.threshold")) } th class="num" { (t("drift.window")) } th { (t("drift.state")) }
            } }
            tbody { @for (plugin, report) in reports {
                tr {
                    td { b { (report.feature) } " " span class="dim" { (plugin) } } td { (report.statistic) }
                    td class="num" { (format!("{:.4}", report.value)) } td class="num" { (format!("{:.4}", report.threshold)) }
                    td class="num" { (report.window) } td { (state(lang, report)) }
                }
            } }
        }
    }
}

fn state(lang: Lang, report: &Report) -> Markup {
    html! {
        @if report.drifted { span class="badge undecided" { (super::layout::shape(crate::domain::VerdictKind::Undecided)) (lang.text("drift.alarm")) } }
        @else { span class="badge pass" { (super::layout::shape(crate::domain::VerdictKind::Pass)) (lang.text("drift.ok")) } }
    }
}

fn chart(lang: Lang, plugin: &str, report: &Report) -> Markup {
    let address = format!(
        "/drift/series?plugin={}&feature={}&statistic={}",
        percent(plugin),
        percent(&report.feature),
        percent(&report.statistic)
    );
    html! {
        section class="panel chart" data-series=(address) data-value-label=(lang.text("drift.value")) data-threshold-label=(lang.text("drift.threshold")) {
            h2 { span { (report.feature) " · " (report.statistic) } (state(lang, report)) }
            div class="plot" {}
        }
    }
}
