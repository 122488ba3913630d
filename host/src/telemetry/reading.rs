//! The counters as plain numbers, for whoever writes down how they go on.

use super::metrics::Metrics;
use crate::domain::{FineCounts, LatencyCounts, Stage};
use std::collections::BTreeMap;

/// All that a chart shows, since the start of the station.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    pub passed: u64,
    pub failed: u64,
    pub undecided: u64,
    pub flagged: u64,
    pub deadline_missed: u64,
    pub plugin_faults: u64,
    pub not_durable: u64,
    pub stages: Vec<(Stage, FineCounts)>,
    /// All stages of a frame together.
    pub whole: FineCounts,
    /// Those of them up to its verdict.
    pub judged: FineCounts,
    pub plugins: BTreeMap<String, PluginReading>,
}

/// One plugin, in all recipes together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PluginReading {
    pub calls: u64,
    pub micros: u64,
    /// Failed calls, whoever is to blame.
    pub failures: u64,
    /// The most linear memory that one call had, in bytes; 0 where that is not known.
    pub memory_peak_bytes: u64,
    /// The most pixels and tensors that the host held for it at one time.
    pub host_peak_bytes: u64,
}

impl Metrics {
    /// The counters as they stand. A verdict that is being counted may be in some of them only.
    #[must_use]
    pub fn reading(&self) -> Reading {
        Reading {
            passed: self.passed.get(),
            failed: self.failed.get(),
            undecided: self.undecided.get(),
            flagged: self.flagged_frames.get(),
            deadline_missed: self.deadline_missed.get(),
            plugin_faults: self.plugin_faults.get(),
            not_durable: self.not_durable.get(),
            stages: Stage::ALL.into_iter().zip(self.stages.iter().map(|times| times.read())).collect(),
            whole: self.whole.read(),
            judged: self.judged.read(),
            plugins: self.plugin_readings(),
        }
    }

    /// How long the calls of each plugin took, in all recipes together.
    #[must_use]
    pub fn plugin_times(&self) -> BTreeMap<String, LatencyCounts> {
        let mut plugins = BTreeMap::<String, LatencyCounts>::new();
        for recipe in self.recipes.read().iter() {
            for plugin in recipe.value.plugins.read().iter() {
                let [name] = &plugin.labels;
                plugins.entry(name.to_string()).or_default().add(&plugin.value.read());
            }
        }
        plugins
    }

    fn plugin_readings(&self) -> BTreeMap<String, PluginReading> {
        let mut plugins = BTreeMap::<String, PluginReading>::new();
        for (name, times) in self.plugin_times() {
            let calls = times.count();
            plugins.insert(name, PluginReading { calls, micros: times.sum_us, ..PluginReading::default() });
        }
        for fault in self.faults.read().iter() {
            let [plugin, _] = &fault.labels;
            plugins.entry(plugin.to_string()).or_default().failures += fault.value.get();
        }
        for memory in self.memory.read().iter() {
            let [plugin] = &memory.labels;
            plugins.entry(plugin.to_string()).or_default().memory_peak_bytes = memory.value.get();
        }
        for held in self.host_held.read().iter() {
            let [plugin] = &held.labels;
            plugins.entry(plugin.to_string()).or_default().host_peak_bytes = held.value.get();
        }
        plugins
    }
}
