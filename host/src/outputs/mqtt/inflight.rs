use std::collections::{BTreeMap, VecDeque};

/// What a message on its way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The verdict in this row of the journal.
    Result(i64),
    /// A retained message, which a later one replaces.
    Standing,
}

/// Messages between handing over and confirmation, and how far the journal is confirmed without a gap.
///
/// The client gives no handle for a message. It numbers them in the order in which it got them, when it writes them, and
/// says so; the broker confirms by number.
#[derive(Debug, Default)]
pub struct Inflight {
    handed_over: VecDeque<Message>,
    written: BTreeMap<u16, Message>,
    /// Rows in order, with whether they are confirmed.
    rows: VecDeque<(i64, bool)>,
}

impl Inflight {
    pub fn len(&self) -> usize {
        self.handed_over.len() + self.written.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn hand_over(&mut self, message: Message) {
        if let Message::Result(row) = message {
            self.rows.push_back((row, false));
        }
        self.handed_over.push_back(message);
    }

    /// The client has written the oldest message that it was given, under this number.
    pub fn written(&mut self, number: u16) {
        if let Some(message) = self.handed_over.pop_front() {
            self.written.insert(number, message);
        }
    }

    /// The broker has it. Gives the row up to which everything is confirmed, where that changed.
    pub fn confirmed(&mut self, number: u16) -> Option<i64> {
        let Message::Result(row) = self.written.remove(&number)? else { return None };
        if let Some(found) = self.rows.iter_mut().find(|(own, _)| *own == row) {
            found.1 = true;
        }
        let mut upto = None;
        while let Some((row, true)) = self.rows.front() {
            upto = Some(*row);
            self.rows.pop_front();
        }
        upto
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_confirmed_up_to_the_first_that_is_not() {
        let mut inflight = Inflight::default();
        for message in [Message::Standing, Message::Result(4), Message::Result(7), Message::Result(9)] {
            inflight.hand_over(message);
        }
        for number in 1..=4 {
            inflight.written(number);
        }
        assert_eq!(inflight.confirmed(3), None, "row 7 alone says nothing");
        assert_eq!(inflight.confirmed(1), None);
        assert_eq!(inflight.confirmed(2), Some(7));
        assert_eq!(inflight.confirmed(2), None, "a second confirmation is nobody's");
        assert_eq!(inflight.confirmed(4), Some(9));
        assert!(inflight.is_empty());
    }

    #[test]
    fn a_number_that_is_used_again_is_the_later_message() {
        let mut inflight = Inflight::default();
        for row in [1, 2] {
            inflight.hand_over(Message::Result(row));
            inflight.written(1);
            assert_eq!(inflight.confirmed(1), Some(row));
        }
    }
}
