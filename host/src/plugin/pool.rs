//! Instances, and those that are kept warm between calls.
//!
//! What a warm plugin carries over from call to call is its own linear memory, its globals and tables: what it has
//! counted, cached or leaked there. It is opt-in for that reason: a fresh instance cannot let one frame colour the
//! verdict of another, a warm one is trusted not to. All that the host holds is as in a fresh store: deadline, ledger,
//! log, causes, a monitor's state and the table of handles begin anew with each call, and a handle of an earlier call
//! means nothing.

use super::bindings::{detector, monitor, preprocessor};
use super::engine::{EngineRoom, WarmSeat};
use super::state::CallState;
use crate::domain::{PluginLimits, WarmCounts, WarmEvent, WarmRules};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmtime::Store;

/// Idle instances of one plugin. Each call at one time has its own, so this is far more than a station has lanes.
const MAX_IDLE: usize = 8;

/// A component that is linked and checked, ready to be instantiated.
pub(super) enum WorldPre {
    Preprocessor(preprocessor::PreprocessorPre<CallState>),
    Detector(detector::DetectorPre<CallState>),
    Monitor(monitor::MonitorPre<CallState>),
}

/// An instance of one world.
pub(super) enum World {
    Preprocessor(preprocessor::Preprocessor),
    Detector(detector::Detector),
    Monitor(monitor::Monitor),
}

impl WorldPre {
    pub(super) fn instantiate(&self, store: &mut Store<CallState>) -> wasmtime::Result<World> {
        Ok(match self {
            Self::Preprocessor(pre) => World::Preprocessor(pre.instantiate(store)?),
            Self::Detector(pre) => World::Detector(pre.instantiate(store)?),
            Self::Monitor(pre) => World::Monitor(pre.instantiate(store)?),
        })
    }
}

/// A store with its instance. It belongs to one call at a time.
pub(super) struct Running {
    pub(super) store: Store<CallState>,
    /// None before the first call.
    pub(super) world: Option<World>,
    pub(super) wear: Wear,
}

impl Running {
    pub(super) fn new(store: Store<CallState>) -> Self {
        Self { store, world: None, wear: Wear::default() }
    }

    /// The instance, made now if there is none yet.
    pub(super) fn instance(&mut self, pre: &WorldPre) -> wasmtime::Result<(&mut Store<CallState>, &World)> {
        let Self { store, world, wear } = self;
        let world = match world {
            Some(world) => world,
            None => {
                let made = pre.instantiate(store)?;
                wear.first_bytes = store.data().meter.memory_bytes() as u64;
                world.insert(made)
            }
        };
        Ok((store, world))
    }
}

/// What an instance has been through.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wear {
    pub(super) calls: u32,
    /// Linear memory when it was new, and now.
    pub(super) first_bytes: u64,
    pub(super) bytes: u64,
    /// Handles of calls that are over, which it has not dropped.
    pub(super) kept_handles: u32,
    /// Numbers of handles that cannot be given out again.
    pub(super) numbers_used: u32,
}

impl Wear {
    /// Whether the instance is retired: it has had its calls, it has grown into more than half of the memory that it
    /// had left when it was new, or it keeps as many dead handles as it may have live ones.
    pub(super) const fn is_out(&self, rules: WarmRules, limits: &PluginLimits) -> bool {
        let room = limits.memory_bytes.saturating_sub(self.first_bytes);
        let grown = self.bytes.saturating_sub(self.first_bytes);
        self.calls >= rules.calls
            || grown > room / 2
            || self.kept_handles >= limits.handles
            || self.numbers_used > u32::MAX / 2
    }
}

/// The idle instances of one plugin. Nothing here waits: who finds none makes one, who finds no room drops his.
pub(super) struct WarmPool {
    plugin: String,
    rules: WarmRules,
    places: u32,
    counts: Arc<WarmCounts>,
    /// That an instance was not kept is said once.
    said: AtomicBool,
    give: Sender<Idle>,
    take: Receiver<Idle>,
}

struct Idle {
    running: Running,
    /// Freed when the instance is taken or dropped.
    _seat: WarmSeat,
}

impl WarmPool {
    /// For instances that hold so many places of the engine's pool each.
    pub(super) fn new(plugin: &str, rules: WarmRules, places: u32, counts: Arc<WarmCounts>) -> Self {
        let (give, take) = bounded(MAX_IDLE);
        Self { plugin: plugin.to_owned(), rules, places, counts, said: AtomicBool::new(false), give, take }
    }

    pub(super) const fn counts(&self) -> &Arc<WarmCounts> {
        &self.counts
    }

    /// An idle instance; none where one has to be made.
    pub(super) fn take(&self) -> Option<Running> {
        let running = self.take.try_recv().ok().map(|idle| idle.running);
        self.counts.add(if running.is_some() { WarmEvent::Reused } else { WarmEvent::Made });
        running
    }

    /// Keeps an instance whose call went well, if it is not retired and there is room. None is one whose call did not.
    pub(super) fn keep(&self, running: Option<Running>, limits: &PluginLimits, room: &Arc<EngineRoom>) {
        let event = match running {
            None => Some(WarmEvent::Discarded),
            Some(running) if running.wear.is_out(self.rules, limits) => Some(WarmEvent::Retired),
            Some(running) => {
                let seat = WarmSeat::take(room, self.places);
                // Full: as many idle ones as calls at one time are enough.
                let kept = seat.is_some_and(|seat| self.give.try_send(Idle { running, _seat: seat }).is_ok());
                (!kept).then_some(WarmEvent::NotKept)
            }
        };
        let Some(event) = event else { return };
        self.counts.add(event);
        if event == WarmEvent::NotKept && !self.said.swap(true, Ordering::Relaxed) {
            let (plugin, places) = (&self.plugin, self.places);
            tracing::warn!(
                plugin,
                places,
                "an instance of a warm plugin is not kept: the places for idle ones are taken; calls make new ones"
            );
        }
    }

    /// Lets all idle ones go.
    pub(super) fn clear(&self) {
        while self.take.try_recv().is_ok() {
            self.counts.add(WarmEvent::LetGo);
        }
    }
}
