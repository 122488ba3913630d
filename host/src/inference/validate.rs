use super::InferenceError;
use crate::domain::{ModelSpec, NamedTensor, Port, Tensor};
use std::collections::BTreeSet;

/// More ports than any model of this field has.
const MAX_PORTS: usize = 32;
/// Each batch size is compiled at load and stays in memory.
const MAX_BATCH_SIZES: usize = 8;
const MAX_BATCH: u32 = 1024;
const MAX_NAME_BYTES: usize = 256;
/// Names quoted in one message.
const MAX_QUOTED: usize = 8;

/// Inputs that fit the model, in the order of its specification. Only [`check_inputs`] and [`zeros`] make one, so a
/// backend can't be handed an unchecked tensor.
pub(super) struct CheckedInputs<'a> {
    tensors: Vec<&'a Tensor>,
    batch: u32,
}

impl<'a> CheckedInputs<'a> {
    pub(super) fn tensors(&self) -> &[&'a Tensor] {
        &self.tensors
    }

    /// One of the batch sizes of the specification.
    pub(super) const fn batch(&self) -> u32 {
        self.batch
    }
}

/// The whole shape of a port: batch first.
pub(super) fn shape_of(port: &Port, batch: u32) -> Vec<u32> {
    std::iter::once(batch).chain(port.shape.iter().copied()).collect()
}

/// Checks `inputs` against the specification: every input present exactly once, no other, each with the right type,
/// rank and sides, one batch size for all of them that was prepared at load, and bytes = shape x type.
pub(super) fn check_inputs<'a>(
    model: &str,
    spec: &ModelSpec,
    inputs: &'a [NamedTensor],
) -> Result<CheckedInputs<'a>, InferenceError> {
    let bad = |detail: String| InferenceError::BadTensor { model: model.to_owned(), detail };
    if let Some(other) = inputs.iter().find(|input| !spec.inputs.iter().any(|port| port.name == input.name)) {
        let takes = quoted(spec.inputs.iter().map(|port| port.name.as_str()));
        return Err(bad(format!("there is no input {:?}; the model takes {takes}", short(&other.name))));
    }
    let mut tensors = Vec::with_capacity(spec.inputs.len());
    let mut batch = None;
    for port in &spec.inputs {
        let mut named = inputs.iter().filter(|input| input.name == port.name);
        let Some(input) = named.next() else {
            let given = quoted(inputs.iter().map(|input| input.name.as_str()));
            return Err(bad(format!("input {:?} is missing; given were {given}", port.name)));
        };
        if named.next().is_some() {
            return Err(bad(format!("input {:?} is given more than once, expected once", port.name)));
        }
        check_tensor(port, spec, &input.tensor).map_err(bad)?;
        let found = input.tensor.shape().first().copied();
        if batch.is_some() && batch != found {
            let detail = format!("input {:?} has batch {found:?}, the inputs before it {batch:?}", port.name);
            return Err(bad(detail));
        }
        batch = found;
        tensors.push(&input.tensor);
    }
    let batch = batch.ok_or_else(|| bad("the specification names no input".to_owned()))?;
    Ok(CheckedInputs { tensors, batch })
}

fn check_tensor(port: &Port, spec: &ModelSpec, tensor: &Tensor) -> Result<(), String> {
    let (name, ty, shape) = (&port.name, tensor.element_type(), tensor.shape());
    let expected = || format!("{} {}", port.ty.name(), shape_text(port));
    let found = || format!("{} {shape:?}", ty.name());
    if ty != port.ty {
        return Err(format!("input {name:?}: expected elements of type {}, found {}", port.ty.name(), ty.name()));
    }
    let Some((batch, sides)) = shape.split_first() else {
        return Err(format!("input {name:?}: expected {}, found a scalar", expected()));
    };
    if sides.len() != port.shape.len() {
        let (needed, rank) = (port.shape.len().saturating_add(1), shape.len());
        let detail = format!("expected {needed} dimensions, {}, found {rank}, {}", expected(), found());
        return Err(format!("input {name:?}: {detail}"));
    }
    if sides != port.shape.as_slice() {
        return Err(format!("input {name:?}: expected {}, found {}", expected(), found()));
    }
    if !spec.batch_sizes.contains(batch) {
        let sizes = &spec.batch_sizes;
        return Err(format!("input {name:?}: batch size {batch} was not prepared at load, expected one of {sizes:?}"));
    }
    let needed = Tensor::needed_bytes(shape, ty).map_err(|error| format!("input {name:?}: {error}"))?;
    let bytes = tensor.bytes().len();
    if needed != bytes {
        return Err(format!("input {name:?}: {} needs {needed} bytes, found {bytes}", found()));
    }
    Ok(())
}

