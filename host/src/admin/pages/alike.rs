use super::kit;
use super::list::{ListRow, tile};
use crate::admin::browse::PATH;
use crate::admin::i18n::Lang;
use maud::{Markup, html};

/// A picture and those that are like it.
pub struct AlikeView {
    pub of: ListRow,
    /// None where nothing is kept of it.
    pub compared: Option<usize>,
    pub stopped: bool,
    /// The most alike first.
    pub tiles: Vec<Tile>,
}

pub struct Tile {
    /// Cosine, -1 to 1.
    pub likeness: f64,
    pub row: ListRow,
}

pub fn content(lang: Lang, view: &AlikeView) -> Markup {
    let t = |key: &str| lang.text(key);
    let address = |row: &ListRow| format!("{PATH}/{}", row.id);
    html! {
        (kit())
        nav class="pager" { a class="button quiet" href=(address(&view.of)) data-back { (t("alike.back")) } }
        h1 { (t("alike.title")) " " span class="mono" { (view.of.id) } }
        div class="alike" {
            section class="panel" { h2 { (t("alike.this")) } (tile(lang, &view.of, &address(&view.of), true)) }
            section class="panel" {
                h2 { (t("alike.others")) }
                @match view.compared {
                    None => p { (t("alike.unknown")) },
                    Some(compared) => p class="dim" {
                        (t("alike.compared")) " " (compared) @if view.stopped { " " (t("alike.stopped")) }
                    },
                }
                @if view.tiles.is_empty() && view.compared.is_some() { p { (t("alike.none")) } }
                div class="tiles wide" { @for one in &view.tiles { (likeness(lang, one, &address(&one.row))) } }
            }
        }
    }
}

fn likeness(lang: Lang, one: &Tile, href: &str) -> Markup {
    html! {
        div class="like" {
            (tile(lang, &one.row, href, true))
            p { b { (format!("{:.1} %", one.likeness * 100.0)) } " " (one.row.reason) }
        }
    }
}
