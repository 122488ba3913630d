use super::listing::{MAX_WATCHED, is_picture_name};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use notify::event::{AccessKind, AccessMode, EventKind, MetadataKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::fs::{fstat, fstatfs};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Names that are kept between two looks; more are found by looking through the folder.
const MAX_NAMES: usize = 1024;

/// File systems on which other machines write: the kernel here does not see it. NFS, SMB (three), 9P, FUSE, Ceph, AFS.
const REMOTE: [u64; 8] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997, 0x6573_5546, 0x00c3_6400, 0x5346_414f];

/// What the kernel says of a folder since it was last asked.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Closed after writing, or moved in: these files are complete.
    pub complete: BTreeSet<OsString>,
    /// Their permissions may be others now.
    pub touched: BTreeSet<OsString>,
    /// Something was missed: the whole folder has to be looked through.
    pub missed: bool,
}

/// A file of which no writer has said that it is done.
#[derive(Debug, Clone, Copy)]
struct Writing {
    told_at: Instant,
    /// Something was written; without that a new name may as well be a link to a whole file.
    data: bool,
}

#[derive(Debug, Default)]
struct Told {
    news: News,
    /// Made or written, and not closed since. Kept from look to look.
    writing: BTreeMap<OsString, Writing>,
}

/// Wakes a watching source when something happens in its folder. Where that is not possible, looking again and again
/// is all there is.
pub(super) struct Wake {
    watcher: Option<RecommendedWatcher>,
    /// Device and inode of the folder that is watched.
    watched: Option<(u64, u64)>,
    told: Arc<Mutex<Told>>,
    woken_in: Sender<()>,
    woken: Receiver<()>,
    #[cfg(test)]
    deaf: bool,
}

impl Wake {
    pub fn new() -> Self {
        let (woken_in, woken) = bounded(1);
        Self {
            watcher: None,
            watched: None,
            told: Arc::default(),
            woken_in,
            woken,
            #[cfg(test)]
            deaf: false,
        }
    }

    /// Hears of nothing: for looks that no event may come between.
    #[cfg(test)]
    pub fn deaf() -> Self {
        Self { deaf: true, ..Self::new() }
    }

    /// Watches this folder from now on. True where everything that happens in it is told.
    pub fn watch(&mut self, path: &Path, folder: &impl AsFd) -> bool {
        #[cfg(test)]
        if self.deaf {
            return false;
        }
        let Ok(stat) = fstat(folder) else { return false };
        let place = (stat.st_dev, stat.st_ino);
        if self.watched == Some(place) {
            return self.watcher.is_some();
        }
        self.watched = Some(place);
        self.watcher = None;
        if fstatfs(folder).is_ok_and(|stat| REMOTE.contains(&(stat.f_type as u64))) {
            tracing::info!(folder = %path.display(), "on a network: it is looked into again and again");
            return false;
        }
        match self.start(path) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => {
                let folder = path.display();
                tracing::warn!(%folder, %error, "the system does not tell of new files: it is looked into again and again");
            }
        }
        self.watcher.is_some()
    }

    /// The folder is away. One that comes back may have the number of the one that went, and nothing is told of it.
    pub fn forget(&mut self) {
        self.watched = None;
        self.watcher = None;
    }

    fn start(&self, path: &Path) -> notify::Result<RecommendedWatcher> {
        let (told, woken) = (Arc::clone(&self.told), self.woken_in.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if note(&mut lock(&told), event) {
                match woken.try_send(()) {
                    // Full: it is about to wake anyway.
                    Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
                }
            }
        })?;
        watcher.watch(path, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }

    /// For `select`.
    pub const fn woken(&self) -> &Receiver<()> {
        &self.woken
    }

    pub fn take(&self) -> News {
        std::mem::take(&mut lock(&self.told).news)
    }

    /// True where the system told that this file, `size` bytes long now, is being written, and less than `quiet` ago.
    pub fn is_being_written(&self, name: &OsStr, size: u64, quiet: Duration) -> bool {
        let told = lock(&self.told);
        let writing = told.writing.get(name).filter(|writing| writing.data || size == 0);
        writing.is_some_and(|writing| writing.told_at.elapsed() < quiet)
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what an event says; true where somebody should look.
fn note(told: &mut Told, event: notify::Result<Event>) -> bool {
    let Told { news, writing } = told;
    let Ok(event) = event else {
        news.missed = true;
        return true;
    };
    if event.need_rescan() {
        news.missed = true;
    }
    // Of a rename inside the folder only the new name counts.
    let names =
        event.paths.iter().rev().take(1).filter_map(|path| path.file_name()).filter(|name| is_picture_name(name));
    for name in names {
        let set = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
                writing.remove(name);
                &mut news.complete
            }
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any | MetadataKind::Permissions)) => &mut news.touched,
            EventKind::Create(_) => {
                begin(writing, name, false);
                continue;
            }
            EventKind::Modify(ModifyKind::Data(_)) => {
                begin(writing, name, true);
                continue;
            }
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
                writing.remove(name);
                continue;
            }
            _ => continue,
        };
        if set.len() < MAX_NAMES {
            set.insert(name.to_owned());
        } else {
            news.missed = true;
        }
    }
    news.missed || !news.complete.is_empty() || !news.touched.is_empty()
}

/// Over the limit a file counts as one that nothing is told of: the folder is refused by then.
fn begin(writing: &mut BTreeMap<OsString, Writing>, name: &OsStr, data: bool) {
    let now = Writing { told_at: Instant::now(), data };
    if let Some(known) = writing.get_mut(name) {
        *known = Writing { data: data || known.data, ..now };
    } else if writing.len() < MAX_WATCHED {
        writing.insert(name.to_owned(), now);
    }
}
