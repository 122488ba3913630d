use super::Trace;
use super::failing::Failing;
use crate::domain::{
    Blame, Digest, Failure, FailureCode, FailurePolicy, Frame, HEATMAP_PICTURE, Image, Judgement, MAX_FRAME_IMAGES,
    ModelAnswer, NamedImage, NamedTensor, PictureSize, PluginReport, PluginRun, PluginUse, REPLACED_PICTURE, Recipe,
    Stage, heatmap_maker, is_heatmap,
};
use crate::inference::{InferenceError, LoadedModel, softmax};
use crate::plugin::{AdmittedPlugin, CallDeadline, CallOutcome, DetectInput, LogLevel};
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Instant;

/// The seam behind which plugins and inference run: a frame in, a judgement out, nothing shared but the pixels.
pub trait Judge: Send + Sync {
    fn recipe(&self) -> &Recipe;

    /// Judges `frame` until `deadline`. Never fails: what went wrong is part of the judgement.
    fn judge(&self, frame: &Frame, deadline: Instant, trace: &mut Trace) -> Judgement;
}

/// A recipe with its plugins admitted and its model loaded. Immutable: a swap replaces the whole.
pub struct LiveRecipe {
    pub recipe: Recipe,
    pub preprocessors: Vec<Arc<AdmittedPlugin>>,
    pub model: Arc<dyn LoadedModel>,
    pub detectors: Vec<Arc<AdmittedPlugin>>,
    pub monitors: Vec<Arc<AdmittedPlugin>>,
    /// How often its plugins failed lately: the only thing that changes, and the only one that a swap forgets.
    pub(super) failing: Failing,
}

impl Judge for LiveRecipe {
    fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    fn judge(&self, frame: &Frame, deadline: Instant, trace: &mut Trace) -> Judgement {
        self.look(frame, deadline, trace, Until::Detectors).judgement
    }
}

/// How far a frame goes on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Inference,
    Detectors,
}

/// A judgement, and what the plugins behind it would see.
#[derive(Debug, Clone)]
pub struct Looked {
    pub judgement: Judgement,
    /// The frame's picture as the preprocessors left it.
    pub picture: Image,
    /// What the preprocessors gave.
    pub inputs: Vec<NamedTensor>,
}

/// The verdict is decided by a failure: nothing more runs on this frame.
struct Stopped;

/// One frame on its way through one recipe.
struct Way<'a> {
    recipe: &'a LiveRecipe,
    frame: &'a Frame,
    deadline: Instant,
    trace: &'a mut Trace,
    /// The frame's picture as the preprocessors left it.
    picture: Image,
    /// The preprocessor that gave `picture`, where one did.
    replaced_by: Option<&'a str>,
    /// What the preprocessors gave.
    inputs: Vec<NamedTensor>,
    /// What the model's heat map says of `picture`.
    heat: Option<Image>,
    judgement: Judgement,
}

