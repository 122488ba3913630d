use crossbeam_channel::{Receiver, bounded};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Changed paths that wait; more are told of by those before them.
const MAX_WAITING: usize = 256;
/// An editor writes a file in several steps: this long nothing more must change.
const QUIET: Duration = Duration::from_millis(150);

#[derive(Debug, thiserror::Error)]
#[error("the folder {} cannot be watched", folder.display())]
pub struct WatchError {
    folder: PathBuf,
    #[source]
    source: notify::Error,
}

/// Tells when something below a folder was written, made, moved or removed.
pub struct FolderChanges {
    folder: PathBuf,
    changed: Receiver<PathBuf>,
    // Dropping it ends the watch.
    _watcher: RecommendedWatcher,
}

impl FolderChanges {
    /// # Errors
    /// When the folder is not there or the system watches no more.
    pub fn below(folder: &Path) -> Result<Self, WatchError> {
        let (tell, changed) = bounded(MAX_WAITING);
        let failed = |source| WatchError { folder: folder.to_owned(), source };
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_modify() || event.kind.is_create() || event.kind.is_remove() {
                for path in event.paths {
                    // Full: somebody will wake anyway.
                    let _ = tell.try_send(path);
                }
            }
        })
        .map_err(failed)?;
        watcher.watch(folder, RecursiveMode::Recursive).map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), changed, _watcher: watcher })
    }

    /// Waits until a path that `counts` (seen from the folder) has changed and then nothing more for a moment.
    ///
    /// # Errors
    /// When the watch has ended.
    pub fn wait(&self, counts: impl Fn(&Path) -> bool) -> Result<(), WatchError> {
        let ended = |_| WatchError { folder: self.folder.clone(), source: notify::Error::generic("the watch ended") };
        // Inotify names paths as the watch was asked for, or whole where that was a link.
        let inside = |path: &Path| path.strip_prefix(&self.folder).map_or_else(|_| path.to_owned(), Path::to_owned);
        while !counts(&inside(&self.changed.recv().map_err(ended)?)) {}
        while self.changed.recv_timeout(QUIET).is_ok() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_saved_file_is_told_and_what_does_not_count_is_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src")).unwrap();
        let changes = FolderChanges::below(folder.path()).unwrap();
        let (tell, told) = bounded(1);
        std::thread::spawn(move || {
            changes.wait(|path| path.starts_with("src")).unwrap();
            tell.send(()).unwrap();
        });
        std::fs::write(folder.path().join("made.wasm"), "x").unwrap();
        assert!(told.recv_timeout(QUIET * 3).is_err(), "a file that does not count was told");
        std::fs::write(folder.path().join("src/plugin.c"), "x").unwrap();
        told.recv_timeout(Duration::from_secs(20)).unwrap();
    }
}
