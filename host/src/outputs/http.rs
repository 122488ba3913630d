use std::time::Duration;
use ureq::Agent;

/// Bytes of an answer that are read: nobody needs more to say that it has it.
pub const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// A client that waits `timeout` for a whole call, follows no redirect and takes a bad status for an answer.
pub fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("assay/", env!("CARGO_PKG_VERSION")))
        .max_idle_connections(1)
        .build();
    config.into()
}
