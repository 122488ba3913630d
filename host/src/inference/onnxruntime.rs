use super::checked::{CheckedModel, Runner, bad_model, guard};
use super::library::{self, Wanted};
use super::pool::{After, Pool};
use super::validate::CheckedInputs;
use super::watchdog::{Cancel, Watchdog};
use super::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
use crate::domain::{DeviceUse, ElementType, ModelFormat, ModelSpec, Port, Precision, Tensor, panic_text};
use ort::AsPointer;
use ort::environment::Environment;
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::sys::ONNXTensorElementDataType as OnnxType;
use ort::value::{DynTensorValueType, DynValue, Outlet, TensorElementType};
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

pub(super) const NAME: &str = "onnxruntime";
const CPU: &str = "CPU";

const WANTED: Wanted = Wanted {
    stem: "onnxruntime",
    variable: "ASSAY_ONNXRUNTIME_DIR",
    option: "onnxruntime_dir",
    install: "cargo xtask onnxruntime",
    folders: &["libs", "lib", "capi", "onnxruntime/capi"],
};

/// ONNX Runtime from a shared library that is found at run time.
pub(super) struct OnnxRuntimeBackend {
    library: Arc<Library>,
}

/// One per process, as the library itself demands; the first that loads stays.
struct Library {
    environment: Environment,
    version: String,
    watchdog: &'static Watchdog,
    path: PathBuf,
}

static LOADED: Mutex<Option<Arc<Library>>> = Mutex::new(None);

impl OnnxRuntimeBackend {
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
                    "{found} can't be used: this process has loaded {loaded}, and loads ONNX Runtime once"
                ));
            }
            return Ok(Self { library: Arc::clone(library) });
        }
        // The crate panics on a library that has no usable interface.
        let library = catch_unwind(AssertUnwindSafe(|| Library::load(&path)))
            .unwrap_or_else(|panic| Err(format!("{}: {}", path.display(), panic_text(panic.as_ref()))))?;
        let library = Arc::new(library);
        *loaded = Some(Arc::clone(&library));
        Ok(Self { library })
    }
}

impl Library {
    fn load(path: &Path) -> Result<Self, String> {
        let builder = ort::init_from(path).map_err(|error| error.to_string())?;
        let environment = builder.with_name("assay").with_telemetry(false).build();
        let environment = environment.map_err(|error| format!("{}: {error}", path.display()))?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        let watchdog = Watchdog::shared()?;
        let version = version_of(path, ort::info());
        Ok(Self { environment, version, watchdog, path: path.to_path_buf() })
    }
}

/// The crate does not pass on the library's version, and the line about its build names a branch at best, so that the
/// file's name is the first to ask: `libonnxruntime.so.1.32.0`.
fn version_of(path: &Path, build: &str) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.split_once(".so.").map(|(_, version)| version.to_owned());
    version.unwrap_or_else(|| {
        let part = |key: &str| build.split(key).nth(1).and_then(|rest| rest.split(',').next()).map(str::trim);
        part("git-branch=rel-").or_else(|| part("git-commit-id=")).unwrap_or(build).to_owned()
    })
}

impl Backend for OnnxRuntimeBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        self.library.version.clone()
    }

    fn reads(&self, format: ModelFormat) -> bool {
        format == ModelFormat::Onnx
    }

    fn devices(&self) -> Vec<String> {
        vec![CPU.to_owned()]
    }

    fn load(
        &self,
        source: &ModelSource,
        request: &DeviceRequest,
        options: &LoadOptions,
    ) -> Result<Arc<dyn LoadedModel>, InferenceError> {
        if !request.wish.iter().any(|wish| wish == CPU) {
            let (wish, have) = (request.wish.clone(), self.devices());
            return Err(InferenceError::DeviceMissing { backend: NAME.to_owned(), wish, have });
        }
        let runner = guard(NAME, &source.name, || self.runner(source, options))?;
        let device = DeviceUse {
            backend: NAME.to_owned(),
            asked: request.wish.clone(),
            used: CPU.to_owned(),
            // Its CPU provider computes f32 as written, whatever was asked.
            precision: Precision::F32Exact.name().to_owned(),
        };
        let placement = Placement { device, library_version: self.version() };
        CheckedModel::warmed_up(NAME, source, placement, Box::new(runner))
    }
}

