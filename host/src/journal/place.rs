//! On which file systems a journal may lie: those of a local disk. On a network file system the locks and the flush
//! that its promise rests on are only as good as the server's settings, and SQLite's WAL does not work at all between
//! two machines.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Names of network file systems by the number that `statfs` gives.
const BY_MAGIC: [(u64, &str); 13] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "afs (kernel)"),
    (0x00c3_6400, "ceph"),
    (0x0bd0_0bd0, "lustre"),
    (0x7375_7245, "coda"),
    (0x564c, "ncp"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
];
/// A program is behind it: what kind of one only its name in the table of mounts says.
pub(super) const FUSE_MAGIC: u64 = 0x6573_5546;
/// Programs behind FUSE that lead to another machine.
const FUSE_NETWORK: [&str; 15] = [
    "sshfs",
    "glusterfs",
    "ceph",
    "ceph-fuse",
    "s3fs",
    "rclone",
    "davfs",
    "davfs2",
    "curlftpfs",
    "juicefs",
    "gcsfuse",
    "goofys",
    "smbnetfs",
    "moosefs",
    "mfs",
];

/// The name of the network file system, `None` for a local one. `mounted_as` is its name in the table of mounts.
#[must_use]
pub fn network_name(magic: u64, mounted_as: Option<&str>) -> Option<String> {
    if let Some((_, name)) = BY_MAGIC.iter().find(|(number, _)| *number == magic) {
        return Some((*name).to_owned());
    }
    let program = mounted_as.filter(|_| magic == FUSE_MAGIC)?.strip_prefix("fuse.")?;
    FUSE_NETWORK.contains(&program).then(|| format!("fuse.{program}"))
}

/// The name of the network file system that a folder is on, or would be on.
pub fn network_of(dir: &Path) -> io::Result<Option<String>> {
    let there = nearest(dir);
    // The type of the number differs between platforms; magic numbers have 32 bits.
    let magic = u64::from(rustix::fs::statfs(&there)?.f_type as u32);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let place = fs::canonicalize(&there).unwrap_or(there);
    Ok(network_name(magic, mounted_as(&mounts, &place).as_deref()))
}

/// The folder itself, or the nearest one above it that is there.
pub(super) fn nearest(dir: &Path) -> PathBuf {
    let there = dir.ancestors().find(|path| path.exists());
    there.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Under which type the file system of `place` is mounted: of the mounts above it the deepest, of those the last.
pub(super) fn mounted_as(mounts: &str, place: &Path) -> Option<String> {
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let (Some(point), Some(kind)) = (before.split(' ').nth(4), after.split(' ').next()) else { continue };
        let point = unescaped(point);
        let depth = Path::new(&point).components().count();
        if place.starts_with(&point) && best.is_none_or(|(deepest, _)| depth >= deepest) {
            best = Some((depth, kind));
        }
    }
    best.map(|(_, kind)| kind.to_owned())
}

/// The kernel writes a blank as `\040`, and likewise tab, line end and backslash.
fn unescaped(point: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(point.to_owned(), |text, (code, plain)| text.replace(code, plain))
}
