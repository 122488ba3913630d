use super::validate::{Fill, Uniform};
use crate::domain::{ModelSpec, NamedTensor};

/// Inputs of zeros for one run with the first batch size of the specification: what a model is timed with.
///
/// # Errors
/// Where a tensor of the specification is larger than memory.
pub fn blank_inputs(spec: &ModelSpec) -> Result<Vec<NamedTensor>, String> {
    let batch = spec.batches().next().flatten();
    let uniform = Uniform::new(spec, batch, Fill::Zero)?;
    let tensors = uniform.inputs().tensors().iter().map(|tensor| (*tensor).clone()).collect::<Vec<_>>();
    let named = spec.inputs.iter().zip(tensors);
    Ok(named.map(|(port, tensor)| NamedTensor { name: port.name.clone(), tensor }).collect())
}