impl OnnxRuntimeBackend {
    fn runner(&self, source: &ModelSource, options: &LoadOptions) -> Result<OrtRunner, InferenceError> {
        let bad = |error: ort::Error| bad_model(NAME, source, error.to_string());
        let slots = (0..options.parallel.max(1)).map(|_| self.slot(source, options.threads)).collect::<Result<_, _>>();
        // For a session that hangs: loading takes long, and happens beside the frames.
        let (again, source, threads) = (Self { library: Arc::clone(&self.library) }, source.clone(), options.threads);
        let memory =
            MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUInput).map_err(bad);
        Ok(OrtRunner {
            name: source.name.clone(),
            library: Arc::clone(&self.library),
            inputs: source.spec.inputs.clone(),
            outputs: source.spec.outputs.clone(),
            memory: memory?,
            pool: Pool::new(slots?, move || again.slot(&source, threads).ok()),
        })
    }

    fn slot(&self, source: &ModelSource, threads: u32) -> Result<Slot, InferenceError> {
        let bad = |detail: String| bad_model(NAME, source, detail);
        let session = self.session(source, threads).map_err(|error| bad(error.to_string()))?;
        let ModelSpec { inputs, outputs, batch_sizes } = &source.spec;
        // Any batch size fits; the warm-up runs each.
        let any = (!batch_sizes.is_empty()).then_some(-1);
        check_ports("input", inputs, session.inputs(), any, true).map_err(bad)?;
        check_ports("output", outputs, session.outputs(), any, false).map_err(bad)?;
        let options = RunOptions::new().map_err(|error| bad(error.to_string()))?;
        Ok(Slot { session, options: Arc::new(Stop(options)) })
    }

    fn session(&self, source: &ModelSource, threads: u32) -> Result<Session, ort::Error> {
        let threads = usize::try_from(threads.max(1)).unwrap_or(1);
        let mut builder = Session::builder(&self.library.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            // Idle threads that spin take the processor from the lanes beside this one.
            .with_config_entry("session.intra_op.allow_spinning", "0")?;
        builder.commit_from_memory(&source.bytes)
    }
}

/// Holds the model's own ports against its specification. A side that the model leaves open fits any.
fn check_ports(what: &str, specified: &[Port], has: &[Outlet], batch: Option<i64>, all: bool) -> Result<(), String> {
    for port in specified {
        let Some(outlet) = has.iter().find(|outlet| outlet.name() == port.name) else {
            let names: Vec<&str> = has.iter().map(Outlet::name).collect();
            return Err(format!("{what} {:?} is specified, the model has {names:?}", port.name));
        };
        let kind = outlet.dtype();
        let sides = kind.tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
        let wanted: Vec<i64> = batch.into_iter().chain(port.shape.iter().map(|&side| i64::from(side))).collect();
        let fits = sides.len() == wanted.len()
            && wanted.iter().zip(&sides).all(|(&wanted, &side)| side < 0 || wanted < 0 || side == wanted);
        if kind.tensor_type() != Some(element_type(port.ty)) || !fits {
            let (name, ty) = (&port.name, port.ty.name());
            return Err(format!("{what} {name:?}: {ty} {wanted:?} is specified, the model has {kind}"));
        }
    }
    if all && has.len() != specified.len() {
        return Err(format!("{} {what}s are specified, the model has {}", specified.len(), has.len()));
    }
    Ok(())
}

/// Tells a run to stop at its next node.
struct Stop(RunOptions);

impl Cancel for Stop {
    fn cancel(&self) {
        if let Err(error) = self.0.terminate() {
            tracing::error!(%error, "ONNX Runtime did not take the request to stop");
        }
    }
}

/// A session of its own for each run at one time: `Run` on a shared session is not safe from several threads.
struct Slot {
    session: Session,
    options: Arc<Stop>,
}

struct OrtRunner {
    name: String,
    library: Arc<Library>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    memory: MemoryInfo<'static>,
    pool: Pool<Slot>,
}

