use crate::domain::LatencyCounts;
use std::collections::VecDeque;

/// The station at one moment. Counts are since its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    /// Milliseconds of a clock that only goes forward.
    pub at_ms: u64,
    pub frames: u64,
    pub undecided: u64,
    pub adversarial: u64,
    pub deadline_missed: u64,
    pub plugin_faults: u64,
    pub lanes_abandoned: u64,
    pub outbox_dropped: u64,
    pub rolled_back: u64,
    pub commits: LatencyCounts,
    /// Names of the series that drift.
    pub drifted: Vec<String>,
    pub device_as_asked: bool,
    /// Plugins of the running recipe that are not called any more.
    pub plugins_out: Vec<String>,
    /// Why nothing is judged any more.
    pub line_stopped: Option<String>,
    pub disk_level: u8,
}

/// The samples of the longest window.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<Sample>,
    longest_ms: u64,
}

impl History {
    pub fn new(longest_s: u32) -> Self {
        Self { samples: VecDeque::new(), longest_ms: u64::from(longest_s) * 1000 }
    }

    /// The newest sample that is at least `window_s` old, else the oldest there is.
    pub fn before(&self, now_ms: u64, window_s: u32) -> Option<&Sample> {
        let until = now_ms.saturating_sub(u64::from(window_s) * 1000);
        let older = self.samples.partition_point(|sample| sample.at_ms <= until);
        self.samples.get(older.saturating_sub(1))
    }

    pub fn push(&mut self, sample: Sample) {
        let until = sample.at_ms.saturating_sub(self.longest_ms);
        self.samples.push_back(sample);
        // One that is older than the longest window stays, to count from.
        while self.samples.get(1).is_some_and(|second| second.at_ms <= until) {
            self.samples.pop_front();
        }
    }
}
