mod fuse;

use super::checked::{CheckedModel, Runner, bad_model};
use super::pool::{After, Pool};
use super::validate::{CheckedInputs, shape_of};
use super::{Backend, DeviceRequest, InferenceError, LoadOptions, LoadedModel, ModelSource, Placement};
use crate::domain::{DeviceUse, ElementType, ModelFormat, ModelSpec, Port, Precision, Tensor};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;
use tract_onnx::prelude as tract;
use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable};
use tract_onnx::tract_core::plan;

pub(super) const NAME: &str = "tract";
/// The crate does not say its version at run time; a test holds this against Cargo.lock.
pub(super) const VERSION: &str = "0.23.9";
const CPU: &str = "CPU";

/// Pure Rust, always there. Runs on the calling thread, always exact; `LoadOptions::threads` does not apply to it.
///
/// A batch is run item by item on one plan: its fast kernels are those for a single item, and a plan for a batch of
/// three took eight times as long as one for a single item. Items of a batch never influence each other in a
/// model that is fit for inspection.
pub(super) struct TractBackend;

impl Backend for TractBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> String {
        VERSION.to_owned()
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
        let plan = compile(source).map_err(|error| bad_model(NAME, source, format!("{error:#}")))?;
        let places = usize::try_from(options.parallel.max(1)).unwrap_or(1);
        let (name, outputs) = (source.name.clone(), source.spec.outputs.clone());
        let item = item_of(&source.spec);
        let runner = TractRunner { name, plan, item, outputs, places: Pool::new(vec![(); places], || Some(())) };
        let device = DeviceUse {
            backend: NAME.to_owned(),
            asked: request.wish.clone(),
            used: CPU.to_owned(),
            precision: Precision::F32Exact.name().to_owned(),
        };
        let placement = Placement { device, library_version: self.version() };
        CheckedModel::warmed_up(NAME, source, placement, Box::new(runner))
    }
}

/// A plan for a single item, or for the whole of a model that has no batch, with inputs and outputs in the order of the specification.
fn compile(source: &ModelSource) -> tract::TractResult<Arc<tract::TypedSimplePlan>> {
    // Shapes that the file notes for its inner values name the batch by a symbol, which then clashes with the fixed one.
    let reader = tract_onnx::onnx().with_ignore_value_info(true).with_ignore_output_shapes(true);
    let mut model = reader.model_for_read(&mut source.bytes.as_ref())?;
    let mut inputs = Vec::new();
    let model_inputs = model.input_outlets()?.to_vec();
    for port in &source.spec.inputs {
        let named = |outlet: &&tract::OutletId| model.node(outlet.node).name == port.name;
        let outlet = model_inputs.iter().find(named);
        inputs.push(*outlet.ok_or_else(|| anyhow::anyhow!("the model has no input {:?}", port.name))?);
    }
    if inputs.len() != model_inputs.len() {
        let (specified, has) = (inputs.len(), model_inputs.len());
        anyhow::bail!("{specified} inputs are specified, the model has {has}");
    }
    let outputs = find_outputs(&model, &source.spec.outputs)?;
    model.set_input_outlets(&inputs)?;
    for (index, port) in source.spec.inputs.iter().enumerate() {
        let shape: Vec<usize> = shape_of(port, item_of(&source.spec)).iter().map(|&side| side as usize).collect();
        let ty = datum_type(port.ty).ok_or_else(|| anyhow::anyhow!("{} is not supported", port.ty.name()))?;
        model.set_input_fact(index, tract::InferenceFact::dt_shape(ty, shape))?;
    }
    model.select_output_outlets(&outputs)?;
    let mut model = model.into_typed()?.into_decluttered()?;
    fuse::fuse_roundings(&mut model)?;
    model.into_optimized()?.into_runnable()
}

/// What one run on the plan takes: an item of a batch, or all of a model that has none.
fn item_of(spec: &ModelSpec) -> Option<u32> {
    (!spec.batch_sizes.is_empty()).then_some(1)
}

fn find_outputs(model: &tract::InferenceModel, ports: &[Port]) -> tract::TractResult<Vec<tract::OutletId>> {
    let outlets = model.output_outlets()?;
    let find = |port: &Port| {
        let labelled = |outlet: &&tract::OutletId| model.outlet_label(**outlet) == Some(port.name.as_str());
        let named = |outlet: &&tract::OutletId| model.node(outlet.node).name == port.name;
        let outlet = outlets.iter().find(labelled).or_else(|| outlets.iter().find(named));
        outlet.copied().ok_or_else(|| anyhow::anyhow!("the model has no output {:?}", port.name))
    };
    ports.iter().map(find).collect()
}

struct TractRunner {
    name: String,
    plan: Arc<tract::TypedSimplePlan>,
    item: Option<u32>,
    outputs: Vec<Port>,
    /// Bounds the runs at one time; the runs share nothing but the plan.
    places: Pool<()>,
}

