//! OpenVINO as somebody uses it who does nothing else: the C interface, no check of any input, no copy.
#![allow(unsafe_code, reason = "the interface of OpenVINO that copies no input is C")]

use crate::fixture::THREADS;
use crate::native::SIDE;
use anyhow::{Context as _, ensure};
use assay::domain::Tensor;
use openvino_sys as sys;
use std::ffi::{CStr, CString};
use std::ptr::null_mut;

/// The demo's model for batches of one. What it is made of lives until the process ends.
pub struct RawOpenvino {
    request: *mut sys::ov_infer_request_t,
}

fn check(status: sys::ov_status_e) -> anyhow::Result<()> {
    ensure!(status == sys::ov_status_e::OK, "OpenVINO says {status:?}");
    Ok(())
}

impl RawOpenvino {
    /// Compiled with the precision, the threads and the hint that Assay uses, and the library's own defaults else.
    pub fn load() -> anyhow::Result<Self> {
        let onnx = assay_tests::artifacts::root().join("sdk/models/demo/surface-int8.onnx");
        let onnx = CString::new(onnx.to_str().context("the model's path is text")?)?;
        let threads = CString::new(THREADS.to_string())?;
        let properties: [(&CStr, &CStr); 4] = [
            (c"INFERENCE_PRECISION_HINT", c"f32"),
            (c"PERFORMANCE_HINT", c"LATENCY"),
            (c"INFERENCE_NUM_THREADS", &threads),
            (c"NUM_STREAMS", c"1"),
        ];
        let properties =
            properties.map(|(key, value)| sys::ov_property_t { key: key.as_ptr(), value: value.as_ptr().cast() });
        let (mut core, mut model, mut compiled, mut request) = (null_mut(), null_mut(), null_mut(), null_mut());
        let side = i64::from(SIDE);
        let mut sides = [1, 3, side, side].map(|side| sys::ov_dimension_t { min: side, max: side });
        let shape = sys::ov_partial_shape_t { rank: sys::ov_dimension_t { min: 4, max: 4 }, dims: sides.as_mut_ptr() };
        // SAFETY: Assay's backend has loaded the library before; all texts, the shape and the properties outlive the
        // calls; each object is made by the call before the one that uses it, and none is freed.
        unsafe {
            check(sys::ov_core_create(&raw mut core))?;
            check(sys::ov_core_read_model(core, onnx.as_ptr(), c"".as_ptr(), &raw mut model))?;
            check(sys::ov_model_reshape_single_input(model, shape))?;
            let (device, count) = (c"CPU".as_ptr(), properties.len());
            let (from, to) = (properties.as_ptr(), &raw mut compiled);
            check(sys::ov_core_compile_model_props(core, model, device, count, from, to))?;
            check(sys::ov_compiled_model_create_infer_request(compiled, &raw mut request))?;
        }
        Ok(Self { request })
    }

    /// Runs on the tensor's own memory.
    pub fn infer(&mut self, tensor: &Tensor) -> anyhow::Result<f32> {
        let mut sides = [1, 3, i64::from(SIDE), i64::from(SIDE)];
        let shape = sys::ov_shape_t { rank: 4, dims: sides.as_mut_ptr() };
        let (mut input, mut output, mut data) = (null_mut(), null_mut(), null_mut());
        ensure!(tensor.bytes().len() == 4 * 3 * (SIDE * SIDE) as usize, "the tensor is of another size");
        let bytes = tensor.bytes().as_ptr().cast_mut().cast();
        // SAFETY: the bytes are as many as the shape needs and outlive the run, which ends before `infer` returns;
        // every tensor that was made here is freed once, after its last use.
        unsafe {
            check(sys::ov_tensor_create_from_host_ptr(sys::ov_element_type_e::F32, shape, bytes, &raw mut input))?;
            let set = check(sys::ov_infer_request_set_input_tensor(self.request, input));
            sys::ov_tensor_free(input);
            set?;
            check(sys::ov_infer_request_infer(self.request))?;
            check(sys::ov_infer_request_get_output_tensor_by_index(self.request, 0, &raw mut output))?;
            let got = check(sys::ov_tensor_data(output, &raw mut data));
            let first = if got.is_ok() && !data.is_null() { *data.cast::<f32>() } else { f32::NAN };
            sys::ov_tensor_free(output);
            got?;
            Ok(first)
        }
    }
}
