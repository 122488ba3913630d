use super::layout::{bar, bytes, utc};
use crate::admin::i18n::Lang;
use crate::admin::storage::{ClassView, DatabaseView, DiskView, PicturesView, StorageView};
use maud::{Markup, html};

pub fn content(lang: Lang, view: &StorageView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h1 { (t("storage.title")) }
        (state(lang, view))
        div class="stack" {
            section class="panel" { h2 { (t("storage.disk")) } (disk(lang, view)) }
            section class="panel scroll" tabindex="0" { h2 { (t("storage.pictures")) } (pictures(lang, &view.pictures)) }
            section class="panel scroll" tabindex="0" { h2 { (t("storage.databases")) } (databases(lang, view)) }
        }
    }
}

/// What is wrong, or that nothing is.
fn state(lang: Lang, view: &StorageView) -> Markup {
    let pressure = view.disk.as_ref().map_or("none", |disk| disk.pressure);
    html! {
        @if let Some(trouble) = &view.trouble {
            p class="note fail" { b { (lang.text("storage.refusing")) } " " (trouble) }
        }
        @match pressure {
            "none" => @if view.trouble.is_none() { p class="note" { (lang.text("storage.well")) } },
            "low" => p class="notice undecided" { (lang.text("storage.low")) },
            "no-pictures" => p class="note fail" { (lang.text("storage.no-pictures")) },
            _ => p class="note fail" { (lang.text("storage.full")) },
        }
    }
}

fn disk(lang: Lang, view: &StorageView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dl class="facts" {
            dt { (t("storage.free")) }
            dd { @match &view.disk { Some(disk) => (free(lang, disk)), None => (t("storage.unknown")) } }
            dt { (t("storage.ballast")) }
            dd { @if view.ballast_bytes > 0 { (bytes(view.ballast_bytes)) } @else { (t("storage.ballast-gone")) } }
        }
        p class="dim" { (t("storage.ballast-hint")) }
    }
}

fn free(lang: Lang, disk: &DiskView) -> Markup {
    let used = share(disk.whole_bytes.saturating_sub(disk.free_bytes), disk.whole_bytes);
    html! { b { (bytes(disk.free_bytes)) } " " (lang.text("storage.of")) " " (bytes(disk.whole_bytes)) (bar(used)) }
}

fn pictures(lang: Lang, pictures: &PicturesView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dl class="facts" {
            dt { (t("storage.used")) }
            dd {
                @match pictures.bytes {
                    Some(used) => {
                        b { (bytes(used)) } " " (t("storage.of")) " " (bytes(pictures.quota_bytes))
                        (bar(share(used, pictures.quota_bytes)))
                    },
                    None => { (t("storage.not-counted")) " " (t("storage.quota")) " " (bytes(pictures.quota_bytes)) },
                }
            }
            dt { (t("storage.oldest")) } dd { (time(pictures.oldest_us)) }
        }
        table {
            thead { tr {
                th { (t("storage.class")) } th class="num" { (t("storage.count")) } th class="num" { (t("storage.bytes")) }
                th class="num" { (t("storage.keep")) } th { (t("storage.oldest")) }
            } }
            tbody { @for one in &pictures.classes { (class(lang, one)) } }
        }
        p class="dim" { (t("storage.order")) }
    }
}

fn class(lang: Lang, class: &ClassView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        tr {
            th scope="row" { (t(&format!("storage.class-{}", class.class))) }
            td class="num" { @match class.pictures { Some(count) => (count), None => "-" } }
            td class="num" { @match class.bytes { Some(size) => (bytes(size)), None => "-" } }
            td class="num" {
                @match class.keep_days { None => (t("storage.forever")), Some(0) => (t("storage.never")), Some(days) => (days) }
            }
            td { (time(class.oldest_us)) }
        }
    }
}

fn databases(lang: Lang, view: &StorageView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dl class="facts" { dt { (t("storage.rows")) } dd { (view.rows) } }
        table {
            thead { tr {
                th { (t("storage.file")) } th class="num" { (t("storage.bytes")) } th class="num" { "WAL" } th { (t("storage.holds")) }
            } }
            tbody { @for one in &view.databases { (database(lang, one)) } }
        }
    }
}

fn database(lang: Lang, one: &DatabaseView) -> Markup {
    let holds = match one.file.as_str() {
        "journal.db" => "storage.holds-journal",
        "station.db" => "storage.holds-station",
        "series.db" => "storage.holds-series",
        _ => "storage.holds-embeddings",
    };
    html! {
        tr {
            th scope="row" class="mono" { (one.file) }
            td class="num" { (bytes(one.bytes)) } td class="num" { (bytes(one.wal_bytes)) }
            td { (lang.text(holds)) }
        }
    }
}

fn time(at_us: Option<i64>) -> String {
    at_us.map_or_else(|| "-".to_owned(), |at_us| format!("{} UTC", utc(at_us)))
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
