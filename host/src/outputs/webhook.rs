use super::backoff::Backoff;
use super::{OutputError, http, secret};
use crate::config::WebhookConfig;
use crate::journal::{Ledger, WaitingEvent};
use crate::telemetry::{EventsDropped, Metrics};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use zeroize::Zeroizing;

/// How often the outbox is looked at while it is empty.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// An event that the receiver itself calls wrong is given up after so many attempts, since it stands before all others.
const REFUSALS: u32 = 20;

pub struct WebhookParts {
    pub config: WebhookConfig,
    pub ledger: Arc<Ledger>,
    pub metrics: Arc<Metrics>,
}

/// The thread that posts the outbox's events, the oldest first, each until the receiver has confirmed it.
pub struct Webhook {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Webhook {
    /// # Errors
    /// When a secret cannot be read, or no thread can be started.
    pub fn start(parts: WebhookParts) -> Result<Self, OutputError> {
        let WebhookParts { config, ledger, metrics } = parts;
        let sender = EventSender::new(&config)?;
        let longest = Duration::from_secs(u64::from(config.longest_retry_s));
        let mut post = Post { sender, ledger, metrics, backoff: Backoff::new(longest), refusals: 0, down: false };
        let (stop, stopped) = bounded(1);
        let run = move || post.run(&stopped);
        let thread = std::thread::Builder::new().name("webhook".to_owned()).spawn(run);
        let thread = thread.map_err(|source| OutputError::Thread { name: "webhook", source })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends after the call in flight; what waits is sent after the next start.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a call came to.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Confirmed,
    /// The receiver says that this very event is wrong.
    Refused(String),
    /// The receiver is not there, or not well.
    Failed(String),
}

struct EventSender {
    agent: Agent,
    url: String,
    signing_key: Option<Zeroizing<String>>,
    token: Option<Zeroizing<String>>,
}

struct Post {
    sender: EventSender,
    ledger: Arc<Ledger>,
    metrics: Arc<Metrics>,
    backoff: Backoff,
    /// Of the oldest event.
    refusals: u32,
    down: bool,
}

impl Post {
    fn run(&mut self, stopped: &Receiver<()>) {
        let mut wait = Duration::ZERO;
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(wait) {
            wait = self.turn();
        }
    }

    /// Sends one event where there is one; says how long to wait before the next.
    fn turn(&mut self) -> Duration {
        let event = match self.ledger.oldest_event() {
            Ok(Some(event)) => event,
            Ok(None) => return LOOK_EVERY,
            Err(error) => {
                tracing::error!(%error, "the webhook cannot read its outbox");
                return self.backoff.failed();
            }
        };
        match self.sender.send(&event) {
            Answer::Confirmed => self.done(&event),
            Answer::Refused(reason) if self.refusals + 1 >= REFUSALS => {
                self.metrics.tell(&EventsDropped { receiver: "webhook", count: 1, reason: &reason });
                self.done(&event)
            }
            Answer::Refused(reason) => {
                self.refusals += 1;
                self.failed(&event, &reason)
            }
            Answer::Failed(reason) => self.failed(&event, &reason),
        }
    }

    fn done(&mut self, event: &WaitingEvent) -> Duration {
        if self.down {
            tracing::warn!("the webhook's receiver answers again");
            self.down = false;
        }
        self.refusals = 0;
        if let Err(error) = self.ledger.event_confirmed(event.seq) {
            tracing::error!(%error, event = event.id, "a confirmed event stays in the outbox: it is sent once more");
            return self.backoff.failed();
        }
        self.backoff.succeeded();
        Duration::ZERO
    }

    fn failed(&mut self, event: &WaitingEvent, reason: &str) -> Duration {
        let wait = self.backoff.failed();
        if !self.down {
            tracing::warn!(event = event.id, reason, "the webhook's receiver did not take an event: it is sent again");
            self.down = true;
        }
        wait
    }
}

/// Whether the secrets that a webhook needs are there.
///
/// # Errors
/// When one of them is not.
pub fn check_webhook(config: &WebhookConfig) -> Result<(), OutputError> {
    EventSender::new(config).map(drop)
}

impl EventSender {
    fn new(config: &WebhookConfig) -> Result<Self, OutputError> {
        Ok(Self {
            agent: http::agent(Duration::from_millis(u64::from(config.timeout_ms))),
            signing_key: config.secret_file.as_deref().map(secret).transpose()?,
            token: config.token_file.as_deref().map(secret).transpose()?,
            url: config.url.clone(),
        })
    }

    fn send(&self, event: &WaitingEvent) -> Answer {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", now_s.to_string());
        if let Some(key) = &self.signing_key {
            request = request.header("webhook-signature", signature(key, &event.id, now_s, &event.body));
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        match request.send(&event.body) {
            Ok(mut response) => {
                // Read to its end, so that the connection serves the next event too.
                let body = response.body_mut().with_config().limit(http::MAX_ANSWER_BYTES).read_to_vec();
                drop(body);
                answer(response.status().as_u16())
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

fn answer(status: u16) -> Answer {
    match status {
        200..=299 => Answer::Confirmed,
        400 | 409 | 413 | 415 | 422 => Answer::Refused(format!("status {status}")),
        _ => Answer::Failed(format!("status {status}")),
    }
}

/// As the "Standard Webhooks" specification signs: `v1,` and the HMAC-SHA256 over `id.timestamp.body`, in base 64.
fn signature(key: &str, id: &str, timestamp_s: u64, body: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(format!("{id}.{timestamp_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_id_time_and_body() {
        // By `printf '%s' 'a.1.{}' | openssl dgst -sha256 -hmac key -binary | base64`.
        assert_eq!(signature("key", "a", 1, "{}"), "v1,bL1jQXV9xdvhtjVTxMVmcec+7wicDeM5+UJZVhyrJw0=");
        assert_ne!(signature("key", "a", 1, "{}"), signature("key", "b", 1, "{}"));
        assert_ne!(signature("key", "a", 1, "{}"), signature("other", "a", 1, "{}"));
    }

    #[test]
    fn only_a_status_of_two_hundred_confirms_and_few_are_the_events_fault() {
        assert_eq!(answer(204), Answer::Confirmed);
        for refused in [400, 413, 422] {
            assert!(matches!(answer(refused), Answer::Refused(_)), "{refused}");
        }
        for failed in [301, 401, 403, 404, 408, 429, 500, 503] {
            assert!(matches!(answer(failed), Answer::Failed(_)), "{failed}");
        }
    }
}
