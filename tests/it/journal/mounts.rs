//! A process with mounts of its own, for tests that need a disk which is small, full or read-only.

use std::path::Path;
use std::process::Command;

const INSIDE: &str = "ASSAY_TEST_OWN_MOUNTS";
/// As the superuser, or as a user whom the system lets be one among mounts of its own.
const WAYS: [&[&str]; 2] = [&["unshare", "--mount"], &["unshare", "--map-root-user", "--mount"]];

/// True in such a process. Elsewhere it runs `test`, named by its path, in one, and fails as it does.
pub fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut reasons = String::new();
    for way in WAYS {
        match probe(way) {
            Ok(()) => {
                run(way, test);
                return false;
            }
            Err(reason) => reasons += &format!("\n  {}: {}", way.join(" "), reason.trim()),
        }
    }
    panic!(
        "this test mounts a small file system, and may not:{reasons}\nRun the tests as root, or let users have \
         namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=1000 \
         kernel.apparmor_restrict_unprivileged_userns=0"
    );
}

fn probe(way: &[&str]) -> Result<(), String> {
    let dir = tempfile::tempdir().unwrap();
    let words = ["mount", "-t", "tmpfs", "-o", "size=1m", "assay-test"];
    let tried = Command::new(way[0]).args(&way[1..]).arg("--").args(words).arg(dir.path()).output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn run(way: &[&str], test: &str) {
    let output = Command::new(way[0])
        .args(&way[1..])
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("1 passed"), "among mounts of its own:\n{text}");
    text.lines().map(str::trim).filter(|line| line.starts_with("disk:")).for_each(super::say);
}

/// Mounts a small file system on `dir`; it goes with the process.
pub fn small_disk(dir: &Path, size: &str) {
    mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "assay-test"], dir);
}

pub fn read_only(dir: &Path) {
    mount(&["-o", "remount,ro"], dir);
}

fn mount(words: &[&str], dir: &Path) {
    let status = Command::new("mount").args(words).arg(dir).status().unwrap();
    assert!(status.success(), "mount {words:?}: {status}");
}
