use super::checked::{bad_model, guard};
use super::onnxruntime::OnnxRuntimeBackend;
use super::openvino::OpenvinoBackend;
use super::tract::TractBackend;
use super::validate::check_spec;
use super::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource};
use super::{onnxruntime, openvino, tract};
use crate::domain::ModelFormat;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the libraries are, and which backend is preferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendOptions {
    /// The unpacked wheel or the folder with `libopenvino_c.so*`; else `ASSAY_OPENVINO_DIR`, else the system.
    pub openvino_dir: Option<PathBuf>,
    /// The unpacked wheel or the folder with `libonnxruntime.so*`; else `ASSAY_ONNXRUNTIME_DIR`, else the system.
    pub onnxruntime_dir: Option<PathBuf>,
    /// Names of backends, the preferred one first. One that is not named is not used.
    pub order: Vec<String>,
}

impl Default for BackendOptions {
    fn default() -> Self {
        let order = [openvino::NAME, onnxruntime::NAME, tract::NAME].map(str::to_owned).to_vec();
        Self { openvino_dir: None, onnxruntime_dir: None, order }
    }
}

/// The backends of this process, in order of preference.
pub struct Backends {
    found: Vec<Box<dyn Backend>>,
    missing: Vec<(String, String)>,
}

impl Backends {
    /// Looks for every backend of the order. One that is not there is no error: [`Backends::missing`] says why.
    #[must_use]
    pub fn discover(options: &BackendOptions) -> Self {
        let mut backends = Self { found: Vec::new(), missing: Vec::new() };
        for name in &options.order {
            if backends.found.iter().any(|backend| backend.name() == name) {
                continue;
            }
            match discover(name, options) {
                Ok(backend) => backends.found.push(backend),
                Err(reason) => backends.missing.push((name.clone(), reason)),
            }
        }
        backends
    }

    /// Name, version and devices of each backend that is there, in order of preference.
    #[must_use]
    pub fn available(&self) -> Vec<(String, String, Vec<String>)> {
        let describe = |b: &dyn Backend| (b.name().to_owned(), b.version(), b.devices());
        self.found.iter().map(Box::as_ref).map(describe).collect()
    }

    /// Name and reason of each backend that is not there.
    #[must_use]
    pub fn missing(&self) -> Vec<(String, String)> {
        self.missing.clone()
    }

    /// Loads a model on the first wished device that is there, through the first backend of the order that has this
    /// device and reads the model's format. A model that this backend then refuses is an error, not a reason to try
    /// the next one: which backend judges the parts must not depend on an accident.
    ///
    /// # Errors
    /// When no backend reads the format, no wished device is there, or the model can't be loaded.
    pub fn load(
        &self,
        source: &ModelSource,
        request: &DeviceRequest,
        options: &LoadOptions,
    ) -> Result<Arc<dyn LoadedModel>, InferenceError> {
        let readers: Vec<&dyn Backend> =
            self.found.iter().map(Box::as_ref).filter(|backend| backend.reads(source.format)).collect();
        let Some(first) = readers.first() else { return Err(self.no_reader(source.format)) };
        check_spec(&source.spec)
            .map_err(|detail| bad_model(first.name(), source, format!("its specification is wrong: {detail}")))?;
        let (weights, spec) = (source.weights.as_deref(), &source.spec);
        super::import::check(source.format, &source.bytes, weights, spec)
            .map_err(|refusal| InferenceError::Refused { model: source.name.clone(), detail: refusal.to_string() })?;
        let offer = |wish: &String| readers.iter().find(|backend| backend.offers(wish));
        let Some(backend) = request.wish.iter().find_map(offer) else {
            return Err(no_device(&readers, request));
        };
        guard(backend.name(), &source.name, || backend.load(source, request, options))
    }

    fn no_reader(&self, format: ModelFormat) -> InferenceError {
        let (backend, text) = match format {
            ModelFormat::Onnx => (tract::NAME, "onnx"),
            ModelFormat::OpenvinoIr => (openvino::NAME, "openvino-ir"),
            ModelFormat::Tflite => (openvino::NAME, "tflite"),
        };
        let reason = self.missing.iter().find(|(name, _)| name == backend).map(|(_, reason)| reason.as_str());
        let reason = reason.unwrap_or("it is not in the station's order of backends");
        InferenceError::BackendMissing { backend, detail: format!("it is needed for format {text}; {reason}") }
    }
}

fn no_device(readers: &[&dyn Backend], request: &DeviceRequest) -> InferenceError {
    let names: Vec<&str> = readers.iter().map(|backend| backend.name()).collect();
    let mut have: Vec<String> = readers.iter().flat_map(|backend| backend.devices()).collect();
    have.sort();
    have.dedup();
    InferenceError::DeviceMissing { backend: names.join(", "), wish: request.wish.clone(), have }
}

fn discover(name: &str, options: &BackendOptions) -> Result<Box<dyn Backend>, String> {
    match name {
        openvino::NAME => Ok(Box::new(OpenvinoBackend::discover(options.openvino_dir.as_deref())?)),
        onnxruntime::NAME => Ok(Box::new(OnnxRuntimeBackend::discover(options.onnxruntime_dir.as_deref())?)),
        tract::NAME => Ok(Box::new(TractBackend)),
        other => {
            let known = [openvino::NAME, onnxruntime::NAME, tract::NAME];
            Err(format!("there is no backend {other:?}; known are {known:?}"))
        }
    }
}
