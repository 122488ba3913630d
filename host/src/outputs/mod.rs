//! Where verdicts and alarms go beside the admin: a webhook, an MQTT broker, a collector of traces.
//!
//! Each receiver has a thread of its own that reads what is already on the disk, so a dead receiver adds nothing to the
//! time of a verdict, and what it missed is sent when it is back. All of it is sent at least once; a receiver drops what
//! it gets twice by the id.

mod backoff;
mod http;
mod result;
mod webhook;
mod mqtt;
mod traces;

pub use mqtt::{MqttOutput, MqttParts, check_mqtt, check_mqtt_files};
pub use traces::TraceOutput;
pub use webhook::{Webhook, WebhookParts, check_webhook};

/// An output cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("the secret in {} cannot be read", path.display())]
    Secret { path: std::path::PathBuf, source: std::io::Error },
    #[error("{} holds {found}, expected {expected}", path.display())]
    BadSecret { path: std::path::PathBuf, found: &'static str, expected: &'static str },
    #[error("the certificates for the MQTT broker cannot be used: {detail}")]
    Tls { detail: String },
    #[error("how far the MQTT broker is cannot be read or written")]
    Cursor { source: crate::journal::LedgerError },
    #[error("the end of the journal cannot be read")]
    Journal { source: crate::journal::JournalError },
    #[error("the collector of traces cannot be used: {detail}")]
    Traces { detail: String },
    #[error("the thread {name} cannot be started")]
    Thread { name: &'static str, source: std::io::Error },
}

/// Secrets are short; what is longer is another file by mistake.
const MAX_SECRET_BYTES: u64 = 4096;

/// The text of a file with a secret, without the line's end.
fn secret(path: &std::path::Path) -> Result<zeroize::Zeroizing<String>, OutputError> {
    use std::io::Read as _;
    let mut text = zeroize::Zeroizing::new(String::new());
    let file = std::fs::File::open(path);
    let read = file.and_then(|file| file.take(MAX_SECRET_BYTES + 1).read_to_string(&mut text));
    read.map_err(|source| OutputError::Secret { path: path.to_owned(), source })?;
    let bad = |found| OutputError::BadSecret { path: path.to_owned(), found, expected: "one short line of text" };
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(bad("nothing")),
        _ if text.len() as u64 > MAX_SECRET_BYTES => Err(bad("more than 4 KiB")),
        line => Ok(zeroize::Zeroizing::new(line.to_owned())),
    }
}

#[cfg(test)]
mod tests;
