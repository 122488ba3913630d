//! Debian packages: says what and why before it installs, and what to type where it can't.

use crate::process::{Cmd, find_program};
use crate::ui;
use anyhow::{Context, Result, bail};

/// Installs those of `packages` that are missing.
pub fn ensure(packages: &[&str], why: &str) -> Result<()> {
    let missing: Vec<&str> = packages.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = by_hand(&missing);
    if find_program("apt-get").is_none() {
        bail!("missing: {} ({why}); this system has no apt-get, so install them by hand", missing.join(", "));
    }
    ui::step(format!("Installing the Debian packages {}: {why}", missing.join(", ")));
    let Some(root) = become_root() else {
        bail!("missing: {} ({why}); this user may not install packages. Run: {by_hand}", missing.join(", "));
    };
    // An old list may name files that are gone; if it can't be renewed, the install itself tells.
    if let Err(error) = apt(&root, &["update"]).read_during("reading Debian's package lists") {
        ui::say(format!("    the package lists could not be renewed, going on with the old ones: {error:#}"));
    }
    apt(&root, &["install", "-y", "--no-install-recommends"])
        .args(&missing)
        .read_during("installing")
        .with_context(|| format!("the packages could not be installed. By hand: {by_hand}"))?;
    Ok(())
}

/// What a person types.
pub fn by_hand(packages: &[&str]) -> String {
    format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn installed(package: &str) -> bool {
    let status = Cmd::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]).read();
    status.is_ok_and(|text| text.trim() == "installed")
}

/// The words before apt-get; None where only a person with a password can install.
fn become_root() -> Option<Vec<&'static str>> {
    let user = Cmd::new("id").arg("-u").read().unwrap_or_default();
    if user.trim() == "0" {
        return Some(Vec::new());
    }
    Cmd::new("sudo").args(["-n", "true"]).works().then(|| vec!["sudo", "-n"])
}

fn apt(root: &[&str], args: &[&str]) -> Cmd {
    let words = root.iter().chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"].iter()).chain(args);
    let mut words = words.copied();
    let first = words.next().unwrap_or("apt-get");
    Cmd::new(first).args(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_by_hand_names_every_package() {
        assert_eq!(by_hand(&["a", "b"]), "apt-get update && apt-get install -y --no-install-recommends a b");
    }

    #[test]
    fn a_package_that_is_not_there_is_not_installed() {
        assert!(!installed("assay-no-such-package"));
    }
}
