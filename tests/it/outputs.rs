//! What leaves a running station beside its pages: metrics, alarms, events, verdicts, traces.

mod metrics;
