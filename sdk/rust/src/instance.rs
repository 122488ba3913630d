use crate::error::Result;
use std::cell::RefCell;

/// Keeps the author's value for as long as the instance lives: one frame mostly, many in a warm instance.
pub struct Instance<T>(RefCell<Option<T>>);

impl<T> Instance<T> {
    /// Nothing made yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// Calls `work` with the value, after making it where this is the first call.
    pub(crate) fn with<R>(&self, make: fn() -> Result<T>, work: impl FnOnce(&mut T) -> Result<R>) -> Result<R> {
        let mut slot = self.0.borrow_mut();
        let value = match slot.as_mut() {
            Some(value) => value,
            None => {
                crate::log::report_panics();
                slot.insert(make()?)
            }
        };
        work(value)
    }
}

impl<T> Default for Instance<T> {
    fn default() -> Self {
        Self::new()
    }
}
