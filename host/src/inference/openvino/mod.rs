mod ffi;
mod cache;
mod devices;
mod compile;
mod runner;

use self::compile::Order;
use self::ffi::{CompiledModel, Core, Model};
use self::runner::{BatchModel, OpenvinoRunner};
use super::checked::{CheckedModel, bad_model, guard};
use super::library::{self, Wanted};
use super::validate::shape_of;
use super::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
use crate::domain::{DeviceUse, ModelFormat, Port, Precision, panic_text};
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
            let order = self.order(source, device, request.precision, options);
            let compiled = order.compile_all()?;
            let used = used_device(source, &order.device, &compiled)?;
            let device_use = DeviceUse {
                backend: NAME.to_owned(),
                asked: request.wish.clone(),
                used: used.clone(),
                precision: request.precision.name().to_owned(),
            };
            let placement = Placement { device: device_use, library_version: self.version() };
            Ok((runner(&order, used, compiled)?, placement))
        })?;
        CheckedModel::warmed_up(NAME, source, placement, Box::new(runner))
    }
}

impl OpenvinoBackend {
    fn order(&self, source: &ModelSource, device: String, precision: Precision, options: &LoadOptions) -> Order {
        let (library, source) = (Arc::clone(&self.library), source.clone());
        Order { library, source, device, precision, options: options.clone() }
    }

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
    order: &Order,
    used: String,
    compiled: Batches<Vec<CompiledModel>>,
) -> Result<OpenvinoRunner, InferenceError> {
    let bad = |detail| bad_model(NAME, &order.source, detail);
    let requests = usize::try_from(order.options.parallel.max(1)).unwrap_or(1);
    let mut batches = BTreeMap::new();
    for (batch, models) in compiled {
        let models: Vec<_> = models.into_iter().map(Arc::new).collect();
        let again = order.again(batch, &models);
        let models: Vec<_> = models.into_iter().cycle().take(requests).collect();
        batches.insert(batch, BatchModel::new(&models, &order.source.spec, batch, again).map_err(bad)?);
    }
    OpenvinoRunner::new(order.source.name.clone(), used, devices::is_compound(&order.device), batches).map_err(bad)
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
