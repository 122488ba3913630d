use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, open, statat};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Extensions of picture files, in any case. Also of formats that `decode` does not read: the part was there, so it
/// gets a record that says what is wrong with its picture. Lists and notes beside the pictures are left alone.
const EXTENSIONS: [&str; 18] = [
    "png", "jpg", "jpeg", "bmp", "pnm", "pbm", "pgm", "ppm", "pam", "tif", "tiff", "webp", "gif", "jp2", "jxl", "avif",
    "heic", "raw",
];

/// Names that one look through a folder keeps when it does not have to know them all.
pub(super) const BATCH: usize = 1024;

/// Names that a watched folder may hold: all of them are remembered.
pub(super) const MAX_WATCHED: usize = 100_000;

/// Tells two states of a file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_s: stat.st_mtime,
            modified_ns: i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
        }
    }

    pub(super) const fn size(&self) -> u64 {
        self.size
    }
}

/// A file as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub stamp: Stamp,
    /// When its content, its name or its permissions were last changed, in microseconds since 1970.
    pub changed_us: i64,
}

impl Look {
    pub(super) fn of(stat: &Stat) -> Self {
        let micros = i64::try_from(stat.st_ctime_nsec).unwrap_or(0) / 1000;
        Self { stamp: Stamp::of(stat), changed_us: stat.st_ctime.saturating_mul(1_000_000).saturating_add(micros) }
    }
}

/// A folder that is open: a name means a file of this very folder, whatever happens to the path meanwhile.
pub(super) struct Folder {
    fd: OwnedFd,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = open(path, flags, Mode::empty()).map_err(|error| {
            format!("it cannot be opened: {error}; make it exist and readable for the station, it is tried again")
        })?;
        Ok(Self { fd })
    }

    /// The first names of pictures after `last`, in order.
    pub(super) fn batch_after(&self, last: Option<&OsStr>) -> Result<BTreeSet<OsString>, String> {
        let mut batch = BTreeSet::new();
        self.each_picture(|name, _| {
            if last.is_none_or(|last| name > last) {
                batch.insert(name.to_owned());
                if batch.len() > BATCH {
                    batch.pop_last();
                }
            }
            Ok(())
        })?;
        Ok(batch)
    }

    /// One file of the folder; none where it is not there.
    pub(super) fn look_at(&self, name: &OsStr) -> Option<Look> {
        statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| Look::of(&stat))
    }

    /// All pictures as they are now.
    pub(super) fn all(&self) -> Result<BTreeMap<OsString, Look>, String> {
        self.all_up_to(MAX_WATCHED)
    }

    pub(super) fn all_up_to(&self, max: usize) -> Result<BTreeMap<OsString, Look>, String> {
        let mut all = BTreeMap::new();
        self.each_picture(|name, look| {
            if all.len() >= max {
                return Err(format!("it holds more than {max} pictures; move those that are done to another folder"));
            }
            all.insert(name.to_owned(), look);
            Ok(())
        })?;
        Ok(all)
    }

    fn each_picture(&self, mut use_it: impl FnMut(&OsStr, Look) -> Result<(), String>) -> Result<(), String> {
        let failed = |error: Errno| format!("it cannot be read: {error}; check the disk or the network share");
        for entry in Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if !is_picture_name(name) {
                continue;
            }
            match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {}
                Ok(stat) => use_it(name, Look::of(&stat))?,
                // It went away between the two calls.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(super) fn is_picture_name(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    !name.as_bytes().starts_with(b".")
        && extension.is_some_and(|found| EXTENSIONS.iter().any(|known| found.eq_ignore_ascii_case(known)))
}
