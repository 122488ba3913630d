use super::compile::Again;
use super::ffi::{CallError, CompiledModel, Port, Request};
use super::{Batches, CPU, NAME, checked_port, devices};
use crate::domain::{self, ModelSpec, Tensor};
use crate::inference::InferenceError;
use crate::inference::checked::Runner;
use crate::inference::pool::{After, Pool};
use crate::inference::validate::{CheckedInputs, shape_of};
use crate::inference::watchdog::Watchdog;
use openvino_sys::ov_status_e as Status;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a cancelled run is waited for before its slot is set aside.
const CANCEL_GRACE_MS: i64 = 2;

/// The model for one batch size, with the slots that run it.
pub(super) struct BatchModel {
    outputs: Vec<(domain::Port, Vec<u32>)>,
    requests: Pool<Slot>,
}

/// A request with its ports and the tensors that a run of it reads. The request is dropped first, which waits for such
/// a run; the model that it runs on last.
struct Slot {
    request: Request,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    reads: Vec<Tensor>,
    model: Arc<CompiledModel>,
}

impl BatchModel {
    /// One request for each of `models`; a model that is there twice gets two.
    ///
    /// A request that hangs is replaced by another one on what `again` gives. On a CPU that has to be a model compiled
    /// anew, since the stream of the old one is the one that hangs.
    pub(super) fn new(
        models: &[Arc<CompiledModel>],
        spec: &ModelSpec,
        batch: Option<u32>,
        again: Again,
    ) -> Result<Self, String> {
        let slot = move |model: &Arc<CompiledModel>, spec: &ModelSpec| Slot::new(Arc::clone(model), spec, batch);
        let slots = models.iter().map(|model| slot(model, spec)).collect::<Result<_, _>>()?;
        let outputs = spec.outputs.iter().map(|port| (port.clone(), shape_of(port, batch))).collect();
        let spec = spec.clone();
        let make = move || {
            let made = again().and_then(|model| slot(&model, &spec));
            made.inspect_err(|detail| tracing::error!(detail, "an inference hangs; its place cannot be made anew")).ok()
        };
        Ok(Self { outputs, requests: Pool::new(slots, make) })
    }

    fn outputs(&self, slot: &Slot) -> Result<Vec<Tensor>, CallError> {
        let outputs = self.outputs.iter().zip(&slot.outputs);
        outputs.map(|((specified, shape), port)| slot.request.output(port, shape, specified.ty)).collect()
    }
}

impl Slot {
    fn new(model: Arc<CompiledModel>, spec: &ModelSpec, batch: Option<u32>) -> Result<Self, String> {
        let failed = |name: &str, error: CallError| format!("{name:?}: {error}");
        let input = |port: &domain::Port| {
            checked_port(model.input(&port.name).map_err(|error| failed(&port.name, error))?, port, batch)
        };
        let output = |port: &domain::Port| {
            checked_port(model.output(&port.name).map_err(|error| failed(&port.name, error))?, port, batch)
        };
        let inputs = spec.inputs.iter().map(input).collect::<Result<_, _>>()?;
        let outputs = spec.outputs.iter().map(output).collect::<Result<_, _>>()?;
        let request = model.request().map_err(|error| error.to_string())?;
        Ok(Self { request, inputs, outputs, reads: Vec::new(), model })
    }

    /// Hands the inputs over; the slot keeps them until it is idle.
    fn fill(&mut self, inputs: &CheckedInputs<'_>) -> Result<(), CallError> {
        for (port, tensor) in self.inputs.iter().zip(inputs.tensors()) {
            self.request.set_input(port, tensor)?;
        }
        self.reads.extend(inputs.tensors().iter().map(|tensor| (*tensor).clone()));
        Ok(())
    }

    /// True where no run is at work any more; then nothing reads the tensors.
    fn idle(&mut self) -> bool {
        let idle = !matches!(self.request.wait_ms(0), Ok(false));
        if idle {
            self.reads.clear();
        }
        idle
    }

    /// Runs until the end or the deadline; false at the deadline. The call comes back only when the run ends, and is
    /// told to by the watchdog: right for the CPU, which stops at its next node, and spares the change of threads.
    fn run_watched(&mut self, watchdog: &Watchdog, deadline: Instant) -> Result<bool, CallError> {
        let watch = watchdog.arm(deadline, self.request.canceller());
        let ended = self.request.run();
        let cancelled = watch.end();
        match ended {
            Err(error) if error.status == Status::INFER_CANCELLED && cancelled => Ok(false),
            ended => ended.map(|()| true),
        }
    }

