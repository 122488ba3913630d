use super::control::Control;
use super::deadline::{self, Watch};
use super::hanging::Hanging;
use super::lane::{self, LaneShared};
use super::monitors::{self, MonitorFeed};
use super::triggers::Triggers;
use super::{
    Board, InspectContext, LineEvent, LineEvents, LiveRecipe, LiveSlot, MonitorStates, Outcome, RecordKeeper, release,
};
use crate::source::{QueueLimits, Source, StopFlag, queue};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How often the end of the line is looked at while it is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

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
    /// Lanes that may hang at one time, each a thread that may never come back. While as many do, frames are undecided
    /// at once. (Those that are judging when the last of these hangs may hang too: as many again as lanes, less one.)
    pub max_abandoned_lanes: usize,
    /// How long the end of the line is waited for, beyond a frame's budget, while nothing moves.
    pub end_patience: Duration,
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
            max_abandoned_lanes: 8,
            end_patience: Duration::from_secs(10),
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
    /// Where goes what people have to be told.
    pub events: LineEvents,
    pub options: LaneOptions,
}

/// A running line: sources -> lanes -> release -> monitors, each a thread, with a bounded queue between any two.
pub struct Line {
    pub board: Board,
    pub stop: StopFlag,
    /// The recipe that judges, for those who swap it.
    pub live: LiveSlot,
    pub(super) shared: Arc<LaneShared>,
    sources: Vec<Running>,
    /// In the order in which they end. The lanes are not among them: a lane may hang, its seat never does.
    threads: Vec<Running>,
    /// Closes when the last thread ends.
    alive: Receiver<Infallible>,
    patience: Duration,
}

struct Running {
    name: String,
    handle: JoinHandle<()>,
}

/// A source that runs. Its end is told however it comes, by a panic too.
struct Giving {
    name: String,
    board: Board,
}

impl Drop for Giving {
    fn drop(&mut self) {
        self.board.end_source(&self.name);
    }
}

/// What is left when a line has ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEnd {
    /// Threads that did not end, by name: whatever they hang in, nothing more is expected of them.
    pub left: Vec<String>,
    /// Lanes that still hang; their frames were released undecided.
    pub hanging_lanes: usize,
}

impl Line {
    /// Starts all threads.
    ///
    /// # Errors
    /// When the system gives no more threads; those already started end by themselves.
    pub fn start(parts: LineParts) -> Result<Self, LineError> {
        let LineParts { station, boot, recipe, context, keeper, states, sources, outcomes, events, options } = parts;
        let board = Board::new(super::RecipeCard::of(&recipe));
        let live = LiveSlot::new(recipe, board.clone(), events.clone());
        let stop = StopFlag::new();
        let control = Arc::new(Control::new(board.clone(), events, stop.clone()));
        let lanes = options.lanes.max(1);
        let triggers = Arc::new(Triggers::new(Arc::clone(&keeper), Duration::from_millis(options.trigger_wait_ms)));
        let shared = Arc::new(LaneShared {
            triggers: Arc::clone(&triggers),
            station,
            boot,
            trigger: AtomicU64::new(0),
            live: live.clone(),
            context,
            keeper,
            watch: Arc::new(Watch::new(lanes)),
            hanging: Arc::new(Hanging::new(Arc::clone(&control), options.max_abandoned_lanes)),
            control: Arc::clone(&control),
        });
        let limits = QueueLimits { frames: options.queue_frames, bytes: options.queue_bytes };
        let (arrivals_in, arrivals, lost) = queue(limits);
        let (waiting_in, waiting) = bounded(options.release_frames);
        let (jobs_in, jobs) = bounded(options.monitor_frames);
        let (overdue_in, overdue) = bounded(lanes + options.max_abandoned_lanes);
        let (threads, alive) = Threads::new();

        let mut giving = Vec::new();
        for source in sources {
            let (out, stop) = (arrivals_in.clone(), stop.clone());
            let until_it_ends = Giving { name: source.name().to_owned(), board: board.clone() };
            let name = format!("source-{}", until_it_ends.name);
            let give = move || {
                let _told_when_dropped = until_it_ends;
                source.run(&out, &stop);
            };
            giving.push(threads.spawn(&name, give)?);
        }
        for number in 0..lanes {
            let seat = shared.watch.seat(number, arrivals.clone(), waiting_in.clone());
            lane::start(&shared, seat).map_err(|_| LineError::lane(number))?;
        }
        let (keeping, recording) = (Arc::clone(&shared), Arc::clone(&shared));
        let feed = MonitorFeed::new(jobs_in, options.wait_for_monitors);
        let (monitored, released) = (Arc::clone(&control), live.clone());
        let (released_in, all_released) = bounded(1);
        let releasing = move || {
            release::run(&waiting, &control, &released, &feed, outcomes.as_ref());
            drop::<Sender<()>>(released_in);
        };
        let running = vec![
            threads.spawn("deadlines", move || deadline::keep(&keeping, &overdue_in))?,
            threads.spawn("overdue", move || deadline::record(&recording, &overdue))?,
            threads.spawn("release", releasing)?,
            threads.spawn("triggers", move || triggers.run(&lost, &all_released))?,
            threads.spawn("monitors", move || monitors::run(&jobs, states.as_ref(), &monitored))?,
        ];
        Ok(Self { board, stop, live, shared, sources: giving, threads: running, alive, patience: options.end_patience })
    }

