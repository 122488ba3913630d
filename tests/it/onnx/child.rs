//! The process that runs cases on one backend: a library that crashes takes this process down and not the tests.

use super::case::{self, Case};
use super::table::Outcome;
use crate::inference::{backend, cpu, one_thread};
use assay::domain::{
    BufferPool, Capability, Digest, FrameId, FrameMeta, Image, PixelBuffer, PixelFormat, PluginKind, PluginLimits,
    Precision,
};
use assay::inference::{Backends, InferenceError, LoadedModel};
use assay::plugin::{
    CacheOptions, DetectInput, PluginHost, PluginHostOptions, PluginSource, WIT_PACKAGE, componentize,
};
use assay_tests::artifacts;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Shorter than what the parent waits for a sign of life.
const CASE_LIMIT: Duration = Duration::from_secs(20);
/// Names and values of a mismatch fit into it.
const MAX_DETAIL: usize = 300;

pub struct Judge {
    backends: Backends,
    host: PluginHost,
    component: Arc<[u8]>,
}

impl Judge {
    pub fn new(name: &str, cache: &Path) -> Self {
        let module = artifacts::guest("onnx-node").unwrap_or_else(|error| panic!("{error:#}"));
        let cache = CacheOptions { dir: cache.to_owned(), secret: [7; 32] };
        let options = PluginHostOptions { cache: Some(cache), caps: limits(), pool: BufferPool::new(2, 1 << 20) };
        Self {
            backends: backend(name),
            host: PluginHost::new(options).unwrap(),
            component: componentize(&module).unwrap().into(),
        }
    }

    /// What became of a case, with a reason in one line.
    pub fn judge(&self, name: &str) -> (Outcome, String) {
        self.judge_changed(name, |_| ())
    }

    /// The same after a change to the bytes of the first expected output.
    pub fn judge_changed(&self, name: &str, change: fn(&mut [u8])) -> (Outcome, String) {
        let case = case::read(name).map(|case| {
            case.map(|mut case| {
                case.change_expected(change);
                case
            })
        });
        let (outcome, detail) = match case {
            Err(error) => (Outcome::Failed, format!("the test can't read it: {error:#}")),
            Ok(Err(reason)) => (Outcome::Ours, reason),
            Ok(Ok(case)) => self.judge_case(&case),
        };
        let plain = detail.chars().map(|c| if c.is_control() { ' ' } else { c });
        (outcome, plain.take(MAX_DETAIL).collect())
    }

    /// What is refused is tried once more with constants.
    fn judge_case(&self, case: &Case) -> (Outcome, String) {
        let first = self.run(case);
        if !matches!(first.0, Outcome::Ours | Outcome::Theirs) {
            return first;
        }
        match case.with_constants() {
            None => first,
            Some(Err(error)) => (Outcome::Failed, format!("the test can't change it: {error:#}")),
            Some(Ok(constant)) => match self.run(&constant) {
                (Outcome::Passed, detail) => (Outcome::Constants, detail),
                (Outcome::Failed, detail) => (Outcome::Failed, format!("with constants: {detail}")),
                _ => first,
            },
        }
    }

    fn run(&self, case: &Case) -> (Outcome, String) {
        match self.backends.load(&case.model, &cpu(Precision::F32Exact), &one_thread()) {
            Err(error) => refused(&error),
            Ok(model) => self.ask(case, model),
        }
    }

    fn ask(&self, case: &Case, model: Arc<dyn LoadedModel>) -> (Outcome, String) {
        let plugin = match self.host.admit(self.plugin(model)) {
            Ok(plugin) => plugin,
            Err(error) => return (Outcome::Failed, format!("the guest was not admitted: {error}")),
        };
        let picture = Image::new(1, 1, PixelFormat::Gray8, PixelBuffer::from(vec![0])).unwrap();
        let input = DetectInput { picture: &picture, inputs: &case.inputs, outputs: &case.expected };
        let report = match plugin.detect(&meta(), &input, Instant::now() + CASE_LIMIT).result {
            Ok(report) => report,
            Err(failure) => return (Outcome::Failed, failure.to_string()),
        };
        let finding = &report.findings[0];
        let text = finding.text.clone().unwrap_or_default();
        match finding.label.as_str() {
            "match" => (Outcome::Passed, String::new()),
            label => (Outcome::Failed, format!("{label}: {text}")),
        }
    }

    fn plugin(&self, model: Arc<dyn LoadedModel>) -> PluginSource {
        let asked =
            vec![Capability::Imaging, Capability::Log, Capability::Config, Capability::Inference("case".to_owned())];
        PluginSource {
            name: "onnx-node".to_owned(),
            kind: PluginKind::Detector,
            digest: Digest::of(&self.component),
            component: Arc::clone(&self.component),
            wit: WIT_PACKAGE.to_owned(),
            granted: asked.clone(),
            asked,
            limits: limits(),
            warm: None,
            settings: BTreeMap::new(),
            labels: Vec::new(),
            reference: None,
            models: BTreeMap::from([("case".to_owned(), model)]),
        }
    }
}

/// A model that is refused at load is not supported, with three exceptions.
fn refused(error: &InferenceError) -> (Outcome, String) {
    let text = error.to_string();
    match error {
        InferenceError::BadModel { detail, .. } if detail.starts_with("its specification is wrong") => {
            (Outcome::Ours, "no input, or more ports than a specification may have".to_owned())
        }
        InferenceError::BadModel { detail, .. } if detail.contains("the backend panicked") => (Outcome::Failed, text),
        InferenceError::BadModel { .. } => (Outcome::Theirs, text),
        InferenceError::Refused { .. } => (Outcome::Ours, text),
        _ => (Outcome::Failed, text),
    }
}

fn limits() -> PluginLimits {
    PluginLimits { deadline_ms: 20_000, memory_bytes: 64 << 20, ..PluginLimits::default() }
}

fn meta() -> FrameMeta {
    FrameMeta {
        id: FrameId { station: "onnx".to_owned(), boot: 1, trigger: 1 },
        captured_at_us: 0,
        source: "onnx".to_owned(),
        origin: None,
        product: None,
        serial: None,
        line_trigger: None,
        simulated: true,
    }
}
