use super::layout::verdict_word;
use crate::admin::filter::{Wish, Wrong};
use crate::admin::i18n::Lang;
use crate::domain::VerdictKind;
use maud::{Markup, html};

/// Keys that are shown only when they are asked for.
const RARE: [&str; 8] = ["score_min", "score_max", "finding", "product", "part", "flagged", "reviewed", "sampled"];

/// The form of the filter, with what was typed and what is wrong with it.
pub fn form(lang: Lang, wish: &Wish, wrong: &[Wrong], path: &str) -> Markup {
    let t = |key: &str| lang.text(key);
    let rare = RARE.iter().any(|key| !wish.get(key).is_empty() || wrong.iter().any(|wrong| wrong.key == *key));
    html! {
        form class="filter panel" method="get" action=(path) {
            label { (t("list.verdict"))
                select name="verdict" {
                    option value="" { (t("list.any")) }
                    @for kind in [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided] {
                        option value=(kind.name()) selected[wish.get("verdict") == kind.name()] { (verdict_word(lang, kind)) }
                    }
                    (unknown_choice(wish, "verdict", &["pass", "fail", "undecided"]))
                }
            }
            (text(lang, wish, wrong, "label", "list.label", ""))
            (text(lang, wish, wrong, "serial", "list.serial", ""))
            (text(lang, wish, wrong, "from", "filter.from", "2026-11-24T06:00"))
            (text(lang, wish, wrong, "to", "filter.to", "2026-11-24T14:00"))
            details class="rare" open[rare] {
                summary { (t("filter.more")) }
                div class="fields" {
                    (text(lang, wish, wrong, "score_min", "filter.score-min", "0.55"))
                    (text(lang, wish, wrong, "score_max", "filter.score-max", "0.65"))
                    (text(lang, wish, wrong, "finding", "list.finding", "adversarial"))
                    (text(lang, wish, wrong, "product", "list.product", ""))
                    (text(lang, wish, wrong, "part", "filter.part", "c0ffee12"))
                    (choice(lang, wish, "flagged", "filter.flagged"))
                    (choice(lang, wish, "reviewed", "filter.reviewed"))
                    (choice(lang, wish, "sampled", "filter.sampled"))
                }
            }
            button type="submit" { (t("list.filter")) }
            a class="button quiet" href=(path) { (t("list.clear")) }
        }
        @if !wrong.is_empty() {
            div class="wrong" role="alert" {
                b { (t("filter.wrong")) }
                ul { @for one in wrong { li { (one.say(lang)) } } }
            }
        }
    }
}

fn text(lang: Lang, wish: &Wish, wrong: &[Wrong], name: &str, key: &str, example: &str) -> Markup {
    let bad = wrong.iter().any(|one| one.key == name);
    html! {
        label { (lang.text(key))
            input type="text" name=(name) value=(wish.get(name)) placeholder=(example) autocomplete="off" maxlength="200"
                aria-invalid=[bad.then_some("true")];
        }
    }
}

fn choice(lang: Lang, wish: &Wish, name: &str, key: &str) -> Markup {
    let found = wish.get(name);
    html! {
        label { (lang.text(key))
            select name=(name) {
                option value="" { (lang.text("list.any")) }
                option value="yes" selected[matches!(found, "yes" | "1")] { (lang.text("filter.yes")) }
                option value="no" selected[matches!(found, "no" | "0")] { (lang.text("filter.no")) }
                (unknown_choice(wish, name, &["yes", "no", "1", "0"]))
            }
        }
    }
}

/// What was asked for and is no choice stays in the form.
fn unknown_choice(wish: &Wish, name: &str, known: &[&str]) -> Markup {
    let found = wish.get(name);
    html! { @if !found.is_empty() && !known.contains(&found) { option value=(found) selected { (found) } } }
}
