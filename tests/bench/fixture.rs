//! The demo's recipe, live on this machine, and its pictures.

use anyhow::Context as _;
use assay::cli::station::Assembly;
use assay::config::{ResolvedRecipe, resolve};
use assay::domain::{BufferPool, Capability, Digest, Frame, FrameId, FrameMeta, PluginKind, WarmRules};
use assay::imaging::decode;
use assay::inference::LoadedModel;
use assay::pipeline::LiveRecipe;
use assay::plugin::PluginSource;
use assay::source::Arrival;
use assay_tests::artifacts::root;
use assay_tests::station::TestStation;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub struct Fixture {
    /// Held so that its folder stays until the end.
    _station: TestStation,
    pub parts: Arc<Assembly>,
    pub live: Arc<LiveRecipe>,
    /// Encoded files of the ordinary pictures, in order of name.
    pub pictures: Vec<Arc<[u8]>>,
    pub picture_dir: PathBuf,
}

/// Inference threads of everything that is compared.
pub const THREADS: u32 = 1;

impl Fixture {
    pub fn open() -> anyhow::Result<Self> {
        let config = format!("[inference]\norder = [\"openvino\"]\nthreads = {THREADS}\nparallel = 2");
        let station = TestStation::new(&config)?;
        let parts = Arc::new(Assembly::open(assay::config::load(&station.config())?)?);
        let live = parts.configured_recipe(&mut |_| ())?.ready.live;
        let picture_dir = station.dir.path().join("pictures");
        std::fs::create_dir(&picture_dir)?;
        let mut pictures = Vec::new();
        let from = root().join("sdk/models/demo/pictures");
        let mut names: Vec<PathBuf> = std::fs::read_dir(&from)
            .with_context(|| format!("cannot list {}", from.display()))?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        names.sort();
        for path in names.iter().filter(|path| path.extension().is_some_and(|end| end == "jpg")) {
            let bytes = std::fs::read(path)?;
            std::fs::write(picture_dir.join(path.file_name().context("a picture has a name")?), &bytes)?;
            pictures.push(Arc::from(bytes));
        }
        Ok(Self { _station: station, parts, live, pictures, picture_dir })
    }

    /// The recipe without monitors on another model, or with plugins whose instances are kept warm, as their manifests
    /// could ask; but for those that infer, since `adv-squeeze` opens its model once per instance.
    pub fn admitted(&self, model: &Arc<dyn LoadedModel>, warm: Option<WarmRules>) -> anyhow::Result<LiveRecipe> {
        let bundle = self.parts.catalogue.get(self.live.recipe.digest).context("the recipe's bundle is there")?;
        let ResolvedRecipe { mut recipe, plugins, .. } =
            resolve(bundle, &self.parts.catalogue, &self.parts.config.plugin_limits)?;
        let (mut preprocessors, mut detectors) = (Vec::new(), Vec::new());
        for resolved in plugins {
            let kind = resolved.plugin.kind;
            let infers = resolved.asked.iter().any(|asked| matches!(asked, Capability::Inference(_)));
            let to = match kind {
                PluginKind::Preprocessor => &mut preprocessors,
                PluginKind::Detector => &mut detectors,
                PluginKind::Monitor => continue,
            };
            to.push(self.parts.plugins.admit(PluginSource {
                name: resolved.plugin.name,
                kind,
                component: resolved.component,
                digest: resolved.plugin.component,
                wit: resolved.wit,
                asked: resolved.asked,
                granted: resolved.plugin.capabilities,
                limits: resolved.plugin.limits,
                warm: warm.filter(|_| !infers),
                settings: resolved.plugin.settings,
                labels: recipe.model.labels.clone(),
                reference: recipe.model.reference.clone(),
                models: BTreeMap::from([(recipe.model.name.clone(), Arc::clone(model))]),
            })?);
        }
        recipe.monitors.clear();
        Ok(LiveRecipe::new(recipe, Arc::clone(model), preprocessors, detectors, Vec::new()))
    }

    pub fn pool(&self) -> &BufferPool {
        &self.parts.context.pool
    }

    pub fn frame(&self, number: usize) -> anyhow::Result<Frame> {
        let bytes = self.pictures.get(number % self.pictures.len().max(1)).context("there are pictures")?;
        let image = decode(bytes, &self.parts.context.limits, self.pool())?;
        Ok(Frame { meta: meta(number as u64 + 1), image, picture: Digest::of(bytes) })
    }
}

pub fn meta(trigger: u64) -> FrameMeta {
    FrameMeta {
        id: FrameId { station: "test".to_owned(), boot: 1, trigger },
        captured_at_us: 0,
        source: "bench".to_owned(),
        origin: None,
        product: None,
        serial: None,
        line_trigger: None,
        simulated: true,
    }
}

/// A picture as a source gives it.
pub fn arrival(picture: &Arc<[u8]>) -> Arrival {
    Arrival {
        source: "bench".to_owned(),
        origin: None,
        product: None,
        serial: None,
        trigger: None,
        captured_at_us: 0,
        payload: Ok(Arc::clone(picture)),
        simulated: true,
        receipt: None,
    }
}
