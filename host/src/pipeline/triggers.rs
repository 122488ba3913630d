//! The line's own trigger numbers: a number that is left out becomes a `lost` row, one that comes twice is answered with
//! the verdict that it has. docs/adr/0016 has the rules.

use super::counter::{Counter, Place, Range};
use super::inspect::now_us;
use super::release::RecordKeeper;
use crate::domain::{Digest, Inspection};
use crate::source::{Arrival, LostTriggers, Receipt, Settlement};
use crossbeam_channel::{Receiver, never, select};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked for numbers that will not come any more.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The same trigger sent again while its first frame is in flight; more are judged like any other.
const MAX_TWINS: usize = 32;

const LEFT_OUT: &str = "the line's counter went on without it";
const BEGAN_AGAIN: &str = "the line's counter began again before it came";

/// A record under a number of a line's counter.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub inspection: Arc<Inspection>,
    pub row: i64,
}

/// What is recorded of a line's counter, the oldest first.
#[derive(Debug, Clone, Default)]
pub struct LineHistory {
    /// Number, and when its frame was judged.
    pub numbers: Vec<(u64, i64)>,
    pub lost: Vec<Range>,
}

/// The counters of all sources that have one.
pub(super) struct Triggers {
    keeper: Arc<dyn RecordKeeper>,
    /// How long a number may come behind a higher one.
    wait_us: i64,
    /// The clock of the counters: like the records' at the start, and never set back.
    started: (Instant, i64),
    books: Mutex<BTreeMap<String, Book>>,
}

/// One source's counter and its frames in flight: those between a lane and the release, few enough to walk through.
#[derive(Default)]
struct Book {
    counter: Counter,
    /// What was missing when the counter began again.
    given_up: Vec<Range>,
    in_flight: Vec<Flight>,
    next: u64,
}

struct Flight {
    key: u64,
    number: u64,
    payload: Option<Arc<[u8]>>,
    /// Those who sent the same again meanwhile.
    twins: Vec<Receipt>,
}

impl Triggers {
    pub fn new(keeper: Arc<dyn RecordKeeper>, wait: Duration) -> Self {
        let wait_us = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self { keeper, wait_us, started: (Instant::now(), now_us()), books: Mutex::default() }
    }

    /// Lets an arrival on to be judged, or answers it where it is a duplicate.
    pub fn admit(self: &Arc<Self>, mut arrival: Arrival) -> Option<Arrival> {
        // A number that the journal cannot hold is refused with its record.
        let Some(number) = arrival.trigger.filter(|number| i64::try_from(*number).is_ok()) else {
            return Some(arrival);
        };
        self.open(&arrival.source);
        loop {
            let place = self.place(&mut arrival, number)?;
            if matches!(place, Place::Seen | Place::Ahead)
                && let Some(Recorded { inspection, row }) = self.stored(&arrival, number)
            {
                if let Some(receipt) = arrival.receipt.take() {
                    receipt.settle(Settlement { inspection, row: Some(row), duplicate: true });
                }
                return None;
            }
            // Another lane may have taken the same number meanwhile: then it is looked at again.
            match self.enter(arrival, number, place) {
                Entered::Alone(arrival) => return Some(arrival),
                Entered::Joined => return None,
                Entered::Overtaken(back) => arrival = back,
            }
        }
    }

    /// Where its number stands; none where its twin is in flight, which answers for both.
    fn place(&self, arrival: &mut Arrival, number: u64) -> Option<Place> {
        let mut books = self.books();
        let book = books.entry(arrival.source.clone()).or_default();
        (!book.joins(arrival, number)).then(|| book.counter.place(number, self.now_us(), self.wait_us))
    }

    /// The record of the very same trigger: the same number with the same picture. Another picture under a number that
    /// was seen is another part.
    fn stored(&self, arrival: &Arrival, number: u64) -> Option<Recorded> {
        let recorded = match self.keeper.recorded(&arrival.source, number) {
            Ok(recorded) => recorded?,
            Err(error) => {
                tracing::error!(source = arrival.source, number, %error, "it is not known whether it is a duplicate");
                return None;
            }
        };
        let picture = arrival.payload.as_deref().ok().map(Digest::of);
        (picture.is_some() && recorded.inspection.picture == picture).then_some(recorded)
    }

    fn enter(self: &Arc<Self>, mut arrival: Arrival, number: u64, place: Place) -> Entered {
        let key = {
            let mut books = self.books();
            let book = books.entry(arrival.source.clone()).or_default();
            if book.joins(&mut arrival, number) {
                return Entered::Joined;
            }
            let now_us = self.now_us();
            if book.counter.place(number, now_us, self.wait_us) != place {
                return Entered::Overtaken(arrival);
            }
            book.given_up.extend(book.counter.take(number, now_us, self.wait_us));
            let key = book.next;
            book.next += 1;
            let payload = arrival.payload.as_ref().ok().map(Arc::clone);
            book.in_flight.push(Flight { key, number, payload, twins: Vec::new() });
            key
        };
        let (this, source) = (Arc::clone(self), arrival.source.clone());
        let receipt = arrival.receipt.take().unwrap_or_else(Receipt::silent);
        arrival.receipt = Some(receipt.also(move |settlement| this.landed(&source, key, settlement)));
        Entered::Alone(arrival)
    }

