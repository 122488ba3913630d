//! How a station is put together from its configuration: the only place that knows all parts.

use crate::config::{Catalogue, ResolvedModel, ResolvedPlugin, ResolvedRecipe, StationConfig, resolve};
use crate::deploy::{
    FirstQualification, Installed, InstalledRecipe, Qualification, Ready, RecordedRecipes, StartLimit, TrustFile,
    Workshop, qualify, self_tests, within,
};
use crate::domain::{BufferPool, Digest, PluginKind, QualityCheck, Recipe, with_causes};
use crate::imaging::DecodeLimits;
use crate::inference::{BackendOptions, Backends, DeviceRequest, LoadOptions, LoadedModel, ModelSource};
use crate::journal::{Journal, JournalOptions, KeepDays};
use crate::pipeline::{InspectContext, Judge, LineEnd, LiveRecipe, now_us};
use crate::plugin::{AdmittedPlugin, CacheOptions, PluginHost, PluginHostOptions, PluginSource};
use crate::trust::{BundleKind, Counters, VerifiedBundle, VerifyPolicy, inspect, read_bundle, verify};
use anyhow::{Context as _, bail};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Free pixel buffers that are kept: a few frames in flight, each with a few pictures.
const POOL_BUFFERS: usize = 64;
/// A larger buffer is given back to the system: 16 MP in colour.
const POOL_BUFFER_BYTES: usize = 48 << 20;

/// Where a recipe is to judge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// It drives, or may drive.
    Line,
    /// One frame at a time, and nobody on the line waits for it.
    Beside,
}

/// The parts of a station that judge: everything but the journal, the sources and the admin.
pub struct Assembly {
    pub config: StationConfig,
    pub catalogue: Catalogue,
    pub backends: Backends,
    pub plugins: PluginHost,
    pub context: InspectContext,
    pub trust: Arc<TrustFile>,
}

