use super::layout::{bytes, utc};
use crate::admin::i18n::Lang;
use crate::admin::sources::{QueueView, SourceView, SourcesView, UploadsView};
use maud::{Markup, html};

pub fn content(lang: Lang, view: &SourcesView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h1 { (t("sources.title")) }
        p class="dim" {
            (t("sources.since")) " " (utc(view.since_us)) " UTC"
            @if view.cut { " (" (t("sources.cut")) ")" }
        }
        div class="stack" {
            section class="panel" { h2 { (t("sources.queue")) } (queue(lang, &view.queue)) }
            @if view.sources.is_empty() {
                section class="panel" { div class="empty" { b { (t("sources.none")) } } }
            }
            @for one in &view.sources { (source(lang, one)) }
        }
    }
}

fn queue(lang: Lang, queue: &QueueView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dl class="facts" {
            dt { (t("sources.waiting")) } dd { b { (queue.frames) } " " (t("storage.of")) " " (queue.most_frames) }
            dt { (t("sources.most-bytes")) } dd { (bytes(queue.most_bytes)) }
        }
        p class="dim" { (t("sources.queue-hint")) }
    }
}

fn source(lang: Lang, source: &SourceView) -> Markup {
    let t = |key: &str| lang.text(key);
    let kind = match source.kind {
        "folder" => "sources.kind-folder",
        "http" => "sources.kind-http",
        "replay" => "sources.kind-replay",
        _ => "sources.kind-burst",
    };
    let newest = source.newest_us.map_or_else(|| "-".to_owned(), |at_us| format!("{} UTC", utc(at_us)));
    html! {
        section class="panel" data-source=(source.name) {
            h2 { (source.name) " " (state(lang, source.state)) }
            div class="split" {
                dl class="facts" {
                    dt { (t("sources.kind")) } dd { (t(kind)) }
                    dt { (t("sources.newest")) } dd { (newest) }
                    dt { (t("sources.frames")) } dd { b { (source.frames) } }
                    dt { (t("sources.unreadable")) } dd { (source.unreadable) }
                    dt { (t("sources.lost")) } dd { (source.lost) }
                    @if let Some(uploads) = &source.uploads { (uploads_rows(lang, uploads)) }
                }
                dl class="facts" {
                    @for (key, value) in &source.settings { dt { code { (key) } } dd class="mono" { (value) } }
                }
            }
        }
    }
}

fn uploads_rows(lang: Lang, uploads: &UploadsView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dt { (t("sources.uploads")) } dd { (uploads.waiting) " " (t("storage.of")) " " (uploads.most) }
        dt { (t("sources.reading")) } dd { (uploads.reading) }
        dt { (t("sources.refused")) } dd { (uploads.refused) }
    }
}

fn state(lang: Lang, state: &str) -> Markup {
    let (class, key) = match state {
        "running" => ("pass", "sources.running"),
        "ended" => ("none", "sources.ended"),
        _ => ("fail", "sources.stopped"),
    };
    html! { span class={ "badge " (class) } { (lang.text(key)) } }
}
