use super::layout::MAX_BLOBS;
use super::manifest::{
    BlobRole, BundleKind, Manifest, ModelManifest, ModelPin, PluginManifest, PluginPin, RecipeManifest, SCHEMA,
};
use super::names::{NAME_RULE, is_name};
use super::strict::parse_utc;
use crate::domain::{
    Capability, ElementType, FailureLimit, FailurePolicy, InstanceMode, ModelFormat, PluginKind, PluginLimits, Port,
    SettingValue, Settings, VerdictPolicy, WarmRules,
};
use std::collections::BTreeSet;
use std::fmt;

const MAX_LABELS: usize = 4096;
const MAX_PORTS: usize = 16;
const MAX_SIDES: usize = 7;
const MAX_BATCH: u32 = 256;
const MAX_PLUGINS_OF_A_KIND: usize = 16;
const MAX_SETTINGS: usize = 256;
const MAX_FRAME_BUDGET_MS: u32 = 60_000;
const MAX_LOAD_MS: u32 = 600_000;
/// Height and width of a heat map.
const MAX_HEATMAP_SIDE: u32 = 512;
const MAX_FAILURES: u32 = 1000;
const MAX_FAILURE_WINDOW_S: u32 = 86_400;

/// One rule that a manifest breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestProblem {
    /// The key, dotted: `recipe.detectors[1].grants`.
    pub at: String,
    pub found: String,
    pub expected: String,
}

impl fmt::Display for ManifestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: found {}, expected {}", self.at, self.found, self.expected)
    }
}

/// All rules that a manifest breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<ManifestProblem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("; "))
    }
}

/// Checks what the types alone do not say.
///
/// # Errors
/// With every broken rule, not only the first.
pub(super) fn check(manifest: &Manifest) -> Result<(), Problems> {
    let mut rules = Rules(Vec::new());
    rules.head(manifest);
    rules.blobs(manifest);
    rules.sections(manifest);
    if rules.0.is_empty() { Ok(()) } else { Err(Problems(rules.0)) }
}

/// The rules, one method for each part of a manifest, and what breaks them so far.
pub(crate) struct Rules(Vec<ManifestProblem>);

/// What one part of a manifest breaks, before the whole is there to be checked.
pub(crate) fn check_part(part: impl FnOnce(&mut Rules)) -> Vec<ManifestProblem> {
    let mut rules = Rules(Vec::new());
    part(&mut rules);
    rules.0
}

impl Rules {
    fn require<F: Into<String>, E: Into<String>>(&mut self, holds: bool, at: &str, what: impl FnOnce() -> (F, E)) {
        if !holds {
            let (found, expected) = what();
            self.0.push(ManifestProblem { at: at.to_owned(), found: found.into(), expected: expected.into() });
        }
    }

    fn name(&mut self, at: &str, name: &str) {
        self.require(is_name(name), at, || (shown(name), NAME_RULE));
    }

    fn head(&mut self, manifest: &Manifest) {
        let found = manifest.schema;
        self.require(found == SCHEMA, "schema", || (found.to_string(), format!("{SCHEMA}, which this release reads")));
        self.name("name", &manifest.name);
        let version = manifest.version.to_string();
        self.require(version.len() <= 64, "version", || (shown(&version), "at most 64 characters"));
        self.utc("created", &manifest.created);
        if let Some(not_after) = &manifest.not_after {
            self.utc("not_after", not_after);
        }
    }

    fn utc(&mut self, at: &str, text: &str) {
        self.require(parse_utc(text).is_some(), at, || (shown(text), "a time in UTC such as 2026-01-31T12:00:00Z"));
    }

