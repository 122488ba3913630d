//! A station without wasm: recipes whose behaviour stands in their description, on a line that never ends by itself.

use crate::config::{Catalogue, DeployConfig, QualifyLimits};
use crate::deploy::*;
use crate::domain::*;
use crate::imaging::{DecodeLimits, encode_png};
use crate::inference::{InferenceError, LoadedModel, Placement};
use crate::journal::Ledger;
use crate::pipeline::*;
use crate::plugin::MonitorState;
use crate::source::{Arrival, LostTriggers, Outlet, Source, StopFlag};
use crate::trust::{
    BundleKind, KeyId, Manifest, ModelPin, NewBlob, PluginPin, PrivateKey, RecipeManifest, SCHEMA, TrustStore,
    TrustedKey, VerifiedBundle, VerifyPolicy, pack, sign, verify,
};
use crossbeam_channel::{Receiver, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const LONG: Duration = Duration::from_secs(60);

/// A model whose answer is fixed, or which fails. On the self-test picture it may answer otherwise.
struct FakeModel {
    spec: ModelSpec,
    placement: Placement,
    behaviour: String,
}

impl LoadedModel for FakeModel {
    fn name(&self) -> &str {
        "surface"
    }
    fn digest(&self) -> Digest {
        Digest::of(b"model")
    }
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn placement(&self) -> &Placement {
        &self.placement
    }
    fn infer(&self, _: &[NamedTensor], _: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        let model = "surface".to_owned();
        let logits = match self.behaviour.as_str() {
            "pass" | "warm" => [5.0f32, 0.0],
            "reject" => [0.0, 5.0],
            "gated" => {
                GATED_CALLS.fetch_add(1, Ordering::AcqRel);
                while !GATE_OPEN.load(Ordering::Acquire) {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
                std::thread::park_timeout(Duration::from_millis(20));
                [5.0, 0.0]
            }
            "stuck" => loop {
                std::thread::park();
            },
            "hang" => loop {
                HANGING.store(true, Ordering::Release);
                std::thread::park();
            },
            "late" => return Err(InferenceError::Timeout { model }),
            "lost" => return Err(InferenceError::DeviceLost { model, device: "NPU".into(), detail: "reset".into() }),
            _ => return Err(InferenceError::Failed { backend: "tract", model, detail: "broken".into() }),
        };
        let tensor = Tensor::from_f32(&[1, 2], &logits).unwrap();
        Ok(vec![NamedTensor { name: "logits".into(), tensor }])
    }
}

fn png() -> Arc<[u8]> {
    let image = Image::new(8, 6, PixelFormat::Rgb8, vec![100; 8 * 6 * 3].into()).unwrap();
    encode_png(&image).unwrap().into()
}

/// How often a gated model was asked. Its first answers wait for the gate, each then takes a while.
pub static GATED_CALLS: AtomicUsize = AtomicUsize::new(0);
pub static GATE_OPEN: AtomicBool = AtomicBool::new(false);

/// Lets workshops that are held go on.
pub static HELD_OPEN: AtomicBool = AtomicBool::new(false);

/// A model hangs.
pub static HANGING: AtomicBool = AtomicBool::new(false);

pub fn live(bundle: &VerifiedBundle) -> LiveRecipe {
    let manifest = bundle.manifest();
    let behaviour = manifest.description.clone().unwrap();
    let device =
        DeviceUse { backend: "fake".into(), asked: vec!["CPU".into()], used: "CPU".into(), precision: "exact".into() };
    let spec = ModelSpec { inputs: vec![], outputs: vec![], batch_sizes: vec![1] };
    let placement = Placement { device, library_version: "1".into() };
    let content = manifest.recipe.as_ref().unwrap();
    let usual = test_recipe::recipe();
    let recipe = Recipe {
        name: manifest.name.clone(),
        version: manifest.version.to_string(),
        digest: bundle.digest(),
        signers: bundle.signers(),
        model: ModelUse { bundle: content.model.bundle, signers: bundle.signers(), ..usual.model },
        policy: content.policy.clone(),
        frame_budget_ms: content.frame_budget_ms,
        ..usual
    };
    let model = Arc::new(FakeModel { spec, placement, behaviour });
    let monitors = if manifest.description.as_deref() == Some("warm") { vec![super::warm::monitor()] } else { vec![] };
    LiveRecipe::new(recipe, model, vec![], vec![], monitors)
}

/// Builds what the description says; `expects` is what the self-test asks for.
struct FakeWorkshop {
    context: InspectContext,
    self_test: Option<SelfTest>,
}

impl Workshop for FakeWorkshop {
    fn build(&self, recipe: &VerifiedBundle, _: &Catalogue) -> Result<Ready, String> {
        let live = live(recipe);
        match recipe.manifest().description.as_deref() {
            Some("unbuildable") => return Err("plugin \"x\" is not admitted".to_owned()),
            Some("panics-compiling") => panic!("a bug in a compiler"),
            Some("stuck-compiling") => loop {
                std::thread::park();
            },
            Some("held-compiling") => {
                while !HELD_OPEN.load(Ordering::Acquire) {
                    std::thread::park_timeout(Duration::from_millis(5));
                }
            }
            _ => {}
        }
        Ok(Ready {
            live: Arc::new(live),
            marks: vec![recipe.mark()],
            limits: QualifyLimits { max_model_bytes: 100, max_load_ms: 1000, max_p95_ms: 60_000 },
            model_bytes: 10,
            decoded_bytes: None,
            load_ms: 1,
            self_tests: self.self_test.iter().cloned().collect(),
        })
    }
    fn context(&self) -> &InspectContext {
        &self.context
    }
}

struct Kept;

impl RecordKeeper for Kept {
    fn submit(&self, _: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        Ok(Box::new(Self))
    }
    fn lost(&self, _: &LostTriggers) -> Result<(), Failure> {
        Ok(())
    }
}

impl RecordTicket for Kept {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        Ok(1)
    }
}

struct NoStates;

impl MonitorStates for NoStates {
    fn load(&self, _: &str) -> MonitorState {
        MonitorState::new()
    }
    fn save(&self, _: &str, _: &MonitorState) {}
    fn observed(&self, _: &FrameId, _: &str, _: &Observation) {}
}

/// One picture after the other, until it is stopped.
struct Belt;

impl Source for Belt {
    fn name(&self) -> &str {
        "belt"
    }
    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        let payload = png();
        while !stop.wait(Duration::from_millis(1)) {
            let arrival = Arrival {
                source: "belt".into(),
                origin: None,
                product: None,
                serial: None,
                trigger: None,
                captured_at_us: 1,
                payload: Ok(Arc::clone(&payload)),
                simulated: true,
                receipt: None,
            };
            if out.send(arrival, stop).is_break() {
                break;
            }
        }
    }
}

