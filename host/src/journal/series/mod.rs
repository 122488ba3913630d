//! How the station was over time, in a database of its own beside the journal (`series.db`).
//!
//! Charts and nothing else are made of it: it is written with `synchronous=NORMAL`, is no part of the record, and a file
//! that cannot be read is moved aside for a new one. Each interval of time has a row in every tier, from 10 seconds
//! of two hours to 6 hours of half a year, so that the file's size has a bound and every range is short to read.

mod read;
mod schema;
mod write;

#[cfg(test)]
mod tests;

pub use read::SeriesReader;
pub(super) use schema::SERIES;
pub use write::SeriesWriter;

use crate::domain::{FineCounts, Stage};
use std::collections::BTreeMap;

/// Plugins with figures of their own in one interval.
pub const MAX_PLUGINS: usize = 64;

/// How long the intervals are, and how much time of them is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    TenSeconds,
    Minute,
    QuarterHour,
    SixHours,
}

impl Tier {
    pub const ALL: [Self; 4] = [Self::TenSeconds, Self::Minute, Self::QuarterHour, Self::SixHours];

    #[must_use]
    pub const fn step_s(self) -> i64 {
        match self {
            Self::TenSeconds => 10,
            Self::Minute => 60,
            Self::QuarterHour => 15 * 60,
            Self::SixHours => 6 * 3600,
        }
    }

    /// Twice as long as the longest range that is shown of it, so that the range before can stand beside it.
    #[must_use]
    pub const fn keep_s(self) -> i64 {
        match self {
            Self::TenSeconds => 2 * 3600,
            Self::Minute => 2 * 86_400,
            Self::QuarterHour => 60 * 86_400,
            Self::SixHours => 180 * 86_400,
        }
    }

    /// The start of the interval that a time lies in.
    #[must_use]
    pub const fn start_of(self, at_s: i64) -> i64 {
        at_s - at_s.rem_euclid(self.step_s())
    }
}

/// What happened in an interval. Two of them make one of the time of both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// How much of the interval the station ran.
    pub covered_ms: u64,
    pub passed: u64,
    pub failed: u64,
    pub undecided: u64,
    pub flagged: u64,
    pub deadline_missed: u64,
    pub plugin_faults: u64,
    pub not_durable: u64,
    /// Time in which inference ran on another device than the one wished first.
    pub other_device_ms: u64,
    /// Time of processors: the station's own, and of the whole machine, busy and in all.
    pub own_cpu_ms: u64,
    pub busy_cpu_ms: u64,
    pub all_cpu_ms: u64,
    /// The most in the interval.
    pub queue_frames: u64,
    pub outbox_pending: u64,
    pub own_memory_bytes: u64,
    /// The least in the interval; none where that is not known.
    pub memory_free_bytes: Option<u64>,
    pub disk_free_bytes: Option<u64>,
    pub stages: BTreeMap<StageKey, FineCounts>,
    pub plugins: BTreeMap<String, PluginFigures>,
}

/// A stage, or several of a frame's together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageKey {
    Stage(Stage),
    Whole,
    /// Up to the verdict: what the frame's budget bounds.
    Judged,
}

impl StageKey {
    const fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.name(),
            Self::Whole => "whole",
            Self::Judged => "judged",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        let stages = Stage::ALL.into_iter().map(Self::Stage);
        stages.chain([Self::Whole, Self::Judged]).find(|key| key.name() == name)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PluginFigures {
    pub calls: u64,
    pub micros: u64,
    pub failures: u64,
    /// The most since the station started.
    pub memory_bytes: u64,
}

impl Figures {
    /// Frames with a verdict.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.passed.saturating_add(self.failed).saturating_add(self.undecided)
    }

    pub fn add(&mut self, other: &Self) {
        let sums: [(&mut u64, u64); 12] = [
            (&mut self.covered_ms, other.covered_ms),
            (&mut self.passed, other.passed),
            (&mut self.failed, other.failed),
            (&mut self.undecided, other.undecided),
            (&mut self.flagged, other.flagged),
            (&mut self.deadline_missed, other.deadline_missed),
            (&mut self.plugin_faults, other.plugin_faults),
            (&mut self.not_durable, other.not_durable),
            (&mut self.other_device_ms, other.other_device_ms),
            (&mut self.own_cpu_ms, other.own_cpu_ms),
            (&mut self.busy_cpu_ms, other.busy_cpu_ms),
            (&mut self.all_cpu_ms, other.all_cpu_ms),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum = sum.saturating_add(more));
        self.queue_frames = self.queue_frames.max(other.queue_frames);
        self.outbox_pending = self.outbox_pending.max(other.outbox_pending);
        self.own_memory_bytes = self.own_memory_bytes.max(other.own_memory_bytes);
        self.memory_free_bytes = least(self.memory_free_bytes, other.memory_free_bytes);
        self.disk_free_bytes = least(self.disk_free_bytes, other.disk_free_bytes);
        for (key, counts) in &other.stages {
            self.stages.entry(*key).or_default().add(counts);
        }
        for (name, plugin) in &other.plugins {
            if self.plugins.len() < MAX_PLUGINS || self.plugins.contains_key(name) {
                self.plugins.entry(name.clone()).or_default().add(plugin);
            }
        }
    }
}

impl PluginFigures {
    fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.micros = self.micros.saturating_add(other.micros);
        self.failures = self.failures.saturating_add(other.failures);
        self.memory_bytes = self.memory_bytes.max(other.memory_bytes);
    }
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
