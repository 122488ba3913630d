//! Real components in the plugin runtime: healthy ones, hostile ones, and ones that must not come in.

use crate::fake_model::{FakeModel, Mood};
use assay::domain::{
    Blame, BufferPool, Capability, Digest, ElementType, Failure, FailureCode, Finding, FrameId, FrameMeta, Image,
    NamedTensor, PixelBuffer, PixelFormat, PluginKind, PluginLimits, PluginReport, SettingValue, Stage, Tensor,
    Verdict,
};
use assay::inference::LoadedModel;
use assay::plugin::{
    AdmissionError, AdmittedPlugin, CallOutcome, CapabilityError, DetectInput, MonitorState, ObserveInput, PluginHost,
    PluginHostOptions, PluginSource, WIT_PACKAGE, componentize,
};
use assay_tests::artifacts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

mod admission;
mod cache;
mod config;
mod frozen;
mod healthy;
mod hostile;
mod versions;
mod warm;

fn component(guest: &str) -> Arc<[u8]> {
    let module = artifacts::guest(guest).unwrap_or_else(|error| panic!("{error:#}"));
    componentize(&module).unwrap().into()
}

pub fn host() -> PluginHost {
    PluginHost::new(options()).unwrap()
}

fn options() -> PluginHostOptions {
    PluginHostOptions { cache: None, caps: generous(), pool: BufferPool::new(8, 64 << 20) }
}

/// Caps that no test runs into.
fn generous() -> PluginLimits {
    PluginLimits { deadline_ms: 60_000, memory_bytes: 64 << 20, ..PluginLimits::default() }
}

/// A deadline of the frame that no test runs into.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn everything() -> Vec<Capability> {
    use Capability::{Config, Imaging, Inference, Log, State};
    vec![Imaging, Log, Config, State, Inference("demo".to_owned())]
}

pub fn source(guest: &str, kind: PluginKind) -> PluginSource {
    let component = component(guest);
    PluginSource {
        name: guest.to_owned(),
        kind,
        digest: Digest::of(&component),
        component,
        wit: WIT_PACKAGE.to_owned(),
        asked: everything(),
        granted: everything(),
        limits: PluginLimits { deadline_ms: 10_000, ..PluginLimits::default() },
        warm: None,
        settings: BTreeMap::new(),
        labels: vec!["good".to_owned(), "scratch".to_owned()],
        reference: None,
        models: models(Arc::new(FakeModel::new(Mood::Sums))),
    }
}

fn models(model: Arc<dyn LoadedModel>) -> BTreeMap<String, Arc<dyn LoadedModel>> {
    BTreeMap::from([("demo".to_owned(), model)])
}

pub fn meta() -> FrameMeta {
    FrameMeta {
        id: FrameId { station: "bench-3".to_owned(), boot: 2, trigger: 41 },
        captured_at_us: 1_764_000_000_000_000,
        source: "folder".to_owned(),
        origin: Some("part-41.png".to_owned()),
        product: None,
        serial: Some("SN-41".to_owned()),
        line_trigger: None,
        simulated: false,
    }
}

/// A grey picture of one value.
pub fn picture(side: u32, value: u8) -> Image {
    let pixels = vec![value; (side * side) as usize];
    Image::new(side, side, PixelFormat::Gray8, PixelBuffer::from(pixels)).unwrap()
}

fn detect(plugin: &AdmittedPlugin, picture: &Image, inputs: &[NamedTensor]) -> CallOutcome<PluginReport> {
    plugin.detect(&meta(), &DetectInput { picture, inputs, outputs: &[] }, far())
}

fn healthy_call_works(healthy: &AdmittedPlugin) {
    let report = detect(healthy, &picture(8, 51), &[]).result.unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].label, "bright");
    assert!((report.findings[0].score - 0.2).abs() < 1e-6);
}
