mod changes;
mod in_flight;
mod listing;
mod load;
mod options;
mod put_away;
mod read;
mod wake;
mod watch;

pub use changes::{FolderChanges, WatchError};
pub use load::{LoadedPicture, load_pictures};
pub use options::{AfterReading, FolderMode, FolderOptions, NameFields, RecordedFile};

use super::{Arrival, Outlet, Source, StopFlag, now_us};
use crate::domain::{Blame, Digest, Failure, FailureCode, Stage};
use crossbeam_channel::RecvTimeoutError;
use in_flight::{InFlight, Told};
use listing::{Folder, Stamp};
use put_away::put_away;
use read::{ReadError, ReadFile, read};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watch::{Known, State};

/// How often the stop flag is looked at while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the end waits for the records of files in flight.
const FINISH: Duration = Duration::from_secs(30);

/// Takes the picture files of one folder; subfolders, hidden files and other extensions are left alone.
///
/// Links are not followed, so that a picture is always a file of the folder itself. A frame's capture time is the time
/// of reading: the clock that stamped the file may be another machine's. A file is moved once its record is durable and
/// only as it was judged; one without a durable record stays, and a watched one is handed over again.
#[derive(Debug)]
pub struct FolderSource {
    options: FolderOptions,
    folder_out: Outage,
    move_out: Outage,
}

impl FolderSource {
    #[must_use]
    pub const fn new(options: FolderOptions) -> Self {
        Self { options, folder_out: Outage(false), move_out: Outage(false) }
    }
}

impl Source for FolderSource {
    fn name(&self) -> &str {
        &self.options.name
    }

    fn run(self: Box<Self>, out: &Outlet, stop: &StopFlag) {
        let mode = self.options.mode;
        let mut run = Run::new(*self, out.clone(), stop.clone());
        // Either way it ends: stopped, nobody listening, or nothing left.
        let _ended = match mode {
            FolderMode::Once | FolderMode::Repeat => run.go_through(mode == FolderMode::Repeat),
            FolderMode::Watch => run.watch(),
        };
        run.finish();
    }
}

/// Something that is out of order, reported once until it is back.
#[derive(Debug)]
struct Outage(bool);

impl Outage {
    fn begins(&mut self) -> bool {
        !std::mem::replace(&mut self.0, true)
    }

    fn ends(&mut self) {
        self.0 = false;
    }
}

/// What became of an attempt to take a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// It was handed over, or it never will be.
    Done,
    /// It is being written.
    Changing,
    /// It cannot be read now.
    Failed,
}

struct Run {
    source: FolderSource,
    in_flight: InFlight,
    /// Files of a watched folder.
    known: BTreeMap<OsString, Known>,
    out: Outlet,
    stop: StopFlag,
}

impl Run {
    fn new(source: FolderSource, out: Outlet, stop: StopFlag) -> Self {
        Self { source, in_flight: InFlight::new(), known: BTreeMap::new(), out, stop }
    }

    fn go_through(&mut self, repeat: bool) -> ControlFlow<()> {
        loop {
            let mut last: Option<OsString> = None;
            let mut count = 0usize;
            // Batches keep the memory bounded however many files there are.
            while let Some((folder, batch)) = self.look(|folder| folder.batch_after(last.as_deref()))? {
                for name in &batch {
                    self.take(&folder, name, None, false)?;
                }
                count += batch.len();
                match batch.into_iter().next_back() {
                    Some(name) => last = Some(name),
                    None => break,
                }
            }
            if !repeat {
                return ControlFlow::Break(());
            }
            if count == 0 {
                self.wait_ms(self.source.options.poll_ms)?;
            }
        }
    }

    /// Opens the folder and looks; none where that is not possible, which is reported once.
    #[allow(clippy::type_complexity, reason = "the flow, the folder and what was seen")]
    fn look<T>(&mut self, list: impl FnOnce(&Folder) -> Result<T, String>) -> ControlFlow<(), Option<(Folder, T)>> {
        if self.stop.is_stopped() {
            return ControlFlow::Break(());
        }
        let path = &self.source.options.path;
        let seen = Folder::open(path).and_then(|folder| list(&folder).map(|seen| (folder, seen)));
        match seen {
            Ok(seen) => {
                self.source.folder_out.ends();
                ControlFlow::Continue(Some(seen))
            }
            Err(detail) => {
                if self.source.folder_out.begins() {
                    let detail = format!("folder {}: {detail}", path.display());
                    tracing::warn!(source = self.source.options.name, detail, "a source cannot look into its folder");
                    self.report(None, unreadable(detail))?;
                }
                ControlFlow::Continue(None)
            }
        }
    }

    /// Reads one file and hands it over, or reports why not. `again`: its trouble was reported before.
    fn take(&mut self, folder: &Folder, name: &OsStr, expected: Option<Stamp>, again: bool) -> ControlFlow<(), Took> {
        let shown = name.to_string_lossy();
        let took = match read(folder, name, expected, self.source.options.max_file_bytes) {
            Ok(file) if self.is_recorded(&shown, &file) => {
                self.move_away(folder, name)?;
                Took::Done
            }
            Ok(file) => {
                self.hand_over(name, file)?;
                Took::Done
            }
            Err(ReadError::Gone) => return ControlFlow::Continue(Took::Done),
            Err(ReadError::Changing) if expected.is_some() => return ControlFlow::Continue(Took::Changing),
            Err(error) if again => return ControlFlow::Continue(took_of(&error)),
            Err(error) => {
                let code = match error {
                    ReadError::TooLarge { .. } => FailureCode::ImageTooLarge,
                    _ => FailureCode::Unreadable,
                };
                self.report(Some(name), failure(code, format!("file {shown:?}: {error}")))?;
                took_of(&error)
            }
        };
        self.wait_ms(self.source.options.pace_ms)?;
        ControlFlow::Continue(took)
    }

