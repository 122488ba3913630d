use std::collections::{BTreeMap, VecDeque};

/// Ranges of missing numbers that are told apart; more are taken together.
const MAX_MISSING: usize = 256;
/// Ranges that were declared lost and may still come.
const MAX_DECLARED: usize = 256;

/// First and last number.
pub type Range = (u64, u64);

/// Where a number stands among those that came before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The first of all, or the one behind the highest.
    Next,
    /// Numbers are left out before it.
    Ahead,
    /// It was left out before, and comes late.
    Late,
    /// It or one above it came already: a duplicate, or the counter began again.
    Seen,
}

#[derive(Debug, Clone, Copy)]
struct Missing {
    last: u64,
    since_us: i64,
}

/// One run of a line's counter: which of its numbers came, which are missing.
///
/// Plain data with the time given to it, in microseconds; it decides nothing about pictures or records.
#[derive(Debug, Default)]
pub struct Counter {
    /// Lowest and highest number of the run.
    ends: Option<Range>,
    began_us: i64,
    missing: BTreeMap<u64, Missing>,
    declared: VecDeque<Range>,
}

impl Counter {
    /// `wait_us`: how long a number may come behind a higher one.
    #[must_use]
    pub fn place(&self, number: u64, now_us: i64, wait_us: i64) -> Place {
        let Some((lowest, highest)) = self.ends else { return Place::Next };
        if number > highest {
            return if number - highest == 1 { Place::Next } else { Place::Ahead };
        }
        // Two senders may overtake each other at the very beginning too.
        let young = now_us.saturating_sub(self.began_us) < wait_us;
        let inside = |(first, last): Range| (first..=last).contains(&number);
        let left_out = self.missing_at(number).is_some() || self.declared.iter().copied().any(inside);
        if left_out || (number < lowest && young) { Place::Late } else { Place::Seen }
    }

    /// Takes a number into the run. One that was [`Place::Seen`] begins a new run: what is missing in the old one is
    /// given back, since it will not come any more.
    #[must_use]
    pub fn take(&mut self, number: u64, now_us: i64, wait_us: i64) -> Vec<Range> {
        match (self.place(number, now_us, wait_us), self.ends) {
            (Place::Ahead, Some((lowest, highest))) => {
                self.miss((highest + 1, number - 1), now_us);
                self.ends = Some((lowest, number));
            }
            (Place::Next, Some((lowest, _))) => self.ends = Some((lowest, number)),
            (Place::Late, Some((lowest, highest))) if number < lowest => {
                if lowest - number > 1 {
                    self.miss((number + 1, lowest - 1), now_us);
                }
                self.ends = Some((number, highest));
            }
            (Place::Late, _) => self.found(number),
            (Place::Next | Place::Ahead | Place::Seen, _) => {
                let lost = self.missing.iter().map(|(first, range)| (*first, range.last)).collect();
                *self = Self { ends: Some((number, number)), began_us: now_us, ..Self::default() };
                return lost;
            }
        }
        Vec::new()
    }

    /// Numbers below the highest that have no record: they did not come, or it could not be made durable.
    pub fn miss(&mut self, (first, last): Range, now_us: i64) {
        self.missing.insert(first, Missing { last, since_us: now_us });
        while self.missing.len() > MAX_MISSING {
            // The two lowest become one range, with what lies between them: bounded, and no number is left out.
            let Some((lowest, _)) = self.missing.pop_first() else { break };
            let Some((_, next)) = self.missing.pop_first() else { break };
            self.missing.insert(lowest, next);
        }
    }

    /// What has been missing for `wait_us`; it counts as declared lost from now on.
    #[must_use]
    pub fn due(&mut self, now_us: i64, wait_us: i64) -> Vec<Range> {
        let waited = |range: &Missing| now_us.saturating_sub(range.since_us) >= wait_us;
        let ripe = self.missing.iter().filter(|(_, range)| waited(range));
        let due: Vec<Range> = ripe.map(|(first, range)| (*first, range.last)).collect();
        for range in &due {
            self.missing.remove(&range.0);
            self.declare(*range);
        }
        due
    }

    /// Remembers numbers as declared lost: they may still come.
    pub fn declare(&mut self, (first, last): Range) {
        if let Some((_, highest)) = &mut self.ends {
            *highest = last.max(*highest);
        }
        let below = self.missing.range(..=last).filter(|(_, range)| range.last >= first);
        let touched: Vec<u64> = below.map(|(at, _)| *at).collect();
        for at in touched {
            let Some(range) = self.missing.remove(&at) else { continue };
            if at < first {
                self.missing.insert(at, Missing { last: first - 1, ..range });
            }
            if range.last > last {
                self.missing.insert(last + 1, range);
            }
        }
        self.declared.push_back((first, last));
        if self.declared.len() > MAX_DECLARED {
            self.declared.pop_front();
        }
    }

    /// From here on a lower number than the lowest is no longer one that was overtaken.
    pub fn settle(&mut self) {
        self.began_us = i64::MIN;
    }

    fn missing_at(&self, number: u64) -> Option<(u64, Missing)> {
        let (first, range) = self.missing.range(..=number).next_back()?;
        (range.last >= number).then_some((*first, *range))
    }

