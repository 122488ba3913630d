//! The file `series.db` and its tables.

use crate::journal::side::Side;

pub const SERIES: Side = Side {
    what: "the figures for charts",
    file: "series.db",
    // "ASSS".
    application_id: 0x4153_5353,
    version: 1,
    tables: TABLES,
};

/// `tier` is the length of its intervals in seconds, `at_s` their start in seconds since 1970.
const TABLES: &str = "
CREATE TABLE intervals (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    passed INTEGER NOT NULL, failed INTEGER NOT NULL, undecided INTEGER NOT NULL, flagged INTEGER NOT NULL,
    deadline_missed INTEGER NOT NULL, plugin_faults INTEGER NOT NULL, not_durable INTEGER NOT NULL,
    other_device_ms INTEGER NOT NULL, own_cpu_ms INTEGER NOT NULL, busy_cpu_ms INTEGER NOT NULL,
    all_cpu_ms INTEGER NOT NULL, queue_frames INTEGER NOT NULL, outbox_pending INTEGER NOT NULL,
    own_memory_bytes INTEGER NOT NULL, memory_free_bytes INTEGER, disk_free_bytes INTEGER,
    PRIMARY KEY (tier, at_s)) STRICT, WITHOUT ROWID;
CREATE TABLE stage_times (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, stage TEXT NOT NULL, counts BLOB NOT NULL,
    PRIMARY KEY (tier, at_s, stage)) STRICT, WITHOUT ROWID;
CREATE TABLE plugin_calls (
    tier INTEGER NOT NULL, at_s INTEGER NOT NULL, plugin TEXT NOT NULL, calls INTEGER NOT NULL,
    micros INTEGER NOT NULL, failures INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,
    PRIMARY KEY (tier, at_s, plugin)) STRICT, WITHOUT ROWID;
";
