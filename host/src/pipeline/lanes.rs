use super::monitors::{self, MonitorFeed};
use super::release::{self, Waiting};
use super::triggers::Triggers;
use super::{
    Board, InspectContext, Judge, LiveRecipe, LiveSlot, MonitorStates, Outcome, Record, RecordKeeper, inspect_frame,
};
use crate::domain::FrameId;
use crate::source::{Arrival, QueueLimits, Source, StopFlag, queue};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Bounds and threads of a line.
#[derive(Debug, Clone)]
pub struct LaneOptions {
    /// Frames that are judged at one time.
    pub lanes: usize,
    /// Frames that may wait for a lane; sources wait when it is full.
    pub queue_frames: usize,
    /// Bytes of picture files that may be on their way from source to verdict; sources wait beyond it.
    pub queue_bytes: u64,
    /// Judged frames that may wait for their record.
    pub release_frames: usize,
    /// Released frames that may wait for the monitors.
    pub monitor_frames: usize,
    /// True waits for slow monitors instead of skipping frames: for one-off runs.
    pub wait_for_monitors: bool,
    /// How long a number of a line's counter may come behind a higher one before it counts as lost.
    pub trigger_wait_ms: u64,
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self {
            lanes: 2,
            queue_frames: 16,
            queue_bytes: 256 << 20,
            release_frames: 16,
            monitor_frames: 16,
            wait_for_monitors: false,
            trigger_wait_ms: 2000,
        }
    }
}

/// A thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("thread {name} cannot be started")]
pub struct LineError {
    name: String,
    source: std::io::Error,
}

/// All that a line is made of.
pub struct LineParts {
    pub station: String,
    /// This start of the station, from the journal.
    pub boot: u64,
    pub recipe: Arc<LiveRecipe>,
    pub context: InspectContext,
    pub keeper: Arc<dyn RecordKeeper>,
    pub states: Box<dyn MonitorStates>,
    pub sources: Vec<Box<dyn Source>>,
    /// Where released verdicts go beside the board.
    pub outcomes: Option<Sender<Arc<Outcome>>>,
    pub options: LaneOptions,
}

/// A running line: sources -> lanes -> release -> monitors, each a thread, with a bounded queue between any two.
pub struct Line {
    pub board: Board,
    pub stop: StopFlag,
    /// The recipe that judges, for those who swap it.
    pub live: LiveSlot,
    /// In the order in which they end.
    threads: Vec<JoinHandle<()>>,
}

/// What every lane shares.
struct LaneShared {
    station: String,
    boot: u64,
    trigger: AtomicU64,
    live: LiveSlot,
    context: InspectContext,
    keeper: Arc<dyn RecordKeeper>,
    board: Board,
    triggers: Arc<Triggers>,
}

impl Line {
    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no more threads; those already started end by themselves.
    pub fn start(parts: LineParts) -> Result<Self, LineError> {
        let LineParts { station, boot, recipe, context, keeper, states, sources, outcomes, options } = parts;
        let board = Board::new(super::RecipeCard::of(&recipe));
        let live = LiveSlot::new(recipe, board.clone());
        let stop = StopFlag::new();
        let limits = QueueLimits { frames: options.queue_frames, bytes: options.queue_bytes };
        let (arrivals_in, arrivals, lost) = queue(limits);
        let (waiting_in, waiting) = bounded(options.release_frames);
        let (jobs_in, jobs) = bounded(options.monitor_frames);
        let mut threads = Vec::new();

        for source in sources {
            let (out, stop) = (arrivals_in.clone(), stop.clone());
            threads.push(spawn(&format!("source-{}", source.name()), move || source.run(&out, &stop))?);
        }
        drop(arrivals_in);

        let wait = Duration::from_millis(options.trigger_wait_ms);
        let triggers = Arc::new(Triggers::new(Arc::clone(&keeper), wait));
        let shared = Arc::new(LaneShared {
            triggers: Arc::clone(&triggers),
            station,
            boot,
            trigger: AtomicU64::new(0),
            live: live.clone(),
            context,
            keeper,
            board: board.clone(),
        });
        for number in 0..options.lanes.max(1) {
            let (shared, arrivals, waiting_in) = (Arc::clone(&shared), arrivals.clone(), waiting_in.clone());
            threads.push(spawn(&format!("lane-{number}"), move || run_lane(&shared, &arrivals, &waiting_in))?);
        }
        drop(waiting_in);

        let feed = MonitorFeed::new(jobs_in, options.wait_for_monitors);
        let (release_board, release_live) = (board.clone(), live.clone());
        let (released_in, released) = bounded(1);
        threads.push(spawn("release", move || {
            release::run(&waiting, &release_board, &release_live, &feed, outcomes.as_ref());
            drop::<Sender<()>>(released_in);
        })?);
        threads.push(spawn("triggers", move || triggers.run(&lost, &released))?);
        let monitor_board = board.clone();
        threads.push(spawn("monitors", move || monitors::run(&jobs, states.as_ref(), &monitor_board))?);
        Ok(Self { board, stop, live, threads })
    }

    /// Waits until every source has ended and every frame in flight is released.
    pub fn join(self) {
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the line panicked");
            }
        }
    }

    /// True once all sources have ended and all frames are released.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LineError> {
    let start = Builder::new().name(name.to_owned()).spawn(work);
    start.map_err(|source| LineError { name: name.to_owned(), source })
}

/// One lane: takes frames until the sources are gone and the queue is empty.
fn run_lane(shared: &LaneShared, arrivals: &Receiver<Arrival>, release: &Sender<Waiting>) {
    for arrival in arrivals {
        shared.board.set_queued(arrivals.len());
        let Some(mut arrival) = shared.triggers.admit(arrival) else { continue };
        let trigger = shared.trigger.fetch_add(1, Ordering::Relaxed) + 1;
        let id = FrameId { station: shared.station.clone(), boot: shared.boot, trigger };
        // Apart from the frame, so that it is settled however judging ends.
        let receipt = arrival.receipt.take();
        if let Some(receipt) = &receipt {
            receipt.begin(&id);
        }
        // Read once: the frame is judged by exactly this snapshot.
        let recipe = shared.live.load();
        let judge: &dyn Judge = recipe.as_ref();
        let mut inspected = inspect_frame(arrival, id, judge, &shared.context);
        let record = Record {
            inspection: inspected.inspection.clone(),
            picture: inspected.picture.take(),
            images: std::mem::take(&mut inspected.images),
        };
        let submitted = Instant::now();
        let ticket = shared.keeper.submit(record);
        if release.send(Waiting { recipe, inspected, ticket, submitted, receipt }).is_err() {
            break;
        }
    }
}
