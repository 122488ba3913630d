//! Verdicts, alarms and the station's state to an MQTT broker.
//!
//! The journal is the queue: a verdict is published from its row, after the row is on the disk, and counts as sent once
//! the broker has confirmed it. How far the broker is stands in the station's records.

mod inflight;
mod options;
mod session;

use super::OutputError;
use super::backoff::Backoff;
use super::result::result_event;
use crate::alarms::AlarmBoard;
use crate::config::MqttConfig;
use crate::domain::{CloudEvent, with_causes};
use crate::journal::{JournalError, Ledger, Reader};
use crate::pipeline::{Board, RecipeCard, now_us};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use options::Topics;
use rumqttc::MqttOptions;
use serde_json::json;
use session::{Session, SessionEnd};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Its name among the receivers whose place in the journal is kept.
const RECEIVER: &str = "mqtt";
/// How often that place is written: what was confirmed since is sent twice after a crash.
const KEEP_EVERY: Duration = Duration::from_millis(500);
/// The journal is looked at that often even where the board tells nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

pub struct MqttParts {
    pub config: MqttConfig,
    pub station: String,
    pub board: Board,
    pub alarms: AlarmBoard,
    pub journal: Reader,
    pub ledger: Arc<Ledger>,
}

/// The thread that keeps the broker informed.
pub struct MqttOutput {
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl MqttOutput {
    /// # Errors
    /// When secrets, certificates or the station's records cannot be read, or no thread can be started.
    pub fn start(parts: MqttParts) -> Result<Self, OutputError> {
        let MqttParts { config, station, board, alarms, journal, ledger } = parts;
        let topics = Topics::new(&config, &station);
        let options = options::options(&config, &station, &topics)?;
        let row = place(&journal, &ledger)?;
        let feed = Feed::new(station, board, alarms, journal, ledger, row);
        let longest = Duration::from_secs(u64::from(config.longest_retry_s));
        let (stop, stopped) = bounded(1);
        let run = move || run(&options, &topics, feed, longest, &stopped);
        let thread = std::thread::Builder::new().name("mqtt".to_owned()).spawn(run);
        let thread = thread.map_err(|source| OutputError::Thread { name: "mqtt", source })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Says goodbye to the broker, where it is there.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for MqttOutput {
    fn drop(&mut self) {
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether the secrets and certificates that a broker needs are there.
///
/// # Errors
/// When one of them is not.
pub fn check_mqtt_files(config: &MqttConfig, station: &str) -> Result<(), OutputError> {
    options::options(config, station, &Topics::new(config, station)).map(drop)
}

/// The same; and fixes the place in the journal from which on it gets verdicts.
///
/// # Errors
/// When secrets, certificates or the station's records cannot be used.
pub fn check_mqtt(config: &MqttConfig, station: &str, journal: &Reader, ledger: &Ledger) -> Result<(), OutputError> {
    check_mqtt_files(config, station)?;
    place(journal, ledger).map(drop)
}

/// At the very first start the place is the end of the journal: verdicts from before are nobody's news.
fn place(journal: &Reader, ledger: &Ledger) -> Result<i64, OutputError> {
    let cursor = |source| OutputError::Cursor { source };
    if let Some(row) = ledger.cursor(RECEIVER).map_err(cursor)? {
        return Ok(row);
    }
    let row = journal.checkpoint().map_err(|source| OutputError::Journal { source })?.rows;
    ledger.set_cursor(RECEIVER, row).map_err(cursor)?;
    Ok(row)
}

fn run(options: &MqttOptions, topics: &Topics, mut feed: Feed, longest: Duration, stopped: &Receiver<()>) {
    let mut backoff = Backoff::new(longest);
    let mut told = false;
    loop {
        let mut session = Session::new(options.clone(), topics, feed.confirmed);
        let end = session.run(&mut feed, stopped);
        feed.keep_cursor(true);
        if matches!(end, SessionEnd::Stopped) {
            return;
        }
        if session.was_online() {
            (told, backoff) = (false, Backoff::new(longest));
        }
        if !told {
            tracing::warn!(reason = with_causes(&end), "the MQTT broker is away: verdicts wait in the journal");
            told = true;
        }
        drop(session);
        if !matches!(stopped.recv_timeout(backoff.failed()), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

/// What there is to say, and what the broker has already.
struct Feed {
    station: String,
    board: Board,
    alarms: AlarmBoard,
    journal: Reader,
    ledger: Arc<Ledger>,
    /// Everything up to this row is confirmed.
    confirmed: i64,
    kept: i64,
    kept_at: Instant,
    /// Versions that were looked at last; none: not on this connection.
    board_version: Option<u64>,
    looked: Instant,
    alarm_version: Option<u64>,
    recipe: Option<Arc<RecipeCard>>,
    state_due: bool,
    /// More rows than the last look gave may be there.
    more: bool,
}

impl Feed {
    fn new(station: String, board: Board, alarms: AlarmBoard, journal: Reader, ledger: Arc<Ledger>, row: i64) -> Self {
        Self {
            station,
            board,
            alarms,
            journal,
            ledger,
            confirmed: row,
            kept: row,
            kept_at: Instant::now(),
            board_version: None,
            looked: Instant::now(),
            alarm_version: None,
            recipe: None,
            state_due: true,
            more: true,
        }
    }

    /// A new connection: the broker may have lost what it had.
    fn connected(&mut self) {
        (self.alarm_version, self.state_due, self.more) = (None, true, true);
    }

    /// Verdicts behind `row`, at most `most`. Looks into the journal only where something may have come.
    fn results(&mut self, row: i64, most: usize) -> Result<Vec<(i64, String)>, JournalError> {
        let version = self.board.version();
        let news = self.board_version != Some(version) || self.looked.elapsed() > LOOK_EVERY;
        if most == 0 || !(self.more || news) {
            return Ok(Vec::new());
        }
        (self.board_version, self.looked) = (Some(version), Instant::now());
        let lines = self.journal.inspections_after(row, most)?;
        self.more = lines.len() == most;
        let now = now_us();
        Ok(lines.iter().map(|line| (line.row, result_event(&self.station, line, now))).collect())
    }

    fn confirmed(&mut self, row: i64) {
        self.confirmed = self.confirmed.max(row);
    }

    fn keep_cursor(&mut self, at_once: bool) {
        if self.kept == self.confirmed || (!at_once && self.kept_at.elapsed() < KEEP_EVERY) {
            return;
        }
        self.kept_at = Instant::now();
        match self.ledger.set_cursor(RECEIVER, self.confirmed) {
            Ok(()) => self.kept = self.confirmed,
            Err(error) => {
                tracing::error!(%error, "how far the MQTT broker is cannot be kept: it may get verdicts twice")
            }
        }
    }

    /// The station's state, where it is new.
    fn state(&mut self) -> Option<String> {
        let recipe = self.board.snapshot().recipe.clone();
        let same = match (&recipe, &self.recipe) {
            (Some(now), Some(before)) => Arc::ptr_eq(now, before),
            (None, None) => true,
            _ => false,
        };
        if same && !self.state_due {
            return None;
        }
        (self.recipe, self.state_due) = (recipe, false);
        let recipe = self.recipe.as_ref().map(|card| {
            json!({
                "name": card.recipe.name,
                "version": card.recipe.version,
                "digest": card.recipe.digest.to_string(),
                "device": card.device,
            })
        });
        let data = json!({ "version": env!("CARGO_PKG_VERSION"), "recipe": recipe });
        Some(self.event("state", data))
    }

    /// All alarms that are raised, where that is new.
    fn alarms(&mut self) -> Option<String> {
        let version = self.alarms.version();
        if self.alarm_version.replace(version) == Some(version) {
            return None;
        }
        let active = &self.alarms.snapshot().active;
        Some(self.event("alarms", json!({ "active": active })))
    }

    fn event(&self, kind: &str, data: serde_json::Value) -> String {
        let now = now_us();
        let event = CloudEvent::new(&self.station, kind, format!("{}/{kind}/{now}", self.station), now, data);
        serde_json::to_string(&event).unwrap_or_default()
    }
}
