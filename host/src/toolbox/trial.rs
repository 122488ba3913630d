use super::answer::Answer;
use super::given::Given;
use crate::config::load_author_manifest;
use crate::domain::{
    BufferPool, Capability, Digest, Finding, Frame, FrameMeta, Image, InstanceMode, ModelAnswer, NamedImage,
    NamedTensor, PluginKind, PluginLimits, REPLACED_PICTURE, Settings, TensorError, Verdict, with_causes,
};
use crate::imaging::{DecodeError, DecodeLimits, decode};
use crate::pipeline::{LiveRecipe, Trace, Until, decide_on};
use crate::plugin::{
    AdmissionError, AdmittedPlugin, CacheOptions, CallOutcome, ComponentizeError, DetectInput, EngineError, HostCalls,
    LogLine, MonitorState, ObserveInput, PluginHost, PluginHostOptions, PluginSource, WIT_PACKAGE, componentize,
    idle_component,
};
use crate::trust::{BlobRole, FileError, PluginManifest, read_regular_file};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What stands around the plugin has no deadline here that it could miss.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest deadline of a manifest.
const MAX_DEADLINE_MS: u32 = 60_000;

/// Why a plugin cannot be tried. What the plugin itself does wrong is no error but an [`Answer`] with a failure.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    #[error(transparent)]
    Manifest(#[from] crate::config::ConfigErrors),
    #[error("{}: not the manifest of a plugin", path.display())]
    NotAPlugin { path: PathBuf },
    #[error("making a component of the plugin's module")]
    Component(#[from] ComponentizeError),
    #[error("the plugin engine cannot be started")]
    Engine(#[from] EngineError),
    #[error(
        "this plugin asks for inference with {models:?}: give --recipe, a station.toml whose recipe has that model"
    )]
    NeedsRecipe { models: Vec<String> },
    #[error("no station would take this plugin")]
    Admission(#[source] Box<AdmissionError>),
    #[error(transparent)]
    Read(#[from] FileError),
    #[error("{} is no picture that a station reads", path.display())]
    Decode {
        path: PathBuf,
        #[source]
        source: DecodeError,
    },
    #[error("{} cannot be used", path.display())]
    Given {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the {what} {name:?} of the frame file")]
    GivenTensor {
        what: &'static str,
        name: String,
        #[source]
        source: TensorError,
    },
    #[error("there is no setting {key:?}: [plugin.settings] of the manifest has {known}")]
    UnknownSetting { key: String, known: String },
    #[error("the setting {key:?} is {found}, expected {expected} as in [plugin.settings] of the manifest")]
    SettingType { key: String, found: &'static str, expected: &'static str },
    #[error("the recipe around the plugin gives no answer on {}: {reason}", path.display())]
    Surroundings { path: PathBuf, reason: String },
}

/// A plugin as its author has it on the disk: not signed, and a component.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub name: String,
    pub manifest: PluginManifest,
    pub component: Arc<[u8]>,
    pub digest: Digest,
}

impl Candidate {
    /// The same with all the time that a manifest can ask for: what it answers counts, not how fast this machine is.
    #[must_use]
    pub const fn patient(mut self) -> Self {
        self.manifest.limits.deadline_ms = MAX_DEADLINE_MS;
        self
    }

    /// Lays settings over the manifest's defaults, as a recipe does.
    ///
    /// # Errors
    /// When the manifest has no such setting, or one of another type.
    pub fn with_settings(mut self, settings: Settings) -> Result<Self, TrialError> {
        for (key, value) in settings {
            let Some(default) = self.manifest.settings.get(&key) else {
                let known = self.manifest.settings.keys().cloned().collect::<Vec<_>>().join(", ");
                return Err(TrialError::UnknownSetting { key, known });
            };
            if !value.fits(default) {
                let (found, expected) = (value.type_name(), default.type_name());
                return Err(TrialError::SettingType { key, found, expected });
            }
            self.manifest.settings.insert(key, value);
        }
        Ok(self)
    }

    /// Reads an author manifest and the component that it names.
    ///
    /// # Errors
    /// When the manifest has mistakes or the component is none.
    pub fn load(path: &Path) -> Result<Self, TrialError> {
        let authored = load_author_manifest(path, "1970-01-01T00:00:00Z", None)?;
        let blob = authored.blobs.iter().find(|blob| blob.role == BlobRole::Component);
        let (Some(manifest), Some(blob)) = (authored.manifest.plugin, blob) else {
            return Err(TrialError::NotAPlugin { path: path.to_owned() });
        };
        let component: Arc<[u8]> = componentize(&blob.bytes)?.into();
        let digest = Digest::of(&component);
        Ok(Self { name: authored.manifest.name, manifest, component, digest })
    }
}

impl Candidate {
    /// A plugin of a kind that answers nothing: what a call costs that does nothing.
    ///
    /// # Errors
    /// When the component cannot be made: a bug in this build.
    pub fn idle(kind: PluginKind) -> Result<Self, TrialError> {
        let component: Arc<[u8]> = idle_component(kind)?.into();
        let manifest = PluginManifest {
            world: kind,
            wit: WIT_PACKAGE.to_owned(),
            // Its functions take pictures and tensors.
            capabilities: vec![Capability::Imaging],
            limits: PluginLimits::default(),
            instance: InstanceMode::Fresh,
            warm: None,
            settings: Settings::new(),
        };
        let digest = Digest::of(&component);
        Ok(Self { name: "idle".to_owned(), manifest, component, digest })
    }
}

/// How the plugin is tried.
pub struct TrialOptions {
    /// Compiled code is kept there: components of Python and JavaScript take the compiler long.
    pub cache: Option<CacheOptions>,
    /// The most that the station would grant.
    pub caps: PluginLimits,
    pub limits: DecodeLimits,
    pub pool: BufferPool,
    /// A recipe whose model and other plugins stand around the plugin.
    pub around: Option<Arc<LiveRecipe>>,
}

/// One plugin, admitted as a station admits it, called on one picture after another.
pub struct Trial {
    // Before the host: its engine must outlive what it admitted.
    plugin: Arc<AdmittedPlugin>,
    _host: PluginHost,
    options: TrialOptions,
    state: MonitorState,
    frames: u64,
}

/// One call: what came, and what it cost.
#[derive(Debug, Clone)]
pub struct Tried {
    pub picture: PathBuf,
    /// The picture that the plugin saw.
    pub seen: Image,
    pub answer: Answer,
    /// Pictures that the plugin made; the first is the one that takes the frame's place, where there is one.
    pub images: Vec<NamedImage>,
    pub cost: Cost,
    /// Calls of host functions, by function.
    pub host_calls: HostCalls,
    pub log: Vec<LogLine>,
    pub log_dropped: u32,
}

#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Cost {
    pub micros: u64,
    /// Part of it inside host functions.
    pub host_micros: u64,
    /// Highest linear memory.
    pub memory_bytes: u64,
    /// Most bytes of pictures and tensors that the host held for it.
    pub host_bytes: u64,
    /// Bytes that host functions copied out of the plugin's memory and into it.
    pub copied_bytes: u64,
}

/// Many calls.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    pub costs: Vec<Cost>,
    /// Calls of host functions, over all of them.
    pub host_calls: HostCalls,
}

