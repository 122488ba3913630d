//! What programs are told as it happens: verdicts, alarms, deployments, in one order and with one number each.
//!
//! The line offers each verdict to a bounded queue and never waits. One thread makes events of them and keeps the newest;
//! whoever reads takes what it has not seen from there, so a slow reader costs nobody anything: it is told how many
//! events it missed. Alarms and deployments are kept apart: no number of verdicts pushes one of them out.

mod kept;

pub use kept::{Missed, Next};

use super::api::JudgedJson;
use super::serve::AdminParts;
use crate::alarms::AlarmSnapshot;
use crate::domain::{Alarm, Deployment, Inspection};
use crate::pipeline::{Outcome, now_us};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use kept::Kept;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Verdicts that wait to become events: three seconds of a fast line.
const QUEUE: usize = 512;
/// How often alarms and deployments are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Verdict,
    Alarm,
    Deployment,
}

impl Topic {
    pub const ALL: [Self; 3] = [Self::Verdict, Self::Alarm, Self::Deployment];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Alarm => "alarm",
            Self::Deployment => "deployment",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

/// One event; `number` counts all of this start, those that were lost too.
#[derive(Debug, Clone)]
pub struct FeedEvent {
    pub number: u64,
    pub topic: Topic,
    pub data: Arc<str>,
}

/// The newest events.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

struct Shared {
    /// In every event's id, so that a number of another start is not taken for one of this.
    start: i64,
    kept: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

impl Default for Feed {
    fn default() -> Self {
        let newest = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { start: now_us(), kept: Mutex::default(), newest }) }
    }
}

impl Feed {
    /// The id of a number: `START-NUMBER`.
    #[must_use]
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.shared.start)
    }

    /// The number in an id of this start; none where it is of another one or no id.
    #[must_use]
    pub fn number(&self, id: &str) -> Option<u64> {
        let (start, number) = id.trim().split_once('-')?;
        let number = number.parse().ok()?;
        (start.parse() == Ok(self.shared.start) && number <= self.newest()).then_some(number)
    }

    #[must_use]
    pub fn newest(&self) -> u64 {
        *self.shared.newest.borrow()
    }

    /// Hears of every new event.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    /// The oldest kept event behind `number`; see [`Kept::after`].
    #[must_use]
    pub fn after(&self, number: u64, topics: &[Topic]) -> Option<Next> {
        self.kept().after(number, topics)
    }

    pub(super) fn put(&self, topic: Topic, data: &impl Serialize) {
        let Ok(data) = serde_json::to_string(data) else { return };
        let number = self.kept().put(topic, data);
        self.shared.newest.send_replace(number);
    }

    /// So many verdicts will never be there.
    fn skip(&self, count: u64) {
        let number = self.kept().skip(count);
        self.shared.newest.send_replace(number);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct VerdictEvent<'i> {
    #[serde(flatten)]
    judged: JudgedJson,
    judged_at_us: i64,
    source: &'i str,
    origin: Option<&'i str>,
    product: Option<&'i str>,
    serial: Option<&'i str>,
    recipe: &'i str,
    recipe_version: &'i str,
    picture: Option<String>,
    /// The journal's row; null where no record could be made durable.
    row: Option<i64>,
}

impl<'i> VerdictEvent<'i> {
    fn new(inspection: &'i Inspection, row: Option<i64>) -> Self {
        Self {
            judged: JudgedJson::new(inspection),
            judged_at_us: inspection.judged_at_us,
            source: &inspection.meta.source,
            origin: inspection.meta.origin.as_deref(),
            product: inspection.meta.product.as_deref(),
            serial: inspection.meta.serial.as_deref(),
            recipe: &inspection.recipe,
            recipe_version: &inspection.recipe_version,
            picture: inspection.picture.map(|digest| digest.to_string()),
            row,
        }
    }
}

#[derive(Serialize)]
struct AlarmEvent<'a> {
    /// `raised`, `acknowledged` or `cleared`.
    change: &'static str,
    alarm: &'a Alarm,
}

/// The thread that makes the events.
pub struct FeedThread {
    board: crate::pipeline::Board,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FeedThread {
    /// # Errors
    /// When no thread can be started.
    pub fn start(parts: &AdminParts, feed: Feed) -> std::io::Result<Self> {
        let (outcomes_in, outcomes) = bounded(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let mut teller = Teller::new(parts.clone(), feed);
        let stopped = Arc::clone(&stop);
        let run = move || teller.run(&outcomes, &stopped);
        let thread = std::thread::Builder::new().name("events".to_owned()).spawn(run)?;
        parts.board.feed(Some(outcomes_in));
        Ok(Self { board: parts.board.clone(), stop, thread: Some(thread) })
    }
}

impl Drop for FeedThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread wakes, since nobody holds the other end of its queue.
        self.board.feed(None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What was told last, to tell what is new.
struct Teller {
    parts: AdminParts,
    feed: Feed,
    dropped: u64,
    alarms: Arc<AlarmSnapshot>,
    alarms_version: u64,
    deployment: Option<Arc<Deployment>>,
}

impl Teller {
    fn new(parts: AdminParts, feed: Feed) -> Self {
        let dropped = parts.board.metrics().events_dropped.get();
        let (alarms_version, alarms) = (parts.alarms.version(), parts.alarms.snapshot());
        let deployment = parts.deployer.as_ref().and_then(|deployer| deployer.view().newest.clone());
        Self { parts, feed, dropped, alarms, alarms_version, deployment }
    }

    fn run(&mut self, outcomes: &Receiver<Arc<Outcome>>, stopped: &AtomicBool) {
        while !stopped.load(Ordering::Relaxed) {
            match outcomes.recv_timeout(LOOK_EVERY) {
                Ok(outcome) => {
                    self.feed.put(Topic::Verdict, &VerdictEvent::new(&outcome.inspection, outcome.row));
                    // A fast line must not keep the others waiting: looking costs two loads of a number.
                    self.look();
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                // Somebody else takes the verdicts now: another admin of the same line.
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        let dropped = self.parts.board.metrics().events_dropped.get();
        if dropped > self.dropped {
            self.feed.skip(dropped - self.dropped);
            self.dropped = dropped;
        }
        let version = self.parts.alarms.version();
        if version != self.alarms_version {
            self.alarms_version = version;
            self.tell_alarms();
        }
        self.tell_deployment();
    }

    fn tell_alarms(&mut self) {
        let now = self.parts.alarms.snapshot();
        let feed = &self.feed;
        let tell = |change, alarm: &Alarm| feed.put(Topic::Alarm, &AlarmEvent { change, alarm });
        for before in &self.alarms.active {
            if !now.active.iter().any(|alarm| alarm.id == before.id) {
                let cleared = Alarm { cleared_at_us: Some(now_us()), ..before.clone() };
                tell("cleared", &cleared);
            }
        }
        // The oldest first, as they came.
        for alarm in now.active.iter().rev() {
            match self.alarms.active.iter().find(|before| before.id == alarm.id) {
                None => tell("raised", alarm),
                Some(before) if before.acknowledged != alarm.acknowledged => tell("acknowledged", alarm),
                Some(_) => {}
            }
        }
        self.alarms = now;
    }

    fn tell_deployment(&mut self) {
        let newest = self.parts.deployer.as_ref().and_then(|deployer| deployer.view().newest.clone());
        let state = |deployment: &Option<Arc<Deployment>>| deployment.as_ref().map(|one| (one.id, one.state));
        if let Some(deployment) = &newest
            && state(&newest) != state(&self.deployment)
        {
            self.feed.put(Topic::Deployment, &**deployment);
        }
        self.deployment = newest;
    }
}
