//! A line that a test feeds frame by frame.

use super::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A place where a model hangs until the test opens it.
pub struct Trap {
    opened: Receiver<()>,
    caught: AtomicUsize,
}

impl Trap {
    /// The trap, and what opens it when it is dropped.
    pub fn new() -> (Arc<Self>, Sender<()>) {
        let (open, opened) = bounded(0);
        (Arc::new(Self { opened, caught: AtomicUsize::new(0) }), open)
    }

    pub fn hang(&self) {
        self.caught.fetch_add(1, Ordering::SeqCst);
        let _ = self.opened.recv();
    }

    pub fn caught(&self) -> usize {
        self.caught.load(Ordering::SeqCst)
    }
}

/// Keeps every record, and remembers which frames it got.
#[derive(Default)]
pub struct Keeps(pub Mutex<Vec<u64>>);

pub struct Kept(pub i64);

impl RecordKeeper for Keeps {
    fn submit(&self, record: Record) -> Result<Box<dyn RecordTicket>, Failure> {
        let mut all = self.0.lock().unwrap();
        all.push(record.inspection.meta.id.trigger);
        Ok(Box::new(Kept(i64::try_from(all.len()).unwrap())))
    }

    fn lost(&self, lost: &LostTriggers) -> Result<(), Failure> {
        panic!("no source of these tests has a counter: {lost:?}")
    }
}

impl RecordTicket for Kept {
    fn wait(self: Box<Self>) -> Result<i64, Failure> {
        Ok(self.0)
    }
}

/// Gives what the test sends it, until the test is done or stops the line.
pub struct Belt(pub Receiver<Arrival>);

impl Source for Belt {
    fn name(&self) -> &str {
        "belt"
    }
    // To the stop it does not listen, so that frames come after it too.
    fn run(self: Box<Self>, out: &Outlet, _: &StopFlag) {
        for arrival in &self.0 {
            if out.send(arrival, &StopFlag::new()).is_break() {
                break;
            }
        }
    }
}

pub struct Running {
    pub line: Line,
    pub belt: Sender<Arrival>,
    pub outcomes: Receiver<Arc<Outcome>>,
    pub events: Receiver<LineEvent>,
    pub keeper: Arc<Keeps>,
}

pub fn budgeted(mut live: LiveRecipe, budget_ms: u32) -> LiveRecipe {
    live.recipe.frame_budget_ms = budget_ms;
    live
}

pub fn options(lanes: usize) -> LaneOptions {
    LaneOptions { lanes, ..LaneOptions::default() }
}

pub fn run(live: LiveRecipe, options: LaneOptions) -> Running {
    let (belt, arrivals) = bounded(1000);
    let (outcomes_in, outcomes) = bounded(1000);
    let (events_in, events) = LineEvents::channel(1000);
    let keeper = Arc::new(Keeps::default());
    let line = Line::start(LineParts {
        recipe: Arc::new(live),
        sources: vec![Box::new(Belt(arrivals))],
        outcomes: Some(outcomes_in),
        events: events_in,
        options,
        ..parts(Arc::clone(&keeper) as Arc<dyn RecordKeeper>)
    });
    Running { line: line.unwrap(), belt, outcomes, events, keeper }
}

impl Running {
    pub fn give(&self, count: usize) {
        for _ in 0..count {
            self.belt.send(arrival(Ok(png()))).unwrap();
        }
    }

    pub fn take(&self, count: usize) -> Vec<Arc<Outcome>> {
        (0..count).map(|_| self.outcomes.recv_timeout(LONG).unwrap()).collect()
    }

    pub fn end(self) -> (LineEnd, Vec<Arc<Outcome>>, Arc<Keeps>) {
        drop(self.belt);
        let end = self.line.join();
        (end, self.outcomes.try_iter().collect(), self.keeper)
    }
}

pub fn until(what: &str, met: impl Fn() -> bool) {
    let start = Instant::now();
    while !met() {
        assert!(start.elapsed() < LONG, "{what}");
        std::thread::yield_now();
    }
}

/// A model that hangs in `trap` for the calls that `which` picks, counted from 1.
pub fn hanging(trap: &Arc<Trap>, which: impl Fn(usize) -> bool + Send + Sync + 'static) -> LiveRecipe {
    let (trap, calls) = (Arc::clone(trap), AtomicUsize::new(0));
    live(move || {
        if which(calls.fetch_add(1, Ordering::SeqCst) + 1) {
            trap.hang();
        }
        Ok(vec![5.0, 0.0])
    })
}
