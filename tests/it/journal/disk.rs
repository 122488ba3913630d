//! A disk that writes down everything that reaches it and can fail on demand: under SQLite's files and under the
//! journal's own. Everything is passed on to the real disk, so that the program sees what it would see.

use super::image::{Entry, Event, Image, Inode};
use super::vfs;
use assay::journal::Files;
use rusqlite::ffi;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Write,
    Flush,
    Truncate,
}

impl Step {
    /// How SQLite calls a failure of the hardware there.
    pub fn broken(self) -> c_int {
        match self {
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Flush => ffi::SQLITE_IOERR_FSYNC,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
        }
    }
}

/// Asked before every step, with the path of the file: the code with which it fails.
pub type Fault = Box<dyn Fn(Step, &str) -> Option<c_int> + Send + Sync>;

#[derive(Default)]
struct State {
    root: PathBuf,
    names: BTreeMap<String, Inode>,
    next: Inode,
    events: Vec<Event>,
    /// Open files of SQLite whose flush failed.
    failed: BTreeSet<usize>,
}

/// A disk that remembers.
pub struct Disk {
    pub name: String,
    state: Mutex<State>,
    fault: Mutex<Option<Fault>>,
    /// Steps until one of them fails, once. Below 0: none.
    countdown: AtomicI64,
    /// Writes and flushes on an open file whose flush had failed.
    retried: AtomicUsize,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "disk {}", self.name)
    }
}

impl Disk {
    /// A disk under a SQLite VFS of that name. It stays until the process ends, as VFS do.
    pub fn register(name: &str) -> &'static Self {
        let disk = Box::leak(Box::new(Self {
            name: name.to_owned(),
            state: Mutex::default(),
            fault: Mutex::default(),
            countdown: AtomicI64::new(-1),
            retried: AtomicUsize::new(0),
        }));
        vfs::register(name, disk);
        disk
    }

    /// Begins anew with what `base` holds, below the empty folder `root`.
    pub fn start(&self, root: &Path, base: &Image) {
        base.write_to(root);
        let files = base.names.iter().filter_map(|(path, entry)| match entry {
            Entry::File(inode) if root.join(path).exists() => Some((path.clone(), *inode)),
            _ => None,
        });
        let next = base.files.keys().max().map_or(0, |last| last + 1);
        *self.state() = State { root: root.to_owned(), names: files.collect(), next, ..State::default() };
        self.retried.store(0, Ordering::SeqCst);
        self.countdown.store(-1, Ordering::SeqCst);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn record(&self, event: Event) {
        self.state().events.push(event);
    }

    pub fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// How many things have happened so far.
    pub fn happened(&self) -> usize {
        self.state().events.len()
    }

    pub fn retried(&self) -> usize {
        self.retried.load(Ordering::SeqCst)
    }

    /// Fails the `n`-th step from now, once.
    pub fn fail_once_after(&self, n: i64) {
        self.countdown.store(n, Ordering::SeqCst);
    }

    /// True when the fault of [`Disk::fail_once_after`] has happened.
    pub fn has_failed(&self) -> bool {
        self.countdown.load(Ordering::SeqCst) < 0
    }

    pub fn fail_while(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn fault(&self, step: Step, path: &str) -> Option<c_int> {
        if self.countdown.load(Ordering::SeqCst) >= 0 && self.countdown.fetch_sub(1, Ordering::SeqCst) == 0 {
            return Some(step.broken());
        }
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|fault| fault(step, path))
    }

    /// The path below the root; `None` for what lies elsewhere.
    pub fn relative(&self, path: &Path) -> Option<String> {
        Some(path.strip_prefix(&self.state().root).ok()?.to_str()?.to_owned())
    }

    /// The file of that name, which is new when there was none.
    pub fn inode(&self, path: &str) -> Inode {
        let mut state = self.state();
        if let Some(known) = state.names.get(path) {
            return *known;
        }
        let inode = state.next;
        state.next += 1;
        state.names.insert(path.to_owned(), inode);
        state.events.push(Event::Create { path: path.to_owned(), inode });
        inode
    }

    pub fn removed(&self, path: &str) {
        let mut state = self.state();
        state.names.remove(path);
        state.events.push(Event::Remove { path: path.to_owned() });
    }

    /// A step of SQLite on an open file: the code with which it fails. What it does on one whose flush has failed is
    /// counted.
    pub fn step_of_sqlite(&self, step: Step, handle: usize, inode: Inode, path: &str) -> Option<c_int> {
        if self.state().failed.contains(&handle) {
            self.retried.fetch_add(1, Ordering::SeqCst);
        }
        let fault = self.fault(step, path);
        if fault.is_some() && step == Step::Flush {
            let mut state = self.state();
            state.failed.insert(handle);
            state.events.push(Event::FlushFailed { inode });
        }
        fault
    }

    /// The journal's own step on a file: fails where it is to fail.
    fn step(&self, step: Step, path: &Path) -> io::Result<String> {
        let path = self.relative(path).expect("the journal stays in its folder");
        match self.fault(step, &path) {
            Some(ffi::SQLITE_FULL) => Err(io::Error::from(io::ErrorKind::StorageFull)),
            Some(_) => Err(io::Error::other("the disk has failed")),
            None => Ok(path),
        }
    }
}