impl Runner for TractRunner {
    fn run(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<Vec<Tensor>, InferenceError> {
        let timeout = || InferenceError::Timeout { model: self.name.clone() };
        let late = Cell::new(false);
        let work = |(): &mut ()| (self.run_items(inputs, deadline, &late), After::Free);
        match self.places.with(deadline, |()| true, work) {
            Err(busy) => Err(busy.error(&self.name, CPU)),
            Ok(Err(_)) if late.get() => Err(timeout()),
            Ok(Err(error)) => {
                let (model, detail) = (self.name.clone(), format!("{error:#}"));
                Err(InferenceError::Failed { backend: NAME, model, detail })
            }
            Ok(Ok(outputs)) => Ok(outputs),
        }
    }
}

impl TractRunner {
    fn run_items(
        &self,
        inputs: &CheckedInputs<'_>,
        deadline: Instant,
        late: &Cell<bool>,
    ) -> tract::TractResult<Vec<Tensor>> {
        let batch = inputs.batch();
        let mut outputs = vec![Vec::new(); self.outputs.len()];
        for item in 0..batch.unwrap_or(1) as usize {
            let values = inputs
                .tensors()
                .iter()
                .map(|tensor| import(tensor, self.item, item))
                .collect::<tract::TractResult<_>>()?;
            let answers = self.eval(values, deadline, late)?;
            for ((port, answer), bytes) in self.outputs.iter().zip(&answers).zip(&mut outputs) {
                export(port, answer, self.item, bytes)?;
            }
        }
        let pairs = self.outputs.iter().zip(&outputs);
        pairs.map(|(port, bytes)| Ok(Tensor::from_bytes(&shape_of(port, batch), port.ty, bytes)?)).collect()
    }

    /// Looks at the clock before every node: a run ends at most one node after its deadline.
    fn eval(
        &self,
        inputs: tract::TVec<tract::TValue>,
        deadline: Instant,
        late: &Cell<bool>,
    ) -> tract::TractResult<tract::TVec<tract::TValue>> {
        let mut state = self.plan.spawn()?;
        state.run_plan_with_eval(inputs, |context, op_state, node, values| {
            if Instant::now() >= deadline {
                late.set(true);
                anyhow::bail!("the deadline passed before {}", node.name);
            }
            plan::eval(context, op_state, node, values)
        })
    }
}

/// Copies one item of a batch, or the whole tensor where there is none.
fn import(tensor: &Tensor, batch: Option<u32>, item: usize) -> tract::TractResult<tract::TValue> {
    let ty = tensor.element_type();
    let datum = datum_type(ty).ok_or_else(|| anyhow::anyhow!("{} is not supported", ty.name()))?;
    let sides = tensor.shape().iter().skip(usize::from(batch.is_some()));
    let shape: Vec<usize> = batch.iter().chain(sides).map(|&side| side as usize).collect();
    let length = shape.iter().product::<usize>() * ty.byte_len();
    let bytes = tensor.bytes().chunks_exact(length).nth(item);
    let bytes = bytes.ok_or_else(|| anyhow::anyhow!("the batch has no item {item}"))?;
    #[allow(unsafe_code, reason = "the only way to make a tensor of a type that is known at run time only")]
    // SAFETY: `bytes` is shape x type long, and every pattern of bits is a value of each type in `datum_type`. The
    // function copies.
    let copied = unsafe { tract::Tensor::from_raw_dt_align(datum, &shape, bytes, 64)? };
    Ok(tract::IntoTValue::into_tvalue(copied))
}

/// Appends the answer for one item.
fn export(port: &Port, value: &tract::TValue, batch: Option<u32>, bytes: &mut Vec<u8>) -> tract::TractResult<()> {
    // Shapes come out as symbols, which all have their values by now.
    let counted = (value.datum_type() == tract::DatumType::TDim && port.ty == ElementType::I64)
        .then(|| value.cast_to::<i64>().map(std::borrow::Cow::into_owned))
        .transpose()?;
    let value = counted.as_ref().unwrap_or(value);
    if Some(value.datum_type()) != datum_type(port.ty) {
        let (specified, found) = (port.ty.name(), value.datum_type());
        anyhow::bail!("output {:?}: elements of type {specified} are specified, found {found:?}", port.name);
    }
    let wanted = shape_of(port, batch);
    if !value.shape().iter().copied().eq(wanted.iter().map(|&side| side as usize)) {
        anyhow::bail!("output {:?}: {wanted:?} is specified for one run, found {:?}", port.name, value.shape());
    }
    bytes.extend_from_slice(value.try_as_plain_ram()?.as_bytes());
    Ok(())
}

const fn datum_type(ty: ElementType) -> Option<tract::DatumType> {
    match ty {
        ElementType::F16 => Some(tract::DatumType::F16),
        ElementType::F32 => Some(tract::DatumType::F32),
        ElementType::F64 => Some(tract::DatumType::F64),
        ElementType::U8 => Some(tract::DatumType::U8),
        ElementType::I32 => Some(tract::DatumType::I32),
        ElementType::I64 => Some(tract::DatumType::I64),
        ElementType::Bf16 => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../../Cargo.lock");
        let built_in = format!("name = \"tract-onnx\"\nversion = \"{}\"", super::VERSION);
        assert!(lock.contains(&built_in), "Cargo.lock has another tract-onnx; set VERSION to it");
    }
}
