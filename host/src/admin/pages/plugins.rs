use super::layout::{bytes, ms, percent};
use crate::admin::i18n::Lang;
use crate::admin::parts::{ModelView, PluginView, RecipeView};
use crate::domain::{PluginKind, VerdictPolicy};
use maud::{Markup, html};

/// The running recipe with its plugins and its model; each has a page of its own.
pub fn content(lang: Lang, recipe: &RecipeView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h1 { (t("plugins.title")) }
        div class="stack" {
            section class="panel" {
                h2 { (t("plugins.recipe")) " " (recipe.name) " " (recipe.version) }
                dl class="facts" {
                    dt { (t("plugins.bundle")) } dd class="mono" { (recipe.digest) }
                    dt { (t("plugins.signers")) } dd class="mono" { (recipe.signers.join(", ")) }
                    dt { (t("plugins.budget")) } dd { (recipe.frame_budget_ms) }
                    dt { (t("plugins.policy")) } dd { (policy(lang, &recipe.policy)) }
                }
                p { a href="/api/v1/recipe" { "JSON" } }
            }
            (model(lang, &recipe.model))
            (group(lang, "plugins.preprocessors", PluginKind::Preprocessor, recipe))
            (group(lang, "plugins.detectors", PluginKind::Detector, recipe))
            (group(lang, "plugins.monitors", PluginKind::Monitor, recipe))
        }
    }
}

fn policy(lang: Lang, policy: &VerdictPolicy) -> Markup {
    use super::layout::verdict_word;
    use crate::domain::VerdictKind::{Fail, Pass, Undecided};
    html! {
        (verdict_word(lang, Pass)) ": " (policy.pass_labels.join(", ")) " >= " (policy.min_pass_probability)
        " · " (verdict_word(lang, Fail)) " >= " (policy.min_fail_probability)
        @if !policy.fail_on.is_empty() { ", " (policy.fail_on.join(", ")) }
        @if !policy.undecided_on.is_empty() { " · " (verdict_word(lang, Undecided)) ": " (policy.undecided_on.join(", ")) }
    }
}

fn model(lang: Lang, model: &ModelView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("plugins.model")) " " a href="/model" { (model.name) } " " (model.version) }
            dl class="facts" {
                dt { (t("detail.digest")) } dd class="mono" { (model.digest) }
                dt { (t("plugins.signers")) } dd class="mono" { (model.signers.join(", ")) }
                dt { (t("plugins.used")) } dd { b { (model.device_used) } " (" (model.precision_used) ")" }
                dt { (t("plugins.library")) } dd { (model.backend) " " (model.library_version) }
            }
        }
    }
}

fn group(lang: Lang, title: &str, kind: PluginKind, recipe: &RecipeView) -> Markup {
    let t = |key: &str| lang.text(key);
    let plugins: Vec<&PluginView> = recipe.plugins.iter().filter(|plugin| plugin.kind == kind).collect();
    html! {
        @if !plugins.is_empty() {
            section class="panel scroll" tabindex="0" {
                h2 { (t(title)) " " span class="dim" { (t("live.counters")) } }
                table {
                    thead { tr {
                        th { (t("detail.plugin")) } th class="num" { (t("dashboard.calls")) }
                        th class="num" { (t("dashboard.failures")) } th class="num" { (t("dashboard.mean")) }
                        th class="num" { (t("plugins.limit")) ": " (t("plugins.deadline")) } th class="num" { (t("dashboard.memory-peak")) }
                        th class="num" { (t("plugins.limit")) ": " (t("plugins.memory")) }
                    } }
                    tbody { @for plugin in plugins { (row(lang, plugin)) } }
                }
            }
        }
    }
}

fn row(lang: Lang, plugin: &PluginView) -> Markup {
    let (used, limits) = (&plugin.since_start, &plugin.limits.effective);
    html! {
        tr {
            td {
                a href=(address(&plugin.name)) { (plugin.name) } " " span class="dim" { (plugin.version) }
                @if plugin.taken_out { " " (taken_out(lang)) }
            }
            td class="num" { (used.calls) }
            td class="num" { @if used.failures > 0 { span class="badge fail" { (used.failures) } } @else { "0" } }
            td class="num" { (used.mean_us.map_or_else(|| "-".to_owned(), ms)) }
            td class="num" { (limits.deadline_ms) " ms" }
            td class="num" { (used.memory_peak_bytes.map_or_else(|| "-".to_owned(), bytes)) }
            td class="num" { (bytes(limits.memory_bytes)) }
        }
    }
}

/// Where a plugin has its page. A name of a manifest has no `/`, but nothing here relies on that.
fn address(name: &str) -> String {
    format!("/plugins/{}", percent(name).replace('/', "%2F"))
}

pub fn taken_out(lang: Lang) -> Markup {
    html! { span class="badge fail" { (lang.text("plugins.taken-out")) } }
}
