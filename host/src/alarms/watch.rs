use super::board::AlarmBoard;
use super::history::{History, Sample};
use super::rules::{Change, Standing, measure, step};
use crate::config::MAX_WINDOW_S;
use crate::domain::{Alarm, AlarmKind, AlarmRule, CloudEvent};
use crate::journal::{Journal, Ledger, LedgerError, NewEvent};
use crate::pipeline::{Board, LineEvent, now_us};
use crate::telemetry::{EventsDropped, Gauges};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks at the station.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Changes that wait for the station's records to be writable again.
const UNSAVED: usize = 256;
/// Names in the description of an alarm.
const NAMES: usize = 5;

/// Why alarms cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("the alarms of the last start cannot be read")]
    Records { source: LedgerError },
    #[error("the thread that watches alarms cannot be started")]
    Thread { source: std::io::Error },
}

/// What is looked at.
pub struct Probe {
    board: Board,
    journal: Arc<Journal>,
    events: Receiver<LineEvent>,
    lanes_abandoned: u64,
    /// The frame on which a lane hung last.
    hung: String,
    rolled_back: u64,
    /// The recipe that was taken back last, and why.
    taken_back: String,
}

pub struct WatchParts {
    pub station: String,
    pub boot: u64,
    pub rules: Vec<AlarmRule>,
    pub probe: Probe,
    pub ledger: Arc<Ledger>,
    /// Whether somebody fetches events from the outbox.
    pub send: bool,
}

/// The thread that watches.
pub struct AlarmWatch {
    pub board: AlarmBoard,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl AlarmWatch {
    /// Goes on with the alarms that were raised when the station ended.
    ///
    /// # Errors
    /// When they cannot be read, or no thread can be started.
    pub fn start(parts: WatchParts) -> Result<Self, WatchError> {
        let open = parts.ledger.open_alarms().map_err(|source| WatchError::Records { source })?;
        let board = AlarmBoard::new(Arc::clone(&parts.ledger));
        board.change(|active| active.clone_from(&open));
        let mut watcher = Watcher::new(parts, board.clone(), open);
        let (stop, stopped) = bounded(1);
        watcher.look();
        let thread = std::thread::Builder::new()
            .name("alarms".to_owned())
            .spawn(move || watcher.run(&stopped))
            .map_err(|source| WatchError::Thread { source })?;
        Ok(Self { board, stop, thread: Some(thread) })
    }

    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for AlarmWatch {
    fn drop(&mut self) {
        self.end();
    }
}

/// A rule, how it stands, and the alarm that it has raised.
struct Watched {
    rule: AlarmRule,
    standing: Standing,
    alarm: Option<Alarm>,
}

struct Watcher {
    station: String,
    boot: u64,
    watched: Vec<Watched>,
    history: History,
    probe: Probe,
    ledger: Arc<Ledger>,
    board: AlarmBoard,
    send: bool,
    started: Instant,
    raised: u64,
    unsaved: VecDeque<Alarm>,
}

impl Watcher {
    fn new(parts: WatchParts, board: AlarmBoard, open: Vec<Alarm>) -> Self {
        let WatchParts { station, boot, rules, probe, ledger, send } = parts;
        let mut open: BTreeMap<String, Alarm> = open.into_iter().map(|alarm| (alarm.rule.clone(), alarm)).collect();
        let watched = rules.into_iter().map(|rule| {
            let alarm = open.remove(&rule.name).filter(|alarm| alarm.kind == rule.kind);
            let standing = if alarm.is_some() { Standing::Raised } else { Standing::Quiet };
            Watched { rule, standing, alarm }
        });
        let mut watcher = Self {
            station,
            boot,
            watched: watched.collect(),
            history: History::new(MAX_WINDOW_S),
            probe,
            ledger,
            board,
            send,
            started: Instant::now(),
            raised: 0,
            unsaved: VecDeque::new(),
        };
        // Their rules are gone, so nothing would ever clear them.
        open.into_values().for_each(|alarm| watcher.clear(alarm));
        watcher
    }

    fn run(mut self, stopped: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            self.look();
        }
    }

    fn look(&mut self) {
        let sample = self.probe.sample(self.started);
        for mut watched in std::mem::take(&mut self.watched) {
            let before = self.history.before(sample.at_ms, watched.rule.window_s).unwrap_or(&sample);
            let value = measure(&watched.rule, &sample, before);
            let (standing, change) = step(&watched.rule, watched.standing, value, sample.at_ms);
            watched.standing = standing;
            match change {
                Some(Change::Raised) => watched.alarm = Some(self.raise(&watched.rule, value.unwrap_or(0.0), &sample)),
                Some(Change::Cleared) => watched.alarm.take().into_iter().for_each(|alarm| self.clear(alarm)),
                None => {}
            }
            self.watched.push(watched);
        }
        self.history.push(sample);
        self.save();
        self.publish();
    }

    fn raise(&mut self, rule: &AlarmRule, value: f64, sample: &Sample) -> Alarm {
        self.raised += 1;
        let alarm = Alarm {
            id: format!("{}-{}-alarm-{}", self.station, self.boot, self.raised),
            rule: rule.name.clone(),
            kind: rule.kind,
            severity: rule.severity,
            value,
            limit: rule.raise,
            about: self.probe.about(rule.kind, sample),
            raised_at_us: now_us(),
            cleared_at_us: None,
            acknowledged: None,
        };
        tracing::warn!(alarm = alarm.rule, value, limit = alarm.limit, about = alarm.about, "alarm raised");
        self.board.change(|active| active.insert(0, alarm.clone()));
        self.remember(alarm.clone());
        alarm
    }

    fn clear(&mut self, alarm: Alarm) {
        let cleared = Alarm { cleared_at_us: Some(now_us()), ..alarm };
        tracing::warn!(alarm = cleared.rule, "alarm cleared");
        self.board.change(|active| active.retain(|active| active.id != cleared.id));
        self.remember(cleared);
    }

    fn remember(&mut self, alarm: Alarm) {
        if self.unsaved.len() == UNSAVED {
            self.unsaved.pop_front();
        }
        self.unsaved.push_back(alarm);
    }

    /// An alarm counts for people at once; the disk gets it when it can.
    fn save(&mut self) {
        while let Some(alarm) = self.unsaved.front() {
            let event = self.send.then(|| event(&self.station, alarm));
            match self.ledger.save_alarm(alarm, event.as_ref()) {
                Ok(0) => {}
                Ok(count) => {
                    let dropped = EventsDropped { receiver: "webhook", count, reason: "the outbox is full" };
                    self.probe.board.metrics().tell(&dropped);
                }
                Err(error) => {
                    tracing::error!(alarm = alarm.rule, %error, "an alarm is not yet recorded");
                    return;
                }
            }
            self.unsaved.pop_front();
        }
    }

    fn publish(&self) {
        let outbox = self.ledger.outbox_state().unwrap_or_default();
        let age_us = outbox.oldest_at_us.map_or(0, |oldest| (now_us() - oldest).max(0));
        self.board.set_gauges(Gauges {
            alarms_active: self.board.snapshot().active.len() as u64,
            outbox_pending: outbox.pending,
            outbox_oldest_age_s: age_us as f64 / 1e6,
            ..self.probe.gauges()
        });
    }
}

/// The change of an alarm as an event: `...alarm-7/raised`, `...alarm-7/cleared`.
fn event(station: &str, alarm: &Alarm) -> NewEvent {
    let (change, at_us) = match alarm.cleared_at_us {
        Some(at_us) => ("cleared", at_us),
        None => ("raised", alarm.raised_at_us),
    };
    let id = format!("{}/{change}", alarm.id);
    let event = CloudEvent::new(station, &format!("alarm.{change}"), id.clone(), at_us, alarm);
    NewEvent { id, at_us, body: serde_json::to_string(&event).unwrap_or_default() }
}

impl Probe {
    #[must_use]
    pub const fn new(board: Board, journal: Arc<Journal>, events: Receiver<LineEvent>) -> Self {
        Self {
            board,
            journal,
            events,
            lanes_abandoned: 0,
            hung: String::new(),
            rolled_back: 0,
            taken_back: String::new(),
        }
    }

