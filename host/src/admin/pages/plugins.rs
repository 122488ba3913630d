use crate::admin::i18n::Lang;
use crate::domain::{FailurePolicy, ModelUse, PluginUse, SettingValue, VerdictPolicy};
use crate::pipeline::RecipeCard;
use maud::{Markup, html};

/// The running recipe with its plugins and its model: versions, digests, signers, rights and limits.
pub fn content(lang: Lang, card: &RecipeCard) -> Markup {
    let t = |key: &str| lang.text(key);
    let recipe = &card.recipe;
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
            }
            (model(lang, &recipe.model, card))
            (group(lang, "plugins.preprocessors", &recipe.preprocessors))
            (group(lang, "plugins.detectors", &recipe.detectors))
            (group(lang, "plugins.monitors", &recipe.monitors))
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

fn model(lang: Lang, model: &ModelUse, card: &RecipeCard) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("plugins.model")) " " (model.name) " " (model.version) }
            dl class="facts" {
                dt { (t("plugins.bundle")) } dd class="mono" { (model.bundle) }
                dt { (t("detail.digest")) } dd class="mono" { (model.model) }
                dt { (t("plugins.signers")) } dd class="mono" { (model.signers.join(", ")) }
                dt { (t("plugins.labels")) } dd { (model.labels.join(", ")) }
                dt { (t("plugins.devices")) } dd { (model.devices.join(", ")) }
                dt { (t("plugins.used")) } dd { b { (card.device.used) } " (" (card.device.precision) ")" }
                dt { (t("plugins.library")) } dd { (card.device.backend) " " (card.library_version) }
            }
        }
    }
}

fn group(lang: Lang, title: &str, plugins: &[PluginUse]) -> Markup {
    html! {
        @if !plugins.is_empty() {
            section class="panel" {
                h2 { (lang.text(title)) }
                div class="stack" { @for plugin in plugins { (one(lang, plugin)) } }
            }
        }
    }
}

fn one(lang: Lang, plugin: &PluginUse) -> Markup {
    let t = |key: &str| lang.text(key);
    let rights: Vec<String> = plugin.capabilities.iter().map(ToString::to_string).collect();
    let limits = &plugin.limits;
    html! {
        div {
            h3 { (plugin.name) " " span class="dim" { (plugin.version) } }
            dl class="facts" {
                dt { (t("plugins.component")) } dd class="mono" { (plugin.component) }
                dt { (t("plugins.bundle")) } dd class="mono" { (plugin.bundle) }
                dt { (t("plugins.signers")) } dd class="mono" { (plugin.signers.join(", ")) }
                dt { (t("plugins.capabilities")) } dd { (rights.join(", ")) }
                dt { (t("plugins.limits")) } dd {
                    (limits.deadline_ms) " ms, " (limits.memory_bytes >> 10) " KiB, " (limits.host_bytes >> 10) " KiB (" (t("plugins.host")) "), " (limits.handles) " " (t("plugins.handles"))
                }
                dt { (t("plugins.on-failure")) } dd { (failure_word(lang, plugin.on_failure)) }
                dt { (t("plugins.failures")) } dd {
                    (plugin.failures.count) " / " (plugin.failures.window_s) " s: " (t(&format!("action.{}", plugin.failures.then)))
                }
                @if !plugin.settings.is_empty() {
                    dt { (t("plugins.settings")) }
                    dd { @for (key, value) in &plugin.settings { span class="mono" { (key) " = " (setting(value)) } br; } }
                }
            }
        }
    }
}

fn failure_word(lang: Lang, policy: FailurePolicy) -> &'static str {
    lang.text(match policy {
        FailurePolicy::Undecided => "policy.undecided",
        FailurePolicy::Fail => "policy.fail",
        FailurePolicy::IgnoreWithAlarm => "policy.ignore-with-alarm",
    })
}

fn setting(value: &SettingValue) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "?".to_owned())
}
