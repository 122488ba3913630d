use crate::domain::{DeviceUse, Digest, ModelFormat, ModelSpec, NamedTensor, Precision};
use std::sync::Arc;
use std::time::Instant;

/// Verified bytes of a model.
#[derive(Debug, Clone)]
pub struct ModelSource {
    pub name: String,
    pub digest: Digest,
    pub format: ModelFormat,
    pub bytes: Arc<[u8]>,
    /// Weights, where the format keeps them apart.
    pub weights: Option<Arc<[u8]>>,
    pub spec: ModelSpec,
}

/// Devices in order of wish; the first that is there is used. A device outside the list never is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    pub wish: Vec<String>,
    pub precision: Precision,
}

/// What the station sets for all models.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Threads inside one inference.
    pub threads: u32,
    /// Inferences that may run at one time on this model. On a CPU each has its own compiled model: time at load and
    /// memory grow with it.
    pub parallel: u32,
    /// Where compiled blobs may be kept, by (model digest, device, driver, version); none switches that off.
    pub cache_dir: Option<std::path::PathBuf>,
}

/// Where a loaded model runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub device: DeviceUse,
    /// Of the backend's library.
    pub library_version: String,
}

/// One inference library.
pub trait Backend: Send + Sync {
    /// `openvino`, `onnxruntime` or `tract`.
    fn name(&self) -> &'static str;

    /// Of the library, as it says itself.
    fn version(&self) -> String;

    /// True where it can read a model of that format.
    fn reads(&self, format: ModelFormat) -> bool;

    /// Devices that are there now, in the words that `DeviceRequest` uses.
    fn devices(&self) -> Vec<String>;

    /// True where a wish for `device` can be met. A backend with compound devices (`AUTO:NPU,CPU`) says so here.
    fn offers(&self, device: &str) -> bool {
        self.devices().iter().any(|have| have == device)
    }

    /// Loads, compiles and warms up for each batch size of the specification.
    ///
    /// # Errors
    /// When the model cannot be read, no wished device is there, or the model's ports differ from its specification.
    fn load(
        &self,
        source: &ModelSource,
        request: &DeviceRequest,
        options: &LoadOptions,
    ) -> Result<Arc<dyn LoadedModel>, InferenceError>;
}

/// A model that is ready to run.
pub trait LoadedModel: Send + Sync {
    fn name(&self) -> &str;
    fn digest(&self) -> Digest;
    fn spec(&self) -> &ModelSpec;
    fn placement(&self) -> &Placement;

    /// Runs the model. `inputs` are not copied where the backend can read the host's memory; the outputs come under
    /// the names of the specification.
    ///
    /// # Errors
    /// A tensor that does not fit, a deadline that passed, or what the device answered. The inference is cancelled,
    /// not awaited, at `deadline` where the backend can do that.
    fn infer(&self, inputs: &[NamedTensor], deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError>;
}

/// Why there is no answer from a model.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    #[error("backend {backend} is not available: {detail}")]
    BackendMissing { backend: &'static str, detail: String },
    #[error(
        "no device of {wish:?} is available through {backend}; available are {have:?}: name one of these in the recipe"
    )]
    DeviceMissing { backend: String, wish: Vec<String>, have: Vec<String> },
    #[error("model {model} cannot be loaded by {backend}: {detail}")]
    BadModel { backend: &'static str, model: String, detail: String },
    #[error("model {model} is refused before any backend reads it: {detail}")]
    Refused { model: String, detail: String },
    #[error("model {model}: {detail}")]
    BadTensor { model: String, detail: String },
    #[error("model {model} did not answer before the deadline")]
    Timeout { model: String },
    #[error("model {model}: device {device} was lost: {detail}")]
    DeviceLost { model: String, device: String, detail: String },
    #[error("model {model} failed on {backend}: {detail}")]
    Failed { backend: &'static str, model: String, detail: String },
}