impl Runner for OrtRunner {
    fn run(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<Vec<Tensor>, InferenceError> {
        // A run that comes back has ended, so no slot is ever parked at work.
        let answer = self.pool.with(deadline, |_| true, |slot| (self.run_on(slot, inputs, deadline), After::Free));
        answer.unwrap_or_else(|busy| Err(busy.error(&self.name, CPU)))
    }

    fn warm_up(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<(), InferenceError> {
        self.pool.all(|slot| self.run_on(slot, inputs, deadline).map(drop))
    }
}

impl OrtRunner {
    fn run_on(
        &self,
        slot: &mut Slot,
        inputs: &CheckedInputs<'_>,
        deadline: Instant,
    ) -> Result<Vec<Tensor>, InferenceError> {
        let failed = |detail: String| InferenceError::Failed { backend: NAME, model: self.name.clone(), detail };
        let values = self.values(inputs).map_err(|error| failed(error.to_string()))?;
        let Slot { session, options } = slot;
        let watch = self.library.watchdog.arm(deadline, Arc::clone(options) as Arc<dyn Cancel>);
        let answer = session.run_with_options(values, &options.0);
        if watch.end() {
            drop(answer);
            // The flag stays set until it is taken back, and would stop the next run.
            options.0.unterminate().map_err(|error| failed(error.to_string()))?;
            return Err(InferenceError::Timeout { model: self.name.clone() });
        }
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let find = |port: &Port| {
            let value = answer.remove(&port.name).ok_or_else(|| format!("output {:?} is missing", port.name))?;
            export(port, value)
        };
        self.outputs.iter().map(find).collect::<Result<_, _>>().map_err(failed)
    }

    /// Values that read the tensors' own bytes. They must not outlive `inputs`.
    fn values<'a>(
        &'a self,
        inputs: &'a CheckedInputs<'_>,
    ) -> Result<Vec<(Cow<'a, str>, SessionInputValue<'a>)>, ort::Error> {
        let allocator = Allocator::default();
        let pairs = self.inputs.iter().zip(inputs.tensors());
        let view = |(port, tensor): (&'a Port, &&Tensor)| {
            let value = borrow(tensor, &self.memory, &allocator)?;
            Ok((Cow::Borrowed(port.name.as_str()), SessionInputValue::Owned(value)))
        };
        pairs.map(view).collect()
    }
}

/// A value over the tensor's own bytes: nothing is copied. The caller drops it before the tensor.
fn borrow(tensor: &Tensor, memory: &MemoryInfo<'_>, allocator: &Allocator) -> Result<DynValue, ort::Error> {
    let mut sides = [0i64; Tensor::MAX_DIMENSIONS];
    for (side, &found) in sides.iter_mut().zip(tensor.shape()) {
        *side = i64::from(found);
    }
    let (bytes, rank) = (tensor.bytes(), tensor.shape().len().min(sides.len()));
    let mut value = std::ptr::null_mut();
    #[allow(unsafe_code, reason = "the crate wraps host memory only for types known at compile time")]
    // SAFETY: `bytes` is readable for its whole length, aligned to 64 bytes and as long as shape x type (checked by
    // `check_inputs`); the library reads inputs and never writes them; `sides` holds at least `rank` numbers. The
    // value is dropped before the tensor: `run_on` consumes it while `inputs` is borrowed. `value` is a fresh tensor
    // that nothing else owns, so that `from_ptr` may take it.
    unsafe {
        let status = (ort::api().CreateTensorWithDataAsOrtValue)(
            memory.ptr(),
            bytes.as_ptr().cast_mut().cast(),
            bytes.len(),
            sides.as_ptr(),
            rank,
            onnx_type(tensor.element_type()),
            &raw mut value,
        );
        ort::Error::result_from_status(status)?;
        let value = NonNull::new(value).ok_or_else(|| ort::Error::new("the library made no tensor"))?;
        Ok(DynValue::from_ptr(value, Some(allocator)))
    }
}

fn export(port: &Port, value: DynValue) -> Result<Tensor, String> {
    let named = |detail: String| format!("output {:?}: {detail}", port.name);
    let tensor = value.downcast::<DynTensorValueType>().map_err(|error| named(error.to_string()))?;
    if *tensor.data_type() != element_type(port.ty) {
        return Err(named(format!("{} is specified, found {:?}", port.ty.name(), tensor.data_type())));
    }
    if !tensor.memory_info().is_cpu_accessible() {
        return Err(named("its memory can't be read by the host".to_owned()));
    }
    let shape: Result<Vec<u32>, _> = tensor.shape().iter().map(|&side| u32::try_from(side)).collect();
    let shape = shape.map_err(|error| named(error.to_string()))?;
    let length = Tensor::needed_bytes(&shape, port.ty).map_err(|error| named(error.to_string()))?;
    let data = tensor.data_ptr().cast::<u8>();
    if data.is_null() {
        return Err(named("it has no memory".to_owned()));
    }
    #[allow(unsafe_code, reason = "the crate reads outputs only as types known at compile time")]
    // SAFETY: a tensor of that shape and type owns exactly `length` bytes at `data`, in memory that the host can read;
    // `tensor` owns the value, and lives until the copy below is made.
    let bytes = unsafe { std::slice::from_raw_parts(data, length) };
    Tensor::from_bytes(&shape, port.ty, bytes).map_err(|error| named(error.to_string()))
}

const fn element_type(ty: ElementType) -> TensorElementType {
    match ty {
        ElementType::F16 => TensorElementType::Float16,
        ElementType::F32 => TensorElementType::Float32,
        ElementType::F64 => TensorElementType::Float64,
        ElementType::Bf16 => TensorElementType::Bfloat16,
        ElementType::U8 => TensorElementType::Uint8,
        ElementType::I32 => TensorElementType::Int32,
        ElementType::I64 => TensorElementType::Int64,
    }
}

const fn onnx_type(ty: ElementType) -> OnnxType {
    match ty {
        ElementType::F16 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        ElementType::F32 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        ElementType::F64 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
        ElementType::Bf16 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
        ElementType::U8 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        ElementType::I32 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32,
        ElementType::I64 => OnnxType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    }
}
