use super::InferenceError;
use crate::domain::{ElementType, ModelSpec, NamedTensor, Port, Tensor};
use std::collections::BTreeSet;

/// More ports than any model of this field has.
const MAX_PORTS: usize = 32;
/// Each batch size is compiled at load and stays in memory.
const MAX_BATCH_SIZES: usize = 8;
const MAX_BATCH: u32 = 1024;
const MAX_NAME_BYTES: usize = 256;
/// Names quoted in one message.
const MAX_QUOTED: usize = 8;

/// Inputs that fit the model, in the order of its specification. Only [`check_inputs`] and [`Uniform`] make one, so a
/// backend can't be handed an unchecked tensor.
pub(super) struct CheckedInputs<'a> {
    tensors: Vec<&'a Tensor>,
    batch: Option<u32>,
}

impl<'a> CheckedInputs<'a> {
    pub(super) fn tensors(&self) -> &[&'a Tensor] {
        &self.tensors
    }

    /// One of the batch sizes of the specification; none where the model has no batch.
    pub(super) const fn batch(&self) -> Option<u32> {
        self.batch
    }
}

/// The whole shape of a port: batch first, where there is one.
pub(super) fn shape_of(port: &Port, batch: Option<u32>) -> Vec<u32> {
    batch.into_iter().chain(port.shape.iter().copied()).collect()
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
        let found = check_tensor(port, spec, &input.tensor).map_err(bad)?;
        if let (Some(before), Some(size)) = (batch, found)
            && before != size
        {
            let detail = format!("input {:?} has batch {size}, the inputs before it {before}", port.name);
            return Err(bad(detail));
        }
        batch = found;
        tensors.push(&input.tensor);
    }
    if tensors.is_empty() {
        return Err(bad("the specification names no input".to_owned()));
    }
    Ok(CheckedInputs { tensors, batch })
}

/// The batch size of a tensor that fits.
fn check_tensor(port: &Port, spec: &ModelSpec, tensor: &Tensor) -> Result<Option<u32>, String> {
    let (name, ty, shape) = (&port.name, tensor.element_type(), tensor.shape());
    let has_batch = !spec.batch_sizes.is_empty();
    let expected = || format!("{} {}", port.ty.name(), shape_text(port, has_batch));
    let found = || format!("{} {shape:?}", ty.name());
    if ty != port.ty {
        return Err(format!("input {name:?}: expected elements of type {}, found {}", port.ty.name(), ty.name()));
    }
    let (batch, sides) = match shape.split_first() {
        Some((batch, sides)) if has_batch => (Some(*batch), sides),
        None if has_batch => return Err(format!("input {name:?}: expected {}, found a scalar", expected())),
        _ => (None, shape),
    };
    if sides.len() != port.shape.len() {
        let (needed, rank) = (port.shape.len().saturating_add(usize::from(has_batch)), shape.len());
        let detail = format!("expected {needed} dimensions, {}, found {rank}, {}", expected(), found());
        return Err(format!("input {name:?}: {detail}"));
    }
    if sides != port.shape.as_slice() {
        return Err(format!("input {name:?}: expected {}, found {}", expected(), found()));
    }
    if let Some(batch) = batch.filter(|batch| !spec.batch_sizes.contains(batch)) {
        let sizes = &spec.batch_sizes;
        return Err(format!("input {name:?}: batch size {batch} was not prepared at load, expected one of {sizes:?}"));
    }
    let needed = Tensor::needed_bytes(shape, ty).map_err(|error| format!("input {name:?}: {error}"))?;
    let bytes = tensor.bytes().len();
    if needed != bytes {
        return Err(format!("input {name:?}: {} needs {needed} bytes, found {bytes}", found()));
    }
    Ok(batch)
}

/// Checks what a backend gave back, so that a model that breaks its own specification is found out here and not in a
/// plugin.
pub(super) fn check_outputs(spec: &ModelSpec, batch: Option<u32>, outputs: &[Tensor]) -> Result<(), String> {
    if outputs.len() != spec.outputs.len() {
        return Err(format!("{} outputs are specified, the backend gave {}", spec.outputs.len(), outputs.len()));
    }
    for (port, tensor) in spec.outputs.iter().zip(outputs) {
        let whole = batch.iter().chain(&port.shape);
        if tensor.element_type() != port.ty || !tensor.shape().iter().eq(whole) {
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
    if sizes.len() > MAX_BATCH_SIZES {
        return Err(format!("expected at most {MAX_BATCH_SIZES} batch sizes, found {}", sizes.len()));
    }
    if let Some(size) = sizes.iter().find(|&&size| size == 0 || size > MAX_BATCH) {
        return Err(format!("expected batch sizes of 1 to {MAX_BATCH}, found {size}"));
    }
    if sizes.iter().collect::<BTreeSet<_>>().len() != sizes.len() {
        return Err(format!("each batch size is expected once, found {sizes:?}"));
    }
    let ports = || spec.inputs.iter().chain(&spec.outputs);
    for (port, batch) in ports().flat_map(|port| spec.batches().map(move |batch| (port, batch))) {
        Tensor::needed_bytes(&shape_of(port, batch), port.ty).map_err(|error| format!("{:?}: {error}", port.name))?;
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

/// Tensors of one number for every input: what a model is warmed up with.
pub(super) struct Uniform {
    tensors: Vec<Tensor>,
    batch: Option<u32>,
}

/// The number that all elements have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    Zero,
    One,
}

impl Fill {
    fn write(self, ty: ElementType, bytes: &mut [u8]) {
        if self == Self::One {
            match ty {
                ElementType::U8 => bytes.fill(1),
                ElementType::F16 => repeat(bytes, 0x3c00u16.to_le_bytes()),
                ElementType::Bf16 => repeat(bytes, 0x3f80u16.to_le_bytes()),
                ElementType::F32 => repeat(bytes, 1f32.to_le_bytes()),
                ElementType::F64 => repeat(bytes, 1f64.to_le_bytes()),
                ElementType::I32 => repeat(bytes, 1i32.to_le_bytes()),
                ElementType::I64 => repeat(bytes, 1i64.to_le_bytes()),
            }
        }
    }
}

fn repeat<const N: usize>(bytes: &mut [u8], element: [u8; N]) {
    bytes.chunks_exact_mut(N).for_each(|place| place.copy_from_slice(&element));
}

impl Uniform {
    pub(super) fn new(spec: &ModelSpec, batch: Option<u32>, fill: Fill) -> Result<Self, String> {
        let build = |port: &Port| {
            Tensor::build(&shape_of(port, batch), port.ty, |bytes| fill.write(port.ty, bytes))
                .map_err(|error| format!("{:?}: {error}", port.name))
        };
        Ok(Self { tensors: spec.inputs.iter().map(build).collect::<Result<_, _>>()?, batch })
    }

    pub(super) fn inputs(&self) -> CheckedInputs<'_> {
        CheckedInputs { tensors: self.tensors.iter().collect(), batch: self.batch }
    }
}

fn shape_text(port: &Port, has_batch: bool) -> String {
    let sides: Vec<String> =
        has_batch.then(|| "N".to_owned()).into_iter().chain(port.shape.iter().map(u32::to_string)).collect();
    format!("[{}]", sides.join(", "))
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME_BYTES.min(80)).collect()
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(MAX_QUOTED).map(short).collect();
    format!("{names:?}")
}
