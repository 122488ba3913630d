use super::validate::{self, CheckedInputs, Fill, Uniform};
use super::{InferenceError, LoadedModel, ModelSource, Placement};
use crate::domain::{Digest, ModelSpec, NamedTensor, Tensor, panic_text};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A first run may still compile kernels; no station waits longer than this for one.
const WARM_UP_LIMIT: Duration = Duration::from_secs(60);

/// What a backend does for one inference. It gets inputs that fit and answers with the outputs in the order of the
/// specification.
pub(super) trait Runner: Send + Sync {
    fn run(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<Vec<Tensor>, InferenceError>;

    /// Runs once on everything that later runs would otherwise set up on their first use.
    fn warm_up(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<(), InferenceError> {
        self.run(inputs, deadline).map(drop)
    }
}

/// The only `LoadedModel`: whatever the backend, inputs are checked before and outputs after it, panics end here, and
/// an answer after the deadline is no answer.
pub(super) struct CheckedModel {
    backend: &'static str,
    name: String,
    digest: Digest,
    spec: ModelSpec,
    placement: Placement,
    runner: Box<dyn Runner>,
}

impl CheckedModel {
    /// Takes a compiled model, and warms it up for each batch size.
    pub(super) fn warmed_up(
        backend: &'static str,
        source: &ModelSource,
        placement: Placement,
        runner: Box<dyn Runner>,
    ) -> Result<Arc<dyn LoadedModel>, InferenceError> {
        let (name, digest, spec) = (source.name.clone(), source.digest, source.spec.clone());
        let model = Self { backend, name, digest, spec, placement, runner };
        for batch in model.spec.batches() {
            // A model of integers may divide by its input.
            let answer = match model.first_answer(batch, Fill::Zero) {
                Err(InferenceError::Failed { .. }) => model.first_answer(batch, Fill::One),
                answer => answer,
            };
            let outputs = answer.map_err(|error| match error {
                InferenceError::Failed { detail, .. } => bad_model(backend, source, detail),
                other => other,
            })?;
            validate::check_outputs(&model.spec, batch, &outputs)
                .map_err(|detail| bad_model(backend, source, detail))?;
        }
        Ok(Arc::new(model))
    }

    fn first_answer(&self, batch: Option<u32>, fill: Fill) -> Result<Vec<Tensor>, InferenceError> {
        let failed = |detail| InferenceError::Failed { backend: self.backend, model: self.name.clone(), detail };
        let uniform = Uniform::new(&self.spec, batch, fill).map_err(failed)?;
        let inputs = uniform.inputs();
        let deadline = Instant::now() + WARM_UP_LIMIT;
        guard(self.backend, &self.name, || {
            self.runner.warm_up(&inputs, deadline)?;
            self.runner.run(&inputs, deadline)
        })
    }

    fn timeout(&self) -> InferenceError {
        InferenceError::Timeout { model: self.name.clone() }
    }
}

impl LoadedModel for CheckedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn placement(&self) -> &Placement {
        &self.placement
    }

    fn infer(&self, inputs: &[NamedTensor], deadline: Instant) -> Result<Vec<NamedTensor>, InferenceError> {
        let inputs = validate::check_inputs(&self.name, &self.spec, inputs)?;
        if Instant::now() >= deadline {
            return Err(self.timeout());
        }
        let outputs = guard(self.backend, &self.name, || self.runner.run(&inputs, deadline))?;
        if Instant::now() > deadline {
            return Err(self.timeout());
        }
        validate::check_outputs(&self.spec, inputs.batch(), &outputs).map_err(|detail| {
            let (backend, model) = (self.backend, self.name.clone());
            InferenceError::Failed { backend, model, detail }
        })?;
        let named = self.spec.outputs.iter().zip(outputs);
        Ok(named.map(|(port, tensor)| NamedTensor { name: port.name.clone(), tensor }).collect())
    }
}

pub(super) fn bad_model(backend: &'static str, source: &ModelSource, detail: impl Into<String>) -> InferenceError {
    InferenceError::BadModel { backend, model: source.name.clone(), detail: detail.into() }
}

/// Turns a panic inside a backend's library into a failed inference.
pub(super) fn guard<T>(
    backend: &'static str,
    model: &str,
    work: impl FnOnce() -> Result<T, InferenceError>,
) -> Result<T, InferenceError> {
    // Unwind safety: what a backend shares between runs is either immutable or lives in a pool slot, and a slot whose
    // run unwound is parked until it proves to be idle.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let detail = format!("the backend panicked: {}", panic_text(panic.as_ref()));
        Err(InferenceError::Failed { backend, model: model.to_owned(), detail })
    })
}
