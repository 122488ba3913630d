use super::catalogue::Catalogue;
use super::deploy::{DEFAULT_LOAD_MS, DEFAULT_MODEL_BYTES, DEFAULT_P95_MS, QualifyLimits};
use super::model_file::{ModelFile, open_model};
use crate::domain::{
    Capability, Digest, FailureLimit, FailurePolicy, ModelFormat, ModelGates, ModelOrigin, ModelSpec, ModelUse,
    PluginKind, PluginLimits, PluginOrigin, PluginUse, Precision, Recipe, ReportCard, Settings, WarmRules, with_causes,
};
use crate::trust::{
    BlobRole, BundleKind, Manifest, Mark, ModelManifest, ModelPin, PluginManifest, PluginPin, RecipeManifest,
    VerifiedBundle,
};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A recipe with the verified bytes that it pins.
#[derive(Debug, Clone)]
pub struct ResolvedRecipe {
    pub recipe: Recipe,
    /// In the order of the recipe: preprocessors, detectors, monitors.
    pub plugins: Vec<ResolvedPlugin>,
    pub model: ResolvedModel,
    /// What to commit once the recipe has proved itself: the recipe's own counter, and those that it pins.
    pub marks: Vec<Mark>,
    /// What it is asked for before it may drive.
    pub limits: QualifyLimits,
}

/// A plugin of a recipe, ready for admission.
#[derive(Debug, Clone)]
pub struct ResolvedPlugin {
    pub plugin: PluginUse,
    /// The WIT package that it was built against.
    pub wit: String,
    /// What its manifest asks for.
    pub asked: Vec<Capability>,
    /// When its instances are retired; none where each lives for one call.
    pub warm: Option<WarmRules>,
    pub component: Arc<[u8]>,
}

/// The model of a recipe, ready to load.
#[derive(Debug, Clone)]
pub struct ResolvedModel {
    pub name: String,
    /// Of `bytes`.
    pub digest: Digest,
    pub format: ModelFormat,
    /// Decoded, where the bundle stores the file in fewer bytes.
    pub bytes: Arc<[u8]>,
    pub weights: Option<Arc<[u8]>>,
    /// Of the model with its weights, in the bundle.
    pub stored_bytes: u64,
    pub spec: ModelSpec,
    pub devices: Vec<String>,
    pub precision: Precision,
}

/// Everything that keeps a recipe from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeProblems {
    pub recipe: String,
    pub problems: Vec<String>,
}

impl fmt::Display for RecipeProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "recipe {:?} cannot run:", self.recipe)?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for RecipeProblems {}

/// Finds what a verified recipe pins, and checks that the parts belong together. `cap` are the station's limits.
///
/// # Errors
/// With every problem at once.
pub fn resolve(
    recipe: &VerifiedBundle,
    catalogue: &Catalogue,
    cap: &PluginLimits,
) -> Result<ResolvedRecipe, RecipeProblems> {
    let manifest = recipe.manifest();
    let fail = |problems| RecipeProblems { recipe: manifest.name.clone(), problems };
    let Some(content) = &manifest.recipe else {
        return Err(fail(vec![format!("the bundle is a {}, expected a recipe", manifest.kind)]));
    };
    let mut problems = check_recipe(content, |digest| catalogue.get(digest).map(VerifiedBundle::manifest));
    if problems.iter().any(|problem| problem.contains(NOT_THERE)) {
        problems.extend(catalogue.refused().iter().map(|refused| format!("note: {}", with_causes(refused))));
    }
    if !problems.is_empty() {
        return Err(fail(problems));
    }
    assemble(recipe, content, catalogue, cap).map_err(|problem| fail(vec![problem]))
}

const NOT_THERE: &str = "is not among the verified bundles";

/// Every way in which a recipe and what it pins do not belong together. `find` knows the manifests by digest.
pub(super) fn check_recipe<'m>(recipe: &RecipeManifest, find: impl Fn(Digest) -> Option<&'m Manifest>) -> Vec<String> {
    let mut problems = Vec::new();
    for (kind, index, pin) in pins(recipe) {
        let at = format!("recipe.{kind}s[{index}]");
        check_plugin(&at, kind, pin, &recipe.model.model, find(pin.bundle), &mut problems);
    }
    let model = find(recipe.model.bundle);
    check_model(recipe, model, &mut problems);
    problems
}

/// The digests that a recipe pins, each once.
pub(super) fn pinned_digests(recipe: &RecipeManifest) -> BTreeSet<Digest> {
    pins(recipe).map(|(_, _, pin)| pin.bundle).chain([recipe.model.bundle]).collect()
}