    fn blobs(&mut self, manifest: &Manifest) {
        let count = manifest.blobs.len();
        self.require(count <= MAX_BLOBS, "blobs", || (format!("{count} blobs"), format!("at most {MAX_BLOBS}")));
        for (index, blob) in manifest.blobs.iter().enumerate() {
            self.name(&format!("blobs[{index}].name"), &blob.name);
        }
        self.unique("blobs", "blob name", manifest.blobs.iter().map(|blob| blob.name.as_str()));
        let ir = manifest.model.as_ref().is_some_and(|model| model.format == ModelFormat::OpenvinoIr);
        for role in BlobRole::ALL {
            let found = manifest.blobs.iter().filter(|blob| blob.role == role).count();
            let (least, most) = allowed(manifest.kind, role, ir);
            self.require((least..=most).contains(&found), "blobs", || {
                let expected = if least == most { format!("exactly {least}") } else { format!("{least} to {most}") };
                (format!("{found} of role {role}"), format!("{expected} in a {} bundle", manifest.kind))
            });
        }
    }

    fn sections(&mut self, manifest: &Manifest) {
        let have = [
            (BundleKind::Plugin, manifest.plugin.is_some()),
            (BundleKind::Model, manifest.model.is_some()),
            (BundleKind::Recipe, manifest.recipe.is_some()),
        ];
        for (kind, present) in have {
            self.require(present == (kind == manifest.kind), kind.name(), || {
                let found = if present { "the section" } else { "no such section" };
                (found, format!("in a {} bundle the section {:?} and no other", manifest.kind, manifest.kind.name()))
            });
        }
        if let Some(plugin) = &manifest.plugin {
            self.plugin(plugin);
        }
        if let Some(model) = &manifest.model {
            self.model(model);
        }
        if let Some(recipe) = &manifest.recipe {
            self.recipe(recipe);
        }
    }

    fn plugin(&mut self, plugin: &PluginManifest) {
        let wit = plugin.wit.strip_prefix("assay:plugin@");
        let known = wit.is_some_and(|version| semver::Version::parse(version).is_ok());
        self.require(known, "plugin.wit", || (shown(&plugin.wit), "assay:plugin@MAJOR.MINOR.PATCH"));
        self.capabilities("plugin.capabilities", &plugin.capabilities);
        let wants_state = plugin.capabilities.contains(&Capability::State);
        self.require(!wants_state || plugin.world == PluginKind::Monitor, "plugin.capabilities", || {
            (format!("state in a {}", plugin.world), "no such capability: only a monitor has state")
        });
        self.limits("plugin.limits", &plugin.limits);
        self.warm("plugin.warm", plugin.instance, plugin.warm);
        self.settings("plugin.settings", &plugin.settings);
    }

    pub(crate) fn capabilities(&mut self, at: &str, capabilities: &[Capability]) {
        let names: Vec<_> = capabilities.iter().map(ToString::to_string).collect();
        self.unique(at, "capability", names.iter().map(String::as_str));
        for capability in capabilities {
            if let Capability::Inference(model) = capability {
                self.name(at, model);
            }
        }
    }

    fn limits(&mut self, at: &str, limits: &PluginLimits) {
        let needed = [
            ("deadline_ms", u64::from(limits.deadline_ms)),
            ("memory_bytes", limits.memory_bytes),
            ("host_bytes", limits.host_bytes),
            ("handles", u64::from(limits.handles)),
            ("table_elements", u64::from(limits.table_elements)),
            ("result_bytes", limits.result_bytes),
        ];
        for (key, value) in needed {
            self.require(value > 0, &format!("{at}.{key}"), || ("0", "at least 1"));
        }
        let deadline = limits.deadline_ms;
        self.require(deadline <= MAX_FRAME_BUDGET_MS, &format!("{at}.deadline_ms"), || {
            (deadline.to_string(), format!("at most {MAX_FRAME_BUDGET_MS}"))
        });
    }