    /// Runs until the end or the deadline; false at the deadline. This comes back in time even where a driver hangs.
    fn run_awaited(&mut self, deadline: Instant) -> Result<bool, CallError> {
        self.request.start()?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.request.wait_ms(whole_ms(left))? {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }
}

/// Rounded up, so that a run is never cancelled before its deadline.
fn whole_ms(left: Duration) -> i64 {
    i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX / 2).min(3_600_000)
}

pub(super) struct OpenvinoRunner {
    name: String,
    device: String,
    /// OpenVINO may move the model to another device.
    may_move: bool,
    /// For the device that runs on the calling thread; none for the others.
    watchdog: Option<&'static Watchdog>,
    batches: Batches<BatchModel>,
}

impl OpenvinoRunner {
    pub(super) fn new(
        name: String,
        device: String,
        may_move: bool,
        batches: Batches<BatchModel>,
    ) -> Result<Self, String> {
        let watchdog = if device == CPU && !may_move { Some(Watchdog::shared()?) } else { None };
        Ok(Self { name, device, may_move, watchdog, batches })
    }

    fn run_on(
        &self,
        model: &BatchModel,
        slot: &mut Slot,
        inputs: &CheckedInputs<'_>,
        deadline: Instant,
    ) -> (Result<Vec<Tensor>, InferenceError>, After) {
        let ended = slot.fill(inputs).and_then(|()| match self.watchdog {
            Some(watchdog) => slot.run_watched(watchdog, deadline),
            None => slot.run_awaited(deadline),
        });
        if let Ok(true) = ended {
            let outputs = model.outputs(slot).map_err(|error| self.failed(error));
            slot.reads.clear();
            return (outputs.and_then(|outputs| self.stayed(slot).map(|()| outputs)), After::Free);
        }
        let error = match ended {
            Err(error) => self.failed(error),
            Ok(_) => InferenceError::Timeout { model: self.name.clone() },
        };
        slot.request.cancel();
        // A driver that does not obey keeps the request and the tensors that it reads until it does.
        let ended = !matches!(slot.request.wait_ms(CANCEL_GRACE_MS), Ok(false));
        if ended {
            slot.reads.clear();
        }
        (Err(error), if ended { After::Free } else { After::Park })
    }

    /// The record of an inspection names one device: an answer from another one does not count.
    fn stayed(&self, slot: &Slot) -> Result<(), InferenceError> {
        if !self.may_move {
            return Ok(());
        }
        let said = slot.model.property("EXECUTION_DEVICES").map_err(|error| self.failed(error))?;
        let now = devices::said(&said);
        if now == self.device {
            return Ok(());
        }
        let detail = format!("OpenVINO moved the model to {now}; load the model again");
        Err(InferenceError::DeviceLost { model: self.name.clone(), device: self.device.clone(), detail })
    }

    fn failed(&self, error: CallError) -> InferenceError {
        let (model, detail) = (self.name.clone(), error.to_string());
        if error.status == Status::INFER_CANCELLED {
            return InferenceError::Timeout { model };
        }
        if self.device != CPU && error.message.to_ascii_lowercase().contains("lost") {
            return InferenceError::DeviceLost { model, device: self.device.clone(), detail };
        }
        InferenceError::Failed { backend: NAME, model, detail }
    }

    fn batch(&self, batch: Option<u32>) -> Result<&BatchModel, InferenceError> {
        self.batches.get(&batch).ok_or_else(|| {
            let (model, detail) = (self.name.clone(), format!("batch size {batch:?} was not compiled"));
            InferenceError::Failed { backend: NAME, model, detail }
        })
    }
}

impl Runner for OpenvinoRunner {
    fn run(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<Vec<Tensor>, InferenceError> {
        let model = self.batch(inputs.batch())?;
        let answer = model.requests.with(deadline, Slot::idle, |slot| self.run_on(model, slot, inputs, deadline));
        answer.unwrap_or_else(|busy| Err(busy.error(&self.name, &self.device)))
    }

    fn warm_up(&self, inputs: &CheckedInputs<'_>, deadline: Instant) -> Result<(), InferenceError> {
        let model = self.batch(inputs.batch())?;
        model.requests.all(|slot| self.run_on(model, slot, inputs, deadline).0.map(drop))
    }
}