    /// True where an earlier run judged this very file and ended before it could move it.
    fn is_recorded(&self, name: &str, file: &ReadFile) -> bool {
        let FolderOptions { after, recorded, .. } = &self.source.options;
        let moves = matches!(after, AfterReading::MoveTo(_));
        let mut known =
            recorded.iter().filter(|known| moves && known.name == name && known.captured_at_us >= file.changed_us);
        known.any(|known| known.picture == Digest::of(&file.bytes))
    }

    fn hand_over(&mut self, name: &OsStr, file: ReadFile) -> ControlFlow<()> {
        let options = &self.source.options;
        let asks = options.mode == FolderMode::Watch || matches!(options.after, AfterReading::MoveTo(_));
        while asks && self.in_flight.is_full() {
            self.await_one()?;
        }
        let mut arrival = self.arrival(Some(name), Ok(file.bytes));
        if asks {
            arrival.receipt = Some(self.in_flight.receipt(name, file.stamp));
        }
        self.out.send(arrival, &self.stop)
    }

    /// Waits for a record, a short time.
    fn await_one(&mut self) -> ControlFlow<()> {
        match self.in_flight.told().recv_timeout(LOOK_EVERY) {
            Ok(told) => self.landed(told),
            Err(RecvTimeoutError::Timeout) if !self.stop.is_stopped() => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    }

    /// A file's frame is recorded, or will not be.
    fn landed(&mut self, told: Told) -> ControlFlow<()> {
        self.in_flight.landed();
        let Told { name, stamp, durable } = told;
        if !durable {
            self.set_state(&name, stamp, State::failed(0));
            return ControlFlow::Continue(());
        }
        if self.source.options.after == AfterReading::Leave {
            return ControlFlow::Continue(());
        }
        let Ok(folder) = Folder::open(&self.source.options.path) else {
            // Recorded, and still there once the folder is back: it is moved then, and not judged again.
            self.set_state(&name, stamp, State::unmoved());
            return ControlFlow::Continue(());
        };
        if folder.look_at(&name).is_none_or(|look| look.stamp != stamp) {
            // Written anew meanwhile: that is another picture.
            return ControlFlow::Continue(());
        }
        if self.move_away(&folder, &name)? {
            self.known.remove(&name);
        } else {
            self.set_state(&name, stamp, State::unmoved());
        }
        ControlFlow::Continue(())
    }

    fn set_state(&mut self, name: &OsStr, stamp: Stamp, state: State) {
        if let Some(known) = self.known.get_mut(name).filter(|known| known.stamp == stamp) {
            known.state = state;
        }
    }

    /// True where the file is in its new place.
    fn move_away(&mut self, folder: &Folder, name: &OsStr) -> ControlFlow<(), bool> {
        let AfterReading::MoveTo(target) = &self.source.options.after else { return ControlFlow::Continue(false) };
        match put_away(folder, name, target) {
            Ok(()) => {
                self.source.move_out.ends();
                return ControlFlow::Continue(true);
            }
            Err(detail) if self.source.move_out.begins() => {
                let detail = format!("file {:?} cannot go to {}: {detail}", name.to_string_lossy(), target.display());
                self.report(None, unreadable(detail))?;
            }
            Err(_) => {}
        }
        ControlFlow::Continue(false)
    }

    /// Waits for the records of what was handed over, so that these files are moved.
    fn finish(&mut self) {
        let until = Instant::now() + FINISH;
        while !self.in_flight.is_empty() {
            match self.in_flight.told().recv_deadline(until) {
                // Nothing can be reported any more; all that is left is to move the file.
                Ok(told) => drop(self.landed(told)),
                Err(_) => {
                    tracing::warn!(source = self.source.options.name, "files stay where they are: no record in time");
                    return;
                }
            }
        }
    }

    fn report(&self, name: Option<&OsStr>, failure: Failure) -> ControlFlow<()> {
        self.out.send(self.arrival(name, Err(failure)), &self.stop)
    }

    fn arrival(&self, name: Option<&OsStr>, payload: Result<Arc<[u8]>, Failure>) -> Arrival {
        let options = &self.source.options;
        let (product, serial) = match (options.name_fields, name) {
            (NameFields::ProductSerial, Some(name)) => product_serial(name),
            _ => (None, None),
        };
        Arrival {
            source: options.name.clone(),
            origin: name.map(|name| name.to_string_lossy().into_owned()),
            product,
            serial,
            trigger: None,
            captured_at_us: now_us(),
            payload,
            simulated: options.simulated,
            receipt: None,
        }
    }

    fn wait_ms(&self, time_ms: u32) -> ControlFlow<()> {
        let wait = Duration::from_millis(time_ms.into());
        let stopped = if wait.is_zero() { self.stop.is_stopped() } else { self.stop.wait(wait) };
        if stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// A file that is too large, or none at all, is so for good; one that cannot be read may be readable later.
const fn took_of(error: &ReadError) -> Took {
    if matches!(error, ReadError::Io(_)) { Took::Failed } else { Took::Done }
}

fn failure(code: FailureCode, detail: String) -> Failure {
    Failure::new(Stage::Source, Blame::Source, code, detail)
}

fn unreadable(detail: String) -> Failure {
    failure(FailureCode::Unreadable, detail)
}

fn product_serial(name: &OsStr) -> (Option<String>, Option<String>) {
    let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let Some((product, rest)) = stem.split_once('_') else { return (None, None) };
    let serial = rest.split('_').next().unwrap_or_default();
    let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (part(product), part(serial))
}

#[cfg(test)]
mod tests;