/// Keys, trust store, bundles and data of a station, whether it runs or not.
pub struct Plant {
    pub dir: tempfile::TempDir,
    key: PrivateKey,
    pub self_test: Option<SelfTest>,
    pub config: DeployConfig,
    pub frame_budget_ms: u32,
}

impl Plant {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["bundles", "data"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let config = DeployConfig {
            shadow_frames: 10,
            trial_frames: 30,
            shadow_seconds: 60,
            trial_seconds: 60,
            ..DeployConfig::default()
        };
        let plant =
            Self { dir, key: PrivateKey::generate().unwrap(), self_test: None, config, frame_budget_ms: 60_000 };
        plant.trust(|_| ());
        plant
    }

    /// Writes the trust store: the plant's key, and what `change` does to it.
    pub fn trust(&self, change: impl FnOnce(&mut TrustStore)) {
        let mut store = self.store();
        change(&mut store);
        store.save(&self.dir.path().join("trust.json")).unwrap();
    }

    pub fn key_id(&self) -> KeyId {
        self.key.public().id()
    }

    /// A store that trusts the plant's key.
    pub fn store(&self) -> TrustStore {
        let mut store = TrustStore::new();
        let roles = ["plugin:*", "model:*", "recipe:*"].iter().map(|role| role.parse().unwrap()).collect();
        store.trust(TrustedKey { public: self.key.public().clone(), roles, not_after: None, comment: None }).unwrap();
        store
    }