/// What the plugin is called with.
struct Evidence {
    picture: Image,
    inputs: Vec<NamedTensor>,
    outputs: Vec<NamedTensor>,
    verdict: Verdict,
    answer: Option<ModelAnswer>,
    findings: Vec<Finding>,
}

impl Cost {
    fn of(outcome: &CallOutcome<()>) -> Self {
        Self {
            micros: outcome.micros,
            host_micros: outcome.host_micros,
            memory_bytes: outcome.memory_bytes,
            host_bytes: outcome.host_bytes,
            copied_bytes: outcome.host_calls.copied_bytes(),
        }
    }
}

struct Called {
    outcome: CallOutcome<()>,
    answer: Answer,
    images: Vec<NamedImage>,
}

impl Trial {
    /// Admits the plugin with all that its manifest asks for.
    ///
    /// # Errors
    /// When no station would take it, with the reason.
    pub fn admit(candidate: Candidate, options: TrialOptions) -> Result<Self, TrialError> {
        let host = PluginHost::new(PluginHostOptions {
            cache: options.cache.clone(),
            caps: options.caps,
            pool: options.pool.clone(),
        })?;
        let Candidate { name, manifest, component, digest } = candidate;
        let warm = manifest.warm_rules();
        let around = options.around.as_deref();
        let asked_models: Vec<String> = manifest.capabilities.iter().filter_map(model_of).collect();
        if around.is_none() && !asked_models.is_empty() {
            return Err(TrialError::NeedsRecipe { models: asked_models });
        }
        let models = around.map(|live| (live.recipe.model.name.clone(), Arc::clone(&live.model)));
        let plugin = host.admit(PluginSource {
            name,
            kind: manifest.world,
            component,
            digest,
            wit: manifest.wit,
            granted: manifest.capabilities.clone(),
            asked: manifest.capabilities,
            limits: manifest.limits,
            warm,
            settings: manifest.settings,
            labels: around.map(|live| live.recipe.model.labels.clone()).unwrap_or_default(),
            reference: around.and_then(|live| live.recipe.model.reference.clone()),
            models: models.into_iter().collect::<BTreeMap<_, _>>(),
        });
        let plugin = plugin.map_err(|source| TrialError::Admission(Box::new(source)))?;
        Ok(Self { plugin, _host: host, options, state: MonitorState::new(), frames: 0 })
    }

    #[must_use]
    pub fn kind(&self) -> PluginKind {
        self.plugin.kind()
    }

    /// Calls the plugin on one picture. A monitor remembers the pictures before.
    ///
    /// # Errors
    /// When the picture cannot be read, or the recipe around the plugin fails before it is called.
    pub fn on(&mut self, path: &Path) -> Result<Tried, TrialError> {
        let (meta, evidence) = self.prepare(path)?;
        let Called { outcome, answer, images } = self.call(&meta, &evidence, Instant::now() + PATIENCE);
        Ok(Tried {
            picture: path.to_owned(),
            seen: evidence.picture,
            answer,
            images,
            cost: Cost::of(&outcome),
            host_calls: outcome.host_calls,
            log: outcome.log,
            log_dropped: outcome.log_dropped,
        })
    }

