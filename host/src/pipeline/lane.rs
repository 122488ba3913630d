use super::control::Control;
use super::deadline::{Seat, Watch};
use super::flight::{Flight, Look};
use super::hanging::Hanging;
use super::inspect::inspect_flight;
use super::release::Waiting;
use super::triggers::Triggers;
use super::{InspectContext, Inspected, LiveRecipe, LiveSlot, Record, RecordKeeper};
use crate::domain::{Blame, Failure, FailureCode, FrameId, Stage};
use crate::plugin::Activity;
use crate::source::Receipt;
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// What every lane shares.
pub(super) struct LaneShared {
    pub station: String,
    pub boot: u64,
    pub trigger: AtomicU64,
    pub live: LiveSlot,
    pub context: InspectContext,
    pub keeper: Arc<dyn RecordKeeper>,
    pub control: Arc<Control>,
    pub watch: Arc<Watch>,
    pub hanging: Arc<Hanging>,
    pub triggers: Arc<Triggers>,
}

/// Nobody takes verdicts any more.
pub(super) struct Closed;

impl LaneShared {
    /// The time that a frame has which begins now.
    pub fn budget(&self) -> Duration {
        Duration::from_millis(u64::from(self.live.load().recipe.frame_budget_ms))
    }

    /// Submits the record of a frame whose verdict is decided, and hands it to release.
    pub fn hand_on(
        &self,
        mut inspected: Inspected,
        recipe: Arc<LiveRecipe>,
        receipt: Option<Receipt>,
        release: &Sender<Waiting>,
    ) -> Result<(), Closed> {
        let record = Record {
            inspection: inspected.inspection.clone(),
            picture: inspected.picture.take(),
            images: std::mem::take(&mut inspected.images),
        };
        let submitted = Instant::now();
        let ticket = self.keeper.submit(record);
        release.send(Waiting { inspected, ticket, submitted, recipe, receipt }).map_err(|_| Closed)
    }

    /// Why this frame is not judged; none where it is.
    fn refusal(&self, recipe: &LiveRecipe) -> Option<Failure> {
        self.control.refusal(recipe).or_else(|| {
            let hanging = self.hanging.count();
            self.hanging.is_exhausted().then(|| {
                let detail = format!("{hanging} lanes hang and no more are started: judged again when one comes back");
                Failure::new(Stage::Decode, Blame::Host, FailureCode::Timeout, detail)
            })
        })
    }
}

/// Starts a lane on `seat`; gives the seat back where the system gives no thread.
pub(super) fn start(shared: &Arc<LaneShared>, seat: Seat) -> Result<(), Seat> {
    let theirs = Arc::clone(shared);
    // Handed over by a channel, so that a thread that never starts does not keep it.
    let (give, take) = crossbeam_channel::bounded::<Seat>(1);
    let lane = move || {
        if let Ok(seat) = take.recv() {
            run(&theirs, seat);
        }
    };
    match Builder::new().name(format!("lane-{}", seat.number)).spawn(lane) {
        Ok(_) => give.send(seat).map_err(|unsent| unsent.0),
        Err(error) => {
            tracing::error!(%error, "a lane's thread cannot be started");
            Err(seat)
        }
    }
}

/// One lane: takes frames until the sources are gone and the queue is empty, or until one of them took too long.
fn run(shared: &Arc<LaneShared>, mut seat: Seat) {
    let activity = Arc::new(Activity::default());
    while let Ok(arrival) = seat.arrivals.recv() {
        shared.control.board.set_queued(seat.arrivals.len());
        let Some(mut arrival) = shared.triggers.admit(arrival) else { continue };
        let trigger = shared.trigger.fetch_add(1, Ordering::Relaxed) + 1;
        let id = FrameId { station: shared.station.clone(), boot: shared.boot, trigger };
        // Apart from the frame: it goes with the right to the verdict, so that it is settled however judging ends.
        seat.receipt = arrival.receipt.take();
        if let Some(receipt) = &seat.receipt {
            receipt.begin(&id);
        }
        let recipe = shared.live.load();
        let flight = Arc::new(Flight::new(arrival, id, recipe, Arc::clone(&activity)));
        let inspected = match shared.refusal(&flight.recipe) {
            Some(refusal) => flight.undecided(&refusal, Look::default()),
            None => {
                let number = seat.number;
                shared.watch.enter(seat, &flight);
                let inspected = inspect_flight(&flight, &shared.context);
                let Some(own) = shared.watch.leave(number, &flight) else {
                    tracing::info!(frame = %flight.meta.id, "a lane came back after the deadline: its answer is dropped");
                    return;
                };
                seat = own;
                inspected
            }
        };
        if shared.hand_on(inspected, Arc::clone(&flight.recipe), seat.receipt.take(), &seat.release).is_err() {
            break;
        }
    }
}
