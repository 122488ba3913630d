//! One node test of the suite as a model of ours with its inputs and expected outputs.

use super::proto::{self, Outlet};
use anyhow::{Context, Result, anyhow, bail};
use assay::domain::{Digest, ElementType, ModelFormat, ModelSpec, NamedTensor, Port, Tensor};
use assay::inference::ModelSource;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const VARIABLE: &str = "ASSAY_ONNX_TESTS_DIR";

pub struct Case {
    pub model: ModelSource,
    pub inputs: Vec<NamedTensor>,
    pub expected: Vec<NamedTensor>,
    /// Name and `TensorProto` of each input.
    files: Vec<(String, Vec<u8>)>,
}

impl Case {
    /// The case with all inputs but the first as constants of the model; none where there is only one. Most inputs behind
    /// the first are shapes, axes or scales, and in models that are in use those are constants.
    pub fn with_constants(&self) -> Option<Result<Self>> {
        let constants: Vec<_> =
            self.files.iter().skip(1).map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        (!constants.is_empty()).then(|| {
            let bytes: Arc<[u8]> = proto::with_constants(&self.model.bytes, &constants)?.into();
            let inputs: Vec<_> = self.inputs.iter().take(1).cloned().collect();
            let mut model = ModelSource { digest: Digest::of(&bytes), bytes, ..self.model.clone() };
            model.spec.inputs.truncate(1);
            Ok(Self { model, inputs, expected: self.expected.clone(), files: Vec::new() })
        })
    }

    pub fn change_expected(&mut self, change: fn(&mut [u8])) {
        if let Some(first) = self.expected.first_mut() {
            let mut bytes = first.tensor.bytes().to_vec();
            change(&mut bytes);
            first.tensor = Tensor::from_bytes(first.tensor.shape(), first.tensor.element_type(), &bytes).unwrap();
        }
    }
}

/// The folder of the node tests: from the environment, else where xtask puts it.
pub fn folder() -> PathBuf {
    let dir = crate::inference::library_dir(VARIABLE, "onnx-tests");
    assert!(dir.is_dir(), "{} is not there; run `cargo xtask onnx-tests`, or set {VARIABLE}", dir.display());
    dir
}

/// All names, sorted.
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join("model.onnx").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// What its one node computes, or that it is the same in terms of other operators.
pub fn operator(name: &str) -> Result<String> {
    let graph = proto::graph(&std::fs::read(folder().join(name).join("model.onnx"))?)?;
    match graph.operators.as_slice() {
        [operator] => Ok(operator.clone()),
        _ => Ok("(several)".to_owned()),
    }
}

/// A case, or why the host has no words for it.
pub fn read(name: &str) -> Result<Result<Case, String>> {
    let dir = folder().join(name);
    let bytes = std::fs::read(dir.join("model.onnx"))?;
    let graph = proto::graph(&bytes)?;
    if name.starts_with("test_bernoulli") {
        return Ok(Err("a random answer".to_owned()));
    }
    if let Some(reason) = unknown(graph.inputs.iter().chain(&graph.outputs)) {
        return Ok(Err(reason));
    }
    let data = dir.join("test_data_set_0");
    let tensors = |outlets: &[Outlet], kind: &str| -> Result<Result<Vec<NamedTensor>, String>> {
        let files = outlets.iter().enumerate().map(|(index, outlet)| (data.join(format!("{kind}_{index}.pb")), outlet));
        files.map(|(file, outlet)| named(&file, outlet)).collect()
    };
    let (inputs, expected) = match (tensors(&graph.inputs, "input")?, tensors(&graph.outputs, "output")?) {
        (Ok(inputs), Ok(expected)) => (inputs, expected),
        (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
    };
    let file = |(index, input): (usize, &NamedTensor)| {
        Ok((input.name.clone(), std::fs::read(data.join(format!("input_{index}.pb")))?))
    };
    let files = inputs.iter().enumerate().map(file).collect::<Result<_>>()?;
    let bytes: Arc<[u8]> = bytes.into();
    let spec = ModelSpec { inputs: ports(&inputs), outputs: ports(&expected), batch_sizes: Vec::new() };
    let (name, digest) = ("case".to_owned(), Digest::of(&bytes));
    let model = ModelSource { name, digest, format: ModelFormat::Onnx, bytes, weights: None, spec };
    Ok(Ok(Case { model, inputs, expected, files }))
}

fn unknown<'a>(mut outlets: impl Iterator<Item = &'a Outlet>) -> Option<String> {
    outlets.find_map(|outlet| match outlet.ty {
        None => Some("a sequence, an optional or another value that is no tensor".to_owned()),
        Some(ty) if proto::element(ty).is_none() => Some(format!("elements of type {}", proto::type_name(ty))),
        Some(_) => None,
    })
}

/// The shapes of the data, whole: node tests have no batch.
fn ports(tensors: &[NamedTensor]) -> Vec<Port> {
    let port = |named: &NamedTensor| Port {
        name: named.name.clone(),
        shape: named.tensor.shape().to_vec(),
        ty: named.tensor.element_type(),
    };
    tensors.iter().map(port).collect()
}

fn named(file: &Path, outlet: &Outlet) -> Result<Result<NamedTensor, String>> {
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let data = proto::tensor(&bytes).with_context(|| file.display().to_string())?;
    if Some(data.ty) != outlet.ty {
        bail!("{}: the model says {:?}, the data {}", file.display(), outlet.ty, data.ty);
    }
    let shape: Vec<u32> = data.shape.iter().map(|&side| u32::try_from(side)).collect::<Result<_, _>>()?;
    if shape.contains(&0) {
        return Ok(Err("a tensor with a side of 0".to_owned()));
    }
    let ty = element_type(data.ty).ok_or_else(|| anyhow!("type {}", data.ty))?;
    Ok(Tensor::from_bytes(&shape, ty, &data.bytes)
        .map(|tensor| NamedTensor { name: outlet.name.clone(), tensor })
        .map_err(|error| error.to_string()))
}

fn element_type(ty: u64) -> Option<ElementType> {
    use ElementType::{Bf16, F16, F32, F64, I32, I64, U8};
    let (name, _) = proto::element(ty)?;
    [Bf16, F16, F32, F64, I32, I64, U8].into_iter().find(|ty| ty.name() == name)
}