    /// What the line said since the last look. Its other events stand on the board too.
    fn listen(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                LineEvent::LaneAbandoned { frame, .. } => {
                    self.lanes_abandoned += 1;
                    self.hung = frame.to_string();
                }
                LineEvent::RolledBack { recipe, reason } => {
                    self.rolled_back += 1;
                    self.taken_back = format!("{recipe}: {reason}");
                }
                _ => {}
            }
        }
    }

    fn sample(&mut self, started: Instant) -> Sample {
        self.listen();
        let condition = self.board.condition();
        let metrics = self.board.metrics();
        let drift = self.board.drift();
        let drifted = drift.iter().filter(|(_, report)| report.drifted);
        Sample {
            at_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            frames: metrics.frames.get(),
            undecided: metrics.undecided.get(),
            adversarial: metrics.adversarial.get(),
            deadline_missed: metrics.deadline_missed.get(),
            plugin_faults: metrics.plugin_faults.get(),
            plugins_out: condition.plugins_out.iter().map(|(plugin, _)| plugin.clone()).collect(),
            lanes_abandoned: self.lanes_abandoned,
            outbox_dropped: metrics.outbox_dropped.get(),
            rolled_back: self.rolled_back,
            commits: self.journal.commit_times(),
            drifted: drifted.map(|((_, feature, statistic), _)| format!("{feature} ({statistic})")).collect(),
            device_as_asked: self.device_as_asked(),
            line_stopped: condition.stopped.as_ref().map(ToString::to_string),
            disk_level: self.journal.health().pressure as u8,
        }
    }

    fn device_as_asked(&self) -> bool {
        self.board.snapshot().recipe.as_ref().is_none_or(|card| card.device.is_first_wish())
    }

    fn gauges(&self) -> Gauges {
        Gauges {
            queue_frames: self.board.queued(),
            storage_free_bytes: self.journal.free_bytes(),
            picture_bytes: self.journal.health().picture_bytes,
            device_as_asked: self.device_as_asked(),
            drifted_series: self.board.drift().values().filter(|report| report.drifted).count() as u64,
            lost: self.journal.lost_triggers(),
            commits: self.journal.commit_times(),
            ..Gauges::default()
        }
    }

    /// What a value alone does not say.
    fn about(&self, kind: AlarmKind, sample: &Sample) -> String {
        match kind {
            AlarmKind::Drift => short(&sample.drifted),
            AlarmKind::DeviceNotAsAsked => {
                self.board.snapshot().recipe.as_ref().map_or_else(String::new, |card| {
                    format!("{} -> {}", card.device.asked.join(", "), card.device.used)
                })
            }
            AlarmKind::LaneAbandoned => self.hung.clone(),
            AlarmKind::RolledBack => self.taken_back.clone(),
            AlarmKind::PluginTakenOut => short(&sample.plugins_out),
            AlarmKind::LineStopped => sample.line_stopped.clone().unwrap_or_default(),
            AlarmKind::PluginFailures => short(&self.board.metrics().faulty_plugins()),
            _ => String::new(),
        }
    }
}

fn short(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} (+{more})", shown.join(", ")) }
}
