use super::failure::Refusal;
use crate::domain::{Blame, FailureCode, Image, Tensor};
use crate::inference::LoadedModel;
use std::sync::Arc;
use wasmtime::component::{Resource, ResourceTable};

/// Entries beside what the ledger counts: errors and the like that a plugin has not dropped yet.
const SLACK: usize = 64;

/// What a plugin's handles stand for. A number is given out once in the life of a store, so a handle that a warm
/// instance kept from an earlier call meets nothing: not another frame's picture, not a picture that is gone.
pub(super) struct Handles {
    table: ResourceTable,
    /// The entries of this call have the numbers from here on.
    base: u32,
    /// How many numbers this call has used.
    used: u32,
    /// Handles that the plugin holds, with those of earlier calls that it has not dropped.
    held: u32,
    own_limit: usize,
}

impl Handles {
    pub(super) fn new(limit: u32) -> Self {
        let own_limit = (limit as usize).saturating_add(SLACK);
        let mut table = ResourceTable::with_capacity(8);
        table.set_max_capacity(own_limit);
        Self { table, base: 0, used: 0, held: 0, own_limit }
    }

    /// Drops all entries and lets no handle on them mean anything again.
    pub(super) fn end_call(&mut self) {
        self.table = ResourceTable::new();
        self.table.set_max_capacity(self.own_limit);
        // It never saturates: a store with half of the numbers used is retired.
        self.base = self.base.saturating_add(self.used);
        self.used = 0;
    }

    /// Handles that the plugin has not dropped.
    pub(super) const fn held(&self) -> u32 {
        self.held
    }

    /// Numbers that earlier calls have used.
    pub(super) const fn numbers_used(&self) -> u32 {
        self.base
    }

    /// Room for one more entry that the plugin's limit does not count.
    pub(super) fn make_room(&mut self) {
        self.table.set_max_capacity(self.table.max_capacity().saturating_add(1));
    }

    pub(super) fn push<T: Send + 'static>(&mut self, entry: T) -> wasmtime::Result<Resource<T>> {
        let index = self.table.push(entry)?.rep();
        let number = self.base.checked_add(index).ok_or_else(numbers_used_up)?;
        self.used = self.used.max(index.checked_add(1).ok_or_else(numbers_used_up)?);
        self.held = self.held.saturating_add(1);
        Ok(Resource::new_own(number))
    }

    pub(super) fn get<T: 'static>(&self, handle: &Resource<T>) -> wasmtime::Result<&T> {
        let handle = self.of_this_call(handle).ok_or_else(kept)?;
        Ok(self.table.get(&handle)?)
    }

    /// Takes an entry out whose handle came back.
    pub(super) fn delete<T: 'static>(&mut self, handle: &Resource<T>) -> wasmtime::Result<T> {
        let handle = self.of_this_call(handle).ok_or_else(kept)?;
        self.held = self.held.saturating_sub(1);
        Ok(self.table.delete(handle)?)
    }

    /// The plugin dropped a handle. None: it is of an earlier call, and its entry went with that call. That is no
    /// fault: a garbage collector drops when it gets to it.
    pub(super) fn discard<T: 'static>(&mut self, handle: &Resource<T>) -> wasmtime::Result<Option<T>> {
        self.held = self.held.saturating_sub(1);
        self.of_this_call(handle).map(|handle| Ok(self.table.delete(handle)?)).transpose()
    }

    fn of_this_call<T: 'static>(&self, handle: &Resource<T>) -> Option<Resource<T>> {
        handle.rep().checked_sub(self.base).map(Resource::new_own)
    }
}

fn kept() -> wasmtime::Error {
    let detail = "used a handle that it kept from an earlier call: pictures, tensors, graphs and contexts live as long \
                  as the call that gave them";
    Refusal::new(Blame::Plugin, FailureCode::BadAnswer, detail).into()
}

fn numbers_used_up() -> wasmtime::Error {
    Refusal::new(Blame::Host, FailureCode::Internal, "the numbers of handles are used up").into()
}

/// A picture in a plugin's table. `charged` is what it counts in the byte ledger: 0 for what the host lent.
pub struct ImageEntry {
    pub(super) image: Image,
    pub(super) charged: u64,
    pub(super) lent: bool,
}

/// A tensor in a plugin's table.
pub struct TensorEntry {
    pub(super) tensor: Tensor,
    pub(super) charged: u64,
    pub(super) lent: bool,
    /// Whether it may hold numbers that are not finite: those that the host made of pixels never do.
    pub(super) unchecked: bool,
}

/// A model that the plugin opened by name.
pub struct GraphEntry {
    pub(super) model: Arc<dyn LoadedModel>,
}

/// A model ready to compute. It holds nothing of its own: the prepared sessions belong to the loaded model.
pub struct ContextEntry {
    pub(super) model: Arc<dyn LoadedModel>,
}

/// A `wasi:nn` error.
pub struct ErrorEntry {
    pub(super) code: super::bindings::nn::errors::ErrorCode,
    pub(super) data: String,
}
