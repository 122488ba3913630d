use super::api::{Activity, CallDeadline, Doing, MonitorState};
use super::failure::{Causes, Refusal};
use super::host_calls::{HostCalls, HostFunction};
use super::limits::{Ledger, LogBuffer, MemoryMeter};
use super::reference::Reference;
use super::resources::{Handles, ImageEntry, TensorEntry};
use super::services::Memory;
use crate::domain::{BufferPool, Image, PluginKind, PluginLimits, Settings, Stage, Tensor};
use crate::inference::LoadedModel;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::Resource;

/// What stays the same over all calls of one plugin.
pub(super) struct PluginShared {
    pub(super) name: String,
    pub(super) kind: PluginKind,
    pub(super) limits: PluginLimits,
    /// As JSON text, the way `config.get` gives them.
    pub(super) settings: BTreeMap<String, String>,
    /// The same in their own types.
    pub(super) typed_settings: Settings,
    pub(super) labels: Vec<String>,
    pub(super) reference: Option<Reference>,
    /// Only what is asked for and granted.
    pub(super) models: BTreeMap<String, Arc<dyn LoadedModel>>,
    pub(super) pool: BufferPool,
}

impl PluginShared {
    pub(super) const fn stage(&self) -> Stage {
        match self.kind {
            PluginKind::Preprocessor => Stage::Preprocess,
            PluginKind::Detector => Stage::Detect,
            PluginKind::Monitor => Stage::Monitor,
        }
    }
}

/// What one call owns. Of a warm instance only the meter and the numbers of handles go on to the next call.
pub(super) struct CallState {
    pub(super) shared: Arc<PluginShared>,
    pub(super) table: Handles,
    pub(super) meter: MemoryMeter,
    pub(super) ledger: Ledger,
    pub(super) log: LogBuffer,
    pub(super) causes: Causes,
    pub(super) memory: Memory,
    pub(super) begun: Instant,
    pub(super) deadline: Instant,
    activity: Option<Arc<Activity>>,
    pub(super) host_time: Duration,
    pub(super) host_calls: HostCalls,
}

/// What is left of a call.
pub(super) struct Spent {
    pub(super) ledger: Ledger,
    pub(super) log: LogBuffer,
    pub(super) causes: Causes,
    pub(super) memory: Memory,
    pub(super) host_time: Duration,
    pub(super) host_calls: HostCalls,
    pub(super) memory_bytes: u64,
}

impl CallState {
    pub(super) fn new(shared: Arc<PluginShared>, remembered: Arc<MonitorState>, deadline: CallDeadline) -> Self {
        let CallDeadline { at: deadline, activity } = deadline;
        let limits = shared.limits;
        Self {
            shared,
            table: Handles::new(limits.handles),
            meter: MemoryMeter::new(&limits),
            ledger: Ledger::new(&limits),
            log: LogBuffer::new(&limits),
            causes: Causes::default(),
            memory: Memory::new(remembered, limits.state_bytes),
            begun: Instant::now(),
            deadline,
            activity,
            host_time: Duration::ZERO,
            host_calls: HostCalls::default(),
        }
    }

    /// Begins another call in the same store. What the last one left is gone already: see [`Self::call_ends`].
    pub(super) fn call_begins(&mut self, remembered: Arc<MonitorState>, deadline: CallDeadline) {
        let CallDeadline { at, activity } = deadline;
        self.memory = Memory::new(remembered, self.shared.limits.state_bytes);
        (self.begun, self.deadline, self.activity) = (Instant::now(), at, activity);
    }

    /// Ends a call: all that is the call's own leaves the state, and what the plugin holds on the host is dropped.
    /// `nothing` is what a plugin remembers that is not called.
    pub(super) fn call_ends(&mut self, nothing: &Arc<MonitorState>) -> Spent {
        let limits = self.shared.limits;
        self.activity = None;
        self.table.end_call();
        let nothing = Memory::new(Arc::clone(nothing), limits.state_bytes);
        Spent {
            ledger: std::mem::replace(&mut self.ledger, Ledger::new(&limits)),
            log: std::mem::replace(&mut self.log, LogBuffer::new(&limits)),
            causes: std::mem::take(&mut self.causes),
            memory: std::mem::replace(&mut self.memory, nothing),
            host_time: std::mem::take(&mut self.host_time),
            host_calls: std::mem::take(&mut self.host_calls),
            memory_bytes: self.meter.memory_bytes() as u64,
        }
    }