impl Way<'_> {
    fn preprocess(&mut self) -> Result<(), Stopped> {
        let recipe = self.recipe;
        let places = &recipe.recipe.preprocessors;
        for (index, (plugin, place)) in recipe.preprocessors.iter().zip(places).enumerate() {
            let (meta, picture, deadline) = (&self.frame.meta, &self.picture, self.call_deadline());
            let outcome = self.trace.plugin(Stage::Preprocess, index, || plugin.preprocess(meta, picture, deadline));
            let Some(mut report) = self.account(place, outcome)? else { continue };
            if let Some(picture) = report.picture.take().filter(|picture| !picture.is_same(&self.picture)) {
                self.picture = picture;
                self.replaced_by = Some(place.name.as_str());
            }
            self.inputs.append(&mut report.tensors);
        }
        Ok(())
    }

    fn infer(&mut self) -> Result<(), Stopped> {
        let recipe = self.recipe;
        let asked = &recipe.model.spec().inputs;
        let inputs: Vec<_> =
            self.inputs.iter().filter(|tensor| asked.iter().any(|port| port.name == tensor.name)).cloned().collect();
        let deadline = self.deadline;
        let outputs = self.trace.stage(Stage::Infer, || recipe.model.infer(&inputs, deadline));
        let answer = outputs.map_err(|error| failure_of(&error)).and_then(|outputs| {
            let answer = recipe.answer(&outputs)?;
            Ok((outputs, answer))
        });
        match answer {
            Ok((outputs, answer)) => {
                self.keep_heatmap(&outputs);
                self.judgement.outputs = outputs;
                self.judgement.answer = Some(answer);
                Ok(())
            }
            Err(failure) => self.stop(failure),
        }
    }

    /// A picture to look at, and no part of the verdict: without one the frame is judged all the same.
    fn keep_heatmap(&mut self, outputs: &[NamedTensor]) {
        let model = &self.recipe.recipe.model;
        let Some(heatmap) = &model.heatmap else { return };
        let (spec, size) = (self.recipe.model.spec(), (self.picture.width(), self.picture.height()));
        let made = self.trace.stage(Stage::Infer, || super::heatmap::picture(heatmap, spec, outputs, size));
        match made {
            Ok(image) => self.heat = Some(image),
            Err(detail) => tracing::warn!(model = model.name, detail, "the heat map is not kept"),
        }
    }

    fn detect(&mut self) -> Result<(), Stopped> {
        let recipe = self.recipe;
        let places = &recipe.recipe.detectors;
        for (index, (plugin, place)) in recipe.detectors.iter().zip(places).enumerate() {
            let input = DetectInput { picture: &self.picture, inputs: &self.inputs, outputs: &self.judgement.outputs };
            let (meta, deadline) = (&self.frame.meta, self.call_deadline());
            let outcome = self.trace.plugin(Stage::Detect, index, || plugin.detect(meta, &input, deadline));
            self.account(place, outcome)?;
        }
        Ok(())
    }

    fn call_deadline(&self) -> CallDeadline {
        CallDeadline::watched(self.deadline, Arc::clone(self.trace.activity()))
    }

    /// Books one call. Gives the report, or nothing where the recipe ignores the failure.
    fn account(
        &mut self,
        place: &PluginUse,
        outcome: CallOutcome<PluginReport>,
    ) -> Result<Option<PluginReport>, Stopped> {
        log_lines(&place.name, &outcome);
        let (report, failure) = match outcome.result {
            Ok(report) => (Some(report), None),
            Err(failure) => (None, Some(failure)),
        };
        let mut run = PluginRun {
            plugin: place.name.clone(),
            kind: place.kind,
            component: place.component,
            micros: outcome.micros,
            host_micros: outcome.host_micros,
            memory_bytes: outcome.memory_bytes,
            host_bytes: outcome.host_bytes,
            findings: Vec::new(),
            attributes: Vec::new(),
            replaced: None,
            failure: failure.clone(),
        };
        let report = report.map(|mut report| {
            run.findings = std::mem::take(&mut report.findings);
            run.attributes = std::mem::take(&mut report.attributes);
            // A picture that is handed back is the frame's own.
            let other = report.picture.as_ref().filter(|image| !image.is_same(&self.picture));
            run.replaced = other.map(|image| PictureSize { width: image.width(), height: image.height() });
            let images = std::mem::take(&mut report.images);
            self.judgement.images.extend(images.into_iter().map(|image| (place.name.clone(), image)));
            report
        });
        self.judgement.runs.push(run);
        match (failure, place.on_failure) {
            (None, _) => Ok(report),
            (Some(_), FailurePolicy::IgnoreWithAlarm) => Ok(None),
            (Some(failure), policy) => {
                self.judgement.failed_by_policy = policy == FailurePolicy::Fail;
                self.stop(failure).map(|()| None)
            }
        }
    }

    fn stop(&mut self, failure: Failure) -> Result<(), Stopped> {
        self.judgement.failure = Some(failure);
        Err(Stopped)
    }
}

/// Regions of findings, and a heat map, are in the picture that the detectors saw. Where that is not the frame's own, it is kept with
/// the record: nobody could see elsewhere what a region shows.
pub(super) fn keep_replaced(judgement: &mut Judgement, plugin: &str, picture: &Image) {
    let mut findings = judgement.runs.iter().flat_map(|run| &run.findings);
    let mapped = judgement.images.iter().any(|(by, image)| is_heatmap(by, &image.name));
    if mapped || findings.any(|finding| finding.raised && finding.region.is_some()) {
        judgement.images.retain(|(by, image)| by != plugin || image.name != REPLACED_PICTURE);
        // One more than can be recorded would cost the frame its verdict.
        if judgement.images.len() < MAX_FRAME_IMAGES {
            let image = NamedImage { name: REPLACED_PICTURE.to_owned(), image: picture.clone() };
            judgement.images.push((plugin.to_owned(), image));
        }
    }
}

impl LiveRecipe {
    /// Sends a frame on its way. Never fails: what went wrong is part of the judgement, and nothing behind it ran.
    pub fn look(&self, frame: &Frame, deadline: Instant, trace: &mut Trace, until: Until) -> Looked {
        let mut way = Way {
            recipe: self,
            frame,
            deadline,
            trace,
            picture: frame.image.clone(),
            replaced_by: None,
            inputs: Vec::new(),
            heat: None,
            judgement: Judgement::default(),
        };
        // Each step stops the way once a failure has decided the verdict.
        if way.preprocess().is_ok() && way.infer().is_ok() && until == Until::Detectors {
            let _ = way.detect();
        }
        // Behind the plugins' own: one more than can be recorded would cost the frame its verdict.
        if let Some(image) = way.heat.take().filter(|_| way.judgement.images.len() < MAX_FRAME_IMAGES) {
            let image = NamedImage { name: HEATMAP_PICTURE.to_owned(), image };
            way.judgement.images.push((heatmap_maker(&self.recipe.model.name), image));
        }
        if let Some(plugin) = way.replaced_by {
            keep_replaced(&mut way.judgement, plugin, &way.picture);
        }
        Looked { judgement: way.judgement, picture: way.picture, inputs: way.inputs }
    }

