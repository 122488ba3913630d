use super::{Arrival, LoadedPicture, LostTriggers, Outlet, Refused, Source, StopFlag, now_us};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NO_ROOM: &str = "the line's queue was full";

/// How a burst source gives its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BurstOptions {
    /// Pictures in all.
    pub count: u64,
    /// Pictures of one burst, given without a pause.
    pub burst: u32,
    /// From the begin of one burst to the begin of the next.
    pub every: Duration,
}

/// Gives pictures at a rate of its own, whether the line keeps up or not, as a trigger on a belt does: for tests and
/// benchmarks. A picture that finds no room is lost, and reported so under its number, from 1.
pub struct BurstSource {
    name: String,
    /// Name and content, round and round.
    pictures: Vec<LoadedPicture>,
    options: BurstOptions,
}

impl BurstSource {
    #[must_use]
    pub fn new(name: &str, pictures: Vec<LoadedPicture>, options: BurstOptions) -> Self {
        Self { name: name.to_owned(), pictures, options }
    }

    fn arrival(&self, number: u64, origin: &str, bytes: &Arc<[u8]>) -> Arrival {
        Arrival {
            source: self.name.clone(),
            origin: Some(format!("{origin}#{number}")),
            product: None,
            serial: None,
            trigger: None,
            captured_at_us: now_us(),
            payload: Ok(Arc::clone(bytes)),
            simulated: true,
            receipt: None,
        }
    }

    fn give(&self, out: &Outlet, stop: &StopFlag) -> ControlFlow<()> {
        let start = Instant::now();
        let mut lost: Option<(u64, u64)> = None;
        for (number, (origin, bytes)) in (1..=self.options.count).zip(self.pictures.iter().cycle()) {
            let burst = (number - 1) / u64::from(self.options.burst.max(1));
            let due = start + self.options.every.saturating_mul(u32::try_from(burst).unwrap_or(u32::MAX));
            if stop.is_stopped() || stop.wait(due.saturating_duration_since(Instant::now())) {
                break;
            }
            match out.offer(self.arrival(number, origin, bytes)) {
                Ok(()) => self.report(lost.take(), out, stop)?,
                Err(Refused::Full) => lost = Some((lost.map_or(number, |(first, _)| first), number)),
                Err(Refused::Closed) => break,
            }
        }
        self.report(lost, out, stop)
    }

    fn report(&self, lost: Option<(u64, u64)>, out: &Outlet, stop: &StopFlag) -> ControlFlow<()> {
        let Some((first, last)) = lost else { return ControlFlow::Continue(()) };
        out.report_lost(LostTriggers { source: self.name.clone(), first, last, reason: NO_ROOM.to_owned() }, stop)
    }
}

impl Source for BurstSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        // Either way it ends: all given, stopped, or nobody listening.
        let _ended = self.give(out, stop);
    }
}
