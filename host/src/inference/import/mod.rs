//! What a model's file holds, read without a backend: the checks that a model has to pass before one sees its bytes.
//!
//! A backend's own reader is a large program in C++ that trusts its input. So a file is walked here first, with limits on
//! everything: no data outside the file, no operator that nobody knows, no more nodes, bytes and levels than any model
//! of this field has, and ports that are those of the signed manifest. Nothing here allocates by a number that the file
//! states: what is kept grows with what was read, and what is read is bounded.

mod wire;
mod graph;
mod onnx;
mod ir;
mod flat;
mod tflite;
mod spec;

pub use graph::{ModelFacts, PortFacts};
pub use spec::spec_of;

use crate::domain::{ModelFormat, ModelSpec};
use std::fmt;

/// Of a model, or of its weights where the format keeps them apart: as large as a bundle may be.
pub const MAX_MODEL_BYTES: u64 = 256 << 20;
/// Nodes of all graphs of a model. The largest vision models have some thousands.
const MAX_NODES: u64 = 20_000;
/// Nodes one behind the other: a backend may walk them with its stack.
const MAX_CHAIN: u32 = 4_000;
/// Graphs inside of graphs: branches and loops.
const MAX_LEVELS: u32 = 8;
/// Names of values that nodes read and write, ports and constants: what is kept while a file is read.
const MAX_NAMES: u64 = 500_000;
/// One value between nodes, where the file states its shape. A 4k picture of 32 channels in f32 is this large.
const MAX_VALUE_BYTES: u64 = 1 << 30;
/// Reasons that one refusal names.
const MAX_REASONS: usize = 12;

/// Why a model's file is not given to any backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ImportRefusal(pub Vec<String>);

impl fmt::Display for ImportRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// A model's file that could be read, and what speaks against it.
#[derive(Debug, Clone)]
pub struct Examined {
    pub facts: ModelFacts,
    pub reasons: Vec<String>,
}

/// Reads a model's file. Nothing is checked against a manifest.
///
/// # Errors
/// Where there is nothing to be read: what kind of file was expected, and what was found.
pub fn examine(format: ModelFormat, bytes: &[u8], weights: Option<&[u8]>) -> Result<Examined, ImportRefusal> {
    for (what, length) in [("the model", bytes.len()), ("the weights", weights.map_or(0, <[u8]>::len))] {
        if length as u64 > MAX_MODEL_BYTES {
            return Err(ImportRefusal(vec![format!("{what}: {length} bytes, at most {MAX_MODEL_BYTES} are taken")]));
        }
    }
    let read = match format {
        ModelFormat::Onnx => onnx::read(bytes),
        ModelFormat::OpenvinoIr => ir::read(bytes, weights),
        ModelFormat::Tflite => tflite::read(bytes),
    };
    let (facts, mut reasons) = read.map_err(|damage| ImportRefusal(vec![damage]))?;
    if weights.is_some() && format != ModelFormat::OpenvinoIr {
        reasons.push("weights beside the model: only OpenVINO IR keeps them apart".to_owned());
    }
    if reasons.len() > MAX_REASONS {
        let more = reasons.len() - MAX_REASONS;
        reasons.truncate(MAX_REASONS);
        reasons.push(format!("and {more} more"));
    }
    Ok(Examined { facts, reasons })
}

/// Refuses what no backend may see: damage, what the limits and rules above forbid, and ports that are not those of
/// `spec`.
///
/// # Errors
/// With every reason that could be found.
pub fn check(
    format: ModelFormat,
    bytes: &[u8],
    weights: Option<&[u8]>,
    spec: &ModelSpec,
) -> Result<ModelFacts, ImportRefusal> {
    let Examined { facts, mut reasons } = examine(format, bytes, weights)?;
    reasons.extend(spec::differences(&facts, spec));
    if reasons.is_empty() { Ok(facts) } else { Err(ImportRefusal(reasons)) }
}

/// A name out of a file, for a message.
fn short(name: &str) -> String {
    name.chars().take(80).collect()
}