/// Checks what a backend gave back, so that a model that breaks its own specification is found out here and not in a
/// plugin.
pub(super) fn check_outputs(spec: &ModelSpec, batch: u32, outputs: &[Tensor]) -> Result<(), String> {
    if outputs.len() != spec.outputs.len() {
        return Err(format!("{} outputs are specified, the backend gave {}", spec.outputs.len(), outputs.len()));
    }
    for (port, tensor) in spec.outputs.iter().zip(outputs) {
        let fits = tensor.element_type() == port.ty
            && tensor.shape().split_first().is_some_and(|(b, sides)| *b == batch && sides == port.shape.as_slice());
        if !fits {
            let (ty, shape) = (tensor.element_type().name(), tensor.shape());
            let (expected, sides) = (port.ty.name(), shape_of(port, batch));
            return Err(format!("output {:?}: {expected} {sides:?} is specified, found {ty} {shape:?}", port.name));
        }
    }
    Ok(())
}

/// Checks a specification before any backend works with it.
pub(super) fn check_spec(spec: &ModelSpec) -> Result<(), String> {
    check_ports("input", &spec.inputs)?;
    check_ports("output", &spec.outputs)?;
    let sizes = &spec.batch_sizes;
    if sizes.is_empty() || sizes.len() > MAX_BATCH_SIZES {
        return Err(format!("expected 1 to {MAX_BATCH_SIZES} batch sizes, found {}", sizes.len()));
    }
    if let Some(size) = sizes.iter().find(|&&size| size == 0 || size > MAX_BATCH) {
        return Err(format!("expected batch sizes of 1 to {MAX_BATCH}, found {size}"));
    }
    if sizes.iter().collect::<BTreeSet<_>>().len() != sizes.len() {
        return Err(format!("each batch size is expected once, found {sizes:?}"));
    }
    let ports = || spec.inputs.iter().chain(&spec.outputs);
    for (port, &size) in ports().flat_map(|port| sizes.iter().map(move |size| (port, size))) {
        Tensor::needed_bytes(&shape_of(port, size), port.ty).map_err(|error| format!("{:?}: {error}", port.name))?;
    }
    Ok(())
}

fn check_ports(what: &str, ports: &[Port]) -> Result<(), String> {
    if ports.is_empty() || ports.len() > MAX_PORTS {
        return Err(format!("expected 1 to {MAX_PORTS} {what}s, found {}", ports.len()));
    }
    let mut names = BTreeSet::new();
    for port in ports {
        let name = &port.name;
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') {
            let quoted = short(name);
            return Err(format!("{what} {quoted:?}: expected a name of 1 to {MAX_NAME_BYTES} bytes without NUL"));
        }
        if !names.insert(name) {
            return Err(format!("{what} {name:?} is named twice"));
        }
    }
    Ok(())
}

/// Tensors of zeros for every input: what a model is warmed up with.
pub(super) struct Zeros {
    tensors: Vec<Tensor>,
    batch: u32,
}

impl Zeros {
    pub(super) fn new(spec: &ModelSpec, batch: u32) -> Result<Self, String> {
        let build = |port: &Port| {
            Tensor::build(&shape_of(port, batch), port.ty, |_| ()).map_err(|error| format!("{:?}: {error}", port.name))
        };
        Ok(Self { tensors: spec.inputs.iter().map(build).collect::<Result<_, _>>()?, batch })
    }

    pub(super) fn inputs(&self) -> CheckedInputs<'_> {
        CheckedInputs { tensors: self.tensors.iter().collect(), batch: self.batch }
    }
}

fn shape_text(port: &Port) -> String {
    let sides: Vec<String> = port.shape.iter().map(u32::to_string).collect();
    let rest = if sides.is_empty() { String::new() } else { format!(", {}", sides.join(", ")) };
    format!("[N{rest}]")
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME_BYTES.min(80)).collect()
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(MAX_QUOTED).map(short).collect();
    format!("{names:?}")
}
