use crate::domain::{DeviceUse, Failure, FailureAction, FrameId, PluginKind};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What people may have to be told of a line. Rare: none of these happens on every frame of a healthy line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineEvent {
    /// A plugin failed as often as the recipe allows; sent again for each further such number of failures.
    PluginFailing { plugin: String, kind: PluginKind, count: u32, window_s: u32, then: FailureAction, last: Failure },
    /// It is not called any more until the recipe is deployed again or the station is restarted.
    PluginTakenOut { plugin: String, kind: PluginKind },
    /// Nothing is judged any more until the station is restarted.
    LineStopped { reason: Failure },
    /// A frame's deadline passed and its lane did not come back in time. The frame is undecided; the lane is replaced.
    LaneAbandoned { frame: FrameId, failure: Failure, hanging: usize },
    /// As many lanes hang as may: frames are undecided at once until one comes back.
    LanesExhausted { hanging: usize },
    /// A lane that hung came back, and frames are judged again.
    LanesBack { hanging: usize },
    /// The model runs on another device than the first of its wish list.
    DeviceNotAsAsked { asked: Vec<String>, used: String },
    /// The recipe on trial misbehaved, and the one before drives again.
    RolledBack { recipe: String, reason: String },
    /// The line ended without these threads: they hang.
    LeftBehind { threads: Vec<String> },
}

impl fmt::Display for LineEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PluginFailing { plugin, kind, count, window_s, then, last } => {
                write!(f, "{kind} {plugin} failed {count} times within {window_s} s (then: {then}); last: {last}")
            }
            Self::PluginTakenOut { plugin, kind } => write!(f, "{kind} {plugin} is taken out"),
            Self::LineStopped { reason } => write!(f, "the line is stopped: {reason}"),
            Self::LaneAbandoned { frame, failure, hanging } => {
                write!(f, "frame {frame} took too long, {hanging} lanes hang: {failure}")
            }
            Self::LanesExhausted { hanging } => {
                write!(f, "{hanging} lanes hang, no more are started: frames are undecided until one comes back")
            }
            Self::LanesBack { hanging } => write!(f, "a lane came back, {hanging} still hang: frames are judged again"),
            Self::DeviceNotAsAsked { asked, used } => {
                write!(f, "device {used} is used, asked were {} in this order", asked.join(", "))
            }
            Self::RolledBack { recipe, reason } => write!(f, "{recipe} is rolled back: {reason}"),
            Self::LeftBehind { threads } => write!(f, "the line ended without what hangs: {}", threads.join(", ")),
        }
    }
}

/// The line's end of the events: it logs each and passes it on, and never waits for whoever listens.
#[derive(Debug, Clone, Default)]
pub struct LineEvents {
    listener: Option<Sender<LineEvent>>,
    dropped: Arc<AtomicU64>,
}

impl LineEvents {
    /// Events for somebody who listens; at most `most` wait. The default is for nobody: they are logged only.
    #[must_use]
    pub fn channel(most: usize) -> (Self, Receiver<LineEvent>) {
        let (listener, events) = bounded(most.max(1));
        (Self { listener: Some(listener), dropped: Arc::default() }, events)
    }

    /// Events that the listener was too slow for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The first device of the wish list is what people expect; any other is an alarm.
    pub(super) fn tell_device(&self, device: &DeviceUse) {
        if !device.is_first_wish() {
            self.emit(LineEvent::DeviceNotAsAsked { asked: device.asked.clone(), used: device.used.clone() });
        }
    }

    pub(super) fn emit(&self, event: LineEvent) {
        tracing::warn!(target: "line", "{event}");
        let Some(listener) = &self.listener else { return };
        if let Err(TrySendError::Full(_)) = listener.try_send(event) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
