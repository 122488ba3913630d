use super::layout::{bytes, ms};
use super::plugins::taken_out;
use crate::admin::i18n::Lang;
use crate::admin::parts::{CapabilityView, LimitsView, PluginView, UseView};
use crate::domain::{FailurePolicy, InstanceMode, LONGEST_BOUND_MS, PluginLimits, SettingValue, Settings};
use maud::{Markup, html};

/// Characters of a setting that are shown.
const MAX_SETTING: usize = 400;
/// Settings that are shown.
const MAX_SETTINGS: usize = 200;

/// One plugin: what is signed, granted, allowed and used.
pub fn content(lang: Lang, plugin: &PluginView) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        p { a href="/plugins" { (t("plugins.title")) } }
        h1 { (plugin.name) " " span class="dim" { (plugin.version) } @if plugin.taken_out { " " (taken_out(lang)) } }
        div class="stack" {
            section class="panel" { h2 { (t("plugins.identity")) } (identity(lang, plugin)) }
            section class="panel scroll" tabindex="0" {
                h2 { (t("plugins.capabilities")) }
                (capabilities(lang, &plugin.capabilities))
            }
            section class="panel scroll" tabindex="0" {
                h2 { (t("plugins.limits")) }
                (limits(lang, &plugin.limits, &plugin.since_start))
                p class="dim" { (t("plugins.limits-hint")) }
            }
            section class="panel" { h2 { (t("plugins.use")) } (used(lang, &plugin.since_start)) }
            section class="panel scroll" tabindex="0" {
                h2 { (t("plugins.settings")) }
                (settings(lang, &plugin.settings))
            }
        }
    }
}

fn identity(lang: Lang, plugin: &PluginView) -> Markup {
    let t = |key: &str| lang.text(key);
    let failures = &plugin.failures;
    html! {
        dl class="facts" {
            dt { (t("plugins.kind")) } dd { (t(&format!("kind.{}", plugin.kind))) }
            dt { (t("plugins.interface")) } dd class="mono" { (plugin.wit) }
            dt { (t("plugins.component")) } dd class="mono" { (plugin.component) }
            dt { (t("plugins.bundle")) } dd class="mono" { (plugin.bundle) }
            dt { (t("plugins.signers")) } dd class="mono" { (plugin.signers.join(", ")) }
            dt { (t("plugins.instance")) } dd { (instance(lang, plugin)) }
            dt { (t("plugins.on-failure")) } dd { (failure_word(lang, plugin.on_failure)) }
            dt { (t("plugins.failures")) }
            dd { (failures.count) " / " (failures.window_s) " s: " (t(&format!("action.{}", failures.then))) }
        }
    }
}

fn instance(lang: Lang, plugin: &PluginView) -> String {
    match plugin.instance.mode {
        InstanceMode::Fresh => lang.text("plugins.fresh").to_owned(),
        InstanceMode::Warm => {
            let calls = plugin.instance.calls.unwrap_or_default().to_string();
            lang.text("plugins.warm").replace("{calls}", &calls)
        }
    }
}

fn capabilities(lang: Lang, all: &[CapabilityView]) -> Markup {
    let t = |key: &str| lang.text(key);
    let word = |yes: bool| t(if yes { "plugins.yes" } else { "plugins.no" });
    html! {
        @if all.is_empty() { p class="dim" { (t("plugins.no-capabilities")) } }
        @else {
            table {
                thead { tr {
                    th { (t("plugins.capability")) } th { (t("plugins.asked")) } th { (t("plugins.granted")) }
                } }
                tbody { @for one in all {
                    tr { th scope="row" class="mono" { (one.name) } td { (word(one.asked)) } td { (word(one.granted)) } }
                } }
            }
        }
    }
}