    fn warm(&mut self, at: &str, instance: InstanceMode, rules: Option<WarmRules>) {
        self.require(rules.is_none() || !instance.is_fresh(), at, || {
            ("rules for warm instances", "no such section where instance is \"fresh\"")
        });
        let calls = rules.unwrap_or_default().calls;
        self.require((1..=WarmRules::MAX_CALLS).contains(&calls), &format!("{at}.calls"), || {
            (calls.to_string(), format!("1 to {}", WarmRules::MAX_CALLS))
        });
    }

    pub(crate) fn settings(&mut self, at: &str, settings: &Settings) {
        let count = settings.len();
        self.require(count <= MAX_SETTINGS, at, || (format!("{count} settings"), format!("at most {MAX_SETTINGS}")));
        for (key, value) in settings {
            let at = format!("{at}.{key}");
            self.name(&at, key);
            self.require(all_finite(value), &at, || ("a number that is not finite", "finite numbers"));
        }
    }

    fn model(&mut self, model: &ModelManifest) {
        self.ports("model.spec.inputs", &model.spec.inputs);
        self.ports("model.spec.outputs", &model.spec.outputs);
        self.batch_sizes("model.spec.batch_sizes", &model.spec.batch_sizes);
        self.labels("model.labels", &model.labels);
        self.temperature("model.temperature", model.temperature);
        if let Some(heatmap) = &model.heatmap {
            self.heatmap("model.heatmap", &heatmap.output, &model.spec.outputs);
        }
        let Some(logits) = model.spec.outputs.iter().find(|port| port.name == model.logits) else {
            self.require(false, "model.logits", || {
                let have: Vec<_> = model.spec.outputs.iter().map(|port| shown(&port.name)).collect();
                (shown(&model.logits), format!("the name of an output: one of {}", have.join(", ")))
            });
            return;
        };
        let per_label = logits.shape.iter().map(|side| u64::from(*side)).try_fold(1u64, u64::checked_mul);
        let labels = model.labels.len() as u64;
        self.require(per_label == Some(labels) && logits.ty == ElementType::F32, "model.logits", || {
            let (shape, ty) = (&logits.shape, logits.ty.name());
            (format!("{shape:?} of {ty}"), format!("one f32 for each label: [{labels}] of f32"))
        });
    }

    fn heatmap(&mut self, at: &str, output: &str, outputs: &[Port]) {
        let port = outputs.iter().find(|port| port.name == output);
        let side = |side: &u32| (1..=MAX_HEATMAP_SIDE).contains(side);
        let fits = port.is_some_and(|port| {
            port.ty == ElementType::F32
                && matches!(port.shape.as_slice(), [1, height, width] if side(height) && side(width))
        });
        self.require(fits, at, || {
            let found = port.map_or_else(|| shown(output), |port| format!("{:?} of {}", port.shape, port.ty.name()));
            (found, format!("the name of an output [1, height, width] of f32, sides of at most {MAX_HEATMAP_SIDE}"))
        });
    }

    pub(crate) fn temperature(&mut self, at: &str, temperature: f32) {
        self.require(temperature.is_finite() && temperature > 0.0, at, || {
            (temperature.to_string(), "a finite number above 0 (1 leaves the logits alone)")
        });
    }

    fn ports(&mut self, at: &str, ports: &[Port]) {
        let count = ports.len();
        self.require((1..=MAX_PORTS).contains(&count), at, || (count.to_string(), format!("1 to {MAX_PORTS}")));
        self.unique(at, "name", ports.iter().map(|port| port.name.as_str()));
        for (index, port) in ports.iter().enumerate() {
            self.port_name(&format!("{at}[{index}].name"), &port.name);
            self.shape(&format!("{at}[{index}].shape"), &port.shape);
        }
    }

    pub(crate) fn port_name(&mut self, at: &str, name: &str) {
        self.require((1..=256).contains(&name.len()), at, || (shown(name), "1 to 256 bytes"));
    }

