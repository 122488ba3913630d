use super::api::{PluginHostOptions, PluginSource};
use super::bindings::{config, detector, imaging, log, monitor, nn, preprocessor, state, types};
use super::cache::CodeCache;
use super::capabilities::{self, CapabilityError, Surface};
use super::compile_cost::{self, CompileCostError};
use super::engine::{EngineError, EngineRoom, places};
use super::instance::AdmittedPlugin;
use super::limits::printable;
use super::pool::{WarmPool, WorldPre};
use super::reference::Reference;
use super::state::{CallState, PluginShared};
use crate::domain::{BufferPool, Capability, Digest, Failure, PluginKind, PluginLimits, WarmCounts};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

/// Largest component that is compiled. Python runtimes have 18 MB.
const MAX_COMPONENT: usize = 64 << 20;

/// Names of warm plugins whose counts go on from recipe to recipe.
const MAX_COUNTED: usize = 256;

/// Longest detail of an error, in bytes: the engine quotes the component's own names.
const MAX_DETAIL: usize = 600;

/// What compiles a component.
type Compile<'c> = dyn Fn() -> wasmtime::Result<Component> + Sync + 'c;

/// Why a plugin is not taken in. It never ran.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    #[error("plugin {plugin}: its component has the digest {found}, its manifest says {stated}: the bundle is damaged")]
    WrongDigest { plugin: String, found: Digest, stated: Digest },
    #[error("plugin {plugin}: its component has {found} bytes, at most {max} are allowed")]
    TooLarge { plugin: String, found: usize, max: usize },
    #[error("plugin {plugin}")]
    Capability {
        plugin: String,
        #[source]
        source: CapabilityError,
    },
    #[error("plugin {plugin}: the recipe grants inference:{model}, but that model is not loaded; loaded are {known:?}")]
    ModelMissing { plugin: String, model: String, known: Vec<String> },
    #[error("plugin {plugin}: a setting cannot be written as JSON")]
    Setting {
        plugin: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("plugin {plugin}: its component is not compiled")]
    CompileCost {
        plugin: String,
        #[source]
        source: CompileCostError,
    },
    #[error("plugin {plugin}: its component does not compile: {detail}")]
    Compile { plugin: String, detail: String },
    #[error("plugin {plugin}: its component does not fit the world {kind} of {wit}: {detail}")]
    Link { plugin: String, kind: PluginKind, wit: &'static str, detail: String },
    #[error("plugin {plugin}: the trial instantiation failed")]
    Trial {
        plugin: String,
        #[source]
        source: Failure,
    },
}

/// One engine with its compiled-code cache; takes plugins in.
pub struct PluginHost {
    room: Arc<EngineRoom>,
    cache: Option<CodeCache>,
    caps: PluginLimits,
    pool: BufferPool,
    /// By the name of a warm plugin.
    warm: Mutex<BTreeMap<String, Arc<WarmCounts>>>,
}

impl PluginHost {
    /// Starts the engine.
    ///
    /// # Errors
    /// When the engine's memory pool cannot be reserved or its thread cannot start.
    pub fn new(options: PluginHostOptions) -> Result<Self, EngineError> {
        let room = Arc::new(EngineRoom::start(&options.caps)?);
        let cache = options.cache.map(|cache| CodeCache::new(cache, &room.engine));
        Ok(Self { room, cache, caps: options.caps, pool: options.pool, warm: Mutex::default() })
    }

    /// Takes a plugin in. In this order: the digest of its bytes, its WIT version, its imports and exports; only then
    /// is it compiled (or its code taken from the cache), linked, and instantiated once under its limits, because a
    /// type that has changed shows only there. What would take the compiler long is refused before it begins.
    ///
    /// # Errors
    /// The first of these checks that fails; the plugin's functions were never called.
    pub fn admit(&self, source: PluginSource) -> Result<Arc<AdmittedPlugin>, AdmissionError> {
        let counts = source.warm.map(|_| self.warm_counts(&source.name));
        self.take_in(source, counts.unwrap_or_default(), |compile| compile())
    }

    /// As [`Self::admit`], for what judges beside the line and never drives: one processor compiles it, at the priority
    /// of the calling thread, and what becomes of its warm instances is not among the line's figures.
    ///
    /// # Errors
    /// The first of the same checks that fails.
    pub fn admit_beside(&self, source: PluginSource) -> Result<Arc<AdmittedPlugin>, AdmissionError> {
        self.take_in(source, Arc::default(), on_one_processor)
    }

