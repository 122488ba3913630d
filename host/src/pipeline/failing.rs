use crate::domain::{Blame, Failure, FailureCode, FailureLimit, PluginKind, PluginUse, Recipe, Stage};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the plugins of one live recipe failed lately, and which of them are out.
///
/// It belongs to the live recipe: to deploy the recipe again, or to restart the station, puts every plugin back.
#[derive(Debug)]
pub(super) struct Failing {
    plugins: Vec<Watched>,
    /// A preprocessor or detector is out: looked at for every frame.
    judging_out: AtomicBool,
    on_trial: AtomicBool,
}

#[derive(Debug)]
struct Watched {
    name: String,
    kind: PluginKind,
    limit: FailureLimit,
    /// The failures that may still be within the window, at most as many as the limit.
    recent: Mutex<VecDeque<Instant>>,
    out: AtomicBool,
}

impl Failing {
    pub(super) fn of(recipe: &Recipe) -> Self {
        let watched = |place: &PluginUse| Watched {
            name: place.name.clone(),
            kind: place.kind,
            limit: place.failures,
            recent: Mutex::default(),
            out: AtomicBool::new(false),
        };
        let Recipe { preprocessors, detectors, monitors, .. } = recipe;
        let plugins = preprocessors.iter().chain(detectors).chain(monitors).map(watched).collect();
        Self { plugins, judging_out: AtomicBool::new(false), on_trial: AtomicBool::new(false) }
    }

    pub(super) fn set_on_trial(&self, on_trial: bool) {
        self.on_trial.store(on_trial, Ordering::Release);
    }

    pub(super) fn is_on_trial(&self) -> bool {
        self.on_trial.load(Ordering::Acquire)
    }

    /// Books a failure; gives the plugin's kind and limit where that was one too many. Failures that somebody else is
    /// to blame for (the device, the frame's time used up by others) are not the plugin's, and do not count.
    pub(super) fn book(&self, plugin: &str, failure: &Failure, now: Instant) -> Option<(PluginKind, FailureLimit)> {
        let watched = self.plugins.iter().find(|watched| watched.name == plugin)?;
        let too_many = failure.blame == Blame::Plugin && watched.is_one_too_many(now);
        too_many.then_some((watched.kind, watched.limit))
    }

    /// From now on it is not called. False where it was out already, or is none of the recipe's.
    pub(super) fn take_out(&self, plugin: &str) -> bool {
        let Some(watched) = self.plugins.iter().find(|watched| watched.name == plugin) else { return false };
        let first = !watched.out.swap(true, Ordering::AcqRel);
        if watched.kind != PluginKind::Monitor {
            self.judging_out.store(true, Ordering::Release);
        }
        first
    }

    pub(super) fn is_out(&self, plugin: &str) -> bool {
        self.plugins.iter().any(|watched| watched.name == plugin && watched.out.load(Ordering::Acquire))
    }

    /// Why no frame can be judged: a plugin that judges is out.
    pub(super) fn refusal(&self) -> Option<Failure> {
        if !self.judging_out.load(Ordering::Acquire) {
            return None;
        }
        let judges = |watched: &&Watched| watched.kind != PluginKind::Monitor && watched.out.load(Ordering::Acquire);
        self.plugins.iter().find(judges).map(Watched::refusal)
    }
}

impl Watched {
    fn is_one_too_many(&self, now: Instant) -> bool {
        let (count, window) = (self.limit.count.max(1) as usize, Duration::from_secs(u64::from(self.limit.window_s)));
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.push_back(now);
        while recent.front().is_some_and(|first| now.saturating_duration_since(*first) > window) {
            recent.pop_front();
        }
        let too_many = recent.len() >= count;
        if too_many {
            recent.clear();
        }
        too_many
    }

    fn refusal(&self) -> Failure {
        let stage = if self.kind == PluginKind::Preprocessor { Stage::Preprocess } else { Stage::Detect };
        let FailureLimit { count, window_s, .. } = self.limit;
        let detail = format!(
            "it was taken out after {count} failures within {window_s} s; deploy the recipe again or restart the \
             station to put it back"
        );
        Failure::new(stage, Blame::Plugin, FailureCode::PluginOut, detail).in_plugin(&self.name)
    }
}
