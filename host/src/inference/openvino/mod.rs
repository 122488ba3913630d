mod ffi;
mod cache;
mod devices;
mod runner;

use self::ffi::{CompiledModel, Core, Model};
use self::runner::{BatchModel, OpenvinoRunner};
use super::checked::{CheckedModel, bad_model, guard, panic_text};
use super::library::{self, Wanted};
use super::validate::shape_of;
use super::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
use crate::domain::{DeviceUse, ModelFormat, Port, Precision};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const NAME: &str = "openvino";
const CPU: &str = "CPU";

const WANTED: Wanted = Wanted {
    stem: "openvino_c",
    variable: "ASSAY_OPENVINO_DIR",
    option: "openvino_dir",
    install: "cargo xtask openvino",
    folders: &["libs", "openvino/libs", "runtime/lib/intel64", "runtime/lib/aarch64"],
};

/// OpenVINO from a shared library that is found at run time. Its plugins lie beside it, and are found there.
pub(super) struct OpenvinoBackend {
    library: Arc<Library>,
}

/// One per process: the C interface keeps one table of functions, and a second core would compile everything again.
struct Library {
    core: Core,
    version: String,
    path: PathBuf,
}

/// One of each per batch size; under `None` that of a model without a batch.
type Batches<T> = BTreeMap<Option<u32>, T>;

static LOADED: Mutex<Option<Arc<Library>>> = Mutex::new(None);

impl OpenvinoBackend {
    /// Finds and loads the library.
    ///
    /// # Errors
    /// Why it is not there, and what to do about that.
    pub(super) fn discover(dir: Option<&Path>) -> Result<Self, String> {
        let path = library::locate(&WANTED, dir)?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = loaded.as_ref() {
            if library.path != path {
                let (loaded, found) = (library.path.display(), path.display());
                return Err(format!(
                    "{found} can't be used: this process has loaded {loaded}, and loads OpenVINO once"
                ));
            }
            return Ok(Self { library: Arc::clone(library) });
        }
        let library = catch_unwind(AssertUnwindSafe(|| Library::load(&path)))
            .unwrap_or_else(|panic| Err(panic_text(panic.as_ref())))
            .map_err(|detail| format!("{} can't be used: {detail}", path.display()))?;
        let library = Arc::new(library);
        *loaded = Some(Arc::clone(&library));
        Ok(Self { library })
    }
}

impl Library {
    fn load(path: &Path) -> Result<Self, String> {
        ffi::load(path)?;
        let version = ffi::version().map_err(|error| error.to_string())?;
        let core = Core::new().map_err(|error| error.to_string())?;
        Ok(Self { core, version, path: path.to_path_buf() })
    }
}

impl Backend for OpenvinoBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        self.library.version.clone()
    }

    fn reads(&self, format: ModelFormat) -> bool {
        matches!(format, ModelFormat::Onnx | ModelFormat::OpenvinoIr | ModelFormat::Tflite)
    }

    fn devices(&self) -> Vec<String> {
        self.library.core.devices().unwrap_or_else(|error| {
            tracing::error!(%error, "OpenVINO can't list its devices");
            Vec::new()
        })
    }

    fn offers(&self, device: &str) -> bool {
        devices::offered(device, &self.devices())
    }

    fn load(
        &self,
        source: &ModelSource,
        request: &DeviceRequest,
        options: &LoadOptions,
    ) -> Result<Arc<dyn LoadedModel>, InferenceError> {
        let (runner, placement) = guard(NAME, &source.name, || {
            let device = self.choose(request)?;
            let compiled = self.compile_all(source, &device, request.precision, options)?;
            let used = used_device(source, &device, &compiled)?;
            let device_use = DeviceUse {
                backend: NAME.to_owned(),
                asked: request.wish.clone(),
                used: used.clone(),
                precision: request.precision.name().to_owned(),
            };
            let placement = Placement { device: device_use, library_version: self.version() };
            Ok((runner(source, &device, used, compiled, options)?, placement))
        })?;
        CheckedModel::warmed_up(NAME, source, placement, Box::new(runner))
    }
}

impl OpenvinoBackend {
    /// The first wished device that is there and can compute as exactly as asked.
    fn choose(&self, request: &DeviceRequest) -> Result<String, InferenceError> {
        let mut have = self.devices();
        for wish in &request.wish {
            if !devices::offered(wish, &have) {
                continue;
            }
            if request.precision == Precision::Fast || self.computes_f32(wish) {
                return Ok(wish.clone());
            }
            have.push(format!("{wish} (not with precision f32-exact; with precision fast)"));
        }
        Err(InferenceError::DeviceMissing { backend: NAME.to_owned(), wish: request.wish.clone(), have })
    }

    /// Every device that `wish` may run on must do f32; one that does not say what it can do is left to the compiler.
    fn computes_f32(&self, wish: &str) -> bool {
        let can = |device: &str| self.library.core.property(device, "OPTIMIZATION_CAPABILITIES");
        devices::members(wish).iter().all(|device| can(device).map_or(true, |list| list.contains("FP32")))
    }

