use super::api::{Activity, CallDeadline, Doing, MonitorState};
use super::failure::{Causes, Refusal};
use super::limits::{Ledger, LogBuffer, MemoryMeter};
use super::reference::Reference;
use super::resources::{ImageEntry, TensorEntry};
use super::services::Memory;
use crate::domain::{BufferPool, Image, PluginKind, PluginLimits, Settings, Stage, Tensor};
use crate::inference::LoadedModel;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wasmtime::component::{Resource, ResourceTable};

/// Entries in the resource table beside what the ledger counts: errors and the like that a plugin has not dropped yet.
const TABLE_SLACK: usize = 64;

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

/// What one call owns; it dies with the store.
pub(super) struct CallState {
    pub(super) shared: Arc<PluginShared>,
    pub(super) table: ResourceTable,
    pub(super) meter: MemoryMeter,
    pub(super) ledger: Ledger,
    pub(super) log: LogBuffer,
    pub(super) causes: Causes,
    pub(super) memory: Memory,
    pub(super) begun: Instant,
    pub(super) deadline: Instant,
    activity: Option<Arc<Activity>>,
    pub(super) host_time: Duration,
}

impl CallState {
    pub(super) fn new(shared: Arc<PluginShared>, remembered: Arc<MonitorState>, deadline: CallDeadline) -> Self {
        let CallDeadline { at: deadline, activity } = deadline;
        let limits = shared.limits;
        let mut table = ResourceTable::with_capacity(8);
        table.set_max_capacity((limits.handles as usize).saturating_add(TABLE_SLACK));
        Self {
            shared,
            table,
            meter: MemoryMeter::new(&limits),
            ledger: Ledger::new(&limits),
            log: LogBuffer::new(&limits),
            causes: Causes::default(),
            memory: Memory::new(remembered, limits.state_bytes),
            begun: Instant::now(),
            deadline,
            activity,
            host_time: Duration::ZERO,
        }
    }

    /// Runs the body of a host function that takes noticeable time: its time is counted, and it does not begin after
    /// the deadline. Epochs do not stop host code, so this check is what keeps a loop over host calls in time.
    pub(super) fn timed<T>(&mut self, body: impl FnOnce(&mut Self) -> wasmtime::Result<T>) -> wasmtime::Result<T> {
        let start = Instant::now();
        if start >= self.deadline {
            return Err(Refusal::deadline().into());
        }
        self.does(Doing::HostFunction);
        let result = body(self);
        self.does(Doing::Guest);
        self.host_time += start.elapsed();
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
        self.make_room();
        Ok(self.table.push(ImageEntry { image: image.clone(), charged: 0, lent: true })?)
    }

    /// A handle on a tensor that stays the host's: not counted.
    pub(super) fn lend_tensor(&mut self, tensor: &Tensor) -> wasmtime::Result<Resource<TensorEntry>> {
        self.make_room();
        Ok(self.table.push(TensorEntry { tensor: tensor.clone(), charged: 0, lent: true, unchecked: false })?)
    }

    fn make_room(&mut self) {
        self.table.set_max_capacity(self.table.max_capacity().saturating_add(1));
    }

    /// Takes a picture out of the table; its handle is gone.
    pub(super) fn take_image(&mut self, handle: Resource<ImageEntry>) -> wasmtime::Result<Image> {
        let entry = self.table.delete(handle)?;
        if !entry.lent {
            self.ledger.release(entry.charged);
        }
        Ok(entry.image)
    }

    /// Takes a tensor out of the table; its handle is gone.
    pub(super) fn take_tensor(&mut self, handle: Resource<TensorEntry>) -> wasmtime::Result<TensorEntry> {
        let entry = self.table.delete(handle)?;
        if !entry.lent {
            self.ledger.release(entry.charged);
        }
        Ok(entry)
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
