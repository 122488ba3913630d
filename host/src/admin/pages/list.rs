use super::layout::{PageFrame, badge, ms, utc};
use super::review::said;
use super::{filter, kit};
use crate::admin::browse::{PATH, Turned};
use crate::admin::filter::{Wish, Wrong};
use crate::admin::i18n::Lang;
use crate::domain::{Digest, FrameId, Role, VerdictKind};
use crate::journal::{Reviewed, SavedView};
use maud::{Markup, html};

/// One line of the list.
#[derive(Debug, Clone)]
pub struct ListRow {
    pub id: FrameId,
    pub captured_at_us: i64,
    pub verdict: VerdictKind,
    /// Label, defect or code.
    pub reason: String,
    pub score: Option<f64>,
    pub picture: Option<Digest>,
    pub origin: Option<String>,
    pub serial: Option<String>,
    /// With any raised finding.
    pub flagged: bool,
    pub total_micros: u64,
    pub reviewed: Option<Reviewed>,
}

/// What the list shows.
pub struct ListView<'v> {
    pub frame: &'v PageFrame,
    pub wish: &'v Wish,
    pub wrong: &'v [Wrong],
    pub rows: Vec<ListRow>,
    /// None where the filter was not understood.
    pub turned: Option<&'v Turned>,
    pub views: &'v [SavedView],
    /// What was wrong with a view that was to be saved.
    pub note: Option<&'static str>,
}

pub fn content(view: &ListView<'_>) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    html! {
        (kit())
        h1 { (t("list.title")) }
        (saved(view))
        (filter::form(lang, view.wish, view.wrong, PATH))
        @if let Some(turned) = view.turned {
            @if view.rows.is_empty() { (empty(lang, turned)) } @else { (rows(lang, view)) }
            (pager(view, turned))
            (exports(view))
        }
        p class="dim keys" { (t("list.keys")) }
    }
}

fn empty(lang: Lang, turned: &Turned) -> Markup {
    html! {
        section class="panel" { div class="empty" {
            @if turned.stopped_at_us.is_some() {
                b { (lang.text("list.none-yet")) } p class="dim" { (lang.text("list.none-yet-hint")) }
            } @else {
                b { (lang.text("list.empty")) } p class="dim" { (lang.text("list.empty-hint")) }
            }
        } }
    }
}

fn rows(lang: Lang, view: &ListView<'_>) -> Markup {
    let t = |key: &str| lang.text(key);
    let href = |row: &ListRow| view.wish.address(&format!("{PATH}/{}", row.id));
    html! {
        div class="browse" {
            section class="panel scroll" tabindex="0" {
                table class="list" data-rows {
                    thead { tr {
                        th { (t("list.time")) } th { (t("list.verdict")) } th { (t("list.label")) }
                        th class="num" { (t("list.score")) } th { (t("list.findings")) } th { (t("list.serial")) }
                        th class="num" { (t("list.total-ms")) } th { (t("list.id")) }
                    } }
                    tbody { @for row in &view.rows { (line(lang, row, &href(row))) } }
                }
            }
            section class="tiles" aria-label=(t("list.pictures")) { @for row in &view.rows { (tile(lang, row, &href(row), false)) } }
        }
    }
}

fn line(lang: Lang, row: &ListRow, href: &str) -> Markup {
    html! {
        tr {
            td class="num time" { (utc(row.captured_at_us)) }
            td { (badge(lang, row.verdict)) }
            td { (row.reason) @if let Some(reviewed) = &row.reviewed { " " (said(lang, reviewed)) } }
            td class="num" { @if let Some(score) = row.score { (format!("{:.1} %", score * 100.0)) } }
            td { @if row.flagged { span class="badge undecided" { (lang.text("live.flagged")) } } }
            td { (row.serial.as_deref().unwrap_or("")) @if row.serial.is_none() { span class="dim" { (row.origin.as_deref().unwrap_or("")) } } }
            td class="num" { (ms(row.total_micros)) }
            td { a href=(href) class="mono" { (row.id) } }
        }
    }
}

/// The picture with the verdict in colour, shape and word. Where the keyboard comes to the same by another link, it
/// passes by this one.
pub fn tile(lang: Lang, row: &ListRow, href: &str, by_keyboard: bool) -> Markup {
    let name = row.serial.as_deref().or(row.origin.as_deref()).unwrap_or("");
    let tab_index = (!by_keyboard).then_some("-1");
    html! {
        a class={ "tile edge-" (row.verdict.name()) } href=(href) tabindex=[tab_index] title=(name) {
            @if let Some(digest) = row.picture { img src={ "/pictures/" (digest) } alt=(name) loading="lazy" width="160" height="120"; }
            @else { span class="no-picture" { (lang.text("list.no-picture")) } }
            (badge(lang, row.verdict))
        }
    }
}

fn pager(view: &ListView<'_>, turned: &Turned) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let address = |cursor: &str| view.wish.page_address(PATH, cursor);
    html! {
        nav class="pager" aria-label=(t("list.pages")) {
            @if !view.wish.is_first_page() { a class="button quiet" href=(view.wish.address(PATH)) { (t("list.newest")) } }
            @if let Some(newer) = &turned.newer { a class="button quiet" rel="prev" href=(address(newer)) { (t("list.newer")) } }
            @if let Some(older) = &turned.older {
                a class="button" rel="next" href=(address(older)) {
                    @if turned.stopped_at_us.is_some() { (t("list.continue")) } @else { (t("list.older")) }
                }
            }
            @if let Some(at) = turned.stopped_at_us { span class="dim" { (t("list.looked-to")) " " (utc(at)) } }
        }
    }
}

fn exports(view: &ListView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let role = view.frame.identity.as_ref().map(|identity| identity.actor.role);
    let kinds = [
        ("csv", "export.csv", Role::Viewer),
        ("parquet", "export.parquet", Role::Viewer),
        ("imagefolder", "export.imagefolder", Role::Operator),
        ("coco", "export.coco", Role::Operator),
    ];
    html! {
        p class="exports" {
            span class="dim" { (t("export.title")) }
            @for (kind, key, least) in kinds {
                @if role >= Some(least) { " " a href=(view.wish.address(&format!("{PATH}/export/{kind}"))) download { (t(key)) } }
            }
        }
    }
}

fn saved(view: &ListView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let query = view.wish.query();
    html! {
        div class="views" {
            @for one in view.views {
                span class="chip" {
                    a href={ (PATH) "?" (one.query) } aria-current=[(one.query == query).then_some("true")] { (one.name) }
                    form class="inline" method="post" action="/inspections/views/forget" {
                        (view.frame.form_token())
                        input type="hidden" name="name" value=(one.name);
                        input type="hidden" name="query" value=(query);
                        button class="quiet" type="submit" title=(t("views.forget")) aria-label={ (t("views.forget")) " " (one.name) } { "×" }
                    }
                }
            }
            @if view.wrong.is_empty() && !query.is_empty() {
                form class="inline" method="post" action="/inspections/views" {
                    (view.frame.form_token())
                    input type="hidden" name="query" value=(query);
                    input type="text" name="name" maxlength="60" placeholder=(t("views.name")) aria-label=(t("views.name")) autocomplete="off";
                    button class="quiet" type="submit" { (t("views.save")) }
                }
            }
        }
        @if let Some(note) = view.note { p class="wrong" role="alert" { (t(note)) } }
    }
}
