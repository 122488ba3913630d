use super::{Board, LineEvent, LineEvents, LiveRecipe};
use crate::domain::{Blame, Failure, FailureAction, FailureCode, PluginRun, Stage};
use crate::source::StopFlag;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// What may hold a whole line up, and who is told: shared by its threads.
pub(super) struct Control {
    pub(super) board: Board,
    pub(super) events: LineEvents,
    /// Ends the sources.
    stop: StopFlag,
    /// Why nothing is judged any more. Once set it stays set.
    stopped: OnceLock<Failure>,
    /// Grows with every frame released and every monitor called: who waits for the line's end sees that it moves.
    moves: AtomicU64,
}

impl Control {
    pub(super) fn new(board: Board, events: LineEvents, stop: StopFlag) -> Self {
        Self { board, events, stop, stopped: OnceLock::new(), moves: AtomicU64::new(0) }
    }

    /// Why a frame is not judged at all; none where it is.
    pub(super) fn refusal(&self, recipe: &LiveRecipe) -> Option<Failure> {
        self.stopped.get().cloned().or_else(|| recipe.failing.refusal())
    }

    pub(super) fn moved(&self) {
        self.moves.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn moves(&self) -> u64 {
        self.moves.load(Ordering::Relaxed)
    }

    /// Books the failures among the calls of one frame.
    pub(super) fn book(&self, recipe: &LiveRecipe, runs: &[PluginRun]) {
        for run in runs {
            if let Some(failure) = &run.failure {
                self.plugin_failed(recipe, &run.plugin, failure);
            }
        }
    }

    /// Books one failure of a plugin, and does what the recipe says where it was one too many.
    pub(super) fn plugin_failed(&self, recipe: &LiveRecipe, plugin: &str, failure: &Failure) {
        let Some((kind, limit)) = recipe.failing.book(plugin, failure, Instant::now()) else { return };
        let (count, window_s, then) = (limit.count, limit.window_s, limit.then);
        let (plugin, last) = (plugin.to_owned(), failure.clone());
        self.events.emit(LineEvent::PluginFailing { plugin: plugin.clone(), kind, count, window_s, then, last });
        if recipe.failing.is_on_trial() {
            // Who tries it goes back to the recipe before; its failures do not outlive it.
            return;
        }
        match then {
            FailureAction::Alarm => {}
            FailureAction::TakeOut => {
                if recipe.failing.take_out(&plugin) {
                    self.board.add_plugin_out(&plugin, kind);
                    self.events.emit(LineEvent::PluginTakenOut { plugin, kind });
                }
            }
            FailureAction::StopLine => self.stop_line(
                Failure::new(
                    failure.stage,
                    Blame::Plugin,
                    FailureCode::LineStopped,
                    format!("the line was stopped after {count} failures within {window_s} s; restart the station"),
                )
                .in_plugin(&plugin),
            ),
        }
    }

    /// The line is stopped from outside: nothing is judged any more.
    pub(super) fn halt(&self, why: &str) {
        self.stop_line(Failure::new(Stage::Decide, Blame::Host, FailureCode::LineStopped, why));
    }

    /// Ends the sources; frames that no lane has begun yet are not judged any more.
    fn stop_line(&self, reason: Failure) {
        if self.stopped.set(reason.clone()).is_ok() {
            self.board.set_stopped(&reason);
            self.events.emit(LineEvent::LineStopped { reason });
            self.stop.stop();
        }
    }
}
