//! `wasi:nn`, written here rather than taken from a crate: every tensor is checked before a backend sees it, tensors
//! are shared and never copied between host and model, and raw model bytes from a guest are refused.

use super::api::Doing;
use super::bindings::nn::errors::{self, ErrorCode};
use super::bindings::nn::graph::{self, ExecutionTarget, GraphEncoding};
use super::bindings::nn::inference;
use super::bindings::nn::tensor::{self, TensorType};
use super::convert;
use super::failure::{MAX_DETAIL, Refusal};
use super::host_calls::HostFunction;
use super::resources::{ContextEntry, ErrorEntry, GraphEntry, TensorEntry};
use super::state::CallState;
use crate::domain::{Blame, FailureCode, ModelSpec, NamedTensor, Tensor};
use crate::inference::{InferenceError, LoadedModel};
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::Resource;

/// More inputs than models have; longer lists are still read, and refused by the model.
const MAX_INPUTS: usize = 32;

type Answer<T> = wasmtime::Result<Result<T, Resource<ErrorEntry>>>;
type Named = (String, Resource<TensorEntry>);

impl CallState {
    /// Answers with a `wasi:nn` error and remembers `refusal` as the likely cause of what the plugin does next.
    fn nn_error<T>(&mut self, code: ErrorCode, refusal: Refusal) -> Answer<T> {
        self.charge_or_end(0)?;
        // A handle on an error is not charged for its text, which may quote the plugin.
        let data = super::limits::printable(&refusal.detail, MAX_DETAIL);
        self.causes.inference = Some(refusal);
        Ok(Err(self.table.push(ErrorEntry { code, data })?))
    }

    /// Checks the budget before the model runs. A batch size that the model is not prepared for is left to `infer`,
    /// which refuses it with the right words, as everything else that does not fit the model.
    fn outputs_fit(&self, spec: &ModelSpec, inputs: &[NamedTensor]) -> Result<(), Refusal> {
        let first = inputs.first().and_then(|input| input.tensor.shape().first()).copied();
        match spec.batches().find(|batch| batch.is_none() || *batch == first) {
            Some(batch) => self.ledger.would_fit(output_bytes(spec, batch).unwrap_or(u64::MAX)),
            None => Ok(()),
        }
    }

    fn compute_on(&mut self, model: &Arc<dyn LoadedModel>, inputs: &[NamedTensor]) -> Answer<Vec<Named>> {
        if let Err(refusal) = self.outputs_fit(model.spec(), inputs) {
            return self.nn_error(ErrorCode::TooLarge, refusal);
        }
        let asked = Instant::now();
        self.does(Doing::Inference);
        let outputs = model.infer(inputs, self.deadline);
        self.does(Doing::HostFunction);
        match outputs {
            Ok(outputs) => {
                self.causes.inference = None;
                outputs.into_iter().map(|output| self.push_output(output)).collect::<wasmtime::Result<_>>().map(Ok)
            }
            Err(error) => self.nn_error(code_of(&error), self.blamed(&error, asked)),
        }
    }

    /// A model that is late is the device's fault only where the plugin left it at least half of its own time.
    fn blamed(&self, error: &InferenceError, asked: Instant) -> Refusal {
        let refusal = Refusal::of_inference(error);
        let (used, left) =
            (asked.saturating_duration_since(self.begun), self.deadline.saturating_duration_since(asked));
        if refusal.code != FailureCode::Timeout || used <= left {
            return refusal;
        }
        let (used, left) = (used.as_millis(), left.as_millis());
        let detail = format!("{}: asked after {used} ms, {left} ms before the deadline", refusal.detail);
        Refusal::new(Blame::Plugin, FailureCode::Timeout, detail)
    }

    fn push_output(&mut self, output: NamedTensor) -> wasmtime::Result<Named> {
        let bytes = output.tensor.bytes().len();
        self.charge_or_end(bytes)?;
        Ok((output.name, self.push_tensor(output.tensor, bytes, true)?))
    }
}

/// Bytes of all outputs, as the model's specification says; none where that overflows.
fn output_bytes(spec: &ModelSpec, batch: Option<u32>) -> Option<u64> {
    spec.outputs.iter().try_fold(0u64, |total, port| {
        let bytes = u64::from(batch.unwrap_or(1)).checked_mul(port.ty.byte_len() as u64)?;
        let bytes = port.shape.iter().try_fold(bytes, |product, &side| product.checked_mul(u64::from(side)))?;
        total.checked_add(bytes)
    })
}

const fn code_of(error: &InferenceError) -> ErrorCode {
    match error {
        InferenceError::BadTensor { .. } => ErrorCode::InvalidArgument,
        InferenceError::Timeout { .. } => ErrorCode::Timeout,
        _ => ErrorCode::RuntimeError,
    }
}