    /// The compiled models per batch size: with every shape fixed, the device plans its memory at load.
    fn compile_all(
        &self,
        source: &ModelSource,
        device: &str,
        precision: Precision,
        options: &LoadOptions,
    ) -> Result<Batches<Vec<CompiledModel>>, InferenceError> {
        let bad = |what: &str, error: ffi::CallError| bad_model(NAME, source, format!("{what}: {error}"));
        let core = &self.library.core;
        // From memory in all formats: no file is opened after the bytes were verified.
        let mut model = core.read(&source.bytes, source.weights.as_deref()).map_err(|e| bad("it can't be read", e))?;
        check_input_count(source, &model)?;
        let blobs = options.cache_dir.as_deref().map(|dir| cache::folder(dir, source, &self.library.version, device));
        let blobs = blobs.transpose().map_err(|detail| bad_model(NAME, source, detail))?;
        let properties = devices::properties(device, precision, options, blobs.as_deref());
        let properties: Vec<(&str, &str)> = properties.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut compiled = BTreeMap::new();
        for batch in source.spec.batches() {
            let inputs = &source.spec.inputs;
            let shapes: Vec<_> = inputs.iter().map(|port| (port.name.as_str(), shape_of(port, batch))).collect();
            model.reshape(&shapes).map_err(|error| bad(&misfit(batch), error))?;
            let made = (0..copies(device, options)).map(|_| core.compile(&model, device, &properties));
            let made = made.collect::<Result<_, _>>();
            compiled.insert(batch, made.map_err(|error| bad(&format!("{device} can't compile it"), error))?);
        }
        Ok(compiled)
    }
}

/// Compiled models per batch size. On the CPU each request has one of its own: a model with several streams runs on
/// threads of OpenVINO's, and waking those costs more than all the rest of this backend; a model with one stream runs
/// on the calling thread. This takes the time to compile and the memory of the weights once per request.
fn copies(device: &str, options: &LoadOptions) -> u32 {
    if device == CPU { options.parallel.max(1) } else { 1 }
}

fn misfit(batch: Option<u32>) -> String {
    let what = batch.map_or_else(|| "the specified shape".to_owned(), |batch| format!("batch size {batch}"));
    format!("{what} does not fit it")
}

fn check_input_count(source: &ModelSource, model: &Model) -> Result<(), InferenceError> {
    let (specified, has) = (source.spec.inputs.len(), model.input_count());
    let has = has.map_err(|error| bad_model(NAME, source, error.to_string()))?;
    if specified != has {
        return Err(bad_model(NAME, source, format!("{specified} inputs are specified, the model has {has}")));
    }
    Ok(())
}

/// Where the model really runs, as the compiled model says, and proof that this was asked for.
fn used_device(
    source: &ModelSource,
    asked: &str,
    compiled: &Batches<Vec<CompiledModel>>,
) -> Result<String, InferenceError> {
    let mut used: Option<String> = None;
    for model in compiled.values().flatten() {
        let said = model.property("EXECUTION_DEVICES").map_err(|error| bad_model(NAME, source, error.to_string()))?;
        let said = devices::said(&said);
        if !devices::allowed(asked, &said) {
            let (wish, have) = (vec![asked.to_owned()], vec![format!("{said} (chosen by OpenVINO)")]);
            return Err(InferenceError::DeviceMissing { backend: NAME.to_owned(), wish, have });
        }
        match &used {
            Some(first) if *first != said => {
                let detail = format!("batch sizes run on different devices, {first} and {said}; name one device");
                return Err(bad_model(NAME, source, detail));
            }
            _ => used = Some(said),
        }
    }
    used.ok_or_else(|| bad_model(NAME, source, "no batch size is specified"))
}

fn runner(
    source: &ModelSource,
    asked: &str,
    used: String,
    compiled: Batches<Vec<CompiledModel>>,
    options: &LoadOptions,
) -> Result<OpenvinoRunner, InferenceError> {
    let requests = usize::try_from(options.parallel.max(1)).unwrap_or(1);
    let mut batches = BTreeMap::new();
    for (batch, models) in compiled {
        let models: Vec<_> = models.into_iter().map(Arc::new).collect();
        let made = BatchModel::new(models.into_iter().cycle().take(requests).collect(), &source.spec, batch);
        batches.insert(batch, made.map_err(|detail| bad_model(NAME, source, detail))?);
    }
    OpenvinoRunner::new(source.name.clone(), used, devices::is_compound(asked), batches)
        .map_err(|detail| bad_model(NAME, source, detail))
}

/// A port of the compiled model with what the specification says of it.
fn checked_port(port: ffi::Port, specified: &Port, batch: Option<u32>) -> Result<ffi::Port, String> {
    let named = |error: ffi::CallError| format!("{:?}: {error}", specified.name);
    let (shape, wanted) = (port.shape().map_err(named)?, shape_of(specified, batch));
    if !port.is(specified.ty).map_err(named)? || shape != wanted {
        let (name, ty) = (&specified.name, specified.ty.name());
        return Err(format!("{name:?}: {ty} {wanted:?} is specified, the model has another type or shape {shape:?}"));
    }
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::{LoadOptions, copies};

    #[test]
    fn on_the_cpu_each_request_has_a_model_of_one_stream_and_elsewhere_they_share_one() {
        let options = LoadOptions { threads: 4, parallel: 3, cache_dir: None };
        assert_eq!(copies("CPU", &options), 3);
        assert_eq!(copies("GPU", &options), 1);
        assert_eq!(copies("CPU", &LoadOptions { parallel: 0, ..options }), 1);
    }
}