impl Assembly {
    /// Reads trust store and bundles, finds the backends and starts the plugin engine.
    pub fn open(config: StationConfig) -> anyhow::Result<Self> {
        let trust = TrustFile::open(&config.trust)
            .with_context(|| format!("the trust store {} cannot be used", config.trust.display()))?;
        let catalogue = Catalogue::read(&config.bundles_dir, &trust.store(), &VerifyPolicy::run())?;
        let backends = Backends::discover(&BackendOptions {
            openvino_dir: config.inference.openvino_dir.clone(),
            onnxruntime_dir: config.inference.onnxruntime_dir.clone(),
            order: config.inference.order.clone(),
        });
        let pool = BufferPool::new(POOL_BUFFERS, POOL_BUFFER_BYTES);
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("the data folder {} cannot be made", config.data_dir.display()))?;
        let secret = super::secret::load_or_make(&config.data_dir.join("station.secret"))?;
        let cache = Some(CacheOptions { dir: config.data_dir.join("compiled"), secret });
        let plugins = PluginHost::new(PluginHostOptions { cache, caps: config.plugin_limits, pool: pool.clone() })
            .context("the plugin engine cannot be started")?;
        let limits = DecodeLimits {
            max_file_bytes: config.image_limits.max_file_bytes,
            max_width: config.image_limits.max_width,
            max_height: config.image_limits.max_height,
            max_pixels: config.image_limits.max_pixels,
        };
        Ok(Self {
            config,
            catalogue,
            backends,
            plugins,
            context: InspectContext { limits, pool },
            trust: Arc::new(trust),
        })
    }

    /// The recipe that this station runs: the one of station.toml, or what was deployed over it since. Verified,
    /// resolved, admitted, loaded; one that is new here also has to answer its self-test. `tell` hears how far it is.
    ///
    /// Counters do not move yet: [`Configured::commit`] does that once the recipe really judges.
    pub fn configured_recipe(self: &Arc<Self>, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Configured> {
        let path = &self.config.recipe;
        let installed = Installed::at(&self.config.data_dir).read();
        let bytes = match read_bundle(path).with_context(|| format!("the recipe {} cannot be read", path.display())) {
            Ok(bytes) => bytes,
            // It does not run any more: what was deployed over it does.
            Err(error) => match installed.filter(|all| all.configured.is_some_and(|file| file != all.recipe)) {
                Some(deployed) => {
                    tell(&format!("ALARM: {error:#}; the deployed recipe runs without it"));
                    tracing::error!(error = format!("{error:#}"), "the recipe of station.toml cannot be read");
                    let ready = self.deployed_recipe(deployed.recipe)?;
                    return Ok(Configured { ready, installed: deployed });
                }
                None => return Err(error),
            },
        };
        // Only compared: what runs is verified below.
        let configured = inspect(&bytes).ok().map(|bundle| bundle.digest);
        let unchanged = |all: &InstalledRecipe| configured.is_some() && configured == all.configured;
        let deployed = installed.filter(|all| unchanged(all) && configured != Some(all.recipe));
        if let Some(deployed) = deployed {
            match self.deployed_recipe(deployed.recipe) {
                Ok(ready) => return Ok(Configured { ready, installed: deployed }),
                Err(error) => {
                    tell(&format!("ALARM: the deployed recipe cannot run, that of station.toml does: {error:#}"));
                    tracing::error!(error = format!("{error:#}"), "the deployed recipe cannot run");
                }
            }
        }
        let (ready, digest) = self.file_recipe(&bytes, installed, tell)?;
        // What was deployed is the station's again once it can run.
        let installed = deployed.unwrap_or_else(|| {
            let previous = installed.and_then(|all| if all.recipe == digest { all.previous } else { Some(all.recipe) });
            InstalledRecipe { recipe: digest, previous, configured: Some(digest) }
        });
        Ok(Configured { ready, installed })
    }

    /// The recipe of station.toml, with its digest.
    fn file_recipe(
        self: &Arc<Self>,
        bytes: &[u8],
        installed: Option<InstalledRecipe>,
        tell: &mut dyn FnMut(&str),
    ) -> anyhow::Result<(Ready, Digest)> {
        let refused = || format!("the recipe {} is refused", self.config.recipe.display());
        // What ran here before may go on, whatever has expired since; anything else has to pass as a new install.
        let policy = VerifyPolicy::run().only(BundleKind::Recipe);
        let known = verify(bytes, &self.trust.store(), &policy).with_context(refused)?;
        let ready = match installed {
            Some(installed) if installed.knows(known.digest()) => self.ready_in_time(&known, None)?,
            _ => self.new_recipe(bytes, tell).with_context(refused)?,
        };
        Ok((ready, known.digest()))
    }

    /// A recipe that never ran here.
    fn new_recipe(self: &Arc<Self>, bytes: &[u8], tell: &mut dyn FnMut(&str)) -> anyhow::Result<Ready> {
        let counters = self.counters()?;
        // A clock that was set back does not bring back what has expired.
        let now = counters.latest_time().max(jiff::Timestamp::now());
        let install = VerifyPolicy::install().at(now);
        let policy = install.only(BundleKind::Recipe).not_before(&counters);
        let store = self.trust.store();
        let new = verify(bytes, &store, &policy)?;
        let catalogue = Catalogue::read(&self.config.bundles_dir, &store, &install)?;
        let ready = self.ready_in_time(&new, Some(catalogue))?;
        let (ready, qualification) = self.qualify_in_time(ready, tell)?;
        if !qualification.passed() {
            bail!("it is not qualified for this station:\n{}", quality_table(&qualification.checks));
        }
        let first = FirstQualification::at(&self.config.data_dir);
        if let Err(error) = first.set(new.digest(), now_us(), &qualification.checks) {
            // It is only shown: no reason to refuse a recipe that has qualified.
            tracing::warn!(error = with_causes(&error), "what the qualification found is not kept");
        }
        Ok(ready)
    }

    /// Makes a recipe ready in the time that a deployment has for it; `catalogue` is the station's where none is given.
    fn ready_in_time(self: &Arc<Self>, bundle: &VerifiedBundle, catalogue: Option<Catalogue>) -> anyhow::Result<Ready> {
        let (parts, bundle, seconds) = (Arc::clone(self), bundle.clone(), self.config.deploy.compile_seconds);
        let limit = StartLimit { what: "admitting the plugins and loading the model", seconds, key: "compile_seconds" };
        let build = move |_: &dyn Fn() -> bool| {
            parts.ready(&bundle, catalogue.as_ref().unwrap_or(&parts.catalogue), Side::Line)
        };
        within(limit, || (), build)?
    }

    /// The same for its self-test.
    fn qualify_in_time(
        self: &Arc<Self>,
        ready: Ready,
        tell: &mut dyn FnMut(&str),
    ) -> anyhow::Result<(Ready, Qualification)> {
        let (parts, seconds) = (Arc::clone(self), self.config.deploy.qualification_seconds);
        let limit = StartLimit { what: "the recipe's self-test", seconds, key: "qualification_seconds" };
        let (say, said) = crossbeam_channel::bounded::<String>(16);
        let work = move |given_up: &dyn Fn() -> bool| {
            // Two lines are said in all; who does not hear them misses nothing that counts.
            let mut tell = |text: &str, _: &[QualityCheck]| {
                if !text.is_empty() {
                    drop(say.try_send(text.to_owned()));
                }
            };
            let found = qualify(&ready, &parts.context, &mut tell, given_up);
            ready.live.begin_anew();
            (ready, found)
        };
        let outcome = within(limit, || said.try_iter().for_each(|text| tell(&text)), work);
        said.try_iter().for_each(|text| tell(&text));
        Ok(outcome?)
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        Ok(Counters::open(&self.config.data_dir.join("counters.json"))?)
    }

    /// A recipe among the bundles that were there at the start, by digest: what judged an old frame.
    pub fn recorded_recipe(&self, digest: Digest) -> anyhow::Result<Ready> {
        self.ready(self.among(&self.catalogue, digest)?, &self.catalogue, Side::Line)
    }

    fn deployed_recipe(self: &Arc<Self>, digest: Digest) -> anyhow::Result<Ready> {
        self.ready_in_time(self.among(&self.catalogue, digest)?, None)
    }

    fn among<'c>(&self, catalogue: &'c Catalogue, digest: Digest) -> anyhow::Result<&'c VerifiedBundle> {
        catalogue.get(digest).with_context(|| {
            let folder = self.config.bundles_dir.display();
            format!("no verified bundle in {folder} has the digest {digest}: put the recipe of that day there")
        })
    }

    fn ready(&self, bundle: &VerifiedBundle, catalogue: &Catalogue, side: Side) -> anyhow::Result<Ready> {
        let ResolvedRecipe { mut recipe, plugins, model, marks, limits } =
            resolve(bundle, catalogue, &self.config.plugin_limits)?;
        recipe.model.reference = recipe.model.reference.map(|text| compact(&text));
        let mut tests = Vec::new();
        for bundle in [Some(bundle), catalogue.get(recipe.model.bundle)].into_iter().flatten() {
            tests.extend(self_tests(bundle, &recipe.model.labels).map_err(anyhow::Error::msg)?);
        }
        let model_bytes = model.stored_bytes;
        let decoded_bytes = model.bytes.len() as u64 + model.weights.as_ref().map_or(0, |weights| weights.len() as u64);
        let decoded_bytes = (decoded_bytes != model_bytes).then_some(decoded_bytes);
        let begin = Instant::now();
        let model = self.load_model(model, side)?;
        let load_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut by_kind = BTreeMap::<&str, Vec<Arc<AdmittedPlugin>>>::new();
        for resolved in plugins {
            let kind = resolved.plugin.kind.name();
            by_kind.entry(kind).or_default().push(self.admit(resolved, &recipe, &model, side)?);
        }
        let mut take = |kind: PluginKind| by_kind.remove(kind.name()).unwrap_or_default();
        let preprocessors = take(PluginKind::Preprocessor);
        let detectors = take(PluginKind::Detector);
        let monitors = take(PluginKind::Monitor);
        let live = Arc::new(LiveRecipe::new(recipe, model, preprocessors, detectors, monitors));
        Ok(Ready { live, marks, limits, model_bytes, decoded_bytes, load_ms, self_tests: tests })
    }

    fn load_model(&self, model: ResolvedModel, side: Side) -> anyhow::Result<Arc<dyn LoadedModel>> {
        let ResolvedModel { name, digest, format, bytes, weights, spec, devices, precision, .. } = model;
        let source = ModelSource { name, digest, format, bytes, weights, spec };
        let request = DeviceRequest { wish: devices, precision };
        let options = LoadOptions {
            threads: self.config.inference.threads,
            parallel: if side == Side::Beside { 1 } else { self.config.inference.parallel },
            // OpenVINO would run what lies in its cache without asking whether the station put it there; compiling
            // anew costs a start some tenths of a second.
            cache_dir: None,
        };
        let loaded = self.backends.load(&source, &request, &options);
        loaded.with_context(|| format!("the model {:?} cannot be used{}", source.name, self.missing_backends()))
    }

    /// Why a backend that was asked for is not there, as a clause; empty where all are.
    fn missing_backends(&self) -> String {
        let missing = self.backends.missing();
        let reasons: Vec<String> = missing.iter().map(|(name, reason)| format!("{name}: {reason}")).collect();
        if reasons.is_empty() { String::new() } else { format!(" (not available: {})", reasons.join("; ")) }
    }

    fn admit(
        &self,
        resolved: ResolvedPlugin,
        recipe: &Recipe,
        model: &Arc<dyn LoadedModel>,
        side: Side,
    ) -> anyhow::Result<Arc<AdmittedPlugin>> {
        let ResolvedPlugin { plugin, wit, asked, warm, component } = resolved;
        let name = plugin.name.clone();
        let source = PluginSource {
            name: plugin.name,
            kind: plugin.kind,
            component,
            digest: plugin.component,
            wit,
            asked,
            granted: plugin.capabilities,
            limits: plugin.limits,
            warm,
            settings: plugin.settings,
            labels: recipe.model.labels.clone(),
            reference: recipe.model.reference.clone(),
            models: BTreeMap::from([(recipe.model.name.clone(), Arc::clone(model))]),
        };
        let admitted = match side {
            Side::Line => self.plugins.admit(source),
            Side::Beside => self.plugins.admit_beside(source),
        };
        admitted.with_context(|| format!("the plugin {name:?} is not admitted"))
    }
}