impl tensor::HostTensor for CallState {
    fn new(&mut self, shape: Vec<u32>, ty: TensorType, data: Vec<u8>) -> wasmtime::Result<Resource<TensorEntry>> {
        self.host_calls.copied(data.len());
        self.timed(HostFunction::MakeTensor, |state| {
            state.charge_or_end(data.len())?;
            // The constructor has no error to give back, so a shape that does not fit ends the call.
            let tensor = Tensor::from_bytes(&shape, convert::element_type(ty), &data)
                .map_err(|error| Refusal::new(Blame::Plugin, FailureCode::BadTensor, error.to_string()))?;
            state.push_tensor(tensor, data.len(), true)
        })
    }

    fn dimensions(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<Vec<u32>> {
        self.host_calls.called(HostFunction::Dimensions);
        Ok(self.table.get(&handle)?.tensor.shape().to_vec())
    }

    fn ty(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<TensorType> {
        self.host_calls.called(HostFunction::Ty);
        Ok(convert::element_type_out(self.table.get(&handle)?.tensor.element_type()))
    }

    fn data(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<Vec<u8>> {
        self.timed(HostFunction::Data, |state| {
            let tensor = state.table.get(&handle)?.tensor.clone();
            state.check_copy(tensor.bytes().len())?;
            state.host_calls.copied(tensor.bytes().len());
            Ok(tensor.bytes().to_vec())
        })
    }

    fn drop(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<()> {
        self.drop_tensor(&handle)
    }
}

impl tensor::Host for CallState {}

impl graph::HostGraph for CallState {
    fn init_execution_context(&mut self, handle: Resource<GraphEntry>) -> Answer<Resource<ContextEntry>> {
        self.host_calls.called(HostFunction::InitContext);
        let model = Arc::clone(&self.table.get(&handle)?.model);
        self.charge_or_end(0)?;
        Ok(Ok(self.table.push(ContextEntry { model })?))
    }

    fn drop(&mut self, handle: Resource<GraphEntry>) -> wasmtime::Result<()> {
        self.drop_plain(&handle)
    }
}

impl graph::Host for CallState {
    fn load(&mut self, bytes: Vec<Vec<u8>>, _: GraphEncoding, _: ExecutionTarget) -> Answer<Resource<GraphEntry>> {
        self.host_calls.called(HostFunction::Load);
        self.host_calls.copied(bytes.iter().map(Vec::len).sum());
        let detail = "`load` takes raw model bytes, and a station runs signed models only: use `load-by-name`";
        self.nn_error(ErrorCode::Security, Refusal::new(Blame::Plugin, FailureCode::UnknownModel, detail))
    }

    fn load_by_name(&mut self, name: String) -> Answer<Resource<GraphEntry>> {
        self.host_calls.called(HostFunction::LoadByName);
        self.host_calls.copied(name.len());
        let Some(model) = self.shared.models.get(&name).map(Arc::clone) else {
            let known: Vec<&String> = self.shared.models.keys().collect();
            let shown = super::limits::printable(&name, 80);
            let detail = format!(
                "no model {shown:?} is granted, it may use {known:?}: ask for `inference:{shown}` in its manifest and \
                 grant it in the recipe"
            );
            let refusal = Refusal::new(Blame::Plugin, FailureCode::UnknownModel, detail);
            return self.nn_error(ErrorCode::NotFound, refusal);
        };
        self.charge_or_end(0)?;
        Ok(Ok(self.table.push(GraphEntry { model })?))
    }
}

impl inference::HostGraphExecutionContext for CallState {
    fn compute(&mut self, handle: Resource<ContextEntry>, inputs: Vec<Named>) -> Answer<Vec<Named>> {
        self.timed(HostFunction::Compute, |state| {
            let model = Arc::clone(&state.table.get(&handle)?.model);
            // The handles are given away with the call: they leave the table now, whatever happens next.
            let mut taken = Ok(Vec::with_capacity(inputs.len().min(MAX_INPUTS)));
            for (name, handle) in inputs {
                match (&mut taken, state.take_finite(&name, handle)?) {
                    (Ok(taken), Ok(tensor)) => taken.push(NamedTensor { name, tensor }),
                    (Ok(_), Err(refusal)) => taken = Err(refusal),
                    (Err(_), _) => {}
                }
            }
            match taken {
                Ok(inputs) => state.compute_on(&model, &inputs),
                Err(refusal) => state.nn_error(ErrorCode::InvalidArgument, refusal),
            }
        })
    }

    fn drop(&mut self, handle: Resource<ContextEntry>) -> wasmtime::Result<()> {
        self.drop_plain(&handle)
    }
}

impl inference::Host for CallState {}

impl errors::HostError for CallState {
    fn code(&mut self, handle: Resource<ErrorEntry>) -> wasmtime::Result<ErrorCode> {
        self.host_calls.called(HostFunction::ErrorCode);
        Ok(self.table.get(&handle)?.code)
    }

    fn data(&mut self, handle: Resource<ErrorEntry>) -> wasmtime::Result<String> {
        self.host_calls.called(HostFunction::ErrorData);
        let data = self.table.get(&handle)?.data.clone();
        self.host_calls.copied(data.len());
        Ok(data)
    }

    fn drop(&mut self, handle: Resource<ErrorEntry>) -> wasmtime::Result<()> {
        self.drop_plain(&handle)
    }
}

impl errors::Host for CallState {}
