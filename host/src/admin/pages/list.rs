use super::layout::{badge, ms, percent, utc};
use crate::admin::i18n::Lang;
use crate::domain::{Digest, FrameId, VerdictKind};
use maud::{Markup, html};

/// One line of the list.
#[derive(Debug, Clone)]
pub struct ListRow {
    pub id: FrameId,
    pub captured_at_us: i64,
    pub verdict: VerdictKind,
    /// Label, defect or code.
    pub reason: String,
    pub score: Option<f32>,
    pub picture: Option<Digest>,
    pub origin: Option<String>,
    pub serial: Option<String>,
    /// With any raised finding.
    pub flagged: bool,
    pub total_micros: u64,
    pub device: Option<String>,
}

/// The filter as the person typed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListQuery {
    pub verdict: String,
    pub label: String,
    pub finding: String,
    pub serial: String,
    pub product: String,
    pub flagged: String,
    pub before: String,
}

impl ListQuery {
    /// The query with another cursor; keys that are empty are left out.
    #[must_use]
    pub fn address(&self, before: &str) -> String {
        let pairs = [
            ("verdict", self.verdict.as_str()),
            ("label", &self.label),
            ("finding", &self.finding),
            ("serial", &self.serial),
            ("product", &self.product),
            ("flagged", &self.flagged),
            ("before", before),
        ];
        let set: Vec<String> = pairs
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| format!("{key}={}", percent(value)))
            .collect();
        if set.is_empty() { "/inspections".to_owned() } else { format!("/inspections?{}", set.join("&")) }
    }
}

/// The list with its filter; `older` is the cursor of the next page.
pub fn content(lang: Lang, query: &ListQuery, rows: &[ListRow], older: Option<&str>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h1 { (t("list.title")) }
        (filter(lang, query))
        section class="panel scroll" {
            @if rows.is_empty() {
                div class="empty" { b { (t("list.empty")) } p class="dim" { (t("list.empty-hint")) } }
            } @else {
                table class="list" {
                    thead { tr {
                        th { (t("list.picture")) } th { (t("list.time")) } th { (t("list.verdict")) } th { (t("list.label")) }
                        th class="num" { (t("list.score")) } th { (t("list.findings")) } th { (t("list.origin")) }
                        th class="num" { (t("list.total-ms")) } th { (t("list.device")) } th { (t("list.id")) }
                    } }
                    tbody { @for row in rows { (line(lang, row)) } }
                }
            }
        }
        nav class="pager" {
            @if !query.before.is_empty() { a class="button quiet" href=(query.address("")) { (t("list.newest")) } }
            @if let Some(older) = older { a class="button" rel="next" href=(query.address(older)) { (t("list.older")) } }
        }
    }
}

fn filter(lang: Lang, query: &ListQuery) -> Markup {
    let t = |key: &str| lang.text(key);
    let text = |name: &str, key: &str, value: &str| {
        html! { label { (t(key)) input type="text" name=(name) value=(value) autocomplete="off" maxlength="128"; } }
    };
    html! {
        form class="filter panel" method="get" action="/inspections" {
            label { (t("list.verdict"))
                select name="verdict" {
                    option value="" { (t("list.any")) }
                    @for kind in [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided] {
                        option value=(kind.name()) selected[query.verdict == kind.name()] { (super::layout::verdict_word(lang, kind)) }
                    }
                }
            }
            (text("label", "list.label", &query.label))
            (text("finding", "list.finding", &query.finding))
            (text("serial", "list.serial", &query.serial))
            (text("product", "list.product", &query.product))
            label class="check" { input type="checkbox" name="flagged" value="1" checked[!query.flagged.is_empty()]; (t("list.flagged")) }
            button type="submit" { (t("list.filter")) }
            a class="button quiet" href="/inspections" { (t("list.clear")) }
        }
    }
}

fn line(lang: Lang, row: &ListRow) -> Markup {
    let href = format!("/inspections/{}", row.id);
    html! {
        tr {
            td { a href=(href) tabindex="-1" aria-hidden="true" {
                @if let Some(digest) = row.picture { img src={ "/pictures/" (digest) } alt="" loading="lazy" width="56" height="42"; }
            } }
            td class="num" { (utc(row.captured_at_us)) }
            td { (badge(lang, row.verdict)) }
            td { (row.reason) }
            td class="num" { @if let Some(score) = row.score { (format!("{:.1} %", score * 100.0)) } }
            td { @if row.flagged { span class="badge undecided" { (lang.text("live.flagged")) } } }
            td { (row.origin.as_deref().unwrap_or("")) @if let Some(serial) = &row.serial { " " span class="dim" { (serial) } } }
            td class="num" { (ms(row.total_micros)) }
            td { (row.device.as_deref().unwrap_or("")) }
            td { a href=(href) class="mono" { (row.id) } }
        }
    }
}
