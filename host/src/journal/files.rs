//! What the journal does to files beside SQLite, one step at a time. The seam at which tests put a bad disk.

use super::place;
use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes that are written over themselves at a time.
const STEP_BYTES: usize = 1 << 20;

/// Steps towards a durable file. A power cut between two of them leaves what the flushed ones made.
pub trait Files: Debug + Send + Sync {
    /// Makes a file, or replaces its bytes. They last after [`Files::flush`], its name after [`Files::flush_folder`].
    ///
    /// # Errors
    /// When the disk says so; likewise below.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<File> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        Ok(file)
    }

    fn flush(&self, path: &Path, file: &File) -> io::Result<()> {
        let _ = path;
        file.sync_data()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    /// Makes names in a folder last: new, changed and removed ones.
    fn flush_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// The name of the network file system that `path` is on, or would be; `None` for a local one.
    fn network(&self, path: &Path) -> io::Result<Option<String>> {
        place::network_of(path)
    }

    /// Cuts a file off behind `len` bytes and flushes it. One that is not there, or shorter, stays so.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = match File::options().write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if file.metadata()?.len() > len {
            file.set_len(len)?;
        }
        file.sync_all()
    }

    /// Writes a file over itself and flushes it. After a failed flush the system shows bytes that the disk does not
    /// have, and never writes them by itself; after this it has them.
    fn renew(&self, path: &Path) -> io::Result<()> {
        let mut file = File::options().read(true).write(true).open(path)?;
        let mut bytes = vec![0; STEP_BYTES];
        let mut at = 0;
        loop {
            file.seek(SeekFrom::Start(at))?;
            let read = file.read(&mut bytes)?;
            if read == 0 {
                return file.sync_all();
            }
            file.seek(SeekFrom::Start(at))?;
            file.write_all(bytes.get(..read).unwrap_or_default())?;
            at += read as u64;
        }
    }
}

/// The disk as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemFiles;

impl Files for SystemFiles {}

/// Makes a folder and the missing ones above it. Each of them lasts when this returns.
pub fn make_folders(files: &dyn Files, path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let was_there = path.is_dir();
    if !was_there {
        if !parent.is_dir() {
            make_folders(files, parent)?;
        }
        match files.make_folder(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => return Err(error),
            _ => {}
        }
    }
    // Also where it was there: an earlier start may have ended between the two.
    match files.flush_folder(parent) {
        // The folder above belongs to somebody else, who made this one.
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}