    /// A signed recipe that behaves as `behaviour` says; its counter is the minor version.
    pub fn recipe(&self, version: &str, behaviour: &str) -> Vec<u8> {
        self.recipe_with(version, behaviour, &[])
    }

    pub fn recipe_with(&self, version: &str, behaviour: &str, blobs: &[NewBlob]) -> Vec<u8> {
        let version: semver::Version = version.parse().unwrap();
        let bundle = Digest::of(b"bundle");
        let pin = |plugin: &str| PluginPin {
            plugin: plugin.to_owned(),
            bundle,
            grants: vec![],
            settings: Settings::new(),
            on_failure: None,
            failures: None,
        };
        let manifest = Manifest {
            schema: SCHEMA,
            kind: BundleKind::Recipe,
            name: "inspection".into(),
            counter: version.minor,
            version,
            created: "2026-01-01T00:00:00Z".into(),
            not_after: None,
            description: Some(behaviour.to_owned()),
            blobs: vec![],
            plugin: None,
            model: None,
            recipe: Some(RecipeManifest {
                preprocessors: vec![pin("letterbox")],
                model: ModelPin {
                    model: "surface".into(),
                    bundle,
                    devices: vec!["CPU".into()],
                    precision: Precision::default(),
                },
                detectors: vec![],
                monitors: vec![],
                policy: VerdictPolicy {
                    pass_labels: vec!["good".into()],
                    min_pass_probability: 0.6,
                    min_fail_probability: 0.5,
                    undecided_on: vec![],
                    fail_on: vec![],
                },
                frame_budget_ms: self.frame_budget_ms,
                failures: None,
                max_model_bytes: None,
                max_p95_ms: None,
                max_load_ms: None,
            }),
        };
        sign(&pack(manifest, blobs).unwrap(), &self.key).unwrap()
    }

