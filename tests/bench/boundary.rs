//! What the plugin boundary costs: bare wasmtime, tuned, beside Assay.

use crate::figure::{Figure, Times};
use crate::fixture::{Fixture, meta};
use anyhow::Context as _;
use assay::domain::{
    Capability, DeviceUse, Digest, ElementType, Image, ModelSpec, NamedTensor, PixelFormat, PluginKind, PluginLimits,
    Port, SettingValue, Settings, Tensor,
};
use assay::inference::{InferenceError, LoadedModel, Placement};
use assay::plugin::{
    AdmittedPlugin, CacheOptions, DetectInput, PluginHost, PluginHostOptions, PluginSource, componentize,
};
use assay_tests::artifacts;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig, Store};

const CALLS: u32 = 100_000;
/// Calls out of one detector call.
const HOST_CALLS: u32 = 10_000;

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let failed = |error: wasmtime::Error| anyhow::anyhow!("{error:?}");
    let Bare { inward, outward, instance } = bare(None).map_err(failed)?;
    let core = core_call().map_err(failed)?;
    let against = "bare wasmtime, tuned as Assay tunes it";
    let beside = format!("{against}; a plain module's function: {core:.0} ns");
    let mut figures = vec![
        Figure::at_most("host->guest call", inward, "ns", 120.0, &beside),
        Figure::at_most("guest->host call", outward, "ns", 60.0, against),
        Figure::plain("bare: store + instantiate + call + drop", instance, "us", against),
    ];
    for (what, undo) in UNDONE {
        let Bare { inward, outward, instance } = bare(Some(undo)).map_err(failed)?;
        let against = format!("guest->host {outward:.0} ns, store + instantiate + call + drop {instance:.2} us");
        figures.push(Figure::plain(&format!("host->guest call {what}"), inward, "ns", &against));
    }
    figures.extend(assay(fixture, instance)?);
    Ok(figures)
}

/// Two functions of the guest, one of the host, nothing else.
const BARE: &str = r#"(component
  (import "tick" (func $tick))
  (core func $tick (canon lower (func $tick)))
  (core module $m
    (import "host" "tick" (func $tick))
    (func (export "nop"))
    (func (export "calls") (param $n i32)
      (loop $again
        (if (local.get $n) (then
          (call $tick)
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again))))))
  (core instance $host (export "tick" (func $tick)))
  (core instance $i (instantiate $m (with "host" (instance $host))))
  (func (export "nop") (canon lift (core func $i "nop")))
  (func (export "calls") (param "n" u32) (canon lift (core func $i "calls"))))"#;

/// What is measured of [`BARE`] on one engine.
struct Bare {
    /// Nanoseconds of a call into the guest, and of one out of it.
    inward: f64,
    outward: f64,
    /// Microseconds of a fresh store with one call.
    instance: f64,
}

/// As Assay tunes it, and with single choices undone.
fn tuned(config: &mut Config) {
    config.wasm_component_model(true).concurrency_support(false).epoch_interruption(true);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::default()));
}

type Undo = fn(&mut Config);
const UNDONE: [(&str, Undo); 4] = [
    ("without epochs", |config| _ = config.epoch_interruption(false)),
    ("without backtraces", |config| _ = config.wasm_backtrace_max_frames(None)),
    ("without a pool", |config| _ = config.allocation_strategy(InstanceAllocationStrategy::OnDemand)),
    ("without a pool and signals for traps", |config| {
        config.signals_based_traps(false).allocation_strategy(InstanceAllocationStrategy::OnDemand);
    }),
];

