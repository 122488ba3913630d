use super::{Arrival, Outlet, Source, StopFlag};
use crate::domain::Failure;
use std::sync::Arc;
use std::time::Duration;

/// A stored picture that is to be judged again.
#[derive(Debug)]
pub struct StoredPicture {
    /// Id of the frame that it was.
    pub origin: String,
    pub product: Option<String>,
    pub serial: Option<String>,
    pub captured_at_us: i64,
    pub payload: Result<Arc<[u8]>, Failure>,
}

/// Gives stored pictures once more, marked as simulated. The line's own trigger numbers are not given again: to the line
/// these are no new triggers.
pub struct ReplaySource {
    name: String,
    pictures: Box<dyn Iterator<Item = StoredPicture> + Send>,
    pace_ms: u32,
}

impl ReplaySource {
    /// `pace_ms`: time to let pass after each picture; 0 for none.
    #[must_use]
    pub fn new(name: &str, pictures: Box<dyn Iterator<Item = StoredPicture> + Send>, pace_ms: u32) -> Self {
        Self { name: name.to_owned(), pictures, pace_ms }
    }
}

impl Source for ReplaySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        let pace = Duration::from_millis(self.pace_ms.into());
        for picture in self.pictures {
            let arrival = Arrival {
                source: self.name.clone(),
                origin: Some(picture.origin),
                product: picture.product,
                serial: picture.serial,
                trigger: None,
                captured_at_us: picture.captured_at_us,
                payload: picture.payload,
                simulated: true,
                receipt: None,
            };
            if out.send(arrival, stop).is_break() || (!pace.is_zero() && stop.wait(pace)) {
                return;
            }
        }
    }
}
