//! Triggers whose records were refused: said aloud as soon as anything can be written again.

use super::batch::Statements;
use super::chain::{Checkpoint, Kind};
use super::gaps::lost_columns;

/// Ranges that are remembered. Those beyond are found by the next start, like those that a crash leaves.
const MAX_RANGES: usize = 256;

const REASON: &str = "its record could not be kept (disk full, failed or locked)";

/// Ranges of triggers of this start, in the order in which they were refused.
#[derive(Default)]
pub struct Refused(Vec<(u64, u64)>);

impl Refused {
    pub fn add(&mut self, trigger: u64) {
        if let Some((_, last)) = self.0.last_mut()
            && last.checked_add(1) == Some(trigger)
        {
            *last = trigger;
        } else if self.0.len() < MAX_RANGES {
            self.0.push((trigger, trigger));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many triggers there are in all ranges.
    pub fn triggers(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Writes a row of `lost` for each range that still has no record: a frame may have been handed over again.
    pub fn say(&self, sql: &mut Statements<'_>, head: &mut Checkpoint, boot: u64) -> rusqlite::Result<()> {
        for (first, last) in &self.0 {
            if !sql.has_record(boot, *first, *last)?
                && let Ok(columns) = lost_columns(boot, *first, *last, REASON)
            {
                sql.plain(head, Kind::Lost, &columns)?;
            }
        }
        Ok(())
    }
}