fn bare(undo: Option<Undo>) -> wasmtime::Result<Bare> {
    let mut config = Config::new();
    tuned(&mut config);
    undo.into_iter().for_each(|undo| undo(&mut config));
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, wat::parse_str(BARE)?)?;
    let mut linker = Linker::<()>::new(&engine);
    linker.root().func_wrap("tick", |_, (): ()| Ok(()))?;
    let pre = linker.instantiate_pre(&component)?;
    let fresh = || -> wasmtime::Result<(Store<()>, wasmtime::component::Instance)> {
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = pre.instantiate(&mut store)?;
        Ok((store, instance))
    };
    let (mut store, instance) = fresh()?;
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop")?;
    let calls = instance.get_typed_func::<(u32,), ()>(&mut store, "calls")?;
    let inward = best(7, || (0..CALLS).try_for_each(|_| nop.call(&mut store, ())))?;
    let outward = best(7, || calls.call(&mut store, (CALLS,)))?;
    let one = Times::of(200, 2000, || {
        let _ = fresh().and_then(|(mut store, instance)| {
            let nop = instance.get_typed_func::<(), ()>(&mut store, "nop")?;
            nop.call(&mut store, ())
        });
    });
    Ok(Bare { inward: per_call(inward), outward: per_call(outward), instance: one.p50() })
}

