use super::listing::is_picture_name;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use notify::event::{AccessKind, AccessMode, EventKind, MetadataKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use rustix::fs::{fstat, fstatfs};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Wakes a watching source when something happens in its folder. Where that is not possible, looking again and again
/// is all there is.
pub(super) struct Wake {
    watcher: Option<RecommendedWatcher>,
    /// Device and inode of the folder that is watched.
    watched: Option<(u64, u64)>,
    news: Arc<Mutex<News>>,
    woken_in: Sender<()>,
    woken: Receiver<()>,
}

impl Wake {
    pub fn new() -> Self {
        let (woken_in, woken) = bounded(1);
        Self { watcher: None, watched: None, news: Arc::default(), woken_in, woken }
    }

    /// Watches this folder from now on. True where everything that happens in it is told.
    pub fn watch(&mut self, path: &Path, folder: &impl AsFd) -> bool {
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

    fn start(&self, path: &Path) -> notify::Result<RecommendedWatcher> {
        let (news, woken) = (Arc::clone(&self.news), self.woken_in.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if note(&news, event) {
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
        std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps what an event says; true where somebody should look.
fn note(news: &Mutex<News>, event: notify::Result<Event>) -> bool {
    let mut news = news.lock().unwrap_or_else(PoisonError::into_inner);
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
    let names: Vec<&OsStr> = names.collect();
    let set = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => &mut news.complete,
        EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any | MetadataKind::Permissions)) => &mut news.touched,
        _ => return news.missed,
    };
    let full = set.len() + names.len() > MAX_NAMES;
    if !full {
        set.extend(names.into_iter().map(OsStr::to_owned));
    }
    news.missed |= full;
    true
}
