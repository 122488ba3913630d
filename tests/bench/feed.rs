//! A line that is fed at a pace, or with so many frames at one time, and the time of each frame from its source to its
//! released verdict.

use crate::fixture::arrival;
use anyhow::Context as _;
use assay::domain::VerdictKind;
use assay::journal::{Journal, JournalOptions};
use assay::pipeline::{
    Board, InspectContext, JournalKeeper, LaneOptions, Line, LineEvents, LineParts, LiveRecipe, LiveSlot, Outcome,
};
use assay::source::{Outlet, Source, StopFlag};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// When the next frame comes.
#[derive(Clone, Copy)]
pub enum Feed {
    /// At this distance, whether the line keeps up or not.
    Every(Duration),
    /// As soon as fewer than this many are under way.
    AtOneTime(usize),
}

/// Called before a frame is given, with its number from 1.
pub type Before = Box<dyn FnMut(u64, &LiveSlot) + Send>;

pub struct Load {
    pub context: InspectContext,
    pub recipe: Arc<LiveRecipe>,
    pub pictures: Vec<Arc<[u8]>>,
    pub count: u64,
    pub feed: Feed,
    pub before: Before,
}

/// A frame whose verdict is out.
pub struct Released {
    /// From 1, in the order of the source.
    pub number: u64,
    pub verdict: VerdictKind,
    /// From the source to the verdict, which is after the record is durable.
    pub micros: f64,
}

pub struct Run {
    pub released: Vec<Released>,
    pub seconds: f64,
}

impl Run {
    /// Frames without a verdict, plus verdicts beyond the first of a frame.
    pub fn lost_or_twice(&self, count: u64) -> u64 {
        let distinct = self.released.iter().map(|released| released.number).collect::<BTreeSet<_>>().len() as u64;
        count.saturating_sub(distinct) + (self.released.len() as u64).saturating_sub(distinct)
    }
}

struct FedSource {
    pictures: Vec<Arc<[u8]>>,
    count: u64,
    feed: Feed,
    before: Before,
    live: Arc<OnceLock<LiveSlot>>,
    /// One for each frame that is released.
    done: Receiver<()>,
}

impl Source for FedSource {
    fn name(&self) -> &str {
        "bench"
    }

    fn run(mut self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        let live = self.live.wait().clone();
        let start = Instant::now();
        for (number, picture) in (1..=self.count).zip(self.pictures.iter().cycle()) {
            match self.feed {
                Feed::Every(pace) => {
                    let due = start + pace.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX));
                    if stop.wait(due.saturating_duration_since(Instant::now())) {
                        return;
                    }
                }
                Feed::AtOneTime(window) if number > window as u64 && self.done.recv().is_err() => return,
                Feed::AtOneTime(_) => {}
            }
            (self.before)(number, &live);
            let mut arrival = arrival(picture);
            arrival.origin = Some(number.to_string());
            arrival.captured_at_us = now_us();
            match self.feed {
                // One that finds no room is missing among the verdicts, and counted there.
                Feed::Every(_) => drop(out.offer(arrival)),
                Feed::AtOneTime(_) if out.send(arrival, stop).is_break() => return,
                Feed::AtOneTime(_) => {}
            }
        }
    }
}

/// Runs a line with its journal until all frames are through. `beside` runs on a thread of its own until the flag.
pub fn run(load: Load, beside: impl FnOnce(&LiveSlot, &StopFlag) + Send) -> anyhow::Result<Run> {
    run_watched(load, |live, _, over| beside(live, over))
}

/// The same with what the line publishes.
pub fn run_watched(load: Load, beside: impl FnOnce(&LiveSlot, &Board, &StopFlag) + Send) -> anyhow::Result<Run> {
    let dir = tempfile::tempdir()?;
    let journal = Arc::new(Journal::open(JournalOptions::new(dir.path(), "test"))?);
    let keeper = JournalKeeper::new(Arc::clone(&journal), true);
    let count = usize::try_from(load.count)?;
    // Room for all: whoever waits here would slow the line down.
    let (outcomes_in, outcomes) = bounded(count);
    let (done_in, done) = bounded(count);
    let slot = Arc::new(OnceLock::new());
    let Load { context, recipe, pictures, count, feed, before } = load;
    let source = FedSource { pictures, count, feed, before, live: Arc::clone(&slot), done };
    let line = Line::start(LineParts {
        station: "test".to_owned(),
        boot: journal.boot(),
        recipe,
        context,
        keeper: Arc::new(keeper.clone()),
        states: Box::new(keeper),
        sources: vec![Box::new(source)],
        outcomes: Some(outcomes_in),
        events: LineEvents::default(),
        options: LaneOptions::default(),
    })?;
    let (live, board) = (line.live.clone(), line.board.clone());
    let (over, start) = (StopFlag::new(), Instant::now());
    let released = std::thread::scope(|scope| {
        let collector = scope.spawn(move || collect(&outcomes, &done_in));
        scope.spawn(|| beside(&live, &board, &over));
        let _ = slot.set(live.clone());
        line.join();
        over.stop();
        collector.join()
    });
    let seconds = start.elapsed().as_secs_f64();
    journal.close();
    let released = released.ok().context("the verdicts were not collected")??;
    Ok(Run { released, seconds })
}

fn collect(outcomes: &Receiver<Arc<Outcome>>, done: &Sender<()>) -> anyhow::Result<Vec<Released>> {
    let mut all = Vec::new();
    for outcome in outcomes {
        let meta = &outcome.inspection.meta;
        let micros = (now_us() - meta.captured_at_us) as f64;
        let number = meta.origin.as_deref().and_then(|number| number.parse().ok()).context("frames are numbered")?;
        all.push(Released { number, verdict: outcome.inspection.verdict.kind(), micros });
        let _ = done.try_send(());
    }
    Ok(all)
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
