use super::listing::Stamp;
use crate::source::Receipt;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::ffi::{OsStr, OsString};

/// Files of one folder on their way to their record; the next one waits.
pub(super) const MAX_IN_FLIGHT: usize = 64;

/// What became of a file that was handed over.
#[derive(Debug)]
pub(super) struct Told {
    pub name: OsString,
    /// The file as it was judged.
    pub stamp: Stamp,
    pub durable: bool,
}

/// Files that were handed over and whose record is not durable yet.
#[derive(Debug)]
pub(super) struct InFlight {
    told_in: Sender<Told>,
    told: Receiver<Told>,
    count: usize,
}

impl InFlight {
    pub fn new() -> Self {
        let (told_in, told) = bounded(MAX_IN_FLIGHT);
        Self { told_in, told, count: 0 }
    }

    /// Only while it is not full.
    pub fn receipt(&mut self, name: &OsStr, stamp: Stamp) -> Receipt {
        self.count += 1;
        let (told_in, name) = (self.told_in.clone(), name.to_owned());
        Receipt::new(move |settlement| {
            let durable = settlement.is_some_and(|settlement| settlement.row.is_some());
            // There is a place for each receipt, unless the source has ended.
            let _ = told_in.try_send(Told { name, stamp, durable });
        })
    }

    pub const fn is_full(&self) -> bool {
        self.count >= MAX_IN_FLIGHT
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// For `select`: what arrives there goes to [`InFlight::landed`].
    pub const fn told(&self) -> &Receiver<Told> {
        &self.told
    }

    pub const fn landed(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}
