//! Asks the model `case` with exactly the inputs that it is given, and holds the answer against the outputs that it is
//! given: a finding `match`, `mismatch` or `error`, with what was found as its text.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::types::{Finding, FrameInfo, PluginError};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};
use wasi::nn::errors::Error;
use wasi::nn::graph;
use wasi::nn::tensor::{Tensor, TensorType};

/// As ONNX's own runner allows; integers must be equal.
const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;

struct Judge;

impl Guest for Judge {
    fn detect(_: FrameInfo, evidence: Evidence) -> Result<Detection, PluginError> {
        let (label, text) = match ask(evidence.inputs) {
            Err(error) => ("error", format!("{:?}: {}", error.code(), error.data())),
            Ok(found) => match compare(&evidence.outputs, &found) {
                Ok(()) => ("match", format!("{} outputs", found.len())),
                Err(difference) => ("mismatch", difference),
            },
        };
        let text = text.chars().take(200).collect();
        let finding = Finding {
            label: label.to_owned(),
            score: 1.0,
            raised: label != "match",
            region: None,
            text: Some(text),
            attributes: Vec::new(),
        };
        Ok(Detection { findings: vec![finding], images: Vec::new(), attributes: Vec::new() })
    }
}

fn ask(inputs: Vec<(String, Tensor)>) -> Result<Vec<(String, Tensor)>, Error> {
    graph::load_by_name("case")?.init_execution_context()?.compute(inputs)
}

fn compare(expected: &[(String, Tensor)], found: &[(String, Tensor)]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{} outputs expected, {} found", expected.len(), found.len()));
    }
    for (name, expected) in expected {
        let Some((_, found)) = found.iter().find(|(found, _)| found == name) else {
            return Err(format!("no output {name:?}"));
        };
        let (shape, found_shape) = (expected.dimensions(), found.dimensions());
        if expected.ty() != found.ty() || shape != found_shape {
            let (ty, found_ty) = (expected.ty(), found.ty());
            return Err(format!("{name:?}: {ty:?} {shape:?} expected, {found_ty:?} {found_shape:?} found"));
        }
        compare_bytes(expected.ty(), &expected.data(), &found.data()).map_err(|text| format!("{name:?}{text}"))?;
    }
    Ok(())
}

/// Reads one element.
type ToFloat = fn(&[u8]) -> f64;

fn compare_bytes(ty: TensorType, expected: &[u8], found: &[u8]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!(": {} bytes expected, {} found", expected.len(), found.len()));
    }
    let (size, float): (usize, Option<ToFloat>) = match ty {
        TensorType::U8 => (1, None),
        TensorType::I32 => (4, None),
        TensorType::I64 => (8, None),
        TensorType::Fp16 => (2, Some(half)),
        TensorType::Bf16 => (2, Some(|bytes| f64::from(f32::from_bits(u32::from(word(bytes)) << 16)))),
        TensorType::Fp32 => (4, Some(|bytes| f64::from(f32::from_le_bytes(array(bytes))))),
        TensorType::Fp64 => (8, Some(|bytes| f64::from_le_bytes(array(bytes)))),
    };
    for (index, (a, b)) in expected.chunks_exact(size).zip(found.chunks_exact(size)).enumerate() {
        match float {
            None if a == b => {}
            None => return Err(format!("[{index}]: {} expected, {} found", whole(a), whole(b))),
            Some(float) => {
                let (a, b) = (float(a), float(b));
                if !close(a, b) {
                    return Err(format!("[{index}]: {a} expected, {b} found"));
                }
            }
        }
    }
    Ok(())
}

fn close(expected: f64, found: f64) -> bool {
    (expected.is_nan() && found.is_nan())
        || expected == found
        || (expected.is_finite() && (expected - found).abs() <= ABSOLUTE + RELATIVE * expected.abs())
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

fn word(bytes: &[u8]) -> u16 {
    u16::from_le_bytes(array(bytes))
}

/// IEEE 754 half precision.
fn half(bytes: &[u8]) -> f64 {
    let bits = word(bytes);
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// A little-endian integer of one of the types above, for a person.
fn whole(bytes: &[u8]) -> i64 {
    match bytes.len() {
        8 => i64::from_le_bytes(array(bytes)),
        4 => i64::from(i32::from_le_bytes(array(bytes))),
        _ => bytes.first().copied().map_or(0, i64::from),
    }
}

export!(Judge);
