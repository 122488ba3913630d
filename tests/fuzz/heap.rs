use assay_tests::fuzz::Heap;
use cap::Cap;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// The allocator of this process.
pub struct Capped;

impl Heap for Capped {
    fn allow(&self, more: usize) {
        // Fails only for less than is taken now, which other threads may have changed meanwhile.
        let _ = ALLOCATOR.set_limit(ALLOCATOR.allocated().saturating_add(more));
    }

    fn free(&self) {
        let _ = ALLOCATOR.set_limit(usize::MAX);
    }
}