/// The same JSON without white space: plugins read it anew for every frame. Text that is no JSON stays as it is.
pub(super) fn compact(text: &Arc<str>) -> Arc<str> {
    let value = serde_json::from_str::<serde_json::Value>(text);
    value.map_or_else(|_| Arc::clone(text), |value| value.to_string().into())
}

impl Workshop for Assembly {
    fn build(&self, recipe: &VerifiedBundle, catalogue: &Catalogue) -> Result<Ready, String> {
        self.ready(recipe, catalogue, Side::Line).map_err(|error| format!("{error:#}"))
    }

    fn context(&self) -> &InspectContext {
        &self.context
    }
}

impl RecordedRecipes for Assembly {
    fn recorded(&self, recipe: Digest) -> Result<Arc<dyn Judge>, String> {
        // Read anew: what was deployed since the start is there, and what was revoked is not.
        let folder = &self.config.bundles_dir;
        let catalogue = Catalogue::read_recipe(folder, recipe, &self.trust.store(), &VerifyPolicy::run());
        let ready = catalogue.map_err(anyhow::Error::from).and_then(|catalogue| {
            let bundle = self.among(&catalogue, recipe)?;
            self.ready(bundle, &catalogue, Side::Beside)
        });
        let ready = ready.map_err(|error| format!("{error:#}"))?;
        Ok(ready.live)
    }

