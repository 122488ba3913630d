use super::host_calls::HostCalls;
use crate::domain::{
    BufferPool, Capability, Digest, Failure, Finding, Image, ModelAnswer, NamedTensor, PluginKind, PluginLimits,
    Settings, Verdict, WarmRules,
};
use crate::inference::LoadedModel;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// Where compiled code is kept, and the station's secret that authenticates it.
#[derive(Clone)]
pub struct CacheOptions {
    pub dir: PathBuf,
    pub secret: [u8; 32],
}

/// What the station sets for all plugins.
#[derive(Clone)]
pub struct PluginHostOptions {
    /// None: every admission compiles.
    pub cache: Option<CacheOptions>,
    /// The most that any plugin gets, whatever its manifest says.
    pub caps: PluginLimits,
    /// Where the pixels of image operations come from.
    pub pool: BufferPool,
}

/// A plugin as its verified bundle and the recipe describe it.
#[derive(Clone)]
pub struct PluginSource {
    /// Its name in the recipe.
    pub name: String,
    pub kind: PluginKind,
    pub component: Arc<[u8]>,
    /// What the signed manifest says the component's SHA-256 is.
    pub digest: Digest,
    /// The WIT package that the manifest names: `assay:plugin@0.1.0`.
    pub wit: String,
    /// What the manifest asks for.
    pub asked: Vec<Capability>,
    /// What the recipe grants.
    pub granted: Vec<Capability>,
    pub limits: PluginLimits,
    /// None: every call has an instance of its own.
    pub warm: Option<WarmRules>,
    /// The manifest's defaults with the recipe's settings over them.
    pub settings: Settings,
    /// Labels of the recipe's model.
    pub labels: Vec<String>,
    /// Reference distributions of the model bundle, JSON.
    pub reference: Option<Arc<str>>,
    /// Models by name; the plugin reaches those that are both asked for and granted.
    pub models: BTreeMap<String, Arc<dyn LoadedModel>>,
}

/// What a detector looks at.
#[derive(Clone, Copy)]
pub struct DetectInput<'a> {
    /// After the preprocessors.
    pub picture: &'a Image,
    /// What the preprocessors gave.
    pub inputs: &'a [NamedTensor],
    /// What the model gave.
    pub outputs: &'a [NamedTensor],
}

/// What a monitor looks at.
#[derive(Clone, Copy)]
pub struct ObserveInput<'a> {
    pub picture: &'a Image,
    pub verdict: &'a Verdict,
    /// None where the model did not answer.
    pub answer: Option<&'a ModelAnswer>,
    pub findings: &'a [&'a Finding],
    pub outputs: &'a [NamedTensor],
}

/// What a monitor remembers between calls. Changed only by a call that succeeded.
pub type MonitorState = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

/// A line that a plugin logged: one line, no control characters, at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub level: LogLevel,
    pub text: String,
}

/// One call of one plugin.
#[derive(Debug, Clone)]
pub struct CallOutcome<T> {
    pub result: Result<T, Failure>,
    pub micros: u64,
    /// Part of `micros` spent inside host functions: image operations and inference.
    pub host_micros: u64,
    /// What it asked of the host.
    pub host_calls: HostCalls,
    /// Highest linear memory, all memories together.
    pub memory_bytes: u64,
    /// Most host bytes held for the plugin at one time.
    pub host_bytes: u64,
    pub log: Vec<LogLine>,
    /// Lines over the limit.
    pub log_dropped: u32,
}

/// What a call is doing at the moment, for a look from another thread.
#[derive(Debug, Default)]
pub struct Activity(AtomicU8);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Doing {
    /// The plugin's own code, or a host function that takes no time.
    #[default]
    Guest,
    HostFunction,
    Inference,
}

impl Activity {
    #[must_use]
    pub fn doing(&self) -> Doing {
        match self.0.load(Ordering::Relaxed) {
            1 => Doing::HostFunction,
            2 => Doing::Inference,
            _ => Doing::Guest,
        }
    }

    pub(super) fn set(&self, doing: Doing) {
        let number = match doing {
            Doing::Guest => 0,
            Doing::HostFunction => 1,
            Doing::Inference => 2,
        };
        self.0.store(number, Ordering::Relaxed);
    }
}

/// Until when a call has time, and who may look at what it does.
#[derive(Debug, Clone)]
pub struct CallDeadline {
    pub(super) at: Instant,
    pub(super) activity: Option<Arc<Activity>>,
}

impl CallDeadline {
    #[must_use]
    pub const fn watched(at: Instant, activity: Arc<Activity>) -> Self {
        Self { at, activity: Some(activity) }
    }
}

impl From<Instant> for CallDeadline {
    fn from(at: Instant) -> Self {
        Self { at, activity: None }
    }
}
