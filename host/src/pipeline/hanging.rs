use super::LineEvent;
use super::control::Control;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many lanes hang, and how many may: each is a thread that may never come back.
pub(super) struct Hanging {
    control: Arc<Control>,
    count: AtomicUsize,
    most: usize,
}

/// One lane that hangs, from its frame's deadline until it lets go of the frame.
pub(super) struct Hangs {
    hanging: Arc<Hanging>,
}

impl Hanging {
    pub(super) fn new(control: Arc<Control>, most: usize) -> Self {
        Self { control, count: AtomicUsize::new(0), most: most.max(1) }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// True while so many lanes hang that no frame may risk another.
    pub(super) fn is_exhausted(&self) -> bool {
        self.count() >= self.most
    }

    fn show(&self) {
        self.control.board.set_hanging(|| (self.count(), self.is_exhausted()));
    }

    pub(super) fn add(self: &Arc<Self>) -> Hangs {
        let hanging = self.count.fetch_add(1, Ordering::AcqRel) + 1;
        self.show();
        if hanging == self.most {
            self.control.events.emit(LineEvent::LanesExhausted { hanging });
        }
        Hangs { hanging: Arc::clone(self) }
    }
}

impl Drop for Hangs {
    fn drop(&mut self) {
        let hanging = self.hanging.count.fetch_sub(1, Ordering::AcqRel) - 1;
        self.hanging.show();
        if hanging + 1 == self.hanging.most {
            self.hanging.control.events.emit(LineEvent::LanesBack { hanging });
        }
    }
}
