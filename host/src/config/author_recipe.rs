use super::author::{Content, Section, capabilities, name, required_word, settings, word};
use super::fields::Fields;
use super::index::BundleIndex;
use crate::domain::{FailureLimit, Precision, VerdictPolicy};
use crate::trust::{BundleKind, ModelPin, PluginPin, RecipeManifest};

/// `[recipe]` of an author manifest. Plugins and model are written by name; their digests come from the index.
pub(super) fn recipe(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<Section> {
    let frame_budget_ms = fields.number("frame_budget_ms", 1..=60_000, None);
    let optional = |key, most| if fields.has(key) { fields.number(key, 1..=most, None).map(Some) } else { Some(None) };
    let max_model_bytes = optional("max_model_bytes", 1u64 << 40);
    let max_p95_ms = optional("max_p95_ms", 60_000);
    let max_load_ms = optional("max_load_ms", 600_000);
    let preprocessors = fields.sections("preprocessor", |fields| plugin_pin(fields, index));
    let detectors = fields.sections("detector", |fields| plugin_pin(fields, index));
    let monitors = fields.sections("monitor", |fields| plugin_pin(fields, index));
    let model = fields.required_section("model", |fields| model_pin(fields, index));
    let policy = fields.required_section("policy", policy);
    let failures = failures(fields);
    let recipe = RecipeManifest {
        preprocessors: preprocessors?,
        model: model?,
        detectors: detectors?,
        monitors: monitors?,
        policy: policy?,
        frame_budget_ms: frame_budget_ms?,
        max_model_bytes: max_model_bytes?,
        max_p95_ms: max_p95_ms?.and_then(|limit| u32::try_from(limit).ok()),
        max_load_ms: max_load_ms?.and_then(|limit| u32::try_from(limit).ok()),
        failures: failures?,
    };
    Some(Section { content: Content::Recipe(recipe), blobs: Vec::new() })
}

fn plugin_pin(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<PluginPin> {
    let plugin = name(fields, "plugin");
    let grants = capabilities(fields, "grants");
    let settings = settings(fields);
    let expected = "\"undecided\", \"fail\" or \"ignore-with-alarm\"";
    let on_failure = if fields.has("on_failure") { word(fields, "on_failure", expected).map(Some) } else { Some(None) };
    let failures = failures(fields);
    let bundle = pin(fields, "plugin", BundleKind::Plugin, plugin.as_deref(), index);
    Some(PluginPin {
        plugin: plugin?,
        bundle: bundle?,
        grants: grants?,
        settings,
        on_failure: on_failure?,
        failures: failures?,
    })
}

/// `failures = { count, window_s, then }`; the inner option is none where the key is missing.
fn failures(fields: &Fields<'_>) -> Option<Option<FailureLimit>> {
    let read = fields.section("failures", |fields| {
        let default = FailureLimit::default();
        let count = fields.number("count", 1..=1000, Some(default.count));
        let window_s = fields.number("window_s", 1..=86_400, Some(default.window_s));
        let then = required_word(fields, "then", "\"take-out\", \"stop-line\" or \"alarm\"");
        Some(FailureLimit { count: count?, window_s: window_s?, then: then? })
    });
    match read {
        None => Some(None),
        Some(limit) => limit.map(Some),
    }
}

fn model_pin(fields: &Fields<'_>, index: Option<&BundleIndex>) -> Option<ModelPin> {
    let model = name(fields, "model");
    let devices: Option<Vec<String>> = fields.required("devices");
    fields.obey(|rules| devices.iter().for_each(|devices| rules.devices("devices", devices)));
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
    let pass_labels: Option<Vec<String>> = fields.required("pass_labels");
    fields.obey(|rules| pass_labels.iter().for_each(|labels| rules.labels("pass_labels", labels)));
    let probability = |key| {
        let value = fields.required::<f64>(key).map(|value| value as f32);
        fields.obey(|rules| value.iter().for_each(|value| rules.probability(key, *value)));
        value
    };
    let min_pass_probability = probability("min_pass_probability");
    let min_fail_probability = probability("min_fail_probability");
    let findings = |key| {
        let labels: Vec<String> = fields.or(key, Vec::new());
        if !labels.is_empty() {
            fields.obey(|rules| rules.labels(key, &labels));
        }
        labels
    };
    let (undecided_on, fail_on) = (findings("undecided_on"), findings("fail_on"));
    Some(VerdictPolicy {
        pass_labels: pass_labels?,
        min_pass_probability: min_pass_probability?,
        min_fail_probability: min_fail_probability?,
        undecided_on,
        fail_on,
    })
}
