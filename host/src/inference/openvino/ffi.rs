//! Owners of OpenVINO's C objects: each is freed once, by its `Drop`, and every call's status becomes a `Result`.
//!
//! The safe crate is not used: it copies every input, can't pass properties to a compilation, and panics on devices
//! that it does not know.
#![allow(unsafe_code, reason = "calls into OpenVINO's C interface; each block argues its safety")]

use crate::domain::{ElementType, Tensor};
use crate::inference::watchdog::Cancel;
use openvino_sys as sys;
use openvino_sys::ov_status_e as Status;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::Arc;

/// Longest part of the library's message that is passed on.
const MAX_MESSAGE: usize = 600;

#[derive(Debug, thiserror::Error)]
#[error("{message} ({status:?})")]
pub(super) struct CallError {
    pub(super) status: Status,
    pub(super) message: String,
}

type Result<T> = std::result::Result<T, CallError>;

/// To be called right after the call it belongs to, on the same thread.
fn check(status: Status) -> Result<()> {
    if status == Status::OK {
        return Ok(());
    }
    // SAFETY: the library returns null or a NUL-terminated text that is its own until the next failure.
    let text = unsafe {
        let text = sys::ov_get_last_err_msg();
        if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let message = words.join(" ").chars().take(MAX_MESSAGE).collect();
    Err(CallError { status, message })
}

fn text(value: &str) -> Result<CString> {
    CString::new(value).map_err(|_| misuse(format!("{value:?} contains a NUL byte")))
}

fn misuse(message: impl Into<String>) -> CallError {
    CallError { status: Status::INVALID_C_PARAM, message: message.into() }
}

/// Takes a text that the library made.
fn owned(raw: *mut c_char) -> String {
    if raw.is_null() {
        return String::new();
    }
    // SAFETY: the library made this text for the caller, NUL-terminated; it is freed exactly once, here.
    unsafe {
        let copy = CStr::from_ptr(raw).to_string_lossy().into_owned();
        sys::ov_free(raw);
        copy
    }
}

macro_rules! owner {
    ($(#[$doc:meta])* $name:ident, $raw:ty, $free:ident) => {
        $(#[$doc])*
        pub(super) struct $name(*mut $raw);

        // SAFETY: the object is not bound to the thread that made it.
        unsafe impl Send for $name {}

        impl Drop for $name {
            fn drop(&mut self) {
                // SAFETY: this is the only owner of the object, which the library made.
                unsafe { sys::$free(self.0) }
            }
        }
    };
}

owner!(
    /// The library's root; one per process.
    Core, sys::ov_core_t, ov_core_free
);
owner!(Model, sys::ov_model_t, ov_model_free);
owner!(CompiledModel, sys::ov_compiled_model_t, ov_compiled_model_free);
owner!(Port, sys::ov_output_const_port_t, ov_output_const_port_free);
owner!(RawRequest, sys::ov_infer_request_t, ov_infer_request_free);
owner!(DeviceTensor, sys::ov_tensor_t, ov_tensor_free);

// SAFETY: OpenVINO documents that a core may be used from several threads at one time.
unsafe impl Sync for Core {}
// SAFETY: only its constant methods are called after it was made: getters, and the one that makes requests.
unsafe impl Sync for CompiledModel {}
// SAFETY: a port is immutable.
unsafe impl Sync for Port {}
// SAFETY: besides the one caller that has the request, only `cancel` is called, which the library guards by a lock.
unsafe impl Sync for RawRequest {}

/// A request of one caller at a time. Freeing it waits for a run that is still at work.
pub(super) struct Request(Arc<RawRequest>);

/// Loads the library from one file. Later calls keep the first library.
pub(super) fn load(path: &Path) -> std::result::Result<(), String> {
    // The crate panics where the library's version is no number, and on a function that the library lacks.
    catch_unwind(AssertUnwindSafe(|| {
        sys::library::load_from(path)?;
        // SAFETY: null arguments are refused by the function itself; the call only shows that it exists.
        unsafe { sys::ov_core_compile_model_props(null(), null(), null(), 0, null(), null_mut()) };
        Ok(())
    }))
    .unwrap_or_else(|panic| Err(crate::domain::panic_text(panic.as_ref())))
}

/// As the library says itself: `2026.4.1-22982-...`.
pub(super) fn version() -> Result<String> {
    let mut version = sys::ov_version_t { buildNumber: null(), description: null() };
    // SAFETY: the library fills in two texts of its own, which live until `ov_version_free`.
    unsafe {
        check(sys::ov_get_openvino_version(&raw mut version))?;
        let number = if version.buildNumber.is_null() {
            String::new()
        } else {
            CStr::from_ptr(version.buildNumber).to_string_lossy().into_owned()
        };
        sys::ov_version_free(&raw mut version);
        Ok(number)
    }
}

impl Core {
    pub(super) fn new() -> Result<Self> {
        let mut raw = null_mut();
        // SAFETY: the library is loaded, and writes a new core that this object owns from here.
        check(unsafe { sys::ov_core_create(&raw mut raw) })?;
        Ok(Self(raw))
    }

    pub(super) fn devices(&self) -> Result<Vec<String>> {
        let mut list = sys::ov_available_devices_t { devices: null_mut(), size: 0 };
        // SAFETY: on success the list holds `size` NUL-terminated texts until it is freed, which happens here.
        unsafe {
            check(sys::ov_core_get_available_devices(self.0, &raw mut list))?;
            let empty = list.devices.is_null() || list.size == 0;
            let raw = if empty { &[] } else { std::slice::from_raw_parts(list.devices, list.size) };
            let names = raw.iter().map(|&name| CStr::from_ptr(name).to_string_lossy().into_owned()).collect();
            sys::ov_available_devices_free(&raw mut list);
            Ok(names)
        }
    }

    pub(super) fn property(&self, device: &str, key: &str) -> Result<String> {
        let (device, key, mut value) = (text(device)?, text(key)?, null_mut());
        // SAFETY: both texts outlive the call; the library writes a text that `owned` frees.
        check(unsafe { sys::ov_core_get_property(self.0, device.as_ptr(), key.as_ptr(), &raw mut value) })?;
        Ok(owned(value))
    }

    /// Reads a model from memory; weights are copied, because a model goes on reading the memory it was given.
    pub(super) fn read(&self, model: &[u8], weights: Option<&[u8]>) -> Result<Model> {
        let weights = weights.map(DeviceTensor::copied).transpose()?;
        let weights = weights.as_ref().map_or(null(), |tensor| tensor.0.cast_const());
        let mut raw = null_mut();
        // SAFETY: `model` is readable for the length that is given with it; the tensor of weights is valid during
        // the call, and its memory is shared with the model by the library's own counting.
        let status = unsafe {
            sys::ov_core_read_model_from_memory_buffer(
                self.0,
                model.as_ptr().cast(),
                model.len(),
                weights,
                &raw mut raw,
            )
        };
        check(status)?;
        Ok(Model(raw))
    }

    /// Reads a model from a file, for formats that the library takes from no memory.
    pub(super) fn read_file(&self, path: &Path) -> Result<Model> {
        let path = text(path.to_str().ok_or_else(|| misuse(format!("{} is no UTF-8", path.display())))?)?;
        let mut raw = null_mut();
        // SAFETY: the path outlives the call; a null path of weights stands for none.
        check(unsafe { sys::ov_core_read_model(self.0, path.as_ptr(), null(), &raw mut raw) })?;
        Ok(Model(raw))
    }

    pub(super) fn compile(&self, model: &Model, device: &str, properties: &[(&str, &str)]) -> Result<CompiledModel> {
        let device = text(device)?;
        let owned = properties.iter().map(|(key, value)| Ok((text(key)?, text(value)?))).collect::<Result<Vec<_>>>()?;
        let pairs: Vec<sys::ov_property_t> = owned
            .iter()
            .map(|(key, value)| sys::ov_property_t { key: key.as_ptr(), value: value.as_ptr().cast() })
            .collect();
        let mut raw = null_mut();
        // SAFETY: all texts and the list of pairs outlive the call; every key used here takes a text as its value.
        let status = unsafe {
            sys::ov_core_compile_model_props(
                self.0,
                model.0,
                device.as_ptr(),
                pairs.len(),
                pairs.as_ptr(),
                &raw mut raw,
            )
        };
        check(status)?;
        Ok(CompiledModel(raw))
    }
}

impl Model {
    pub(super) fn input_count(&self) -> Result<usize> {
        let mut count = 0;
        // SAFETY: the model is valid, the count is written before the call returns.
        check(unsafe { sys::ov_model_inputs_size(self.0, &raw mut count) })?;
        Ok(count)
    }

    /// Gives every named input a fixed shape. A scalar is left alone: its shape is fixed, and the library takes a rank of
    /// 0 for an open one.
    pub(super) fn reshape(&mut self, inputs: &[(&str, Vec<u32>)]) -> Result<()> {
        let inputs: Vec<_> = inputs.iter().filter(|(_, shape)| !shape.is_empty()).collect();
        if inputs.is_empty() {
            return Ok(());
        }
        let names = inputs.iter().map(|(name, _)| text(name)).collect::<Result<Vec<_>>>()?;
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let fixed = |side: i64| sys::ov_dimension_t { min: side, max: side };
        let mut sides: Vec<Vec<sys::ov_dimension_t>> =
            inputs.iter().map(|(_, shape)| shape.iter().map(|&side| fixed(i64::from(side))).collect()).collect();
        let shapes: Vec<sys::ov_partial_shape_t> = sides
            .iter_mut()
            .map(|sides| {
                let rank = fixed(i64::try_from(sides.len()).unwrap_or(i64::MAX));
                sys::ov_partial_shape_t { rank, dims: sides.as_mut_ptr() }
            })
            .collect();
        // SAFETY: names and shapes are lists of `inputs.len()` entries that outlive the call; each shape points at as
        // many sides as its rank says, which the library only reads.
        check(unsafe { sys::ov_model_reshape(self.0, pointers.as_mut_ptr(), shapes.as_ptr(), inputs.len()) })
    }
}

impl CompiledModel {
    pub(super) fn input(&self, name: &str) -> Result<Port> {
        let (name, mut raw) = (text(name)?, null_mut());
        // SAFETY: the name outlives the call; the new port is owned by the returned object.
        check(unsafe { sys::ov_compiled_model_input_by_name(self.0, name.as_ptr(), &raw mut raw) })?;
        Ok(Port(raw))
    }

    pub(super) fn output(&self, name: &str) -> Result<Port> {
        let (name, mut raw) = (text(name)?, null_mut());
        // SAFETY: as for `input`.
        check(unsafe { sys::ov_compiled_model_output_by_name(self.0, name.as_ptr(), &raw mut raw) })?;
        Ok(Port(raw))
    }

    pub(super) fn property(&self, key: &str) -> Result<String> {
        let (key, mut value) = (text(key)?, null_mut());
        // SAFETY: the key outlives the call; the library writes a text that `owned` frees.
        check(unsafe { sys::ov_compiled_model_get_property(self.0, key.as_ptr(), &raw mut value) })?;
        Ok(owned(value))
    }

    pub(super) fn request(&self) -> Result<Request> {
        let mut raw = null_mut();
        // SAFETY: the new request is owned by the returned object, and keeps what it needs of the model alive itself.
        check(unsafe { sys::ov_compiled_model_create_infer_request(self.0, &raw mut raw) })?;
        Ok(Request(Arc::new(RawRequest(raw))))
    }
}

impl Port {
    pub(super) fn is(&self, ty: ElementType) -> Result<bool> {
        let mut found = sys::ov_element_type_e::DYNAMIC;
        // SAFETY: the port is valid, the type is written before the call returns.
        check(unsafe { sys::ov_port_get_element_type(self.0, &raw mut found) })?;
        Ok(found == element_type(ty))
    }

    /// Fails where the shape is not fixed.
    pub(super) fn shape(&self) -> Result<Vec<u32>> {
        let mut shape = sys::ov_shape_t { rank: 0, dims: null_mut() };
        // SAFETY: on success `dims` points at `rank` numbers until the shape is freed, which happens here.
        let sides = unsafe {
            check(sys::ov_const_port_get_shape(self.0, &raw mut shape))?;
            let rank = usize::try_from(shape.rank).unwrap_or(0);
            let empty = shape.dims.is_null() || rank == 0;
            let sides = if empty { Vec::new() } else { std::slice::from_raw_parts(shape.dims, rank).to_vec() };
            sys::ov_shape_free(&raw mut shape);
            sides
        };
        let small = |side: i64| u32::try_from(side).map_err(|_| misuse(format!("a side of {side} does not fit")));
        sides.into_iter().map(small).collect()
    }
}

impl Request {
    fn raw(&self) -> *mut sys::ov_infer_request_t {
        self.0.0
    }

    /// What another thread may use to end a run before its time.
    pub(super) fn canceller(&self) -> Arc<dyn Cancel> {
        Arc::clone(&self.0) as Arc<dyn Cancel>
    }

    /// Makes the tensor's own bytes the input at `port`: nothing is copied. The caller keeps the tensor until the run
    /// has ended, and starts no run before every input was set anew.
    pub(super) fn set_input(&mut self, port: &Port, tensor: &Tensor) -> Result<()> {
        let view = DeviceTensor::over(tensor)?;
        // SAFETY: request, port and tensor are valid; the request holds its own reference to the tensor.
        check(unsafe { sys::ov_infer_request_set_tensor_by_const_port(self.raw(), port.0, view.0) })
    }

    /// Runs on the calling thread where the device is the CPU, which has one stream: no other thread has to be woken.
    pub(super) fn run(&mut self) -> Result<()> {
        // SAFETY: the request is valid, and not at work: a slot is used by one caller, and parked while at work.
        check(unsafe { sys::ov_infer_request_infer(self.raw()) })
    }

    pub(super) fn start(&mut self) -> Result<()> {
        // SAFETY: as for `run`.
        check(unsafe { sys::ov_infer_request_start_async(self.raw()) })
    }

    /// True where the run has ended within that time; an error where it ended badly.
    pub(super) fn wait_ms(&mut self, limit_ms: i64) -> Result<bool> {
        // SAFETY: the request is valid.
        let status = unsafe { sys::ov_infer_request_wait_for(self.raw(), limit_ms) };
        if status == Status::RESULT_NOT_READY {
            return Ok(false);
        }
        check(status)?;
        Ok(true)
    }

    pub(super) fn cancel(&self) {
        Cancel::cancel(self.0.as_ref());
    }

    /// Copies an output. Only after a run has ended well.
    pub(super) fn output(&self, port: &Port, shape: &[u32], ty: ElementType) -> Result<Tensor> {
        let mut raw = null_mut();
        // SAFETY: request and port are valid; the new tensor is owned by the object made from it.
        check(unsafe { sys::ov_infer_request_get_tensor_by_const_port(self.raw(), port.0, &raw mut raw) })?;
        let tensor = DeviceTensor(raw);
        let (mut data, mut length) = (null_mut(), 0);
        // SAFETY: the tensor is valid, and both values are written before the calls return.
        unsafe {
            check(sys::ov_tensor_get_byte_size(tensor.0, &raw mut length))?;
            check(sys::ov_tensor_data(tensor.0, &raw mut data))?;
        }
        if data.is_null() {
            return Err(misuse("an output has no memory that the host can read"));
        }
        // SAFETY: the tensor owns `length` bytes at `data` and lives until the copy below is made; no run writes them
        // meanwhile, since the caller has the request to itself.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length) };
        Tensor::from_bytes(shape, ty, bytes).map_err(|error| misuse(error.to_string()))
    }
}

impl Cancel for RawRequest {
    fn cancel(&self) {
        // SAFETY: the request is valid; cancelling one that is not at work does nothing.
        if let Err(error) = check(unsafe { sys::ov_infer_request_cancel(self.0) }) {
            tracing::error!(%error, "OpenVINO did not take the request to stop");
        }
    }
}

impl DeviceTensor {
    /// A view on the tensor's own bytes. It must not be read after `tensor` has gone.
    fn over(tensor: &Tensor) -> Result<Self> {
        let mut sides = [0i64; Tensor::MAX_DIMENSIONS];
        for (side, &found) in sides.iter_mut().zip(tensor.shape()) {
            *side = i64::from(found);
        }
        let rank = i64::try_from(tensor.shape().len().min(sides.len())).unwrap_or(0);
        let (shape, mut raw) = (sys::ov_shape_t { rank, dims: sides.as_mut_ptr() }, null_mut());
        let (ty, data) = (element_type(tensor.element_type()), tensor.bytes().as_ptr().cast_mut().cast());
        // SAFETY: the bytes are as many as shape x type needs (checked by `check_inputs`) and aligned to 64; the
        // library reads inputs and never writes them; the shape is copied during the call.
        check(unsafe { sys::ov_tensor_create_from_host_ptr(ty, shape, data, &raw mut raw) })?;
        Ok(Self(raw))
    }

    /// A tensor of bytes that owns its memory.
    fn copied(bytes: &[u8]) -> Result<Self> {
        let length = i64::try_from(bytes.len()).map_err(|_| misuse("the weights are too large"))?;
        let mut sides = [length];
        let (shape, mut raw, mut data) =
            (sys::ov_shape_t { rank: 1, dims: sides.as_mut_ptr() }, null_mut(), null_mut());
        // SAFETY: the shape outlives the call; the new tensor is owned by the object made from it.
        check(unsafe { sys::ov_tensor_create(sys::ov_element_type_e::U8, shape, &raw mut raw) })?;
        let tensor = Self(raw);
        // SAFETY: the tensor owns `bytes.len()` bytes at `data`, which nothing else uses yet.
        unsafe {
            check(sys::ov_tensor_data(tensor.0, &raw mut data))?;
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast::<u8>(), bytes.len());
        }
        Ok(tensor)
    }
}

const fn element_type(ty: ElementType) -> sys::ov_element_type_e {
    match ty {
        ElementType::F16 => sys::ov_element_type_e::F16,
        ElementType::F32 => sys::ov_element_type_e::F32,
        ElementType::F64 => sys::ov_element_type_e::F64,
        ElementType::Bf16 => sys::ov_element_type_e::BF16,
        ElementType::U8 => sys::ov_element_type_e::U8,
        ElementType::I32 => sys::ov_element_type_e::I32,
        ElementType::I64 => sys::ov_element_type_e::I64,
    }
}
