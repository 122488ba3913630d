//! The first memory that an instance takes comes from a fixed arena.
//!
//! Mostly an instance lives for one frame. The standard library's allocator begins with `memory.grow`, which costs the
//! host two changes of page protection per instance, more than many plugins' whole work. The arena is part of the
//! module's own memory: no growth, and only the pages that are used are ever touched. What does not fit goes to the
//! standard allocator, so an instance that lives long grows no further than it would without the arena.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;

/// Enough for settings, findings and a monitor's memory; not for pixels.
const ARENA_BYTES: usize = 128 << 10;

/// What nothing in the arena has to be aligned beyond.
#[repr(align(16))]
struct Arena(UnsafeCell<[MaybeUninit<u8>; ARENA_BYTES]>);

/// Hands out the arena from its start. Memory comes back when it is the last that was handed out; else it stays taken.
// In this order, so that the count lies on the page that the first bytes are on: each page that is written costs the
// host a copy.
#[repr(C)]
pub struct Heap {
    used: Cell<usize>,
    arena: Arena,
}

// SAFETY: wasm32-unknown-unknown without atomics has one thread; natively a heap is only made by the tests, each on
// its own thread.
#[allow(clippy::non_send_fields_in_send_ty, reason = "see above")]
unsafe impl Sync for Heap {}

impl Heap {
    /// Nothing handed out yet.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made once, as a static")]
    pub const fn new() -> Self {
        Self { used: Cell::new(0), arena: Arena(UnsafeCell::new([MaybeUninit::uninit(); ARENA_BYTES])) }
    }

    const fn base(&self) -> *mut u8 {
        self.arena.0.get().cast()
    }

    /// Where in the arena `pointer` lies.
    fn offset_of(&self, pointer: *mut u8) -> Option<usize> {
        pointer.addr().checked_sub(self.base().addr()).filter(|offset| *offset < ARENA_BYTES)
    }

    /// The next free bytes, where there are enough.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let free = self.base().addr() + self.used.get();
        let start = free.checked_next_multiple_of(layout.align())? - self.base().addr();
        let end = start.checked_add(layout.size()).filter(|end| *end <= ARENA_BYTES)?;
        self.used.set(end);
        // SAFETY: `start` lies inside the arena, as `end` does.
        Some(unsafe { self.base().add(start) })
    }

    /// Changes the size of what was handed out last. Only that can grow or shrink where it lies.
    fn resize_last(&self, start: usize, old: usize, new: usize) -> bool {
        let end = start.saturating_add(new);
        let fits = start + old == self.used.get() && end <= ARENA_BYTES;
        if fits {
            self.used.set(end);
        }
        fits
    }
}

// SAFETY: `take` gives bytes that nobody else has: it only moves up, and `used` moves down only over the bytes that
// were handed out last and came back. Everything outside of the arena is the standard allocator's, which gave it.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of `System`.
        self.take(layout).unwrap_or_else(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(taken) => {
                // Not zero by itself: it may have been used and come back.
                // SAFETY: `layout.size()` bytes at `taken` were just handed out.
                unsafe { taken.write_bytes(0, layout.size()) };
                taken
            }
            // SAFETY: the caller's promises are those of `System`.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match self.offset_of(pointer) {
            Some(start) => {
                self.resize_last(start, layout.size(), 0);
            }
            // SAFETY: not of the arena, so of `System`.
            None => unsafe { System.dealloc(pointer, layout) },
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(start) = self.offset_of(pointer) else {
            // SAFETY: not of the arena, so of `System`.
            return unsafe { System.realloc(pointer, layout, new_size) };
        };
        // What is not the last can only shrink, and keeps the bytes that it no longer needs.
        if self.resize_last(start, layout.size(), new_size) || new_size <= layout.size() {
            return pointer;
        }
        // SAFETY: the caller promises a size that, with this alignment, makes a layout; both places hold the bytes that
        // are copied, and do not overlap, since the old one is still taken.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(pointer, layout.size().min(new_size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[cfg(all(target_arch = "wasm32", feature = "arena", not(target_feature = "atomics")))]
#[global_allocator]
static HEAP: Heap = Heap::new();

#[cfg(test)]
mod tests {
    #![allow(clippy::undocumented_unsafe_blocks, clippy::unwrap_used, reason = "tests")]
    use super::{ARENA_BYTES, Heap};
    use std::alloc::{GlobalAlloc, Layout};

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn memory_comes_from_the_arena_aligned_and_apart() {
        let heap = Box::new(Heap::new());
        let a = unsafe { heap.alloc(layout(3, 1)) };
        let b = unsafe { heap.alloc(layout(8, 64)) };
        assert!(heap.offset_of(a) == Some(0) && b.addr() % 64 == 0 && b.addr() >= a.addr() + 3);
    }

    #[test]
    fn what_was_taken_last_comes_back_and_is_zeroed_when_that_is_asked_for() {
        let heap = Box::new(Heap::new());
        let first = unsafe { heap.alloc(layout(16, 8)) };
        unsafe { first.write_bytes(7, 16) };
        unsafe { heap.dealloc(first, layout(16, 8)) };
        let again = unsafe { heap.alloc_zeroed(layout(16, 8)) };
        assert_eq!(again, first);
        assert_eq!(unsafe { std::slice::from_raw_parts(again, 16) }, [0; 16]);
    }

    #[test]
    fn the_last_grows_in_place_and_others_move_with_their_bytes() {
        let heap = Box::new(Heap::new());
        let a = unsafe { heap.alloc(layout(4, 4)) };
        unsafe { a.write_bytes(9, 4) };
        assert_eq!(unsafe { heap.realloc(a, layout(4, 4), 64) }, a);
        let b = unsafe { heap.alloc(layout(4, 4)) };
        let moved = unsafe { heap.realloc(a, layout(64, 4), 128) };
        assert!(moved.addr() > b.addr());
        assert_eq!(unsafe { std::slice::from_raw_parts(moved, 4) }, [9; 4]);
        assert_eq!(unsafe { heap.realloc(b, layout(4, 4), 2) }, b, "what shrinks stays");
    }

    #[test]
    fn what_does_not_fit_is_the_standard_allocators() {
        let heap = Box::new(Heap::new());
        let large = layout(ARENA_BYTES + 1, 1);
        let outside = unsafe { heap.alloc(large) };
        assert!(!outside.is_null() && heap.offset_of(outside).is_none());
        let grown = unsafe { heap.realloc(outside, large, ARENA_BYTES * 2) };
        assert!(!grown.is_null());
        unsafe { heap.dealloc(grown, layout(ARENA_BYTES * 2, 1)) };
        let all = unsafe { heap.alloc(layout(ARENA_BYTES, 1)) };
        assert_eq!(heap.offset_of(all), Some(0));
        let next = unsafe { heap.realloc(all, layout(ARENA_BYTES, 1), ARENA_BYTES + 8) };
        assert!(heap.offset_of(next).is_none(), "the last does not grow out of the arena");
        unsafe { heap.dealloc(next, layout(ARENA_BYTES + 8, 1)) };
        assert_eq!(heap.used.get(), 0);
    }
}
