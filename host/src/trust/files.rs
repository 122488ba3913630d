use rustix::fs::OFlags;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is a symbolic link; links are not followed here: name the file itself", path.display())]
    Link { path: PathBuf },
    #[error("{} is not a regular file", path.display())]
    NotRegular { path: PathBuf },
    #[error("{} has {found} bytes, at most {max} are allowed", path.display())]
    TooLarge { path: PathBuf, found: u64, max: u64 },
    #[error("{} is there and is not a regular file; it is not replaced: name another file", path.display())]
    NotReplaced { path: PathBuf },
    #[error("{} cannot be written; the file there, if any, is as it was", path.display())]
    Write { path: PathBuf, source: io::Error },
}

/// Opens `path` once and reads all of it: at most `max_bytes`, never through a symbolic link at its end, never a
/// pipe or a device. What is read cannot change under the caller's feet.
///
/// # Errors
/// As above, and when the system cannot read.
pub fn read_regular_file(path: &Path, max_bytes: u64) -> Result<Vec<u8>, FileError> {
    Ok(read_with_mode(path, max_bytes)?.0)
}

/// As [`read_regular_file`], but the first bytes only, however many there are.
pub(super) fn read_start(path: &Path, most_bytes: u64) -> Result<Vec<u8>, FileError> {
    let (file, _) = open_regular(path)?;
    let mut bytes = Vec::new();
    let read = file.take(most_bytes).read_to_end(&mut bytes);
    read.map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// As [`read_regular_file`], with the permission bits of the very file that was read.
pub(super) fn read_with_mode(path: &Path, max_bytes: u64) -> Result<(Vec<u8>, u32), FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let (file, metadata) = open_regular(path)?;
    if metadata.len() > max_bytes {
        return Err(FileError::TooLarge { path: path.to_owned(), found: metadata.len(), max: max_bytes });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    // The file may have grown since its size was asked for.
    file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > max_bytes {
        return Err(FileError::TooLarge { path: path.to_owned(), found: bytes.len() as u64, max: max_bytes });
    }
    Ok((bytes, metadata.permissions().mode() & 0o7777))
}

fn open_regular(path: &Path) -> Result<(File, Metadata), FileError> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    // NONBLOCK: opening a pipe that nobody writes to must not stop the station.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let flags = i32::try_from(flags).map_err(|_| failed(io::ErrorKind::Unsupported.into()))?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|source| {
        // The system says "too many levels of symbolic links", which nobody understands who made one.
        let is_link = source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        if is_link { FileError::Link { path: path.to_owned() } } else { failed(source) }
    })?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(FileError::NotRegular { path: path.to_owned() });
    }
    Ok((file, metadata))
}

/// Puts `bytes` at `path` so that a reader, or a machine that loses power, sees the old contents or the new, never a
/// mixture: temporary file, fsync, rename, fsync of the folder.
///
/// Only a regular file is replaced: a device, a pipe or a link would be gone for good, and who named it meant to write
/// into it. This stops a mistake, not somebody who changes the folder at the same moment.
///
/// # Errors
/// When something other than a regular file is at `path`, or the folder cannot be written; `path` is then unchanged,
/// unless it was the disk that refused the last step, the flush of the new name.
pub fn write_atomically(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(FileError::NotReplaced { path: path.to_owned() });
    }
    let write = || -> io::Result<()> {
        let folder = folder_of(path);
        // Opened before the name changes: what fails for want of a descriptor leaves `path` as it was.
        let names = File::open(folder)?;
        let mut file = tempfile::Builder::new().prefix(".assay-").tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        names.sync_all()
    };
    write().map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// As [`write_atomically`], but never over a file that is there.
///
/// # Errors
/// When something is at `path` already (`AlreadyExists`), or the folder cannot be written.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        File::open(folder_of(path))?.sync_all()
    };
    write().map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use std::os::unix::fs::FileTypeExt;

    #[test]
    fn a_link_is_called_that() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, b"x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read_regular_file(&file, 10).unwrap(), b"x");
        let refused = read_regular_file(&link, 10).unwrap_err().to_string();
        assert!(
            refused.ends_with("link is a symbolic link; links are not followed here: name the file itself"),
            "{refused}"
        );
    }

    #[test]
    fn only_a_regular_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let fifo = at("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        std::fs::create_dir(at("folder")).unwrap();
        std::fs::write(at("file"), b"old").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        for name in ["fifo", "folder", "link"] {
            let refused = write_atomically(&at(name), b"new", 0o644).unwrap_err();
            assert!(matches!(&refused, FileError::NotReplaced { path } if *path == at(name)), "{name}: {refused}");
        }
        assert!(fifo.symlink_metadata().unwrap().file_type().is_fifo());
        assert!(at("link").symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read(at("file")).unwrap(), b"old");
        for name in ["file", "fresh"] {
            write_atomically(&at(name), b"new", 0o644).unwrap();
            assert_eq!(std::fs::read(at(name)).unwrap(), b"new", "{name}");
        }
    }
}
