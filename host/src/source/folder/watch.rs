use super::listing::{Folder, Look, MAX_WATCHED, Stamp};
use super::wake::{News, Wake};
use super::{LOOK_EVERY, Run, Took};
use crossbeam_channel::select;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A folder whose changes the system tells is looked through that often all the same.
const SAFETY: Duration = Duration::from_secs(2);
/// When a file that could not be read, recorded or moved is tried again. Unit tests do not wait for it.
const RETRY: Duration = Duration::from_secs(if cfg!(test) { 0 } else { 10 });

/// A file of the folder as it was last seen.
#[derive(Debug)]
pub(super) struct Known {
    pub stamp: Stamp,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Perhaps it is still being written.
    Seen,
    /// The system told that it is being written.
    Open,
    /// Handed over, or reported for good.
    Taken,
    /// It could not be read, or its record could not be made durable.
    Failed {
        /// When its permissions were last changed.
        changed_us: i64,
        again_at: Instant,
    },
    /// Recorded, and not yet in its new place.
    Unmoved { again_at: Instant },
}

impl State {
    pub fn failed(changed_us: i64) -> Self {
        Self::Failed { changed_us, again_at: Instant::now() + RETRY }
    }

    pub fn unmoved() -> Self {
        Self::Unmoved { again_at: Instant::now() + RETRY }
    }
}

impl Run {
    pub(super) fn watch(&mut self) -> ControlFlow<()> {
        let mut wake = Wake::new();
        loop {
            let told = self.watch_once(&mut wake)?;
            let poll = Duration::from_millis(self.source.options.poll_ms.into());
            let unsure = self.known.values().any(|known| known.state == State::Seen);
            self.rest(&wake, if told && !unsure { poll.max(SAFETY) } else { poll })?;
        }
    }

    /// One look through the folder: takes what is as the look before saw it, and remembers the rest for the next. True
    /// where the system tells what changes from now on.
    pub(super) fn watch_once(&mut self, wake: &mut Wake) -> ControlFlow<(), bool> {
        let path = self.source.options.path.clone();
        // Watched first: what comes between the two is in both.
        let mut told = false;
        let seen = self.look(|folder| {
            told = wake.watch(&path, folder);
            folder.all()
        })?;
        let Some((folder, present)) = seen else {
            wake.forget();
            return ControlFlow::Continue(false);
        };
        self.known.retain(|name, _| present.contains_key(name));
        for (name, look) in present {
            let before = self.known.get(&name).filter(|known| known.stamp == look.stamp).map(|known| known.state);
            let state = match before {
                None => State::Seen,
                Some(state) => self.go_on(wake, &folder, &name, look, state)?,
            };
            self.known.insert(name, Known { stamp: look.stamp, state });
        }
        ControlFlow::Continue(told)
    }

    /// What to do with a file that has not changed since it was in `state`.
    fn go_on(
        &mut self,
        wake: &Wake,
        folder: &Folder,
        name: &OsStr,
        look: Look,
        state: State,
    ) -> ControlFlow<(), State> {
        let due = |again_at: Instant| again_at <= Instant::now();
        match state {
            State::Seen | State::Open => self.take_closed(wake, folder, name, look),
            State::Failed { changed_us, again_at } if due(again_at) || changed_us != look.changed_us => {
                self.take_known(folder, name, look, true)
            }
            State::Unmoved { again_at } if due(again_at) => {
                let moved = self.move_away(folder, name)?;
                ControlFlow::Continue(if moved { State::Taken } else { State::unmoved() })
            }
            State::Taken | State::Failed { .. } | State::Unmoved { .. } => ControlFlow::Continue(state),
        }
    }

    /// Two equal looks say nothing of a file whose writer has not closed it and may only pause.
    fn take_closed(&mut self, wake: &Wake, folder: &Folder, name: &OsStr, look: Look) -> ControlFlow<(), State> {
        let quiet = Duration::from_millis(self.source.options.quiet_ms.into());
        if wake.is_being_written(name, look.stamp.size(), quiet) {
            return ControlFlow::Continue(State::Open);
        }
        self.take_known(folder, name, look, false)
    }

    fn take_known(&mut self, folder: &Folder, name: &OsStr, look: Look, again: bool) -> ControlFlow<(), State> {
        let state = match self.take(folder, name, Some(look.stamp), again)? {
            Took::Done => State::Taken,
            Took::Changing => State::Seen,
            Took::Failed => State::failed(look.changed_us),
        };
        ControlFlow::Continue(state)
    }

    /// Until the next look: moves what is recorded, and takes at once what the system says is complete.
    fn rest(&mut self, wake: &Wake, wait: Duration) -> ControlFlow<()> {
        let until = Instant::now() + wait;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            if self.stop.is_stopped() {
                return ControlFlow::Break(());
            }
            select! {
                recv(self.in_flight.told()) -> told => {
                    if let Ok(told) = told {
                        self.landed(told)?;
                    }
                }
                recv(wake.woken()) -> _ => {
                    let news = wake.take();
                    if news.missed {
                        return ControlFlow::Continue(());
                    }
                    self.take_news(wake, &news)?;
                }
                default(left.min(LOOK_EVERY)) => {}
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes the files of which the system says that they are complete, and tries again those it could not read.
    pub(super) fn take_news(&mut self, wake: &Wake, news: &News) -> ControlFlow<()> {
        let Ok(folder) = Folder::open(&self.source.options.path) else { return ControlFlow::Continue(()) };
        for name in news.complete.iter().chain(&news.touched) {
            let Some(look) = folder.look_at(name) else { continue };
            let before = self.known.get(name).filter(|known| known.stamp == look.stamp).map(|known| known.state);
            let state = match before {
                None if !news.complete.contains(name) => continue,
                // A full folder is reported by the next look through it.
                None if self.known.len() >= MAX_WATCHED && !self.known.contains_key(name) => continue,
                None => self.take_closed(wake, &folder, name, look)?,
                Some(State::Seen | State::Open) if !news.complete.contains(name) => continue,
                Some(state) => self.go_on(wake, &folder, name, look, state)?,
            };
            self.known.insert(name.clone(), Known { stamp: look.stamp, state });
        }
        ControlFlow::Continue(())
    }
}