fn limits(lang: Lang, limits: &LimitsView, used: &UseView) -> Markup {
    let t = |key: &str| lang.text(key);
    let count = |value: u64| value.to_string();
    let time = |value: u64| format!("{value} ms");
    // A limit, how it is read of all limits, how it is written, and what was used of it where that is kept.
    type Row = (&'static str, fn(&PluginLimits) -> u64, fn(u64) -> String, Option<String>);
    let rows: [Row; 8] = [
        ("deadline", |one| one.deadline_ms.into(), time, slowest(used)),
        ("memory", |one| one.memory_bytes, bytes, used.memory_peak_bytes.map(bytes)),
        ("host-bytes", |one| one.host_bytes, bytes, used.host_peak_bytes.map(bytes)),
        ("handles", |one| one.handles.into(), count, None),
        ("table-elements", |one| one.table_elements.into(), count, None),
        ("log-lines", |one| one.log_lines.into(), count, None),
        ("result-bytes", |one| one.result_bytes, bytes, None),
        ("state-bytes", |one| one.state_bytes, bytes, None),
    ];
    html! {
        table {
            thead { tr {
                th { (t("plugins.limit")) } th class="num" { (t("plugins.signed")) } th class="num" { (t("plugins.station")) }
                th class="num" { (t("plugins.effective")) } th class="num" { (t("plugins.most-used")) }
            } }
            tbody { @for (name, of, write, most) in rows {
                tr {
                    th scope="row" { (t(&format!("plugins.{name}"))) }
                    td class="num" { (write(of(&limits.signed))) } td class="num" { (write(of(&limits.station))) }
                    td class="num" { b { (write(of(&limits.effective))) } }
                    td class="num" { @if let Some(most) = most { (most) } @else { span class="dim" { (t("plugins.not-measured")) } } }
                }
            } }
        }
    }
}

/// The bucket's bound that all calls were below; none without a call.
fn slowest(used: &UseView) -> Option<String> {
    within(used, used.slowest_at_most_ms)
}

fn within(used: &UseView, bound: Option<u64>) -> Option<String> {
    let above = || format!("> {LONGEST_BOUND_MS} ms");
    (used.calls > 0).then(|| bound.map_or_else(above, |bound| format!("≤ {bound} ms")))
}

fn used(lang: Lang, used: &UseView) -> Markup {
    let t = |key: &str| lang.text(key);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| t("plugins.not-measured").to_owned());
    html! {
        dl class="facts" {
            dt { (t("dashboard.calls")) } dd { (used.calls) }
            dt { (t("dashboard.failures")) }
            dd { @if used.failures > 0 { span class="badge fail" { (used.failures) } } @else { "0" } }
            dt { (t("dashboard.mean")) } dd { (or_none(used.mean_us.map(ms))) }
            dt { (t("plugins.p99")) } dd { (or_none(within(used, used.p99_at_most_ms))) }
            dt { (t("plugins.slowest")) } dd { (or_none(slowest(used))) }
            dt { (t("dashboard.memory-peak")) } dd { (or_none(used.memory_peak_bytes.map(bytes))) }
        }
    }
}

fn settings(lang: Lang, all: &Settings) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        @if all.is_empty() { p class="dim" { (t("plugins.no-settings")) } }
        @else {
            table {
                thead { tr { th { (t("plugins.setting")) } th { (t("plugins.value")) } } }
                tbody { @for (key, value) in all.iter().take(MAX_SETTINGS) {
                    tr { th scope="row" class="mono" { (key) } td class="mono" { (setting(value)) } }
                } }
            }
            @if all.len() > MAX_SETTINGS { p class="dim" { (t("plugins.cut")) } }
        }
    }
}

fn setting(value: &SettingValue) -> String {
    let text = serde_json::to_string(value).unwrap_or_else(|_| "?".to_owned());
    super::report_card::bounded(&text, MAX_SETTING)
}

fn failure_word(lang: Lang, policy: FailurePolicy) -> &'static str {
    lang.text(match policy {
        FailurePolicy::Undecided => "policy.undecided",
        FailurePolicy::Fail => "policy.fail",
        FailurePolicy::IgnoreWithAlarm => "policy.ignore-with-alarm",
    })
}