    /// Runs the body of a host function that takes noticeable time: its time is counted, and it does not begin after
    /// the deadline. Epochs do not stop host code, so this check is what keeps a loop over host calls in time.
    pub(super) fn timed<T>(
        &mut self,
        function: HostFunction,
        body: impl FnOnce(&mut Self) -> wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        let start = Instant::now();
        if start >= self.deadline {
            return Err(Refusal::deadline().into());
        }
        self.does(Doing::HostFunction);
        let result = body(self);
        self.does(Doing::Guest);
        let time = start.elapsed();
        self.host_time += time;
        self.host_calls.timed(function, time);
        result
    }

    /// Says what the call is doing from here on.
    pub(super) fn does(&self, doing: Doing) {
        if let Some(activity) = &self.activity {
            activity.set(doing);
        }
    }

    /// A handle on a picture that stays the host's: not counted.
    pub(super) fn lend_image(&mut self, image: &Image) -> wasmtime::Result<Resource<ImageEntry>> {
        self.table.make_room();
        self.table.push(ImageEntry { image: image.clone(), charged: 0, lent: true })
    }

    /// A handle on a tensor that stays the host's: not counted.
    pub(super) fn lend_tensor(&mut self, tensor: &Tensor) -> wasmtime::Result<Resource<TensorEntry>> {
        self.table.make_room();
        self.table.push(TensorEntry { tensor: tensor.clone(), charged: 0, lent: true, unchecked: false })
    }

    /// Takes a picture out of the table; its handle is gone.
    pub(super) fn take_image(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<Image> {
        let entry = self.table.delete(&handle)?;
        if !entry.lent {
            self.ledger.release(entry.charged);
        }
        Ok(entry.image)
    }

    /// Takes a tensor out of the table; its handle is gone.
    pub(super) fn take_tensor(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<TensorEntry> {
        let entry = self.table.delete(&handle)?;
        if !entry.lent {
            self.ledger.release(entry.charged);
        }
        Ok(entry)
    }

    /// The plugin dropped a handle on a picture.
    pub(super) fn drop_image(&mut self, handle: &Resource<ImageEntry>) -> wasmtime::Result<()> {
        if let Some(entry) = self.table.discard(handle)?.filter(|entry| !entry.lent) {
            self.ledger.release(entry.charged);
        }
        Ok(())
    }

    /// The plugin dropped a handle on a tensor.
    pub(super) fn drop_tensor(&mut self, handle: &Resource<TensorEntry>) -> wasmtime::Result<()> {
        if let Some(entry) = self.table.discard(handle)?.filter(|entry| !entry.lent) {
            self.ledger.release(entry.charged);
        }
        Ok(())
    }

    /// The plugin dropped a handle on something that has no bytes but counts as a handle.
    pub(super) fn drop_plain<T: 'static>(&mut self, handle: &Resource<T>) -> wasmtime::Result<()> {
        if self.table.discard(handle)?.is_some() {
            self.ledger.release(0);
        }
        Ok(())
    }

    /// As [`Self::take_tensor`], for what goes to a model: NaN and infinities are refused here, where it is known who
    /// brought them. Behind a quantising model they could come out as a confident answer.
    pub(super) fn take_finite(
        &mut self,
        name: &str,
        handle: Resource<TensorEntry>,
    ) -> wasmtime::Result<Result<Tensor, Refusal>> {
        let entry = self.take_tensor(handle)?;
        let odd = if entry.unchecked { entry.tensor.first_not_finite() } else { None };
        Ok(match odd {
            None => Ok(entry.tensor),
            Some(index) => {
                let name = super::limits::printable(name, 64);
                let detail = format!("tensor {name:?}: element {index} is not a finite number");
                Err(Refusal::new(crate::domain::Blame::Plugin, crate::domain::FailureCode::BadTensor, detail))
            }
        })
    }

    /// Bytes that a copy into the plugin's memory may have: more could not fit there anyway.
    pub(super) fn check_copy(&self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.shared.limits.memory_bytes;
        if bytes as u64 > limit {
            let detail =
                format!("wanted a copy of {bytes} bytes, more than its whole linear memory of {limit} may hold");
            return Err(Refusal::new(crate::domain::Blame::Plugin, crate::domain::FailureCode::MemoryLimit, detail));
        }
        Ok(())
    }
}
