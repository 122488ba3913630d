//! The picture store: files named by the digest of their bytes, `pictures/ab/cdef…`.
//!
//! A picture is on the disk, under its final name, before the row that names it is. So a row never names a picture
//! that a power cut has taken. The other way round can happen: such files are taken into the inventory later, and
//! then count against the quota like any other. Nothing is deleted but by the quota.

use super::files::{Files, SystemFiles, make_folders};
use super::{JournalError, KeepDays};
use crate::domain::Digest;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Why a picture is kept. The order is the order of leaving: the first go first. Stored by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Pass = 0,
    /// Passed, with a raised finding.
    Flagged = 1,
    Undecided = 2,
    Fail = 3,
}

impl Class {
    pub const ALL: [Self; 4] = [Self::Pass, Self::Flagged, Self::Undecided, Self::Fail];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Flagged => "flagged",
            Self::Undecided => "undecided",
            Self::Fail => "fail",
        }
    }

    #[must_use]
    pub const fn days(self, keep: &KeepDays) -> u32 {
        match self {
            Self::Pass => keep.pass,
            Self::Flagged => keep.flagged,
            Self::Undecided => keep.undecided,
            Self::Fail => keep.fail,
        }
    }
}

/// A picture that a record brings along.
#[derive(Debug, Clone)]
pub struct NewPicture {
    pub digest: Digest,
    pub bytes: Arc<[u8]>,
    pub class: Class,
}

/// Files that are written and flushed at the same time: the file system then flushes them together.
const PARALLEL_WRITES: usize = 4;

#[derive(Debug, Clone)]
pub struct PictureFolder {
    root: PathBuf,
    files: Arc<dyn Files>,
}

impl PictureFolder {
    /// Makes the folder where it is missing, and removes what an interrupted write left behind.
    pub fn open(root: PathBuf, files: Arc<dyn Files>) -> Result<Self, JournalError> {
        let prepare = || {
            let temporary = root.join("tmp");
            make_folders(files.as_ref(), &root)?;
            make_folders(files.as_ref(), &temporary)?;
            for entry in fs::read_dir(&temporary)? {
                files.remove(&entry?.path())?;
            }
            // Names of sub-folders too: an earlier run may have ended before it flushed them.
            files.flush_folder(&root)
        };
        prepare().map_err(|error| JournalError::folder(&root, error))?;
        Ok(Self { root, files })
    }

    /// For reading only: touches nothing.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root, files: Arc::new(SystemFiles) }
    }

    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let (shard, rest) = name.split_at(2);
        self.root.join(shard).join(rest)
    }

    /// Puts pictures on the disk, and gives back those that are there now. One that cannot be written is left out:
    /// the record counts for more than its picture.
    pub fn store<'a>(&self, pictures: &[&'a NewPicture]) -> (Vec<&'a NewPicture>, Option<io::Error>) {
        let mut stored = Vec::with_capacity(pictures.len());
        let mut failed = None;
        let made = AtomicBool::new(false);
        for group in pictures.chunks(PARALLEL_WRITES) {
            for (picture, result) in group.iter().zip(self.write_together(group, &made)) {
                match result {
                    Ok(()) => stored.push(*picture),
                    Err(error) => failed = Some(error),
                }
            }
        }
        if let Err(error) = self.flush_names(&stored, made.into_inner()) {
            return (Vec::new(), Some(error));
        }
        (stored, failed)
    }

    fn write_together(&self, group: &[&NewPicture], made: &AtomicBool) -> Vec<io::Result<()>> {
        if let [only] = group {
            return vec![self.write(only, made)];
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = group
                .iter()
                .map(|picture| std::thread::Builder::new().spawn_scoped(scope, || self.write(picture, made)))
                .collect();
            let outcome = |thread: io::Result<std::thread::ScopedJoinHandle<'_, io::Result<()>>>| match thread?.join() {
                Ok(result) => result,
                Err(_) => Err(io::Error::other("the thread that writes a picture has panicked")),
            };
            threads.into_iter().map(outcome).collect()
        })
    }

    /// Write under another name, flush, rename: under its final name a file is always whole.
    fn write(&self, picture: &NewPicture, made: &AtomicBool) -> io::Result<()> {
        let path = self.path(&picture.digest);
        if fs::metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() == picture.bytes.len() as u64) {
            return Ok(());
        }
        let temporary = self.root.join("tmp").join(picture.digest.to_string());
        let write = || {
            let file = self.files.write(&temporary, &picture.bytes)?;
            self.files.flush(&temporary, &file)?;
            match self.files.rename(&temporary, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.make_shard(&path)?;
                    made.store(true, Ordering::SeqCst);
                    self.files.rename(&temporary, &path)
                }
                other => other,
            }
        };
        let written = write();
        if written.is_err() {
            // Best effort: on a full disk it gives the space back. The next start removes what stays.
            let _ = self.files.remove(&temporary);
        }
        written
    }

    fn make_shard(&self, path: &Path) -> io::Result<()> {
        match path.parent().map(|shard| self.files.make_folder(shard)) {
            // Another picture of the group may have made it.
            Some(Err(error)) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the names of new pictures last, and those of the sub-folders when some were made.
    fn flush_names(&self, stored: &[&NewPicture], made: bool) -> io::Result<()> {
        if made {
            self.files.flush_folder(&self.root)?;
        }
        let shards: BTreeSet<u8> = stored.iter().map(|picture| picture.digest.as_bytes()[0]).collect();
        shards.iter().try_for_each(|shard| self.files.flush_folder(&self.root.join(format!("{shard:02x}"))))
    }

    /// Removes one file; true when it is gone.
    pub fn remove(&self, digest: &Digest) -> bool {
        match self.files.remove(&self.path(digest)) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// The bytes of a picture; `None` where it is not kept (any more).
    pub fn read(&self, digest: &Digest) -> Result<Option<Vec<u8>>, JournalError> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(JournalError::folder(&path, error)),
        };
        let found = Digest::of(&bytes);
        if found == *digest {
            return Ok(Some(bytes));
        }
        Err(JournalError::DamagedPicture { digest: digest.to_string(), found: found.to_string() })
    }

    /// Digests and sizes of the files in one of the 256 sub-folders.
    pub fn shard(&self, shard: u8) -> io::Result<Vec<(Digest, u64)>> {
        let folder = self.root.join(format!("{shard:02x}"));
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = format!("{shard:02x}{}", entry.file_name().to_string_lossy());
            if let Ok(digest) = name.parse() {
                found.push((digest, entry.metadata()?.len()));
            }
        }
        Ok(found)
    }
}

/// A picture under `root`, if there is any: then a database has to be there too.
pub fn any_picture(root: &Path) -> io::Result<Option<PathBuf>> {
    let folders = match fs::read_dir(root) {
        Ok(folders) => folders,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for folder in folders {
        let folder = folder?;
        if folder.file_name() != "tmp"
            && folder.file_type()?.is_dir()
            && let Some(entry) = fs::read_dir(folder.path())?.next()
        {
            return Ok(Some(entry?.path()));
        }
    }
    Ok(None)
}