    /// A self-test that wants the answer of a recipe that passes.
    pub fn tests_for_pass(&mut self) {
        self.self_test = Some(SelfTest {
            picture: "good.png".into(),
            bytes: png(),
            logits: vec![5.0, 0.0],
            tolerance: 0.5,
            verdict: Some(VerdictKind::Pass),
        });
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn counter(&self) -> Option<u64> {
        crate::trust::Counters::open(&self.data().join("counters.json")).unwrap().mark(BundleKind::Recipe, "inspection")
    }

    pub fn start_with(&self, entered: impl Fn(&Deployment) + Send + Sync + 'static) -> Running {
        self.start_on(&self.data(), entered)
    }

    pub fn start(&self) -> Running {
        self.start_on(&self.data(), |_| ())
    }

    fn workshop(&self, context: InspectContext) -> FakeWorkshop {
        FakeWorkshop { context, self_test: self.self_test.clone() }
    }

    /// Starts the station on a data folder, with the recipe that is installed there, or 1.0.0 that passes.
    pub fn start_on(&self, data: &Path, entered: impl Fn(&Deployment) + Send + Sync + 'static) -> Running {
        let context = InspectContext { limits: DecodeLimits::default(), pool: fresh() };
        let workshop = self.workshop(context.clone());
        let trust = Arc::new(TrustFile::open(&self.dir.path().join("trust.json")).unwrap());
        let bundles = self.dir.path().join("bundles");
        let first = self.recipe("1.0.0", "pass");
        std::fs::write(bundles.join("first.assay"), &first).unwrap();
        let first = verify(&first, &trust.store(), &VerifyPolicy::run()).unwrap();
        let installed = Installed::at(data);
        if installed.read().is_none() {
            let recipe = InstalledRecipe { recipe: first.digest(), previous: None, configured: Some(first.digest()) };
            installed.set(&recipe).unwrap();
        }
        let catalogue = Catalogue::read(&bundles, &trust.store(), &VerifyPolicy::run()).unwrap();
        let runs = catalogue.get(installed.read().unwrap().recipe).expect("what is installed is among the bundles");
        let (outcomes_in, outcomes) = bounded(1 << 16);
        let (events_in, events) = LineEvents::channel(1 << 10);
        let line = Line::start(LineParts {
            station: "s".into(),
            boot: 1,
            recipe: Arc::new(live(runs)),
            context,
            keeper: Arc::new(Kept),
            states: Box::new(NoStates),
            sources: vec![Box::new(Belt)],
            outcomes: Some(outcomes_in),
            events: events_in,
            options: LaneOptions::default(),
        })
        .unwrap();
        let stop_line = line.stop.clone();
        let ledger = Arc::new(Ledger::open(&data.join("journal"), "s").unwrap());
        let (deployer, thread) = Deployer::start(DeployParts {
            config: self.config,
            data_dir: data.to_owned(),
            bundles_dir: bundles,
            configured: Some(first.digest()),
            ledger: Arc::clone(&ledger),
            trust,
            workshop: Arc::new(workshop),
            live: line.live.clone(),
            stop_line: Box::new(move || stop_line.stop()),
            entered: Arc::new(entered),
        })
        .unwrap();
        Running { deployer, thread: Some(thread), line: Some(line), ledger, outcomes, events }
    }
}

pub fn fresh() -> BufferPool {
    BufferPool::new(4, 1 << 20)
}

/// A station on which version 1.1.0 is on a trial without end.
pub fn on_trial() -> (Plant, Running, Deployment) {
    let mut plant = Plant::new();
    plant.config.trial_frames = 1_000_000;
    let running = plant.start();
    let deployment = running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap();
    running.wait_for(deployment.id, |deployment| deployment.state == DeployState::Trial);
    (plant, running, deployment)
}

/// A recipe that is built, and has not been asked anything.
pub fn ready(plant: &Plant, version: &str, behaviour: &str) -> Ready {
    let bundle = verify(&plant.recipe(version, behaviour), &plant.store(), &VerifyPolicy::install()).unwrap();
    let context = InspectContext { limits: DecodeLimits::default(), pool: fresh() };
    plant.workshop(context).build(&bundle, &Catalogue::default()).unwrap()
}

pub struct Running {
    pub deployer: Deployer,
    thread: Option<DeployThread>,
    pub line: Option<Line>,
    pub ledger: Arc<Ledger>,
    pub outcomes: Receiver<Arc<Outcome>>,
    pub events: Receiver<LineEvent>,
}

pub fn engineer() -> Actor {
    Actor { name: "erin".into(), role: crate::domain::Role::Engineer, kind: ActorKind::User }
}

impl Running {
    pub fn deploy(&self, bytes: &[u8], skip_shadow: bool) -> Result<Deployment, DeployError> {
        let seat = self.deployer.reserve(&engineer())?;
        let mut upload = self.deployer.upload()?;
        upload.write(bytes)?;
        let request = DeployRequest { actor: engineer(), reason: "because".into(), skip_shadow };
        self.deployer.deploy(seat, &upload.finish()?, &request)
    }

    /// Deploys, and waits until the deployment is settled.
    pub fn settled(&self, bytes: &[u8], skip_shadow: bool) -> Deployment {
        let deployment = self.deploy(bytes, skip_shadow).unwrap();
        self.wait_for(deployment.id, |deployment| deployment.state.is_settled() && !self.deployer.view().in_progress)
    }

    pub fn wait_for(&self, id: u64, wanted: impl Fn(&Deployment) -> bool) -> Deployment {
        let begin = Instant::now();
        loop {
            let deployment = self.ledger.deployment(id).unwrap().unwrap();
            if wanted(&deployment) {
                return deployment;
            }
            assert!(begin.elapsed() < LONG, "still {deployment:?}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Ends as the station does, but waits `patience` for the deployments' thread; true where it ended.
    pub fn stop_within(mut self, patience: Duration) -> bool {
        let mut thread = self.thread.take().unwrap();
        thread.patience = patience;
        let ended = thread.stop();
        self.end();
        ended
    }

    /// What people were told of recipes that were taken back.
    pub fn told_back(&self) -> Vec<String> {
        let told = self.events.try_iter().filter(|event| matches!(event, LineEvent::RolledBack { .. }));
        told.map(|event| event.to_string()).collect()
    }

    /// The version that judges.
    pub fn version(&self) -> String {
        self.line.as_ref().unwrap().live.load().recipe.version.clone()
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.stop();
        }
        if let Some(line) = self.line.take() {
            line.stop.stop();
            line.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
