//! The running recipe with all that is known of its parts: what is signed, what is granted, what is used. One view for
//! the pages and for programs, made of the board alone.

use super::serve::AdminState;
use crate::domain::{
    Digest, FailureLimit, FailurePolicy, Heatmap, InstanceMode, LatencyCounts, ModelFormat, ModelGates, PluginKind,
    PluginLimits, PluginUse, Port, Precision, ReportCard, Settings, VerdictPolicy,
};
use crate::pipeline::RecipeCard;
use crate::telemetry::{PluginReading, Reading};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The recipe that judges now.
#[derive(Serialize, ToSchema)]
pub struct RecipeView {
    pub name: String,
    pub version: String,
    pub digest: Digest,
    /// Ids of the keys that signed it and that the station trusts.
    pub signers: Vec<String>,
    pub frame_budget_ms: u32,
    pub policy: VerdictPolicy,
    /// In the order in which a frame meets them.
    pub plugins: Vec<PluginView>,
    pub model: ModelView,
}

/// A plugin at its place in the recipe.
#[derive(Serialize, ToSchema)]
pub struct PluginView {
    pub name: String,
    pub kind: PluginKind,
    pub version: String,
    /// The WIT package that it was built against.
    pub wit: String,
    /// Digest of the component inside the bundle.
    pub component: Digest,
    pub bundle: Digest,
    pub signers: Vec<String>,
    pub capabilities: Vec<CapabilityView>,
    pub limits: LimitsView,
    pub instance: InstanceView,
    pub on_failure: FailurePolicy,
    /// How often it may fail, and what then.
    pub failures: FailureLimit,
    /// It failed too often and is not called any more.
    pub taken_out: bool,
    /// The manifest's defaults with the recipe's over them.
    /// By name: a boolean, a number, a text, or a list of numbers or texts.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub settings: Settings,
    pub since_start: UseView,
}

/// A capability that the manifest asks for or the recipe grants.
#[derive(Serialize, ToSchema)]
pub struct CapabilityView {
    pub name: String,
    pub asked: bool,
    pub granted: bool,
}

/// Limits of one call.
#[derive(Serialize, ToSchema)]
pub struct LimitsView {
    /// As the manifest has them.
    pub signed: PluginLimits,
    /// No plugin of this station gets more.
    pub station: PluginLimits,
    /// The smaller of both.
    pub effective: PluginLimits,
}

/// How long an instance lives.
#[derive(Serialize, ToSchema)]
pub struct InstanceView {
    pub mode: InstanceMode,
    /// Calls until it is retired; null where each call has its own.
    pub calls: Option<u32>,
}

/// What the plugin used since the start of the station, in all recipes that had it.
#[derive(Serialize, ToSchema)]
pub struct UseView {
    pub calls: u64,
    /// Failed calls, whoever is to blame.
    pub failures: u64,
    /// Null without a call.
    pub mean_us: Option<u64>,
    /// The bound below which 99 of 100 calls were; null without a call, and above 500 ms.
    pub p99_at_most_ms: Option<u64>,
    /// The bound below which all calls were; null without a call, and above 500 ms.
    pub slowest_at_most_ms: Option<u64>,
    /// The most linear memory that one call had; null where it is not known.
    pub memory_peak_bytes: Option<u64>,
    /// The most pixels and tensors that the host held for it; null without a call.
    pub host_peak_bytes: Option<u64>,
}

