use super::queue::Held;
use crate::domain::{FrameId, Inspection};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What became of an arrival.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub inspection: Arc<Inspection>,
    /// The journal's row; none where the record could not be made durable (the verdict is `undecided` then).
    pub row: Option<i64>,
    /// True where an earlier arrival was the same: what is told here is what was recorded for that one.
    pub duplicate: bool,
}

type Tell = Box<dyn FnOnce(Option<Settlement>) + Send>;

/// The way back to the source that gave an arrival.
///
/// It tells its source exactly once: when the record is durable, or could not be made so, or with nothing where the
/// receipt is dropped because the frame was never judged. Telling happens on the thread that releases verdicts, so it
/// must not wait for anything.
pub struct Receipt {
    tell: Option<Tell>,
    frame: Arc<OnceLock<FrameId>>,
    /// The arrival's share of the queue's bytes: given back when the receipt goes, however it goes.
    held: Option<Held>,
}

impl Receipt {
    #[must_use]
    pub fn new(tell: impl FnOnce(Option<Settlement>) + Send + 'static) -> Self {
        Self { tell: Some(Box::new(tell)), frame: Arc::default(), held: None }
    }

    /// One that nobody waits for.
    #[must_use]
    pub fn silent() -> Self {
        Self { tell: None, frame: Arc::default(), held: None }
    }

    /// Where the frame's id will stand as soon as a lane has taken the arrival.
    #[must_use]
    pub fn frame(&self) -> Arc<OnceLock<FrameId>> {
        Arc::clone(&self.frame)
    }

    /// Says that a lane has taken the arrival, under this id.
    pub fn begin(&self, id: &FrameId) {
        // Only a duplicate could set it twice, and then the first id is the one that counts.
        let _ = self.frame.set(id.clone());
    }

    pub fn settle(mut self, settlement: Settlement) {
        self.held = None;
        if let Some(tell) = self.tell.take() {
            tell(Some(settlement));
        }
    }

    /// The same receipt with somebody who is told before its source.
    #[must_use]
    pub fn also(mut self, first: impl FnOnce(Option<&Settlement>) + Send + 'static) -> Self {
        let source = self.tell.take();
        self.tell = Some(Box::new(move |settlement| {
            first(settlement.as_ref());
            if let Some(source) = source {
                source(settlement);
            }
        }));
        self
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.held = None;
        if let Some(tell) = self.tell.take() {
            tell(None);
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("frame", &self.frame.get()).finish_non_exhaustive()
    }
}
