use super::limits::{MAX_INSTANCES, MAX_MEMORIES, MAX_TABLES};
use crate::domain::PluginLimits;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

/// How fine deadlines are inside plugin code.
const TICK: Duration = Duration::from_millis(1);

/// Calls at one time over all plugins. Lanes call one plugin at a time, so this is far more than a station has lanes.
const MAX_CALLS: u32 = 64;

/// Tables in the engine's pool for each call.
const TABLES_PER_CALL: u32 = 4;

/// Places in the engine's pool that instances may hold while they wait warm for their next call, over all plugins. Half
/// of the pool stays free for calls.
const MAX_WARM: u32 = MAX_CALLS / 2;

const MAX_WASM_STACK: usize = 512 << 10;

/// Wasm pages are 64 KiB; a pool slot holds whole pages.
const WASM_PAGE: u64 = 64 << 10;

/// Bytes of a returned memory slot that are reset in place instead of being given back to the system. Only where the
/// kernel can say which pages were written (6.7 and later): else wasmtime would reset this many bytes from the bottom,
/// and Rust guests keep their stack, which they write, a megabyte above it.
const KEEP_RESIDENT: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("the WebAssembly engine cannot start with a pool of {calls} calls: {detail}")]
    Config { calls: u32, detail: String },
    #[error("the thread that keeps plugins' deadlines cannot start")]
    Ticker(#[source] std::io::Error),
}

/// The engine and the one thread that ticks its epochs. The thread ends when this is dropped.
pub(super) struct EngineRoom {
    pub(super) engine: Engine,
    clock: Arc<EpochClock>,
    /// Places that warm and idle instances hold.
    warm: AtomicU32,
    // Dropping the sender wakes and ends the thread.
    stop: Option<Sender<()>>,
    ticker: Option<JoinHandle<()>>,
}

/// Ties epochs to the clock: epoch N is never reached before N ticks have passed since `start`.
struct EpochClock {
    start: Instant,
    ticks: AtomicU64,
}

impl EpochClock {
    /// Ticks that are due by the clock.
    fn due(&self, now: Instant) -> u64 {
        ticks(now.saturating_duration_since(self.start).as_nanos() / TICK.as_nanos())
    }

    /// Catches up with the clock: a wake-up that came late makes up for what it missed.
    fn catch_up(&self, engine: &Engine) {
        let due = self.due(Instant::now());
        while self.ticks.load(Ordering::Relaxed) < due {
            engine.increment_epoch();
            // After the epoch: who reads this count in between gets a deadline one tick late, never early.
            self.ticks.fetch_add(1, Ordering::Release);
        }
    }
}

fn ticks(count: u128) -> u64 {
    // Half the range: wasmtime adds it to the current epoch.
    u64::try_from(count).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

impl EngineRoom {
    pub(super) fn start(caps: &PluginLimits) -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError::Config { calls: MAX_CALLS, detail: format!("{error:#}") };
        let engine = Engine::new(&config(caps)).map_err(failed)?;
        let clock = Arc::new(EpochClock { start: Instant::now(), ticks: AtomicU64::new(0) });
        let (stop, stopped) = channel::<()>();
        let (ticking, time) = (engine.clone(), Arc::clone(&clock));
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                time.catch_up(&ticking);
            }
        };
        let ticker = std::thread::Builder::new().name("assay-epoch".to_owned()).spawn(tick);
        Ok(Self {
            engine,
            clock,
            warm: AtomicU32::new(0),
            stop: Some(stop),
            ticker: Some(ticker.map_err(EngineError::Ticker)?),
        })
    }

    /// Ticks from now until the first that comes after `deadline`. Counted from the ticker's own count and not from
    /// the current time: a ticker that is behind makes up for it, and would else stop a call too early.
    pub(super) fn ticks_until(&self, deadline: Instant) -> u64 {
        let last = self.clock.due(deadline).saturating_add(1);
        last.saturating_sub(self.clock.ticks.load(Ordering::Acquire)).max(1)
    }
}

/// How many places of the engine's pool one instance of a component holds. A place has one memory and
/// [`TABLES_PER_CALL`] tables.
pub(super) fn places(component: &Component) -> u32 {
    // It says nothing of components that bring modules in as imports, which no plugin can.
    component
        .resources_required()
        .map_or(MAX_WARM + 1, |needs| needs.num_memories.max(needs.num_tables.div_ceil(TABLES_PER_CALL)).max(1))
}

/// The right to keep one instance warm. Free again when this is dropped.
pub(super) struct WarmSeat {
    room: Arc<EngineRoom>,
    places: u32,
}

impl WarmSeat {
    /// None when too few places are left.
    pub(super) fn take(room: &Arc<EngineRoom>, places: u32) -> Option<Self> {
        let more = |taken: u32| taken.checked_add(places).filter(|taken| *taken <= MAX_WARM);
        room.warm.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self { room: Arc::clone(room), places })
    }
}

impl Drop for WarmSeat {
    fn drop(&mut self) {
        self.room.warm.fetch_sub(self.places, Ordering::Relaxed);
    }
}

impl Drop for EngineRoom {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(ticker) = self.ticker.take() {
            // It cannot panic; and if it did, there is nobody left to tell.
            let _ = ticker.join();
        }
    }
}

/// Everything that is not needed is off: each proposal is code that could be wrong.
fn config(caps: &PluginLimits) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(MAX_WASM_STACK)
        .wasm_backtrace_max_frames(NonZeroUsize::new(8))
        .generate_address_map(false)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_tail_call(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_wide_arithmetic(false)
        .wasm_custom_page_sizes(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(caps)));
    config
}

fn pool(caps: &PluginLimits) -> PoolingAllocationConfig {
    let memory = caps.memory_bytes.div_ceil(WASM_PAGE).saturating_mul(WASM_PAGE);
    let mut pool = PoolingAllocationConfig::new();
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(KEEP_RESIDENT).table_keep_resident(KEEP_RESIDENT);
    }
    pool.total_component_instances(MAX_CALLS)
        .total_core_instances(MAX_CALLS * MAX_INSTANCES)
        .total_memories(MAX_CALLS)
        .total_tables(MAX_CALLS * TABLES_PER_CALL)
        .max_core_instances_per_component(MAX_INSTANCES)
        .max_memories_per_component(MAX_MEMORIES)
        .max_tables_per_component(MAX_TABLES)
        .max_memory_size(usize::try_from(memory).unwrap_or(usize::MAX))
        .table_elements(caps.table_elements as usize);
    pool
}
