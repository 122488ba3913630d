//! The events that are kept for readers that come again or are slow.

use super::{FeedEvent, Topic};
use serde::Serialize;
use std::collections::VecDeque;

/// Of verdicts: half a minute of a fast line.
const VERDICTS: usize = 2048;
/// All of them together, but for the newest: a plugin may say much of every frame.
const VERDICTS_BYTES: usize = 16 << 20;
/// Of alarms and deployments, which have a place of their own so that no flood of verdicts pushes one of them out.
const RARE: usize = 512;
const RARE_BYTES: usize = 8 << 20;

/// Events that a reader will never get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// How many, of all types; none where that is not known.
    pub count: Option<u64>,
}

/// The next event of a reader.
#[derive(Debug, Clone)]
pub struct Next {
    pub event: FeedEvent,
    /// What lies between it and what the reader has seen.
    pub missed: Option<Missed>,
}

/// The newest events of some topics.
struct Ring {
    events: VecDeque<FeedEvent>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    /// The newest one that is not kept any more.
    gone: u64,
}

impl Ring {
    fn new(most: usize, most_bytes: usize) -> Self {
        Self { events: VecDeque::new(), bytes: 0, most, most_bytes, gone: 0 }
    }

    fn put(&mut self, event: FeedEvent) {
        self.bytes += event.data.len();
        self.events.push_back(event);
        while self.events.len() > self.most || (self.bytes > self.most_bytes && self.events.len() > 1) {
            let Some(gone) = self.events.pop_front() else { return };
            self.bytes -= gone.data.len();
            self.gone = gone.number;
        }
    }

    fn after(&self, number: u64) -> Option<&FeedEvent> {
        let at = self.events.partition_point(|event| event.number <= number);
        self.events.get(at)
    }
}

/// What is kept, and the number of the newest event, also where it was never made.
pub(super) struct Kept {
    verdicts: Ring,
    rare: Ring,
    newest: u64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { verdicts: Ring::new(VERDICTS, VERDICTS_BYTES), rare: Ring::new(RARE, RARE_BYTES), newest: 0 }
    }
}

impl Kept {
    /// Gives the event its number.
    pub fn put(&mut self, topic: Topic, data: String) -> u64 {
        self.newest += 1;
        let event = FeedEvent { number: self.newest, topic, data: data.into() };
        match topic {
            Topic::Verdict => self.verdicts.put(event),
            Topic::Alarm | Topic::Deployment => self.rare.put(event),
        }
        self.newest
    }

    /// So many verdicts were never made events.
    pub fn skip(&mut self, count: u64) -> u64 {
        self.newest += count;
        self.newest
    }

    /// The oldest kept event behind `number`; none of a verdict where the reader wants none of those. Such a reader
    /// misses only what it wants.
    pub fn after(&self, number: u64, topics: &[Topic]) -> Option<Next> {
        let rare = self.rare.after(number);
        if !topics.contains(&Topic::Verdict) {
            let missed = (self.rare.gone > number).then_some(Missed { count: None });
            return Some(Next { event: rare?.clone(), missed });
        }
        let both = [rare, self.verdicts.after(number)].into_iter().flatten();
        let event = both.min_by_key(|event| event.number)?;
        let count = event.number - number - 1;
        Some(Next { event: event.clone(), missed: (count > 0).then_some(Missed { count: Some(count) }) })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn number(kept: &Kept, after: u64) -> u64 {
        kept.after(after, &Topic::ALL).unwrap().event.number
    }

    fn missed(kept: &Kept, after: u64, topics: &[Topic]) -> Option<Missed> {
        kept.after(after, topics).unwrap().missed
    }

    #[test]
    fn talkative_events_are_kept_up_to_their_bytes() {
        let mut kept = Kept::default();
        for _ in 0..6 {
            kept.put(Topic::Verdict, "x".repeat(VERDICTS_BYTES / 4 + 2));
        }
        assert_eq!(number(&kept, 0), 4, "each has two more than a quarter of the bound");
        kept.put(Topic::Verdict, "y".repeat(2 * VERDICTS_BYTES));
        assert_eq!(number(&kept, 0), 7, "the newest is kept, however long it is");
    }

    #[test]
    fn verdicts_push_out_no_alarm_and_no_deployment() {
        let mut kept = Kept::default();
        kept.put(Topic::Verdict, "{}".to_owned());
        let alarm = kept.put(Topic::Alarm, "{}".to_owned());
        let deployment = kept.put(Topic::Deployment, "{}".to_owned());
        for _ in 0..3 * VERDICTS {
            kept.put(Topic::Verdict, "{}".to_owned());
        }
        assert_eq!((number(&kept, 0), number(&kept, alarm)), (alarm, deployment));
        assert_eq!(missed(&kept, 0, &Topic::ALL), Some(Missed { count: Some(1) }));
        let gone = (2 * VERDICTS) as u64;
        assert_eq!(missed(&kept, deployment, &Topic::ALL), Some(Missed { count: Some(gone) }));
    }

    #[test]
    fn who_wants_no_verdicts_misses_none() {
        let mut kept = Kept::default();
        let rare = [Topic::Alarm, Topic::Deployment];
        for _ in 0..2 * VERDICTS {
            kept.put(Topic::Verdict, "{}".to_owned());
        }
        kept.skip(7);
        assert!(kept.after(0, &rare).is_none(), "and is shown none");
        kept.put(Topic::Alarm, "{}".to_owned());
        assert_eq!(missed(&kept, 0, &rare), None);
        for _ in 0..RARE {
            kept.put(Topic::Alarm, "{}".to_owned());
        }
        assert_eq!(missed(&kept, 0, &rare), Some(Missed { count: None }), "one of those is gone");
    }
}
