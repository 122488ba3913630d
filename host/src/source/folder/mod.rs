mod listing;
mod read;
mod put_away;

use super::{Arrival, Outlet, Source, StopFlag, now_us};
use crate::domain::{Blame, Failure, FailureCode, Stage};
use listing::{Folder, Stamp};
use put_away::put_away;
use read::{ReadError, read};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When the folder's pictures are taken, always in order of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderMode {
    /// What is there, then the source ends.
    Once,
    /// What is there, again and again.
    Repeat,
    /// What is there and what comes, each file once it has stayed the same for two looks. A file that is written again
    /// is taken again.
    Watch,
}

/// What becomes of a file that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterReading {
    Leave,
    /// Into this folder on the same file system, under its name or, where that is taken, with a number added.
    MoveTo(PathBuf),
}

/// What a file's name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameFields {
    #[default]
    Nothing,
    /// `PRODUCT_SERIAL.png` or `PRODUCT_SERIAL_anything.png`; a part that is empty is not set.
    ProductSerial,
}

/// What a folder source needs to know.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// The source's name in the station's configuration.
    pub name: String,
    pub path: PathBuf,
    pub mode: FolderMode,
    /// Time between two looks into the folder.
    pub poll_ms: u32,
    /// Time to let pass after each picture; 0 for none.
    pub pace_ms: u32,
    pub after: AfterReading,
    pub max_file_bytes: u64,
    pub name_fields: NameFields,
    /// True where the pictures do not come from the line (a demonstration).
    pub simulated: bool,
}

/// Takes the picture files of one folder; subfolders, hidden files and other extensions are left alone.
///
/// Links are not followed, so that a picture is always a file of the folder itself. A frame's capture time is the time
/// of reading: the clock that stamped the file may be another machine's. A file is moved as soon as it is handed over,
/// not when its verdict is there.
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
        let mut run = Run { source: *self, out, stop };
        // Either way it ends: stopped, nobody listening, or nothing left.
        let _ended = match mode {
            FolderMode::Once | FolderMode::Repeat => run.go_through(mode == FolderMode::Repeat),
            FolderMode::Watch => run.watch(),
        };
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

struct Known {
    stamp: Stamp,
    taken: bool,
}

/// True where the file was handed over or reported; false where it has to be looked at again.
type Taken = bool;

struct Run<'a> {
    source: FolderSource,
    out: &'a Outlet,
    stop: &'a StopFlag,
}

impl Run<'_> {
    fn go_through(&mut self, repeat: bool) -> ControlFlow<()> {
        loop {
            let mut last: Option<OsString> = None;
            let mut count = 0usize;
            // Batches keep the memory bounded however many files there are.
            while let Some((folder, batch)) = self.look(|folder| folder.batch_after(last.as_deref()))? {
                for name in &batch {
                    self.take(&folder, name, None)?;
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

    fn watch(&mut self) -> ControlFlow<()> {
        let mut known = BTreeMap::new();
        loop {
            self.watch_once(&mut known)?;
            self.wait_ms(self.source.options.poll_ms)?;
        }
    }

    /// One look: takes what is as the look before saw it, and remembers the rest for the next.
    fn watch_once(&mut self, known: &mut BTreeMap<OsString, Known>) -> ControlFlow<()> {
        let Some((folder, present)) = self.look(Folder::all)? else { return ControlFlow::Continue(()) };
        known.retain(|name, _| present.contains_key(name));
        for (name, stamp) in present {
            let before = known.get(&name).filter(|known| known.stamp == stamp);
            let taken = match before {
                None => false,
                Some(Known { taken: true, .. }) => true,
                Some(_) => self.take(&folder, &name, Some(stamp))?,
            };
            known.insert(name, Known { stamp, taken });
        }
        ControlFlow::Continue(())
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
                    self.report(None, unreadable(detail))?;
                }
                ControlFlow::Continue(None)
            }
        }
    }

    /// Reads one file and hands it over, or reports why not.
    fn take(&mut self, folder: &Folder, name: &OsStr, expected: Option<Stamp>) -> ControlFlow<(), Taken> {
        let shown = name.to_string_lossy();
        match read(folder, name, expected, self.source.options.max_file_bytes) {
            Ok(bytes) => {
                self.out.send(self.arrival(Some(name), Ok(bytes)), self.stop)?;
                self.put_away(folder, name)?;
            }
            Err(ReadError::Gone) => return ControlFlow::Continue(true),
            Err(ReadError::Changing) if expected.is_some() => return ControlFlow::Continue(false),
            Err(error @ ReadError::TooLarge { .. }) => {
                let detail = format!("file {shown:?}: {error}");
                self.report(Some(name), failure(FailureCode::ImageTooLarge, detail))?;
            }
            Err(error) => self.report(Some(name), unreadable(format!("file {shown:?}: {error}")))?,
        }
        self.wait_ms(self.source.options.pace_ms)?;
        ControlFlow::Continue(true)
    }

    fn put_away(&mut self, folder: &Folder, name: &OsStr) -> ControlFlow<()> {
        let AfterReading::MoveTo(target) = &self.source.options.after else { return ControlFlow::Continue(()) };
        match put_away(folder, name, target) {
            Ok(()) => self.source.move_out.ends(),
            Err(detail) if self.source.move_out.begins() => {
                let detail = format!("file {:?} cannot go to {}: {detail}", name.to_string_lossy(), target.display());
                self.report(None, unreadable(detail))?;
            }
            Err(_) => {}
        }
        ControlFlow::Continue(())
    }

    fn report(&self, name: Option<&OsStr>, failure: Failure) -> ControlFlow<()> {
        self.out.send(self.arrival(name, Err(failure)), self.stop)
    }

    fn arrival(&self, name: Option<&OsStr>, payload: Result<std::sync::Arc<[u8]>, Failure>) -> Arrival {
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
