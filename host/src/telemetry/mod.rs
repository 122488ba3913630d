//! What can be observed of the station: one struct per fact, which is a line of the log and moves metrics.
//!
//! Guarantee: telling a fact takes no lock that a reader of metrics takes, so no scrape holds up the frame path. Metrics
//! only grow from the start of the station to its end, across all recipes, and their labels are bounded.

mod series;
mod metrics;
mod facts;
mod reading;
mod exposition;

pub use exposition::{EXPOSITION_TYPE, Gauges, exposition};
pub use facts::{
    EventsDropped, Fact, FrameUnmonitored, MonitorCalled, RecordNotDurable, TracesDropped, VerdictReleased,
};
pub use metrics::{Counter, Metrics};
pub use reading::{PluginReading, Reading};

#[cfg(test)]
mod tests;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

/// What is logged where `ASSAY_LOG` says nothing, or nothing that can be read: warnings of everything, and what
/// plugins say.
const DEFAULT_FILTER: &str = "warn,plugin=info";

/// Starts the log. Standard output stays free for what a command answers.
///
/// `ASSAY_LOG` takes targets with levels (`warn,assay::journal=debug`); `ASSAY_LOG_FORMAT=json` writes one JSON object
/// per line.
pub fn start_log() {
    let wish = std::env::var("ASSAY_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let filter: Targets = wish.parse().or_else(|_| DEFAULT_FILTER.parse()).unwrap_or_default();
    let lines = fmt::layer::<Registry>().with_writer(std::io::stderr).with_target(true);
    let json = std::env::var("ASSAY_LOG_FORMAT").is_ok_and(|format| format == "json");
    let layer = if json { lines.json().boxed() } else { lines.with_ansi(false).boxed() };
    // A second start (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
}