fn pins(recipe: &RecipeManifest) -> impl Iterator<Item = (PluginKind, usize, &PluginPin)> {
    [
        (PluginKind::Preprocessor, &recipe.preprocessors),
        (PluginKind::Detector, &recipe.detectors),
        (PluginKind::Monitor, &recipe.monitors),
    ]
    .into_iter()
    .flat_map(|(kind, pins)| pins.iter().enumerate().map(move |(index, pin)| (kind, index, pin)))
}

fn check_plugin(
    at: &str,
    kind: PluginKind,
    pin: &PluginPin,
    model: &str,
    found: Option<&Manifest>,
    problems: &mut Vec<String>,
) {
    let Some(plugin) = pinned(at, BundleKind::Plugin, &pin.plugin, pin.bundle, found, problems) else { return };
    let Some(content) = &plugin.plugin else { return };
    if content.world != kind {
        problems.push(format!("{at}: {:?} is a {}, expected a {kind}", pin.plugin, content.world));
    }
    for grant in pin.grants.iter().filter(|grant| !content.capabilities.contains(grant)) {
        let asked: Vec<_> = content.capabilities.iter().map(ToString::to_string).collect();
        problems.push(format!(
            "{at}.grants: found {grant}, which {:?} does not ask for (it asks for {}); remove it",
            pin.plugin,
            asked.join(", ")
        ));
    }
    for grant in &pin.grants {
        if let Capability::Inference(wanted) = grant
            && wanted != model
        {
            problems
                .push(format!("{at}.grants: found {grant}, expected inference:{model}: the recipe has no other model"));
        }
    }
}

fn check_model(recipe: &RecipeManifest, found: Option<&Manifest>, problems: &mut Vec<String>) {
    let pin = &recipe.model;
    let Some(model) = pinned("recipe.model", BundleKind::Model, &pin.model, pin.bundle, found, problems) else {
        return;
    };
    let Some(content) = &model.model else { return };
    for label in recipe.policy.pass_labels.iter().filter(|label| !content.labels.contains(label)) {
        let labels = content.labels.join(", ");
        problems.push(format!("recipe.policy.pass_labels: found {label:?}, expected labels of the model: {labels}"));
    }
}

/// The manifest behind a pin, if it is what the pin says.
fn pinned<'m>(
    at: &str,
    kind: BundleKind,
    name: &str,
    digest: Digest,
    found: Option<&'m Manifest>,
    problems: &mut Vec<String>,
) -> Option<&'m Manifest> {
    let Some(manifest) = found else {
        problems
            .push(format!("{at}: {kind} {name:?} with digest {digest} {NOT_THERE}; copy it into the bundle folder, in place of one that is damaged"));
        return None;
    };
    if manifest.kind != kind || manifest.name != name {
        problems.push(format!(
            "{at}: digest {digest} is that of {} {:?}, expected {kind} {name:?}",
            manifest.kind, manifest.name
        ));
        return None;
    }
    Some(manifest)
}

/// Puts the checked parts together; the error names a part that is not there after all.
fn assemble(
    recipe: &VerifiedBundle,
    content: &RecipeManifest,
    catalogue: &Catalogue,
    cap: &PluginLimits,
) -> Result<ResolvedRecipe, String> {
    let manifest = recipe.manifest();
    let mut plugins = Vec::new();
    let mut marks = vec![recipe.mark()];
    for (kind, _, pin) in pins(content) {
        let bundle = catalogue.get(pin.bundle).ok_or_else(|| format!("plugin {:?} {NOT_THERE}", pin.plugin))?;
        plugins.push(resolve_plugin(kind, pin, content.failures, bundle, cap)?);
        marks.push(bundle.mark());
    }
    let bundle = catalogue.get(content.model.bundle).ok_or_else(|| format!("the model {NOT_THERE}"))?;
    marks.push(bundle.mark());
    let limits = QualifyLimits {
        max_model_bytes: content.max_model_bytes.unwrap_or(DEFAULT_MODEL_BYTES),
        max_load_ms: content.max_load_ms.unwrap_or(DEFAULT_LOAD_MS),
        max_p95_ms: content.max_p95_ms.unwrap_or(DEFAULT_P95_MS.min(content.frame_budget_ms)),
    };
    let (model_use, model) = resolve_model(&content.model, bundle, &limits)?;
    let of =
        |kind| plugins.iter().map(|plugin| &plugin.plugin).filter(move |plugin| plugin.kind == kind).cloned().collect();
    let recipe = Recipe {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        digest: recipe.digest(),
        signers: recipe.signers(),
        preprocessors: of(PluginKind::Preprocessor),
        model: model_use,
        detectors: of(PluginKind::Detector),
        monitors: of(PluginKind::Monitor),
        policy: content.policy.clone(),
        frame_budget_ms: content.frame_budget_ms,
    };
    Ok(ResolvedRecipe { recipe, plugins, model, marks, limits })
}