/// The model, and where it runs.
#[derive(Serialize, ToSchema)]
pub struct ModelView {
    pub name: String,
    pub version: String,
    /// Of the model's file as a backend reads it.
    pub digest: Digest,
    pub bundle: Digest,
    pub signers: Vec<String>,
    pub format: Option<ModelFormat>,
    /// With its weights, as the bundle stores them.
    pub stored_bytes: Option<u64>,
    /// With its weights, as a backend reads them.
    pub model_bytes: Option<u64>,
    pub labels: Vec<String>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub batch_sizes: Vec<u32>,
    /// Name of the output with one logit per label.
    pub logits: String,
    /// Softmax temperature from calibration; 1 leaves the logits alone.
    pub temperature: f32,
    pub backend: String,
    pub library_version: String,
    /// In order of wish.
    pub devices_asked: Vec<String>,
    pub device_used: String,
    pub precision_asked: Option<Precision>,
    pub precision_used: String,
    /// Whether the bundle has reference distributions.
    pub has_reference: bool,
    pub heatmap: Option<Heatmap>,
    /// What the recipe asks of the model before it may drive; what was found is in the deployment.
    pub gates: Option<ModelGates>,
    pub report_card_state: CardState,
    /// As the model's author wrote it; null where it cannot be shown.
    #[schema(value_type = Value)]
    pub report_card: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CardState {
    Absent,
    Read,
    TooLarge,
    NotJson,
}

/// The view as of now; none before a recipe runs. Reads pointers and atomics only.
pub fn running(state: &AdminState) -> Option<RecipeView> {
    let card = state.board.snapshot().recipe.clone()?;
    let (metrics, condition) = (state.board.metrics(), state.board.condition());
    let seen = Seen { reading: metrics.reading(), times: metrics.plugin_times() };
    let out = |name: &str| condition.plugins_out.iter().any(|(plugin, _)| plugin == name);
    let recipe = &card.recipe;
    let plugins = recipe.preprocessors.iter().chain(&recipe.detectors).chain(&recipe.monitors);
    Some(RecipeView {
        name: recipe.name.clone(),
        version: recipe.version.clone(),
        digest: recipe.digest,
        signers: recipe.signers.clone(),
        frame_budget_ms: recipe.frame_budget_ms,
        policy: recipe.policy.clone(),
        plugins: plugins.map(|plugin| of_plugin(plugin, &seen, out(&plugin.name))).collect(),
        model: of_model(&card),
    })
}

struct Seen {
    reading: Reading,
    times: BTreeMap<String, LatencyCounts>,
}

fn of_plugin(plugin: &PluginUse, seen: &Seen, taken_out: bool) -> PluginView {
    let origin = &plugin.origin;
    PluginView {
        name: plugin.name.clone(),
        kind: plugin.kind,
        version: plugin.version.clone(),
        wit: origin.wit.clone(),
        component: plugin.component,
        bundle: plugin.bundle,
        signers: plugin.signers.clone(),
        capabilities: capabilities(plugin),
        limits: LimitsView { signed: origin.limits, station: origin.caps, effective: plugin.limits },
        instance: InstanceView {
            mode: if origin.warm.is_some() { InstanceMode::Warm } else { InstanceMode::Fresh },
            calls: origin.warm.map(|rules| rules.calls),
        },
        on_failure: plugin.on_failure,
        failures: plugin.failures,
        taken_out,
        settings: plugin.settings.clone(),
        since_start: of_use(seen.reading.plugins.get(&plugin.name), seen.times.get(&plugin.name)),
    }
}

/// Those asked for in the manifest's order, and then what is granted without: the host would not take such a plugin in.
fn capabilities(plugin: &PluginUse) -> Vec<CapabilityView> {
    let asked = &plugin.origin.asked;
    let unasked = plugin.capabilities.iter().filter(|one| !asked.contains(one));
    let all = asked.iter().chain(unasked);
    let view = |one| CapabilityView {
        name: ToString::to_string(one),
        asked: asked.contains(one),
        granted: plugin.capabilities.contains(one),
    };
    all.map(view).collect()
}

fn of_use(reading: Option<&PluginReading>, times: Option<&LatencyCounts>) -> UseView {
    let PluginReading { calls, micros, failures, memory_peak_bytes, host_peak_bytes } =
        reading.copied().unwrap_or_default();
    let percentile = |percent| times?.percentile_ms(percent).filter(|bound| bound.is_finite()).map(|ms| ms as u64);
    UseView {
        calls,
        failures,
        mean_us: micros.checked_div(calls),
        p99_at_most_ms: percentile(99),
        slowest_at_most_ms: percentile(100),
        memory_peak_bytes: (memory_peak_bytes > 0).then_some(memory_peak_bytes),
        // Measured together with the memory; of monitors, neither is.
        host_peak_bytes: (memory_peak_bytes > 0).then_some(host_peak_bytes),
    }
}

fn of_model(card: &RecipeCard) -> ModelView {
    let (model, device) = (&card.recipe.model, &card.device);
    let origin = model.origin.as_deref();
    let spec = origin.map(|origin| &origin.spec);
    let (report_card_state, report_card) = of_card(origin.map(|origin| &origin.report_card));
    ModelView {
        name: model.name.clone(),
        version: model.version.clone(),
        digest: model.model,
        bundle: model.bundle,
        signers: model.signers.clone(),
        format: origin.map(|origin| origin.format),
        stored_bytes: origin.map(|origin| origin.stored_bytes),
        model_bytes: origin.map(|origin| origin.model_bytes),
        labels: model.labels.clone(),
        inputs: spec.map(|spec| spec.inputs.clone()).unwrap_or_default(),
        outputs: spec.map(|spec| spec.outputs.clone()).unwrap_or_default(),
        batch_sizes: spec.map(|spec| spec.batch_sizes.clone()).unwrap_or_default(),
        logits: model.logits.clone(),
        temperature: model.temperature,
        backend: device.backend.clone(),
        library_version: card.library_version.clone(),
        devices_asked: device.asked.clone(),
        device_used: device.used.clone(),
        precision_asked: origin.map(|origin| origin.precision),
        precision_used: device.precision.clone(),
        has_reference: model.reference.is_some(),
        heatmap: model.heatmap.clone(),
        gates: origin.map(|origin| origin.gates),
        report_card_state,
        report_card,
    }
}

fn of_card(card: Option<&ReportCard>) -> (CardState, Value) {
    match card {
        None | Some(ReportCard::Absent) => (CardState::Absent, Value::Null),
        Some(ReportCard::Read(value)) => (CardState::Read, value.clone()),
        Some(ReportCard::TooLarge { .. }) => (CardState::TooLarge, Value::Null),
        Some(ReportCard::NotJson) => (CardState::NotJson, Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_measured_is_not_nothing() {
        let monitor = PluginReading { calls: 3, micros: 30, ..PluginReading::default() };
        let used = of_use(Some(&monitor), None);
        assert_eq!((used.calls, used.mean_us), (3, Some(10)));
        assert_eq!((used.memory_peak_bytes, used.host_peak_bytes), (None, None));
    }
}