/// The journal's own files on a [`Disk`].
#[derive(Debug)]
pub struct DiskFiles {
    pub disk: &'static Disk,
    /// Sabotage: the steps of that kind for which this says so are left out.
    pub forgets: fn(Step, &str) -> bool,
}

impl DiskFiles {
    pub fn new(disk: &'static Disk) -> Self {
        Self { disk, forgets: |_, _| false }
    }

    fn flushed(&self, step: Step, path: &str, event: Event) {
        if !(self.forgets)(step, path) {
            self.disk.record(event);
        }
    }
}

impl Files for DiskFiles {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let name = self.disk.step(Step::Write, path)?;
        fs::write(path, bytes)?;
        let inode = self.disk.inode(&name);
        self.disk.record(Event::Truncate { inode, len: 0 });
        self.disk.record(Event::Write { inode, at: 0, bytes: bytes.to_vec() });
        File::open(path)
    }

    fn flush(&self, path: &Path, _: &File) -> io::Result<()> {
        let name = self.disk.relative(path).expect("the journal stays in its folder");
        let inode = self.disk.inode(&name);
        let flushed = self.disk.step(Step::Flush, path);
        let event = if flushed.is_ok() { Event::Flush { inode } } else { Event::FlushFailed { inode } };
        self.flushed(Step::Flush, &name, event);
        flushed.map(|_| ())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (old, new) = (self.disk.step(Step::Write, from)?, self.disk.relative(to).expect("inside"));
        fs::rename(from, to)?;
        let mut state = self.disk.state();
        let inode = state.names.remove(&old).expect("it was made here");
        state.names.insert(new.clone(), inode);
        state.events.push(Event::Rename { from: old, to: new, inode });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let name = self.disk.step(Step::Write, path)?;
        fs::remove_file(path)?;
        self.disk.removed(&name);
        Ok(())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        let path_below = self.disk.step(Step::Write, path)?;
        fs::create_dir(path)?;
        self.disk.record(Event::Folder { path: path_below });
        Ok(())
    }

    fn flush_folder(&self, path: &Path) -> io::Result<()> {
        let path = self.disk.step(Step::Flush, path)?;
        self.flushed(Step::Flush, &path.clone(), Event::FlushFolder { path });
        Ok(())
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let name = self.disk.step(Step::Truncate, path)?;
        if (self.forgets)(Step::Truncate, &name) {
            return Ok(());
        }
        if let Ok(meta) = fs::metadata(path) {
            let inode = self.disk.inode(&name);
            if meta.len() > len {
                File::options().write(true).open(path)?.set_len(len)?;
                self.disk.record(Event::Truncate { inode, len: len as usize });
            }
            self.flush(path, &File::open(path)?)?;
        }
        Ok(())
    }

    fn renew(&self, path: &Path) -> io::Result<()> {
        let name = self.disk.step(Step::Write, path)?;
        if (self.forgets)(Step::Write, &name) {
            return Ok(());
        }
        let (inode, bytes) = (self.disk.inode(&name), fs::read(path)?);
        self.disk.record(Event::Write { inode, at: 0, bytes });
        self.flush(path, &File::open(path)?)
    }
}