fn resolve_plugin(
    kind: PluginKind,
    pin: &PluginPin,
    recipe_failures: Option<FailureLimit>,
    bundle: &VerifiedBundle,
    cap: &PluginLimits,
) -> Result<ResolvedPlugin, String> {
    let missing = || format!("bundle {} is not a whole plugin", bundle.digest());
    let content: &PluginManifest = bundle.manifest().plugin.as_ref().ok_or_else(missing)?;
    let (wit, asked, warm) = (content.wit.clone(), content.capabilities.clone(), content.warm_rules());
    let origin = PluginOrigin { wit: wit.clone(), asked: asked.clone(), limits: content.limits, caps: *cap, warm };
    let plugin = PluginUse {
        name: pin.plugin.clone(),
        kind,
        component: bundle.blob_digest(BlobRole::Component).ok_or_else(missing)?,
        bundle: bundle.digest(),
        version: bundle.manifest().version.to_string(),
        signers: bundle.signers(),
        capabilities: pin.grants.iter().filter(|grant| content.capabilities.contains(grant)).cloned().collect(),
        settings: overlaid(&content.settings, &pin.settings),
        limits: content.limits.capped_by(cap),
        on_failure: pin.on_failure.unwrap_or(FailurePolicy::default_for(kind)),
        failures: pin.failures.or(recipe_failures).unwrap_or_default(),
        origin,
    };
    let component = bundle.blob(BlobRole::Component).ok_or_else(missing)?;
    Ok(ResolvedPlugin { plugin, wit, asked, warm, component })
}

fn overlaid(defaults: &Settings, over: &Settings) -> Settings {
    let mut settings = defaults.clone();
    settings.extend(over.iter().map(|(key, value)| (key.clone(), value.clone())));
    settings
}

fn resolve_model(
    pin: &ModelPin,
    bundle: &VerifiedBundle,
    limits: &QualifyLimits,
) -> Result<(ModelUse, ResolvedModel), String> {
    let missing = || format!("bundle {} is not a whole model", bundle.digest());
    let content: &ModelManifest = bundle.manifest().model.as_ref().ok_or_else(missing)?;
    let ModelFile { bytes, digest, weights, stored_bytes } = open_model(bundle)?;
    let reference = match bundle.blob(BlobRole::Reference) {
        None => None,
        Some(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Some(Arc::from(text)),
            Err(_) => return Err(format!("model {:?}: its reference blob is no text, expected JSON", pin.model)),
        },
    };
    let model = ResolvedModel {
        name: pin.model.clone(),
        digest,
        format: content.format,
        bytes,
        weights,
        stored_bytes,
        spec: content.spec.clone(),
        devices: pin.devices.clone(),
        precision: pin.precision,
    };
    let report_card = ReportCard::of(bundle.blob(BlobRole::ReportCard).as_deref());
    let origin = model_origin(&model, limits, report_card);
    let model_use = ModelUse {
        name: pin.model.clone(),
        version: bundle.manifest().version.to_string(),
        model: digest,
        bundle: bundle.digest(),
        signers: bundle.signers(),
        labels: content.labels.clone(),
        devices: pin.devices.clone(),
        logits: content.logits.clone(),
        temperature: content.temperature,
        reference,
        heatmap: content.heatmap.clone(),
        origin: Some(Arc::new(origin)),
    };
    Ok((model_use, model))
}

fn model_origin(model: &ResolvedModel, limits: &QualifyLimits, report_card: ReportCard) -> ModelOrigin {
    let QualifyLimits { max_model_bytes, max_load_ms, max_p95_ms } = *limits;
    let weights = model.weights.as_ref().map_or(0, |weights| weights.len());
    ModelOrigin {
        format: model.format,
        stored_bytes: model.stored_bytes,
        model_bytes: (model.bytes.len() + weights) as u64,
        spec: model.spec.clone(),
        precision: model.precision,
        gates: ModelGates { max_model_bytes, max_load_ms, max_p95_ms },
        report_card,
    }
}
