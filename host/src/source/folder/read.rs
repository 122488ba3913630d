use super::listing::{Folder, Look, Stamp};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error("it is gone")]
    Gone,
    #[error("it changed while it was being read; write it elsewhere and move it here when it is complete")]
    Changing,
    #[error("it is a symbolic link, which is not followed; put the file itself here")]
    Link,
    #[error("it is no regular file; only regular files are read")]
    NotAFile,
    #[error("it has {found} bytes, at most {allowed} are allowed; make the picture smaller or raise the limit")]
    TooLarge { found: u64, allowed: u64 },
    #[error("it cannot be read: {0}; check its permissions and the disk")]
    Io(std::io::Error),
}

/// A whole file, and what it was when it was read.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub bytes: Arc<[u8]>,
    pub stamp: Stamp,
    /// As in [`Look`].
    pub changed_us: i64,
}

impl From<Errno> for ReadError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::NOENT => Self::Gone,
            Errno::LOOP => Self::Link,
            other => Self::Io(other.into()),
        }
    }
}

/// Opens a file of the folder once and reads all of it: what is checked is what is read.
///
/// The limit holds for the size the file has when it is opened; a file that has another size when it has been read is
/// not given out. With `expected`, a file in another state than that counts as changing.
pub(super) fn read(
    folder: &Folder,
    name: &OsStr,
    expected: Option<Stamp>,
    max_bytes: u64,
) -> Result<ReadFile, ReadError> {
    // Not to wait for the other end of a pipe that has a picture's name.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(ReadError::NotAFile);
    }
    let Look { stamp, changed_us } = Look::of(&stat);
    if expected.is_some_and(|expected| expected != stamp) {
        return Err(ReadError::Changing);
    }
    if stamp.size() > max_bytes {
        return Err(ReadError::TooLarge { found: stamp.size(), allowed: max_bytes });
    }
    let bytes = read_exactly(&mut file, stamp.size())?;
    if Stamp::of(&fstat(&file)?) != stamp {
        return Err(ReadError::Changing);
    }
    Ok(ReadFile { bytes, stamp, changed_us })
}

fn read_exactly(file: &mut File, size: u64) -> Result<Arc<[u8]>, ReadError> {
    let size = usize::try_from(size).map_err(|_| ReadError::Io(std::io::ErrorKind::OutOfMemory.into()))?;
    let mut bytes = vec![0; size];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => ReadError::Changing,
        _ => ReadError::Io(error),
    })?;
    Ok(bytes.into())
}