    /// Waits until every source has ended and every frame in flight is released. What hangs is not waited for beyond
    /// the patience of the options: it is reported, and left behind.
    pub fn join(self) -> LineEnd {
        let (mut moves, mut moved) = (self.shared.control.moves(), Instant::now());
        while self.alive.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Disconnected) {
            let now = self.shared.control.moves();
            if now != moves || !self.is_ending() {
                (moves, moved) = (now, Instant::now());
            }
            if moved.elapsed() > self.patience + self.shared.budget() {
                return self.leave();
            }
        }
        for running in self.sources.into_iter().chain(self.threads) {
            if running.handle.join().is_err() {
                tracing::error!(thread = running.name, "a thread of the line panicked");
            }
        }
        LineEnd { left: Vec::new(), hanging_lanes: self.shared.hanging.count() }
    }

    /// What stops the judging from outside and says why: frames that no lane has begun yet are not judged any more.
    pub fn halt(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let control = Arc::clone(&self.shared.control);
        move |why| control.halt(why)
    }

    /// True once all sources have ended and all frames are released.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.sources.iter().chain(&self.threads).all(|running| running.handle.is_finished())
    }

    /// True once no more frames are to come.
    fn is_ending(&self) -> bool {
        self.stop.is_stopped() || self.sources.iter().all(|running| running.handle.is_finished())
    }

    fn leave(self) -> LineEnd {
        let all = self.sources.into_iter().chain(self.threads);
        let left: Vec<String> =
            all.filter(|running| !running.handle.is_finished()).map(|running| running.name).collect();
        self.shared.control.events.emit(LineEvent::LeftBehind { threads: left.clone() });
        LineEnd { left, hanging_lanes: self.shared.hanging.count() }
    }
}

impl LineError {
    fn lane(number: usize) -> Self {
        let source = std::io::Error::other("the system gave no thread, see the log");
        Self { name: format!("lane-{number}"), source }
    }
}

/// Starts threads whose end can be waited for with a limit.
struct Threads {
    alive: Sender<Infallible>,
}

impl Threads {
    fn new() -> (Self, Receiver<Infallible>) {
        let (alive, ended) = bounded(0);
        (Self { alive }, ended)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<Running, LineError> {
        let alive = self.alive.clone();
        let work = move || {
            let _held_until_the_end = alive;
            work();
        };
        match Builder::new().name(name.to_owned()).spawn(work) {
            Ok(handle) => Ok(Running { name: name.to_owned(), handle }),
            Err(source) => Err(LineError { name: name.to_owned(), source }),
        }
    }
}
