use super::author::{Content, Section, capabilities, name, word};
use super::fields::Fields;
use super::index::BundleIndex;
use crate::domain::{Precision, VerdictPolicy};
use crate::trust::{BundleKind, ModelPin, PluginPin, RecipeManifest};

/// `[recipe]` of an author manifest. Plugins and model are written by name; their digests come from the index.
pub(super) fn recipe(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<Section> {
    let frame_budget_ms = fields.number("frame_budget_ms", 1..=60_000, None);
    let preprocessors = fields.sections("preprocessor", |fields| plugin_pin(fields, index));
    let detectors = fields.sections("detector", |fields| plugin_pin(fields, index));
    let monitors = fields.sections("monitor", |fields| plugin_pin(fields, index));
    let model = fields.required_section("model", |fields| model_pin(fields, index));
    let policy = fields.required_section("policy", policy);
    let recipe = RecipeManifest {
        preprocessors: preprocessors?,
        model: model?,
        detectors: detectors?,
        monitors: monitors?,
        policy: policy?,
        frame_budget_ms: frame_budget_ms?,
    };
    Some(Section { content: Content::Recipe(recipe), blobs: Vec::new() })
}

fn plugin_pin(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<PluginPin> {
    let plugin = name(fields, "plugin");
    let grants = capabilities(fields, "grants");
    let settings = fields.settings("settings");
    let expected = "\"undecided\", \"fail\" or \"ignore-with-alarm\"";
    let on_failure = if fields.has("on_failure") { word(fields, "on_failure", expected).map(Some) } else { Some(None) };
    let bundle = pin(fields, "plugin", BundleKind::Plugin, plugin.as_deref(), index);
    Some(PluginPin { plugin: plugin?, bundle: bundle?, grants: grants?, settings, on_failure: on_failure? })
}

fn model_pin(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<ModelPin> {
    let model = name(fields, "model");
    let devices = fields.required("devices");
    let expected = "\"f32-exact\" or \"fast\"";
    let precision =
        if fields.has("precision") { word(fields, "precision", expected) } else { Some(Precision::default()) };
    let bundle = pin(fields, "model", BundleKind::Model, model.as_deref(), index);
    Some(ModelPin { model: model?, bundle: bundle?, devices: devices?, precision: precision? })
}

/// The digest to pin: written out as `bundle`, or that of the newest release in the index (`version` picks another).
fn pin(
    fields: &Fields<'_>,
    key: &'static str,
    kind: BundleKind,
    name: Option<&str>,
    index: Option<&BundleIndex>,
) -> Option<crate::domain::Digest> {
    let version = fields.parsed("version", "a version such as \"1.0.0\"", |text| text.parse().ok());
    if fields.has("bundle") {
        return fields
            .parsed("bundle", "the bundle's digest: `assay bundle inspect FILE` prints it", |text| text.parse().ok());
    }
    let name = name?;
    let Some(index) = index else {
        fields.wrong_because(
            key,
            "a name",
            "also a folder to look in: give `--bundles DIR`, or write `bundle = DIGEST`",
        );
        return None;
    };
    match index.newest(kind, name, version.as_ref()) {
        Ok(digest) => Some(digest),
        Err(found) => {
            fields.wrong_because(key, &found, "one bundle of that kind and name in the folder of `--bundles`");
            None
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the manifest keeps f32; the range is checked on it")]
fn policy(fields: &Fields<'_>) -> Option<VerdictPolicy> {
    let pass_labels = fields.required("pass_labels");
    let min_pass: Option<f64> = fields.required("min_pass_probability");
    let min_fail: Option<f64> = fields.required("min_fail_probability");
    let undecided_on = fields.or("undecided_on", Vec::new());
    let fail_on = fields.or("fail_on", Vec::new());
    Some(VerdictPolicy {
        pass_labels: pass_labels?,
        min_pass_probability: min_pass? as f32,
        min_fail_probability: min_fail? as f32,
        undecided_on,
        fail_on,
    })
}
