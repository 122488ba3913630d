//! The station's log: lines on standard error, filtered by `ASSAY_LOG`.

use tracing_subscriber::EnvFilter;

/// What is logged where `ASSAY_LOG` says nothing: warnings of everything, and what plugins say.
const DEFAULT_FILTER: &str = "warn,plugin=info";

/// Starts the log. Standard output stays free for what a command answers.
///
/// `ASSAY_LOG` takes the filters of the `tracing-subscriber` crate (`assay=debug`); `ASSAY_LOG_FORMAT=json` writes one
/// JSON object per line.
pub fn start_log() {
    let filter = EnvFilter::try_from_env("ASSAY_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    let json = std::env::var("ASSAY_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second start (tests) keeps the first.
    let _ = if json { log.json().try_init() } else { log.with_ansi(false).try_init() };
}