    fn take_in(
        &self,
        source: PluginSource,
        counts: Arc<WarmCounts>,
        on: impl FnOnce(&Compile<'_>) -> wasmtime::Result<Component>,
    ) -> Result<Arc<AdmittedPlugin>, AdmissionError> {
        check_bytes(&source)?;
        check_capabilities(&source)?;
        let shared = Arc::new(self.share(&source)?);
        let component = self.compile(&source, on)?;
        let world = self.link(&source, &component)?;
        let warm = source.warm.map(|rules| WarmPool::new(&source.name, rules, places(&component), counts));
        let plugin = AdmittedPlugin::new(Arc::clone(&self.room), shared, world, warm);
        plugin.trial().map_err(|failure| AdmissionError::Trial { plugin: source.name, source: failure })?;
        Ok(Arc::new(plugin))
    }

    /// The counts of all plugins of one name: they go on when a recipe is replaced.
    fn warm_counts(&self, plugin: &str) -> Arc<WarmCounts> {
        let mut all = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(plugin) {
            Some(counts) => Arc::clone(counts),
            None if all.len() >= MAX_COUNTED => Arc::default(),
            None => Arc::clone(all.entry(plugin.to_owned()).or_default()),
        }
    }

    fn share(&self, source: &PluginSource) -> Result<PluginShared, AdmissionError> {
        let mut models = BTreeMap::new();
        for name in capabilities::granted_models(&source.asked, &source.granted) {
            let Some(model) = source.models.get(&name) else {
                let known = source.models.keys().cloned().collect();
                return Err(AdmissionError::ModelMissing { plugin: source.name.clone(), model: name, known });
            };
            models.insert(name, Arc::clone(model));
        }
        let as_json = |(key, value)| Ok((String::clone(key), serde_json::to_string(value)?));
        let settings = source.settings.iter().map(as_json).collect::<Result<_, _>>();
        Ok(PluginShared {
            name: source.name.clone(),
            kind: source.kind,
            limits: source.limits.capped_by(&self.caps),
            settings: settings
                .map_err(|error| AdmissionError::Setting { plugin: source.name.clone(), source: error })?,
            typed_settings: source.settings.clone(),
            labels: source.labels.clone(),
            reference: source.reference.clone().map(Reference::new),
            models,
            pool: self.pool.clone(),
        })
    }

    /// `on` chooses the threads.
    fn compile(
        &self,
        source: &PluginSource,
        on: impl FnOnce(&Compile<'_>) -> wasmtime::Result<Component>,
    ) -> Result<Component, AdmissionError> {
        let engine = &self.room.engine;
        let compile = || {
            check_cost(source)?;
            // A bug in the compiler must not end the thread that deploys.
            let compiled = catch_unwind(AssertUnwindSafe(|| on(&|| Component::from_binary(engine, &source.component))));
            let compiled = compiled.unwrap_or_else(|_| Err(wasmtime::Error::msg("the compiler panicked")));
            compiled.map_err(|error| AdmissionError::Compile { plugin: source.name.clone(), detail: detail(&error) })
        };
        match &self.cache {
            Some(cache) => cache.load_or_compile(engine, &source.digest, compile),
            None => compile(),
        }
    }

    fn link(&self, source: &PluginSource, component: &Component) -> Result<WorldPre, AdmissionError> {
        let held: Vec<&Capability> = source.asked.iter().filter(|asked| source.granted.contains(asked)).collect();
        let link = || {
            let pre = self.linker(&held)?.instantiate_pre(component)?;
            world_pre(source.kind, pre)
        };
        link().map_err(|error| AdmissionError::Link {
            plugin: source.name.clone(),
            kind: source.kind,
            wit: super::WIT_PACKAGE,
            detail: detail(&error),
        })
    }

    /// A linker that knows only what the plugin holds: what is not in it cannot be called, whatever a check missed.
    fn linker(&self, held: &[&Capability]) -> wasmtime::Result<Linker<CallState>> {
        type Own = HasSelf<CallState>;
        let mut linker = Linker::new(&self.room.engine);
        let has = |wanted: &Capability| held.contains(&wanted);
        let infers = held.iter().any(|capability| matches!(capability, Capability::Inference(_)));
        types::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        if has(&Capability::Imaging) || infers {
            nn::tensor::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        if has(&Capability::Imaging) {
            imaging::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        if has(&Capability::Log) {
            log::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        if has(&Capability::Config) {
            config::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        if has(&Capability::State) {
            state::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        if infers {
            nn::graph::add_to_linker::<_, Own>(&mut linker, |state| state)?;
            nn::inference::add_to_linker::<_, Own>(&mut linker, |state| state)?;
            nn::errors::add_to_linker::<_, Own>(&mut linker, |state| state)?;
        }
        Ok(linker)
    }
}

/// wasmtime compiles on the threads of the pool that it is called in.
fn on_one_processor(compile: &Compile<'_>) -> wasmtime::Result<Component> {
    match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
        Ok(pool) => pool.install(compile),
        Err(error) => Err(wasmtime::Error::msg(format!("there is no thread to compile it: {error}"))),
    }
}

/// All that admission asks of a component before the compiler sees it: its bytes, its WIT version, what it imports and
/// exports, and what it would cost to compile.
///
/// # Errors
/// The first of these checks that fails.
pub fn examine(source: &PluginSource) -> Result<(), AdmissionError> {
    check_bytes(source)?;
    check_capabilities(source)?;
    check_cost(source)
}

/// As one harmless line: it may quote the component.
fn detail(error: &wasmtime::Error) -> String {
    printable(&format!("{error:#}"), MAX_DETAIL)
}

fn world_pre(kind: PluginKind, pre: InstancePre<CallState>) -> wasmtime::Result<WorldPre> {
    Ok(match kind {
        PluginKind::Preprocessor => WorldPre::Preprocessor(preprocessor::PreprocessorPre::new(pre)?),
        PluginKind::Detector => WorldPre::Detector(detector::DetectorPre::new(pre)?),
        PluginKind::Monitor => WorldPre::Monitor(monitor::MonitorPre::new(pre)?),
    })
}

fn check_bytes(source: &PluginSource) -> Result<(), AdmissionError> {
    let found = source.component.len();
    if found > MAX_COMPONENT {
        return Err(AdmissionError::TooLarge { plugin: source.name.clone(), found, max: MAX_COMPONENT });
    }
    let found = Digest::of(&source.component);
    if found != source.digest {
        let stated = source.digest;
        return Err(AdmissionError::WrongDigest { plugin: source.name.clone(), found, stated });
    }
    Ok(())
}

fn check_capabilities(source: &PluginSource) -> Result<(), AdmissionError> {
    let check = || {
        capabilities::check_wit(&source.wit)?;
        let surface = Surface::read(&source.component)?;
        capabilities::check_surface(&surface, source.kind, &source.asked, &source.granted)
    };
    check().map_err(|error| AdmissionError::Capability { plugin: source.name.clone(), source: error })
}

fn check_cost(source: &PluginSource) -> Result<(), AdmissionError> {
    compile_cost::check(&source.component, &compile_cost::LIMITS)
        .map_err(|error| AdmissionError::CompileCost { plugin: source.name.clone(), source: error })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::domain::{Settings, WarmEvent, WarmRules};
    use crate::plugin::{WIT_PACKAGE, idle_component};

    fn warm() -> PluginSource {
        let component: Arc<[u8]> = idle_component(PluginKind::Monitor).unwrap().into();
        PluginSource {
            name: "idle".to_owned(),
            kind: PluginKind::Monitor,
            digest: Digest::of(&component),
            component,
            wit: WIT_PACKAGE.to_owned(),
            asked: vec![Capability::Imaging],
            granted: vec![Capability::Imaging],
            limits: PluginLimits::default(),
            warm: Some(WarmRules::default()),
            settings: Settings::new(),
            labels: vec![],
            reference: None,
            models: BTreeMap::new(),
        }
    }

    #[test]
    fn instances_beside_the_line_are_not_among_its_counts() {
        let options = PluginHostOptions { cache: None, caps: PluginLimits::default(), pool: BufferPool::new(0, 0) };
        let host = PluginHost::new(options).unwrap();
        let line = host.admit(warm()).unwrap();
        let made = |plugin: &AdmittedPlugin| plugin.warm_counts().unwrap().get(WarmEvent::Made);
        let beside = host.admit_beside(warm()).unwrap();
        assert_eq!((made(&line), made(&beside)), (1, 1));
        host.admit(warm()).unwrap();
        assert_eq!((made(&line), made(&beside)), (2, 1), "a recipe that takes over goes on counting");
    }

    #[test]
    fn beside_the_line_one_processor_compiles() {
        let threads = std::sync::atomic::AtomicUsize::new(0);
        let compile = || {
            threads.store(rayon::current_num_threads(), std::sync::atomic::Ordering::Relaxed);
            Err(wasmtime::Error::msg("seen"))
        };
        assert_eq!(on_one_processor(&compile).err().unwrap().to_string(), "seen");
        // On a machine with one processor there is nothing to tell apart.
        assert_eq!(threads.into_inner(), 1);
    }
}
