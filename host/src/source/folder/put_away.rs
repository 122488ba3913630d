use super::listing::Folder;
use rustix::fs::{AtFlags, RenameFlags, fstat, renameat, renameat_with, statat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Names that are tried before giving up.
const MAX_NUMBER: u32 = 1000;

/// Moves a file of the folder into `target`, which is made where it is missing. Nothing there is overwritten.
pub(super) fn put_away(folder: &Folder, name: &OsStr, target: &Path) -> Result<(), String> {
    std::fs::create_dir_all(target).map_err(|error| format!("that folder cannot be made: {error}"))?;
    let target = Folder::open(target)?;
    let place = |folder: &Folder| fstat(folder).map(|stat| (stat.st_dev, stat.st_ino));
    if place(folder) == place(&target) {
        return Err("that is the folder it is read from; name another one".to_owned());
    }
    for number in 0..MAX_NUMBER {
        match move_as(folder, name, &target, &numbered(name, number)) {
            Err(Errno::EXIST) => {}
            Err(Errno::XDEV) => return Err("that folder is on another file system; name one on the same".to_owned()),
            Err(error) => return Err(format!("{error}; make both folders writable for the station")),
            Ok(()) => return Ok(()),
        }
    }
    Err(format!("{MAX_NUMBER} files of that name are there already; clear that folder"))
}

fn move_as(folder: &Folder, name: &OsStr, target: &Folder, new_name: &OsStr) -> Result<(), Errno> {
    match renameat_with(folder, name, target, new_name, RenameFlags::NOREPLACE) {
        // File systems without that flag: nobody but the station should write there.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(target, new_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Err(Errno::EXIST),
            Err(Errno::NOENT) => renameat(folder, name, target, new_name),
            Err(error) => Err(error),
        },
        done => done,
    }
}

/// `a.png`, `a-1.png`, `a-2.png`.
fn numbered(name: &OsStr, number: u32) -> OsString {
    if number == 0 {
        return name.to_owned();
    }
    let path = Path::new(name);
    let mut new_name = path.file_stem().unwrap_or(name).to_owned();
    new_name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        new_name.push(".");
        new_name.push(extension);
    }
    new_name
}