    fn context(&self) -> &InspectContext {
        &self.context
    }
}

/// What was asked and what was found, a line for each check.
pub(super) fn quality_table(checks: &[QualityCheck]) -> String {
    let width = |text: fn(&QualityCheck) -> &str| checks.iter().map(|check| text(check).len()).max().unwrap_or(0);
    let (what, asked) = (width(|check| &check.what), width(|check| &check.asked));
    let line = |check: &QualityCheck| {
        let mark = if check.passed { "ok    " } else { "FAILED" };
        format!("  {mark}  {:what$}  asked {:asked$}  found {}", check.what, check.asked, check.found)
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A recipe that could run, and what remains to be written once it does.
pub struct Configured {
    pub ready: Ready,
    installed: InstalledRecipe,
}

impl Configured {
    /// The recipe that station.toml names.
    pub fn configured(&self) -> Option<Digest> {
        self.installed.configured
    }

    /// Moves the counters against older releases and remembers the recipe as installed.
    pub fn commit(&self, parts: &Assembly) -> anyhow::Result<()> {
        parts.counters()?.commit(&self.ready.marks, jiff::Timestamp::now())?;
        Ok(Installed::at(&parts.config.data_dir).set(&self.installed)?)
    }
}

/// Opens the journal that the configuration names, or one in `folder` instead.
pub fn open_journal(config: &StationConfig, folder: Option<&Path>) -> anyhow::Result<Arc<Journal>> {
    let dir = folder.unwrap_or(&config.data_dir);
    let journal = Journal::open(journal_options(config, dir))
        .with_context(|| format!("the journal in {} cannot be opened", dir.display()))?;
    Ok(Arc::new(journal))
}

/// What the configuration says of the journal, for one below `dir`.
pub(super) fn journal_options(config: &StationConfig, dir: &Path) -> JournalOptions {
    let days = &config.journal.retention_days;
    JournalOptions {
        image_quota_bytes: config.journal.image_quota_bytes,
        keep_days: KeepDays { fail: days.fail, undecided: days.undecided, flagged: days.flagged, pass: days.pass },
        review_one_in: config.journal.review_pass_one_in,
        ..JournalOptions::new(&dir.join("journal"), &config.station)
    }
}

/// Says what hangs where a line did not end whole. The process ends all the same: what hangs goes with it.
pub(super) fn report_end(end: &LineEnd) {
    if end.hanging_lanes > 0 {
        eprintln!("{} lanes hang in a plugin or a device: their frames are recorded as undecided", end.hanging_lanes);
    }
    if !end.left.is_empty() {
        eprintln!("the line ended without {}: it hangs; frames that it held may have no record", end.left.join(", "));
    }
}