    /// Takes one number out of what is missing or declared lost.
    fn found(&mut self, number: u64) {
        if let Some((first, range)) = self.missing_at(number) {
            self.missing.remove(&first);
            if first < number {
                self.missing.insert(first, Missing { last: number - 1, ..range });
            }
            if range.last > number {
                self.missing.insert(number + 1, range);
            }
            return;
        }
        let Some(at) = self.declared.iter().position(|(first, last)| (*first..=*last).contains(&number)) else {
            return;
        };
        if let Some((first, last)) = self.declared.remove(at) {
            if first < number {
                self.declared.push_back((first, number - 1));
            }
            if last > number {
                self.declared.push_back((number + 1, last));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    const WAIT: i64 = 100;

    fn counter(numbers: &[u64]) -> Counter {
        let mut counter = Counter::default();
        for number in numbers {
            assert_eq!(counter.take(*number, 0, WAIT), []);
        }
        counter.settle();
        counter
    }

    #[test]
    fn numbers_in_a_row_leave_nothing_out() {
        let mut counter = counter(&[7, 8, 9]);
        assert_eq!(counter.place(10, 0, WAIT), Place::Next);
        assert_eq!(counter.due(1000, WAIT), []);
    }

    #[test]
    fn what_is_left_out_is_due_after_the_wait_and_once() {
        let mut counter = counter(&[7, 8]);
        assert_eq!(counter.take(12, 50, WAIT), []);
        assert_eq!(counter.due(149, WAIT), [], "it may still come");
        assert_eq!(counter.due(150, WAIT), [(9, 11)]);
        assert_eq!(counter.due(1000, WAIT), []);
    }

    #[test]
    fn a_late_number_is_no_longer_missing() {
        let mut counter = counter(&[7, 12]);
        assert_eq!(counter.place(9, 0, WAIT), Place::Late);
        assert_eq!(counter.take(9, 0, WAIT), []);
        assert_eq!(counter.place(9, 0, WAIT), Place::Seen);
        assert_eq!(counter.due(1000, WAIT), [(8, 8), (10, 11)]);
        assert_eq!(counter.place(8, 1000, WAIT), Place::Late, "also after it was declared lost");
        assert_eq!(counter.take(8, 1000, WAIT), []);
        assert_eq!(counter.place(8, 1000, WAIT), Place::Seen);
        assert_eq!(counter.take(13, 1000, WAIT), [], "the run goes on");
    }

    #[test]
    fn a_number_that_was_seen_begins_a_new_run_and_gives_up_the_old_gaps() {
        let mut counter = counter(&[98, 100]);
        assert_eq!(counter.place(1, 0, WAIT), Place::Seen);
        assert_eq!(counter.take(1, 0, WAIT), [(99, 99)]);
        assert_eq!(counter.take(2, 0, WAIT), []);
        assert_eq!(counter.due(1000, WAIT), [], "no number between the runs is missing");
        assert_eq!(counter.place(100, 1000, WAIT), Place::Ahead);
    }

    #[test]
    fn senders_that_overtake_each_other_at_the_very_first_number_are_one_run() {
        let mut counter = Counter::default();
        assert_eq!(counter.take(5, 0, WAIT), []);
        assert_eq!(counter.place(3, 10, WAIT), Place::Late);
        assert_eq!(counter.take(3, 10, WAIT), []);
        assert_eq!(counter.take(6, 20, WAIT), []);
        assert_eq!(counter.due(1000, WAIT), [(4, 4)]);
        assert_eq!(counter.place(2, 1000, WAIT), Place::Seen, "later it is a counter that began again");
    }

    #[test]
    fn a_number_that_came_and_has_no_record_is_missing_again() {
        let mut counter = counter(&[1, 2, 3]);
        counter.miss((2, 2), 10);
        assert_eq!(counter.place(2, 10, WAIT), Place::Late);
        assert_eq!(counter.due(110, WAIT), [(2, 2)]);
    }

    #[test]
    fn what_a_source_declares_is_not_due_again() {
        let mut counter = counter(&[1, 10]);
        counter.declare((3, 4));
        counter.declare((11, 12));
        assert_eq!(counter.place(13, 1000, WAIT), Place::Next, "also behind the highest");
        assert_eq!(counter.due(1000, WAIT), [(2, 2), (5, 9)]);
    }

    #[test]
    fn a_counter_of_zero_and_one_at_the_very_end_are_numbers_like_others() {
        let mut counter = counter(&[0, 1]);
        assert_eq!(counter.take(u64::MAX, 0, WAIT), []);
        assert_eq!(counter.due(1000, WAIT), [(2, u64::MAX - 1)]);
        assert_eq!(counter.place(u64::MAX, 0, WAIT), Place::Seen);
        assert_eq!(counter.take(0, 1000, WAIT), []);
        assert_eq!(counter.place(1, 1000, WAIT), Place::Next, "it wrapped around");
    }

    #[test]
    fn many_gaps_are_kept_in_bounds_and_none_is_left_out() {
        let mut counter = Counter::default();
        let highest = (MAX_MISSING as u64 + 100) * 2;
        for number in (0..=highest).step_by(2) {
            assert_eq!(counter.take(number, 0, WAIT), []);
        }
        assert!(counter.missing.len() <= MAX_MISSING);
        let due = counter.due(1000, WAIT);
        assert!(
            (1..highest).step_by(2).all(|number| due.iter().any(|(first, last)| (*first..=*last).contains(&number)))
        );
    }
}