    /// Puts a recipe together with what its parts became, in its order.
    #[must_use]
    pub fn new(
        recipe: Recipe,
        model: Arc<dyn LoadedModel>,
        preprocessors: Vec<Arc<AdmittedPlugin>>,
        detectors: Vec<Arc<AdmittedPlugin>>,
        monitors: Vec<Arc<AdmittedPlugin>>,
    ) -> Self {
        let failing = Failing::of(&recipe);
        Self { recipe, preprocessors, model, detectors, monitors, failing }
    }

    /// While it is on trial its failing plugins are told of, but neither taken out nor do they stop the line: who tries
    /// it goes back to the recipe before.
    pub fn set_on_trial(&self, on_trial: bool) {
        self.failing.set_on_trial(on_trial);
    }

    fn plugins(&self) -> impl Iterator<Item = &Arc<AdmittedPlugin>> {
        self.preprocessors.iter().chain(&self.detectors).chain(&self.monitors)
    }

    /// Before it drives: no instance that self-test or shadow has warmed judges a frame of the line. Takes as long as
    /// making one of each warm plugin.
    pub fn begin_anew(&self) {
        self.plugins().for_each(|plugin| plugin.begin_anew());
    }

    pub(super) fn show_warm(&self, metrics: &Metrics) {
        for plugin in self.plugins() {
            if let Some(counts) = plugin.warm_counts() {
                metrics.show_warm(plugin.name(), counts);
            }
        }
    }

    /// Softmax of the model's logits under the labels of the recipe.
    fn answer(&self, outputs: &[NamedTensor]) -> Result<ModelAnswer, Failure> {
        let wanted = &self.recipe.model;
        let bad = |detail: String| Failure::new(Stage::Infer, Blame::Model, FailureCode::BadTensor, detail);
        let logits = outputs
            .iter()
            .find(|output| output.name == wanted.logits)
            .ok_or_else(|| bad(format!("the model gave no output named {:?}", wanted.logits)))?;
        let logits = logits.tensor.as_f32().map_err(|error| bad(format!("output {:?}: {error}", wanted.logits)))?;
        if logits.len() != wanted.labels.len() {
            return Err(bad(format!("{} logits for {} labels", logits.len(), wanted.labels.len())));
        }
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Err(bad(format!("output {:?} holds a value that is not finite", wanted.logits)));
        }
        Ok(ModelAnswer {
            model: wanted.name.clone(),
            digest: wanted.model,
            device: self.model.placement().device.clone(),
            probabilities: softmax(logits, wanted.temperature),
            labels: wanted.labels.clone(),
        })
    }

    /// Digest of every component that judges, in the order of the recipe.
    pub fn components(&self) -> impl Iterator<Item = (&str, Digest)> {
        let Recipe { preprocessors, detectors, monitors, .. } = &self.recipe;
        preprocessors.iter().chain(detectors).chain(monitors).map(|place| (place.name.as_str(), place.component))
    }
}

/// What the plugin logged, under its name in the recipe.
pub(super) fn log_lines<T>(plugin: &str, outcome: &CallOutcome<T>) {
    for line in &outcome.log {
        match line.level {
            LogLevel::Debug => tracing::debug!(target: "plugin", plugin, "{}", line.text),
            LogLevel::Info => tracing::info!(target: "plugin", plugin, "{}", line.text),
            LogLevel::Warn => tracing::warn!(target: "plugin", plugin, "{}", line.text),
            LogLevel::Error => tracing::error!(target: "plugin", plugin, "{}", line.text),
        }
    }
    if outcome.log_dropped > 0 {
        tracing::warn!(target: "plugin", plugin, lines = outcome.log_dropped, "log lines over the limit are not kept");
    }
}

fn failure_of(error: &InferenceError) -> Failure {
    let (blame, code) = match error {
        InferenceError::BadTensor { .. } => (Blame::Plugin, FailureCode::BadTensor),
        InferenceError::Timeout { .. } => (Blame::Device, FailureCode::Timeout),
        InferenceError::DeviceLost { .. } | InferenceError::DeviceMissing { .. } => {
            (Blame::Device, FailureCode::DeviceLost)
        }
        InferenceError::BadModel { .. } | InferenceError::Refused { .. } => {
            (Blame::Model, FailureCode::InferenceFailed)
        }
        InferenceError::BackendMissing { .. } | InferenceError::Failed { .. } => {
            (Blame::Device, FailureCode::InferenceFailed)
        }
    };
    Failure::new(Stage::Infer, blame, code, error.to_string())
}
