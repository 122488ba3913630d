use super::background::step_back;
use crate::domain::panic_text;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Candidates that may hang at one time. Each is a thread with its plugins and its model that may never come back.
pub(super) const MAX_HANGING: usize = 3;
/// Going back may risk one more: it is a recipe that ran here.
pub(super) const MAX_HANGING_GOING_BACK: usize = MAX_HANGING + 1;
/// How long work is waited for that somebody wants to end.
const LEAVE_PATIENCE: Duration = Duration::from_secs(5);
/// Letting go of plugins and a model takes milliseconds; a driver may hang in it too.
const LET_GO_LIMIT: Duration = Duration::from_secs(10);
/// Between two looks whether somebody wants the work to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where everything runs that belongs to a recipe that is not trusted to come back: its plugins, its model, the driver
/// below it. The deployments' thread waits here with a limit, and leaves behind what hangs.
///
/// What runs here gives back a value and does nothing else, so that what was left behind and comes back later has
/// nothing left to do: its answer is dropped.
#[derive(Default)]
pub(super) struct Bench {
    /// The thread that waits for work; none before the first and after one was left behind.
    hand: Mutex<Option<Sender<Task>>>,
    hanging: Arc<AtomicUsize>,
    /// Whether its threads have a lower priority than the line's.
    steps_back: bool,
}

type Task = Box<dyn FnOnce() + Send>;

/// Why there is no answer.
pub(super) enum Unfinished<E> {
    /// It is over its limit, and left behind.
    Overdue,
    /// Somebody wants it to end.
    Ended(E),
    Panicked(String),
    /// So many hang that no more is begun.
    Full,
    NoThread(std::io::Error),
}

/// Says to work that takes long that nobody waits for its answer any more.
#[derive(Default)]
pub(super) struct GivenUp(AtomicBool);

impl GivenUp {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Runs,
    Done,
    LeftBehind,
}

/// One piece of work, seen from both of its sides.
struct Shift {
    phase: Mutex<Phase>,
    given_up: GivenUp,
    hanging: Arc<AtomicUsize>,
}

impl Shift {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where somebody still waits for the answer.
    fn done(&self) -> bool {
        let mut phase = self.lock();
        let waited_for = *phase == Phase::Runs;
        if waited_for {
            *phase = Phase::Done;
        }
        waited_for
    }

    /// Counts it as hanging; false where it is done by now.
    fn leave_behind(&self) -> bool {
        let mut phase = self.lock();
        let runs = *phase == Phase::Runs;
        if runs {
            *phase = Phase::LeftBehind;
            self.hanging.fetch_add(1, Ordering::AcqRel);
        }
        runs
    }
}

impl Bench {
    /// One that steps back behind the line. What is measured on it says nothing of what would drive.
    pub fn in_background() -> Self {
        Self { steps_back: true, ..Self::default() }
    }

    /// How many hang now, from the moment they were left behind until they come back.
    pub fn hanging(&self) -> usize {
        self.hanging.load(Ordering::Acquire)
    }