/// Nanoseconds of a call of a plain module's function: what of a component's call is not the component's.
fn core_call() -> wasmtime::Result<f64> {
    let mut config = Config::new();
    tuned(&mut config);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, wat::parse_str(r#"(module (func (export "nop")))"#)?)?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(u64::MAX / 2);
    let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
    let nop = instance.get_typed_func::<(), ()>(&mut store, "nop")?;
    Ok(per_call(best(7, || (0..CALLS).try_for_each(|_| nop.call(&mut store, ())))?))
}

fn per_call(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// The shortest of a few runs: what the machine can do when nobody else is on it.
fn best<E>(runs: usize, mut work: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    work()?;
    let mut shortest = Duration::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        work()?;
        shortest = shortest.min(start.elapsed());
    }
    Ok(shortest)
}

/// Answers at once, so that only the way to it is measured.
struct Instant0 {
    spec: ModelSpec,
    placement: Placement,
    answer: Tensor,
}

impl LoadedModel for Instant0 {
    fn name(&self) -> &str {
        "instant"
    }
    fn digest(&self) -> Digest {
        Digest::of(b"instant")
    }
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn placement(&self) -> &Placement {
        &self.placement
    }
    fn infer(&self, _: &[NamedTensor], _: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        Ok(vec![NamedTensor { name: "sum".to_owned(), tensor: self.answer.clone() }])
    }
}

fn instant_model() -> anyhow::Result<Arc<dyn LoadedModel>> {
    let port = |name: &str, shape: &[u32]| Port { name: name.to_owned(), shape: shape.to_vec(), ty: ElementType::F32 };
    let device = DeviceUse {
        backend: "none".to_owned(),
        asked: vec!["CPU".to_owned()],
        used: "CPU".to_owned(),
        precision: "f32-exact".to_owned(),
    };
    Ok(Arc::new(Instant0 {
        spec: ModelSpec {
            inputs: vec![port("image", &[1, 512, 512])],
            outputs: vec![port("sum", &[1])],
            batch_sizes: vec![1],
        },
        placement: Placement { device, library_version: "0".to_owned() },
        answer: Tensor::from_f32(&[1, 1], &[1.0])?,
    }))
}

pub fn host(cache: Option<&Path>, fixture: &Fixture) -> anyhow::Result<PluginHost> {
    let cache = cache.map(|dir| CacheOptions { dir: dir.to_owned(), secret: [7; 32] });
    host_with(cache, PluginLimits::default(), fixture)
}

/// A host that allows plugins as much as `caps`.
pub fn host_with(cache: Option<CacheOptions>, caps: PluginLimits, fixture: &Fixture) -> anyhow::Result<PluginHost> {
    Ok(PluginHost::new(PluginHostOptions { cache, caps, pool: fixture.pool().clone() })?)
}

pub fn source(guest: &str, settings: Settings) -> anyhow::Result<PluginSource> {
    let component: Arc<[u8]> = componentize(&artifacts::guest(guest)?)?.into();
    let rights =
        vec![Capability::Imaging, Capability::Log, Capability::Config, Capability::Inference("instant".to_owned())];
    Ok(PluginSource {
        name: guest.to_owned(),
        kind: PluginKind::Detector,
        digest: Digest::of(&component),
        component,
        wit: "assay:plugin@0.1.0".to_owned(),
        asked: rights.clone(),
        granted: rights,
        limits: PluginLimits::default(),
        warm: None,
        settings,
        labels: vec!["good".to_owned()],
        reference: None,
        models: BTreeMap::from([("instant".to_owned(), instant_model()?)]),
    })
}

pub fn detect(plugin: &AdmittedPlugin, image: &Image, inputs: &[NamedTensor]) -> anyhow::Result<()> {
    let input = DetectInput { picture: image, inputs, outputs: &[] };
    let outcome = plugin.detect(&meta(1), &input, Instant::now() + Duration::from_secs(5));
    outcome.result.map(drop).context("the detector answers")
}

fn assay(fixture: &Fixture, bare_us: f64) -> anyhow::Result<Vec<Figure>> {
    let dir = tempfile::tempdir()?;
    let host = host(Some(dir.path()), fixture)?;
    let setting = |key: &str, value: SettingValue| Settings::from([(key.to_owned(), value)]);
    let start = Instant::now();
    let idle = host.admit(source("idle-detector", Settings::new())?)?;
    let compiled = start.elapsed().as_secs_f64() * 1e3;
    let again = source("idle-detector", Settings::new())?;
    let cached = Times::of(3, 50, || drop(host.admit(again.clone())));
    let calling =
        host.admit(source("idle-detector", setting("calls", SettingValue::Integer(i64::from(HOST_CALLS))))?)?;
    let plain = host.admit(source("healthy-detector", Settings::new())?)?;
    let model = setting("model", SettingValue::Text("instant".to_owned()));
    let asking = host.admit(source("healthy-detector", model)?)?;

    let image = Image::new(8, 8, PixelFormat::Gray8, vec![9; 64].into())?;
    // 1 MiB: a copy of it would be seen.
    let tensor = Tensor::build(&[1, 1, 512, 512], ElementType::F32, |_| {})?;
    let inputs = [NamedTensor { name: "image".to_owned(), tensor }];
    let time = |plugin: &AdmittedPlugin, count| -> anyhow::Result<Times> {
        detect(plugin, &image, &inputs)?;
        Ok(Times::of(300, count, || drop(detect(plugin, &image, &inputs))))
    };
    let (call, calls) = (time(&idle, 3000)?, time(&calling, 300)?);
    let (without, with) = (time(&plain, 3000)?, time(&asking, 3000)?);
    let against = format!("bare wasmtime: {bare_us:.1} us for a component of two functions");
    let mut figures = Vec::new();
    for mib in [4, 16, 64] {
        let times = behind(mib, || detect(&idle, &image, &inputs))?;
        let name = format!("Assay: the same behind {mib} MiB of other data, p50");
        figures.push(Figure::plain(&name, times.p50(), "us", "code and data of the call are no longer in the caches"));
    }
    figures.extend([
        Figure::at_most("Assay: store + instantiate + detector call + drop", call.p50(), "us", 20.0, &against),
        Figure::plain(
            "Assay: guest->host call on a picture",
            (calls.p50() - call.p50()) * 1e3 / f64::from(HOST_CALLS),
            "ns",
            "`info` of a picture's handle, with ledger and clock",
        ),
        Figure::at_most(
            "inference through wasi:nn over no inference",
            with.p50() - without.p50(),
            "us",
            10.0,
            "the same detector without it; host-made tensor of 1 MiB, a model that answers at once",
        ),
        Figure::at_most(
            "plugin load from the verified cache",
            cached.p50() / 1e3,
            "ms",
            1.0,
            "admission with trial instance",
        ),
        Figure::plain("plugin load with compilation", compiled, "ms", "the same plugin, empty cache"),
    ]);
    Ok(figures)
}

/// Times of `work` after so much other memory was written, as an inference does it.
fn behind(mib: usize, work: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<Times> {
    const LINE: usize = 64;
    let mut other = vec![0u8; mib << 20];
    let mut times = Vec::new();
    for _ in 0..120 {
        other.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1));
        std::hint::black_box(&other);
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(Times::from_micros(times))
}
