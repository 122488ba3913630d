//! What leaves a running station beside its pages: metrics, alarms, events, verdicts, traces.

mod line;
mod broker;
mod receiver;
mod metrics;
mod alarms;
mod mqtt;
mod traces;
mod doctor;