    /// A frame's record is durable, or it will have none.
    fn landed(&self, source: &str, key: u64, settlement: Option<&Settlement>) {
        let twins = {
            let mut books = self.books();
            let Some(book) = books.get_mut(source) else { return };
            let Some(at) = book.in_flight.iter().position(|flight| flight.key == key) else { return };
            let flight = book.in_flight.swap_remove(at);
            if settlement.is_none_or(|settlement| settlement.row.is_none()) {
                book.counter.miss((flight.number, flight.number), self.now_us());
            }
            flight.twins
        };
        let Some(settlement) = settlement else { return };
        for twin in twins {
            twin.settle(Settlement { duplicate: true, ..settlement.clone() });
        }
    }

    /// Reads what is recorded of a source's counter when its first number comes.
    fn open(&self, source: &str) {
        if self.books().contains_key(source) {
            return;
        }
        let history = self.keeper.line_history(source).unwrap_or_else(|error| {
            tracing::error!(source, %error, "the line's counter starts without its history");
            LineHistory::default()
        });
        let counter = self.replay(&history);
        self.books().entry(source.to_owned()).or_insert_with(|| Book { counter, ..Book::default() });
    }

    /// The counter as it stood when the station ended.
    fn replay(&self, history: &LineHistory) -> Counter {
        let mut counter = Counter::default();
        for (number, judged_at_us) in &history.numbers {
            // What an earlier run left out was recorded when the next one began.
            let _given_up = counter.take(*number, *judged_at_us, self.wait_us);
        }
        for range in &history.lost {
            counter.declare(*range);
        }
        counter.settle();
        counter
    }

    /// Records lost numbers until `end` is closed, then what is left.
    pub fn run(&self, lost: &Receiver<LostTriggers>, end: &Receiver<()>) {
        let mut reports = lost.clone();
        loop {
            select! {
                recv(reports) -> report => match report {
                    Ok(report) => self.report(report),
                    Err(_) => reports = never(),
                },
                recv(end) -> _ => break,
                default(LOOK_EVERY) => {}
            }
            self.record_due(self.wait_us);
        }
        lost.try_iter().for_each(|report| self.report(report));
        self.record_due(0);
    }

    /// What a source says itself that it lost.
    fn report(&self, lost: LostTriggers) {
        if let Some(book) = self.books().get_mut(&lost.source) {
            book.counter.declare((lost.first, lost.last));
        }
        self.record(&lost);
    }

    fn record_due(&self, wait_us: i64) {
        let now_us = self.now_us();
        let mut due = Vec::new();
        for (source, book) in self.books().iter_mut() {
            let left_out = book.counter.due(now_us, wait_us).into_iter().map(|range| (range, LEFT_OUT));
            let given_up = book.given_up.drain(..).map(|range| (range, BEGAN_AGAIN));
            due.extend(left_out.chain(given_up).map(|((first, last), reason)| LostTriggers {
                source: source.clone(),
                first,
                last,
                reason: reason.to_owned(),
            }));
        }
        due.iter().for_each(|lost| self.record(lost));
    }

    fn record(&self, lost: &LostTriggers) {
        let LostTriggers { source, first, last, reason } = lost;
        if let Err(error) = self.keeper.lost(lost) {
            tracing::error!(source, first, last, reason, %error, "lost triggers are not recorded");
            // Tried again: the journal may be back.
            if let Some(book) = self.books().get_mut(source) {
                book.counter.miss((*first, *last), self.now_us());
            }
        }
    }

    fn now_us(&self) -> i64 {
        let (started, base_us) = self.started;
        base_us.saturating_add(i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX))
    }

    fn books(&self) -> MutexGuard<'_, BTreeMap<String, Book>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Entered {
    /// To be judged.
    Alone(Arrival),
    /// Its twin answers for it.
    Joined,
    /// Its number stands elsewhere by now.
    Overtaken(Arrival),
}

impl Book {
    /// True where the same is in flight and answers for this one too; its receipt is taken then.
    fn joins(&mut self, arrival: &mut Arrival, number: u64) -> bool {
        let payload = arrival.payload.as_ref().ok();
        let same = |flight: &&mut Flight| flight.number == number && flight.payload.as_ref() == payload;
        let Some(flight) = self.in_flight.iter_mut().find(same).filter(|flight| flight.twins.len() < MAX_TWINS) else {
            return false;
        };
        flight.twins.extend(arrival.receipt.take());
        true
    }
}
