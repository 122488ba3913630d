use super::super::place::{FUSE_MAGIC, mounted_as, nearest, network_name, network_of};
use super::*;
use std::io;

#[test]
fn network_file_systems_are_known_by_number_or_by_the_program_behind_them() {
    let network = [
        (0x6969, "nfs4"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb3"),
        (0x517b, "smbfs"),
        (0x0102_1997, "9p"),
        (0x5346_414f, "afs"),
        (0x00c3_6400, "ceph"),
        (0x0bd0_0bd0, "lustre"),
        (FUSE_MAGIC, "fuse.sshfs"),
        (FUSE_MAGIC, "fuse.glusterfs"),
        (FUSE_MAGIC, "fuse.rclone"),
    ];
    for (magic, kind) in network {
        assert!(network_name(magic, Some(kind)).is_some(), "{kind} {magic:#x}");
    }
    let local = [
        (0xef53, "ext4"),
        (0x5846_5342, "xfs"),
        (0x9123_683e, "btrfs"),
        (0x0102_1994, "tmpfs"),
        (0x794c_7630, "overlay"),
        (0x2fc1_2fc1, "zfs"),
        (0xf2f5_2010, "f2fs"),
        (FUSE_MAGIC, "fuseblk"),
        (FUSE_MAGIC, "fuse.mergerfs"),
        // The name alone says nothing: only the kernel's number counts.
        (0xef53, "fuse.sshfs"),
    ];
    for (magic, kind) in local {
        assert_eq!(network_name(magic, Some(kind)), None, "{kind} {magic:#x}");
    }
    assert_eq!(network_name(0x6969, None).as_deref(), Some("nfs"));
}

#[test]
fn the_deepest_mount_above_the_folder_counts_and_of_two_in_one_place_the_last() {
    let mounts = "22 1 254:0 / / rw - ext4 /dev/vda rw\n\
                  30 22 0:50 / /srv/line\\0401 rw,nosuid shared:7 - fuse.sshfs plant:/ rw\n\
                  31 22 0:51 / /srv rw - nfs4 plant:/srv rw\n\
                  32 22 0:52 / /mnt rw - tmpfs none rw\n\
                  33 22 0:53 / /mnt rw - 9p none rw\n\
                  nonsense\n";
    let at = |place: &str| mounted_as(mounts, Path::new(place));
    assert_eq!(at("/srv/line 1/data").as_deref(), Some("fuse.sshfs"));
    assert_eq!(at("/srv/line").as_deref(), Some("nfs4"));
    assert_eq!(at("/mnt/x").as_deref(), Some("9p"));
    assert_eq!(at("/home").as_deref(), Some("ext4"));
    assert_eq!(mounted_as("", Path::new("/home")), None);
}

#[test]
fn a_folder_that_is_not_there_yet_is_judged_by_the_one_above_it() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(nearest(&dir.path().join("a/b/c")), dir.path());
    assert_eq!(network_of(&dir.path().join("a/b/c")).unwrap(), None);
}

/// Files as they are, on a disk of another machine.
#[derive(Debug)]
struct Remote;

impl Files for Remote {
    fn network(&self, _: &Path) -> io::Result<Option<String>> {
        Ok(Some("nfs".to_owned()))
    }
}

#[test]
fn a_folder_on_a_network_file_system_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("journal");
    let error = Journal::open(JournalOptions { files: Arc::new(Remote), ..options(&place) }).err();
    assert!(matches!(&error, Some(JournalError::NetworkFolder { kind, .. }) if kind == "nfs"), "{error:?}");
    assert!(!place.exists());
    assert!(error.unwrap().to_string().contains("a disk of this machine"));
}
