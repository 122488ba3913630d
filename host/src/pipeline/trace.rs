use crate::domain::{Stage, StageTime};
use std::time::{Duration, Instant};

/// Measures the stages of one frame. A stage that is entered twice counts as the sum.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    spent: [Duration; Stage::ALL.len()],
    entered: [bool; Stage::ALL.len()],
}

impl Trace {
    #[must_use]
    pub fn start() -> Self {
        let count = Stage::ALL.len();
        debug_assert_eq!(count, 8);
        Self { start: Instant::now(), spent: [Duration::ZERO; 8], entered: [false; 8] }
    }

    #[must_use]
    pub const fn started(&self) -> Instant {
        self.start
    }

    /// Runs `work` and books its time to `stage`.
    pub fn stage<T>(&mut self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let answer = work();
        self.book(stage, start.elapsed());
        answer
    }

    /// Books time that was measured elsewhere.
    pub fn book(&mut self, stage: Stage, time: Duration) {
        let index = stage as usize;
        if let (Some(spent), Some(entered)) = (self.spent.get_mut(index), self.entered.get_mut(index)) {
            *spent += time;
            *entered = true;
        }
    }

    /// The stages that were entered, in the order of the way.
    #[must_use]
    pub fn stages(&self) -> Vec<StageTime> {
        let all = Stage::ALL.into_iter().zip(self.spent.iter().zip(&self.entered));
        all.filter(|(_, (_, entered))| **entered).map(|(stage, (spent, _))| stage_time(stage, *spent)).collect()
    }
}

fn stage_time(stage: Stage, spent: Duration) -> StageTime {
    StageTime { stage, micros: u64::try_from(spent.as_micros()).unwrap_or(u64::MAX) }
}