    pub(crate) fn shape(&mut self, at: &str, sides: &[u32]) {
        let fits = sides.len() <= MAX_SIDES && sides.iter().all(|side| *side > 0);
        self.require(fits, at, || {
            (format!("{sides:?}"), format!("at most {MAX_SIDES} sides of at least 1, without the batch"))
        });
    }

    pub(crate) fn batch_sizes(&mut self, at: &str, sizes: &[u32]) {
        let distinct: BTreeSet<_> = sizes.iter().collect();
        let fine =
            !sizes.is_empty() && distinct.len() == sizes.len() && sizes.iter().all(|n| (1..=MAX_BATCH).contains(n));
        self.require(fine, at, || {
            (format!("{sizes:?}"), format!("different sizes from 1 to {MAX_BATCH}, at least one"))
        });
    }

    pub(crate) fn labels(&mut self, at: &str, labels: &[String]) {
        let count = labels.len();
        self.require((1..=MAX_LABELS).contains(&count), at, || (count.to_string(), format!("1 to {MAX_LABELS}")));
        self.unique(at, "label", labels.iter().map(String::as_str));
        for label in labels {
            let fits = (1..=64).contains(&label.len()) && !label.chars().any(char::is_control);
            self.require(fits, at, || (shown(label), "1 to 64 bytes, no control characters"));
        }
    }

    fn recipe(&mut self, recipe: &RecipeManifest) {
        let lists = [
            ("recipe.preprocessors", &recipe.preprocessors, 1, PluginKind::Preprocessor),
            ("recipe.detectors", &recipe.detectors, 0, PluginKind::Detector),
            ("recipe.monitors", &recipe.monitors, 0, PluginKind::Monitor),
        ];
        for (at, pins, least, kind) in lists {
            let count = pins.len();
            self.require((least..=MAX_PLUGINS_OF_A_KIND).contains(&count), at, || {
                (count.to_string(), format!("{least} to {MAX_PLUGINS_OF_A_KIND}"))
            });
            for (index, pin) in pins.iter().enumerate() {
                self.pin(&format!("{at}[{index}]"), kind, pin);
            }
        }
        let names = lists.iter().flat_map(|(_, pins, ..)| pins.iter()).map(|pin| pin.plugin.as_str());
        self.unique("recipe", "plugin", names);
        self.model_pin(&recipe.model);
        self.policy(&recipe.policy);
        let budget = recipe.frame_budget_ms;
        self.require((1..=MAX_FRAME_BUDGET_MS).contains(&budget), "recipe.frame_budget_ms", || {
            (budget.to_string(), format!("1 to {MAX_FRAME_BUDGET_MS}"))
        });
        let p95 = recipe.max_p95_ms.unwrap_or(1);
        self.require((1..=MAX_FRAME_BUDGET_MS).contains(&p95), "recipe.max_p95_ms", || {
            (p95.to_string(), format!("1 to {MAX_FRAME_BUDGET_MS}"))
        });
        let load = recipe.max_load_ms.unwrap_or(1);
        self.require((1..=MAX_LOAD_MS).contains(&load), "recipe.max_load_ms", || {
            (load.to_string(), format!("1 to {MAX_LOAD_MS}"))
        });
        self.require(recipe.max_model_bytes != Some(0), "recipe.max_model_bytes", || {
            ("0".to_owned(), "at least 1".to_owned())
        });
        self.failures("recipe.failures", recipe.failures.as_ref());
    }

    fn failures(&mut self, at: &str, limit: Option<&FailureLimit>) {
        let Some(FailureLimit { count, window_s, .. }) = limit else { return };
        self.require((1..=MAX_FAILURES).contains(count), &format!("{at}.count"), || {
            (count.to_string(), format!("1 to {MAX_FAILURES}"))
        });
        self.require((1..=MAX_FAILURE_WINDOW_S).contains(window_s), &format!("{at}.window_s"), || {
            (window_s.to_string(), format!("1 to {MAX_FAILURE_WINDOW_S}"))
        });
    }

