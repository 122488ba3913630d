use super::deploy_steps::table;
use super::layout::{bytes, utc};
use super::report_card;
use crate::admin::i18n::Lang;
use crate::admin::parts::{CardState, ModelView};
use crate::domain::{ModelFormat, ModelGates, Port, Qualified};
use maud::{Markup, html};

/// The running model: what is signed, where it runs, and what its author measured. `qualified` is what its recipe's
/// qualification found here, where that is known.
pub fn content(lang: Lang, model: &ModelView, qualified: Option<&Qualified>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        p { a href="/plugins" { (t("plugins.title")) } }
        h1 { (model.name) " " span class="dim" { (model.version) } }
        div class="stack" {
            section class="panel" { h2 { (t("plugins.identity")) } (identity(lang, model)) }
            section class="panel" { h2 { (t("model.inference")) } (inference(lang, model)) }
            section class="panel scroll" tabindex="0" { h2 { (t("model.ports")) } (ports(lang, model)) }
            section class="panel" { h2 { (t("model.gates")) } (gates(lang, model, qualified)) }
            section class="panel scroll" tabindex="0" { h2 { (t("model.card")) } (card(lang, model)) }
        }
    }
}

fn identity(lang: Lang, model: &ModelView) -> Markup {
    let t = |key: &str| lang.text(key);
    let size = |bytes_of: Option<u64>| bytes_of.map_or_else(|| "-".to_owned(), bytes);
    html! {
        dl class="facts" {
            dt { (t("model.format")) } dd { (model.format.map_or("-", format_name)) }
            dt { (t("model.stored")) } dd { (size(model.stored_bytes)) }
            dt { (t("model.size")) } dd { (size(model.model_bytes)) }
            dt { (t("detail.digest")) } dd class="mono" { (model.digest) }
            dt { (t("plugins.bundle")) } dd class="mono" { (model.bundle) }
            dt { (t("plugins.signers")) } dd class="mono" { (model.signers.join(", ")) }
            dt { (t("plugins.labels")) } dd { (model.labels.join(", ")) }
        }
    }
}

const fn format_name(format: ModelFormat) -> &'static str {
    match format {
        ModelFormat::Onnx => "ONNX",
        ModelFormat::OpenvinoIr => "OpenVINO IR",
        ModelFormat::Tflite => "TFLite",
    }
}

fn inference(lang: Lang, model: &ModelView) -> Markup {
    let t = |key: &str| lang.text(key);
    let heatmap = model.heatmap.as_ref().map_or(t("plugins.no"), |heatmap| heatmap.output.as_str());
    html! {
        dl class="facts" {
            dt { (t("plugins.devices")) } dd { (model.devices_asked.join(", ")) }
            dt { (t("plugins.used")) } dd { b { (model.device_used) } }
            dt { (t("model.precision-asked")) } dd { (model.precision_asked.map_or("-", |precision| precision.name())) }
            dt { (t("model.precision-used")) } dd { (model.precision_used) }
            dt { (t("plugins.library")) } dd { (model.backend) " " (model.library_version) }
            dt { (t("model.temperature")) } dd { (model.temperature) }
            dt { (t("model.logits")) } dd class="mono" { (model.logits) }
            dt { (t("model.heatmap")) } dd class="mono" { (heatmap) }
            dt { (t("model.reference")) } dd { (t(if model.has_reference { "plugins.yes" } else { "plugins.no" })) }
        }
    }
}

fn ports(lang: Lang, model: &ModelView) -> Markup {
    let t = |key: &str| lang.text(key);
    let batches: Vec<String> = model.batch_sizes.iter().map(ToString::to_string).collect();
    let ports = |title: &'static str, ports: &[Port]| {
        html! { @for port in ports {
            tr {
                td { (t(title)) } th scope="row" class="mono" { (port.name) }
                td class="mono" { (shape(port)) } td class="mono" { (port.ty.name()) }
            }
        } }
    };
    html! {
        table {
            thead { tr { th { (t("model.way")) } th { (t("model.port")) } th { (t("model.shape")) } th { (t("model.type")) } } }
            tbody { (ports("model.input", &model.inputs)) (ports("model.output", &model.outputs)) }
        }
        @if !batches.is_empty() { p class="dim" { (t("model.batches")) " " (batches.join(", ")) } }
    }
}

fn shape(port: &Port) -> String {
    let sides: Vec<String> = port.shape.iter().map(ToString::to_string).collect();
    format!("[{}]", sides.join(", "))
}

/// Asked and found at the qualification on this device; only what is asked where nothing is on record.
fn gates(lang: Lang, model: &ModelView, qualified: Option<&Qualified>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        @match (qualified, &model.gates) {
            (Some(qualified), _) => {
                link rel="stylesheet" href="/assets/deploy.css";
                p {
                    (t("model.qualified")) " " (utc(qualified.at_us)) " UTC, "
                    @match qualified.deployment {
                        Some(id) => a href="/deployments" { (t("deployments.newest")) " " (id) },
                        None => (t("model.qualified-at-start")),
                    }
                }
                (table(lang, t("deployments.qualification"), &qualified.checks))
            }
            (None, Some(gates)) => (gates_list(lang, gates)),
            (None, None) => p class="dim" { (t("model.not-qualified")) },
        }
    }
}

fn gates_list(lang: Lang, gates: &ModelGates) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        dl class="facts" {
            dt { (t("model.gate-bytes")) } dd { (bytes(gates.max_model_bytes)) }
            dt { (t("model.gate-load")) } dd { (gates.max_load_ms) " ms" }
            dt { (t("model.gate-p95")) } dd { (gates.max_p95_ms) " ms" }
        }
        p class="dim" { (t("model.gates-hint")) " " (t("model.not-qualified")) }
    }
}

fn card(lang: Lang, model: &ModelView) -> Markup {
    let t = |key: &str| lang.text(key);
    match model.report_card_state {
        CardState::Read => report_card::content(lang, &model.report_card),
        CardState::Absent => html! { p class="dim" { (t("model.no-card")) } },
        CardState::TooLarge => html! { p class="dim" { (t("model.card-too-large")) } },
        CardState::NotJson => html! { p class="dim" { (t("model.card-not-json")) } },
    }
}
