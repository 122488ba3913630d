//! Builds a conformance plugin as its author would, and calls it in the real host as a case says.

use super::case::Case;
use super::frame::picture;
use crate::fake_model::{FakeModel, Mood};
use anyhow::{Context as _, Result, ensure};
use assay::config::{Language, no_limits};
use assay::domain::{
    BufferPool, Capability, Failure, Finding, Image, PluginKind, PluginLimits, SettingValue, WarmRules, with_causes,
};
use assay::inference::LoadedModel;
use assay::plugin::{
    AdmittedPlugin, CacheOptions, CallOutcome, DetectInput, LogLine, MonitorState, ObserveInput, PluginHost,
    PluginHostOptions, PluginSource,
};
use assay::toolbox::{Answer, Candidate};
use assay_tests::artifacts::root;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a call may take where the case is not about time: machines that run tests are slow at times.
const PATIENT_MS: u32 = 60_000;

pub fn project(language: Language, world: PluginKind) -> PathBuf {
    root().join("tests/conformance").join(language.name()).join(world.name())
}

/// Builds the plugin with `assay plugin build`.
pub fn build(language: Language, world: PluginKind) -> Result<Candidate> {
    crate::languages::succeeds(&project(language, world), &["build"])?;
    let manifest = project(language, world).join("plugin.toml");
    let candidate = Candidate::load(&manifest)?;
    let found = candidate.manifest.world;
    ensure!(found == world, "{} is the manifest of a {found}", manifest.display());
    Ok(candidate)
}

/// Whether instances serve one call or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instances {
    Fresh,
    Warm,
}

/// What became of a case.
#[derive(Debug)]
pub enum Seen {
    /// Before it ran.
    Refused(String),
    Called(Vec<Call>),
}

#[derive(Debug)]
pub struct Call {
    pub result: Result<Answer, Failure>,
    pub log: Vec<LogLine>,
    pub log_dropped: u32,
    /// Whether the monitor's state is another than before the call.
    pub state_changed: bool,
}

impl Call {
    fn of<T>(outcome: CallOutcome<T>, answer: impl FnOnce(&T) -> Answer) -> Self {
        let CallOutcome { result, log, log_dropped, .. } = outcome;
        Self { result: result.map(|given| answer(&given)), log, log_dropped, state_changed: false }
    }
}

/// A host with a cache, so that a component is compiled once for all cases.
pub struct Bench {
    host: PluginHost,
    picture: Image,
    model: Arc<dyn LoadedModel>,
    _cache: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let cache = CacheOptions { dir: dir.path().to_owned(), secret: [7; 32] };
        let caps = PluginLimits { deadline_ms: PATIENT_MS, ..no_limits().0 };
        let pool = BufferPool::new(8, 64 << 20);
        let host = PluginHost::new(PluginHostOptions { cache: Some(cache), caps, pool })?;
        let model: Arc<dyn LoadedModel> = Arc::new(FakeModel::new(Mood::Sums));
        Ok(Self { host, picture: picture(), model, _cache: dir })
    }

    /// The case from its first call to its last. Warm, it runs twice: the second time on the instance of the first.
    pub fn run(&self, case: &Case, candidate: &Candidate, instances: Instances) -> Result<Vec<Seen>> {
        let plugin = match self.host.admit(self.source(case, candidate, instances)?) {
            Ok(plugin) => plugin,
            Err(error) => return Ok(vec![Seen::Refused(with_causes(&error))]),
        };
        let rounds = if instances == Instances::Warm { 2 } else { 1 };
        (0..rounds).map(|_| self.calls(case, &plugin).map(Seen::Called)).collect()
    }

    fn source(&self, case: &Case, candidate: &Candidate, instances: Instances) -> Result<PluginSource> {
        let setting = ("case".to_owned(), SettingValue::Text(case.case.clone()));
        let settings = case.settings.clone().into_iter().chain([setting]).collect();
        let Candidate { name, manifest, component, digest } = candidate.clone().with_settings(settings)?;
        let asked = remaining(&manifest.capabilities, case.without.as_ref())?;
        let granted = remaining(&asked, case.ungranted.as_ref())?;
        Ok(PluginSource {
            name,
            kind: manifest.world,
            component,
            digest,
            asked,
            granted,
            limits: case.limits(manifest.limits, PATIENT_MS)?,
            warm: (instances == Instances::Warm).then(WarmRules::default),
            settings: manifest.settings,
            labels: case.labels.clone(),
            reference: case.reference.as_deref().map(Into::into),
            models: [("demo".to_owned(), Arc::clone(&self.model))].into(),
            wit: manifest.wit,
        })
    }

    fn calls(&self, case: &Case, plugin: &AdmittedPlugin) -> Result<Vec<Call>> {
        let mut state = MonitorState::new();
        let count = case.calls.as_ref().map_or(1, Vec::len);
        (1..=count).map(|number| self.call(case, plugin, number as u64, &mut state)).collect()
    }

    fn call(&self, case: &Case, plugin: &AdmittedPlugin, number: u64, state: &mut MonitorState) -> Result<Call> {
        let (given, picture) = (&case.frame, &self.picture);
        let (meta, inputs, outputs) = (given.meta(number), given.inputs()?, given.outputs()?);
        let far = Instant::now() + Duration::from_millis(u64::from(PATIENT_MS));
        Ok(match case.world {
            PluginKind::Preprocessor => Call::of(plugin.preprocess(&meta, picture, far), Answer::of_report),
            PluginKind::Detector => {
                let input = DetectInput { picture, inputs: &inputs, outputs: &outputs };
                Call::of(plugin.detect(&meta, &input, far), Answer::of_report)
            }
            PluginKind::Monitor => {
                let (verdict, answer, findings) = (given.verdict(), given.answer(), given.findings());
                let findings: Vec<&Finding> = findings.iter().collect();
                let (answer, findings) = (answer.as_ref(), findings.as_slice());
                let input = ObserveInput { picture, verdict: &verdict, answer, findings, outputs: &outputs };
                let before = state.clone();
                let call = Call::of(plugin.observe(&meta, &input, state, far), Answer::of_observation);
                Call { state_changed: *state != before, ..call }
            }
        })
    }
}

/// All but one, which has to be there.
fn remaining(all: &[Capability], without: Option<&Capability>) -> Result<Vec<Capability>> {
    let Some(without) = without else { return Ok(all.to_vec()) };
    let rest: Vec<Capability> = all.iter().filter(|capability| *capability != without).cloned().collect();
    (rest.len() < all.len()).then_some(rest).with_context(|| format!("its manifest does not ask for {without}"))
}