    fn pin(&mut self, at: &str, kind: PluginKind, pin: &PluginPin) {
        // What judges may not be ignored, or a failure could end in a pass; what only watches is never in the way.
        let ignored = pin.on_failure.unwrap_or(FailurePolicy::default_for(kind)) == FailurePolicy::IgnoreWithAlarm;
        self.require(ignored == (kind == PluginKind::Monitor), &format!("{at}.on_failure"), || {
            let expected = if ignored { "\"undecided\" or \"fail\"" } else { "\"ignore-with-alarm\"" };
            (format!("a policy that no {kind} has"), expected)
        });
        self.failures(&format!("{at}.failures"), pin.failures.as_ref());
        self.name(&format!("{at}.plugin"), &pin.plugin);
        self.capabilities(&format!("{at}.grants"), &pin.grants);
        self.settings(&format!("{at}.settings"), &pin.settings);
    }

    fn model_pin(&mut self, pin: &ModelPin) {
        self.name("recipe.model.model", &pin.model);
        self.devices("recipe.model.devices", &pin.devices);
    }

    pub(crate) fn devices(&mut self, at: &str, devices: &[String]) {
        let fine = (1..=8).contains(&devices.len()) && devices.iter().all(|device| is_device(device));
        self.require(fine, at, || {
            (format!("{devices:?}"), "1 to 8 devices in order of wish, such as [\"NPU\", \"CPU\"]")
        });
        self.unique(at, "device", devices.iter().map(String::as_str));
    }

    fn policy(&mut self, policy: &VerdictPolicy) {
        self.labels("recipe.policy.pass_labels", &policy.pass_labels);
        self.probability("recipe.policy.min_pass_probability", policy.min_pass_probability);
        self.probability("recipe.policy.min_fail_probability", policy.min_fail_probability);
        for (at, labels) in
            [("recipe.policy.undecided_on", &policy.undecided_on), ("recipe.policy.fail_on", &policy.fail_on)]
        {
            if !labels.is_empty() {
                self.labels(at, labels);
            }
        }
    }

    pub(crate) fn probability(&mut self, at: &str, value: f32) {
        // A number that is no number is in no range.
        self.require((0.0..=1.0).contains(&value), at, || (value.to_string(), "a number from 0 to 1"));
    }

    fn unique<'t>(&mut self, at: &str, what: &str, texts: impl Iterator<Item = &'t str>) {
        let mut seen = BTreeSet::new();
        for text in texts {
            self.require(seen.insert(text), at, || {
                (format!("{what} {} twice", shown(text)), format!("each {what} once"))
            });
        }
    }
}

/// How many blobs of a role a bundle may have: least and most.
const fn allowed(kind: BundleKind, role: BlobRole, openvino_ir: bool) -> (usize, usize) {
    match (kind, role) {
        (BundleKind::Plugin, BlobRole::Component) | (BundleKind::Model, BlobRole::Model) => (1, 1),
        (BundleKind::Model, BlobRole::Weights) if openvino_ir => (1, 1),
        (BundleKind::Model, BlobRole::Reference) | (_, BlobRole::ReportCard) => (0, 1),
        (_, BlobRole::SelfTest | BlobRole::Licence | BlobRole::Other) => (0, MAX_BLOBS),
        _ => (0, 0),
    }
}

fn is_device(device: &str) -> bool {
    (1..=64).contains(&device.len())
        && device
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b',' | b'.' | b'_' | b'-' | b'(' | b')'))
}

fn all_finite(value: &SettingValue) -> bool {
    match value {
        SettingValue::Number(number) => number.is_finite(),
        SettingValue::Numbers(numbers) => numbers.iter().all(|number| number.is_finite()),
        SettingValue::Bool(_) | SettingValue::Integer(_) | SettingValue::Text(_) | SettingValue::Texts(_) => true,
    }
}

/// A text from outside for a message: quoted, escaped, short.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}")
}
