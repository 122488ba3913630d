use super::{Arrival, Outlet, Refused, Source, StopFlag};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How often the stop flag is looked at while nothing comes.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a source of uploads needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeOptions {
    /// The source's name in the station's configuration.
    pub name: String,
    /// Pictures that may wait for a place in the line; uploads at one time.
    pub queue_frames: usize,
    pub max_file_bytes: u64,
    /// The longest an upload may take.
    pub read_ms: u64,
    /// The longest an answer is waited for.
    pub answer_ms: u64,
}

/// Gives on to the line what others hand over: the admin's listener takes uploads by its [`Intake`].
#[derive(Debug)]
pub struct IntakeSource {
    name: String,
    offers: Receiver<Arrival>,
}

/// Where pictures are handed over. Cheap to clone; nobody ever waits here.
#[derive(Debug, Clone)]
pub struct Intake {
    pub options: Arc<IntakeOptions>,
    offers: Sender<Arrival>,
    uploads: Arc<AtomicUsize>,
    refused: Arc<AtomicU64>,
}

/// How full an intake is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntakeState {
    /// Pictures that wait for a place in the line.
    pub waiting: usize,
    /// Pictures that may.
    pub most: usize,
    /// Uploads that are being read.
    pub reading: usize,
    /// Uploads that found no room, since the start of the station.
    pub refused: u64,
}

/// Leave to read one picture, until it is dropped.
#[derive(Debug)]
pub struct UploadSeat {
    uploads: Arc<AtomicUsize>,
}

impl Drop for UploadSeat {
    fn drop(&mut self) {
        self.uploads.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A source and the way to it.
#[must_use]
pub fn intake(options: IntakeOptions) -> (IntakeSource, Intake) {
    let (offers_in, offers) = bounded(options.queue_frames.max(1));
    let source = IntakeSource { name: options.name.clone(), offers };
    (source, Intake { options: Arc::new(options), offers: offers_in, uploads: Arc::default(), refused: Arc::default() })
}

impl Intake {
    /// Hands a picture over if there is room for it now.
    ///
    /// # Errors
    /// When there is none, or the station is ending.
    pub fn offer(&self, arrival: Arrival) -> Result<(), Refused> {
        self.offers.try_send(arrival).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Refused::Full
            }
            TrySendError::Disconnected(_) => Refused::Closed,
        })
    }

    /// Leave to read a picture, asked for before its first byte; none where as many are being read, or wait, as the
    /// queue holds.
    #[must_use]
    pub fn begin_upload(&self) -> Option<UploadSeat> {
        let seat = self.take_seat();
        if seat.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        seat
    }

    /// How full it is now. Waits for nobody.
    #[must_use]
    pub fn state(&self) -> IntakeState {
        IntakeState {
            waiting: self.offers.len(),
            most: self.options.queue_frames.max(1),
            reading: self.uploads.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    fn take_seat(&self) -> Option<UploadSeat> {
        if self.offers.is_full() {
            return None;
        }
        let uploads = Arc::clone(&self.uploads);
        let more = |reading: usize| (reading < self.options.queue_frames.max(1)).then_some(reading + 1);
        let taken = uploads.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        // Not `then_some`: a seat that is made only to be dropped would give back a place that it never took.
        taken.is_ok().then(|| UploadSeat { uploads })
    }
}

impl Source for IntakeSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        while !stop.is_stopped() {
            match self.offers.recv_timeout(LOOK_EVERY) {
                Ok(arrival) => {
                    if out.send(arrival, stop).is_break() {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::super::tests::arrival;
    use super::*;

    fn options(queue_frames: usize) -> IntakeOptions {
        IntakeOptions { name: "camera".to_owned(), queue_frames, max_file_bytes: 100, read_ms: 1, answer_ms: 1 }
    }

    #[test]
    fn no_more_uploads_are_read_at_one_time_than_the_queue_holds_and_a_refusal_takes_no_place() {
        let (_source, intake) = intake(options(2));
        let first = intake.begin_upload().unwrap();
        let _second = intake.begin_upload().unwrap();
        assert!((0..5).all(|_| intake.begin_upload().is_none()));
        drop(first);
        let _third = intake.begin_upload().unwrap();
        assert!(intake.begin_upload().is_none());
        assert_eq!(intake.state(), IntakeState { waiting: 0, most: 2, reading: 2, refused: 6 });
    }

    #[test]
    fn a_full_queue_refuses_the_upload_before_it_is_read() {
        let (source, intake) = intake(options(1));
        intake.offer(arrival(1)).unwrap();
        assert!(intake.begin_upload().is_none());
        assert!(matches!(intake.offer(arrival(1)), Err(Refused::Full)));
        assert_eq!(intake.state(), IntakeState { waiting: 1, most: 1, reading: 0, refused: 2 });
        drop(source);
        assert!(matches!(intake.offer(arrival(1)), Err(Refused::Closed)));
    }
}