    /// Runs `work` for `limit` at most, unless `most` hang already. `meanwhile` is called about ten times a second; its
    /// error ends the wait within seconds, whatever `work` does.
    pub fn run<T: Send + 'static, E>(
        &self,
        limit: Duration,
        most: usize,
        meanwhile: impl FnMut() -> Result<(), E>,
        work: impl FnOnce(&GivenUp) -> T + Send + 'static,
    ) -> Result<T, Unfinished<E>> {
        if self.hanging() >= most {
            return Err(Unfinished::Full);
        }
        let hanging = Arc::clone(&self.hanging);
        let shift = Arc::new(Shift { phase: Mutex::new(Phase::Runs), given_up: GivenUp::default(), hanging });
        let (give, answer) = bounded(1);
        let theirs = Arc::clone(&shift);
        let task = move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&theirs.given_up)));
            if theirs.done() {
                let _ = give.send(outcome);
            } else {
                // It counts until also its answer is gone: a driver may hang in that too.
                drop(outcome);
                theirs.hanging.fetch_sub(1, Ordering::AcqRel);
            }
        };
        let hand = self.begin(Box::new(task)).map_err(Unfinished::NoThread)?;
        let outcome = wait(&shift, &answer, limit, meanwhile)?;
        *self.lock() = Some(hand);
        outcome.map_err(|panic| Unfinished::Panicked(panic_text(panic.as_ref())))
    }

    /// Drops `value` where it keeps nobody waiting.
    pub fn let_go(&self, value: impl Send + 'static) {
        let gone = self.run(LET_GO_LIMIT, usize::MAX, || Ok::<(), ()>(()), move |_| drop(value));
        if gone.is_err() {
            tracing::error!(hanging = self.hanging(), "the end of a recipe's plugins and model hangs, or failed");
        }
    }

    /// Hands `task` to the thread that waits, or to a new one.
    fn begin(&self, task: Task) -> std::io::Result<Sender<Task>> {
        let waits = self.lock().take();
        let task = match waits {
            Some(hand) => match hand.send(task) {
                Ok(()) => return Ok(hand),
                Err(unsent) => unsent.0,
            },
            None => task,
        };
        let (hand, tasks) = bounded::<Task>(1);
        let steps_back = self.steps_back;
        Builder::new().name("candidate".to_owned()).spawn(move || {
            if steps_back {
                step_back();
            }
            tasks.into_iter().for_each(|task| task());
        })?;
        // The thread lives as long as this sender: there is room for the first task.
        hand.send(task).map_err(|_| std::io::Error::other("the thread for candidates has ended"))?;
        Ok(hand)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Sender<Task>>> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time that something has at the start of a station.
#[derive(Debug, Clone, Copy)]
pub struct StartLimit {
    pub what: &'static str,
    pub seconds: u32,
    /// The key of `[deploy]` that sets it.
    pub key: &'static str,
}

/// Why the start of a station does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "{what} did not end within {seconds} s: a plugin, the model or a driver hangs, or is slower than that; \
         `[deploy] {key}` sets the limit"
    )]
    Overdue { what: &'static str, seconds: u32, key: &'static str },
    #[error("{what} panicked: {detail}")]
    Panicked { what: &'static str, detail: String },
    #[error("no thread for {what}")]
    NoThread { what: &'static str, source: std::io::Error },
}

/// Runs `work` of a recipe at a station's start, with the limit that a deployment would give it. `meanwhile` is called
/// about ten times a second. `work` hears by its argument that nobody waits any more.
///
/// # Errors
/// When it does not come back in time, and it is left behind then; or when it panics.
pub fn within<T: Send + 'static>(
    limit: StartLimit,
    mut meanwhile: impl FnMut(),
    work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static,
) -> Result<T, StartError> {
    let StartLimit { what, seconds, key } = limit;
    let go_on = || {
        meanwhile();
        Ok::<(), Infallible>(())
    };
    let work = move |given_up: &GivenUp| work(&|| given_up.is_set());
    let outcome = Bench::default().run(Duration::from_secs(seconds.into()), 1, go_on, work);
    outcome.map_err(|unfinished| match unfinished {
        Unfinished::Overdue | Unfinished::Full => StartError::Overdue { what, seconds, key },
        Unfinished::Panicked(detail) => StartError::Panicked { what, detail },
        Unfinished::NoThread(source) => StartError::NoThread { what, source },
        Unfinished::Ended(never) => match never {},
    })
}

fn wait<T, E>(
    shift: &Shift,
    answer: &Receiver<T>,
    limit: Duration,
    mut meanwhile: impl FnMut() -> Result<(), E>,
) -> Result<T, Unfinished<E>> {
    let mut due = Instant::now() + limit;
    let mut wish = None;
    loop {
        let left = due.saturating_duration_since(Instant::now());
        match answer.recv_timeout(left.min(LOOK_EVERY)) {
            Ok(answer) => return wish.map_or(Ok(answer), |wish| Err(Unfinished::Ended(wish))),
            Err(RecvTimeoutError::Disconnected) => return Err(Unfinished::Panicked("its thread has ended".to_owned())),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if wish.is_none()
            && let Err(ends) = meanwhile()
        {
            wish = Some(ends);
            due = due.min(Instant::now() + LEAVE_PATIENCE);
            shift.given_up.0.store(true, Ordering::Release);
        }
        if Instant::now() >= due && shift.leave_behind() {
            shift.given_up.0.store(true, Ordering::Release);
            return Err(wish.map_or(Unfinished::Overdue, Unfinished::Ended));
        }
    }
}
