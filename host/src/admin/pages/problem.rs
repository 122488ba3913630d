use crate::admin::i18n::Lang;
use maud::{Markup, html};

/// The content of an error page: what happened and what to do, in the reader's language.
pub fn content(lang: Lang, key: &str) -> Markup {
    html! {
        section class="panel empty" {
            b { (lang.text(key)) }
            p class="dim" { (lang.text(&format!("{key}-hint"))) }
            p { a class="button" href="/" { (lang.text("nav.live")) } }
        }
    }
}