    /// Calls the plugin again and again on one picture, decoded once. A failure is an answer too, and has its cost.
    ///
    /// # Errors
    /// As [`Self::on`].
    pub fn measure(&mut self, path: &Path, calls: usize, deadline: Duration) -> Result<Measured, TrialError> {
        let (meta, evidence) = self.prepare(path)?;
        let mut measured = Measured::default();
        for _ in 0..calls {
            let outcome = self.call(&meta, &evidence, Instant::now() + deadline).outcome;
            measured.costs.push(Cost::of(&outcome));
            measured.host_calls.add(&outcome.host_calls);
        }
        Ok(measured)
    }

    fn prepare(&mut self, path: &Path) -> Result<(FrameMeta, Evidence), TrialError> {
        let bytes = read_regular_file(path, self.options.limits.max_file_bytes)?;
        let image = decode(&bytes, &self.options.limits, &self.options.pool)
            .map_err(|source| TrialError::Decode { path: path.to_owned(), source })?;
        let given = Given::beside(path)?;
        self.frames += 1;
        let meta = given.meta(self.frames, path);
        let evidence = self.evidence(path, &given, &meta, image)?;
        Ok((meta, evidence))
    }

    fn call(&mut self, meta: &FrameMeta, evidence: &Evidence, deadline: Instant) -> Called {
        let Evidence { picture, inputs, outputs, verdict, answer, findings } = evidence;
        let called = match self.kind() {
            PluginKind::Monitor => {
                let findings: Vec<&Finding> = findings.iter().collect();
                let input = ObserveInput { picture, verdict, answer: answer.as_ref(), findings: &findings, outputs };
                let (outcome, result) = parted(self.plugin.observe(meta, &input, &mut self.state, deadline));
                let answer = result.map_or_else(Answer::of_failure, |observation| Answer::of_observation(&observation));
                return Called { outcome, answer, images: Vec::new() };
            }
            PluginKind::Preprocessor => self.plugin.preprocess(meta, picture, deadline),
            PluginKind::Detector => self.plugin.detect(meta, &DetectInput { picture, inputs, outputs }, deadline),
        };
        let (outcome, result) = parted(called);
        let answer = result.as_ref().map_or_else(|failure| Answer::of_failure(failure.clone()), Answer::of_report);
        let images = result.map(|report| {
            let replaced = report.picture.map(|image| NamedImage { name: REPLACED_PICTURE.to_owned(), image });
            replaced.into_iter().chain(report.images).collect()
        });
        Called { outcome, answer, images: images.unwrap_or_default() }
    }

    /// What the plugin is called with: from the recipe around it, else from the file beside the picture.
    fn evidence(&self, path: &Path, given: &Given, meta: &FrameMeta, image: Image) -> Result<Evidence, TrialError> {
        let evidence = Evidence {
            picture: image,
            inputs: given.inputs()?,
            outputs: given.outputs()?,
            verdict: given.verdict(),
            answer: given.answer(),
            findings: given.findings.clone(),
        };
        let around = self.options.around.as_deref().filter(|_| self.kind() != PluginKind::Preprocessor);
        let Some(live) = around else { return Ok(evidence) };
        let frame = Frame { meta: meta.clone(), image: evidence.picture.clone(), picture: Digest::of(b"") };
        let until = if self.kind() == PluginKind::Detector { Until::Inference } else { Until::Detectors };
        let judged = live.look(&frame, Instant::now() + PATIENCE, &mut Trace::start(), until);
        if let Some(failure) = judged.judgement.failure.as_ref().filter(|_| self.kind() == PluginKind::Detector) {
            let reason = format!("{}: {}", failure.stage, failure.detail);
            return Err(TrialError::Surroundings { path: path.to_owned(), reason });
        }
        let verdict = decide_on(&live.recipe, &judged.judgement);
        let findings = judged.judgement.runs.iter().flat_map(|run| run.findings.clone()).collect();
        let (outputs, answer) = (judged.judgement.outputs, judged.judgement.answer);
        // Monitors see the frame's own picture, detectors what the preprocessors made of it.
        let picture = if self.kind() == PluginKind::Monitor { evidence.picture } else { judged.picture };
        Ok(Evidence { picture, inputs: judged.inputs, outputs, verdict, answer, findings })
    }
}

fn model_of(capability: &Capability) -> Option<String> {
    match capability {
        Capability::Inference(model) => Some(model.clone()),
        _ => None,
    }
}

/// The measured part of an outcome, and its result with the failure in words.
fn parted<T>(outcome: CallOutcome<T>) -> (CallOutcome<()>, Result<T, String>) {
    let CallOutcome { result, micros, host_micros, host_calls, memory_bytes, host_bytes, log, log_dropped } = outcome;
    let result = result.map_err(|failure| with_causes(&failure));
    let outcome =
        CallOutcome { result: Ok(()), micros, host_micros, host_calls, memory_bytes, host_bytes, log, log_dropped };
    (outcome, result)
}
