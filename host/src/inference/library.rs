use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Where distributions put shared libraries.
const SYSTEM_DIRS: &[&str] =
    &["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib"];

/// A shared library that is looked for at run time.
pub(super) struct Wanted {
    /// Without prefix and suffix: `openvino_c`.
    pub(super) stem: &'static str,
    pub(super) variable: &'static str,
    /// The key in the station's configuration.
    pub(super) option: &'static str,
    /// The command that installs it.
    pub(super) install: &'static str,
    /// Folders below the one given: the layouts of an unpacked PyPI wheel.
    pub(super) folders: &'static [&'static str],
}

/// Finds the library's file: in `dir` if given, else in the folder that the environment variable names, else where the
/// system keeps libraries. A folder that was named decides alone: a wrong one is reported, not passed over, so that a
/// station never runs another library than it was told to.
pub(super) fn locate(wanted: &Wanted, dir: Option<&Path>) -> Result<PathBuf, String> {
    let variable = std::env::var_os(wanted.variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = match (dir, &variable) {
        (Some(dir), _) => Some((dir, wanted.option)),
        (None, Some(dir)) => Some((dir.as_path(), wanted.variable)),
        (None, None) => None,
    };
    let file = file_name(wanted.stem);
    let Some((dir, origin)) = named else {
        let found = SYSTEM_DIRS.iter().find_map(|dir| newest(Path::new(dir), wanted.stem));
        let (variable, option, install) = (wanted.variable, wanted.option, wanted.install);
        return found.ok_or_else(|| {
            format!("no {file} in the system's library folders: run `{install}`, or set {option} or {variable}")
        });
    };
    let folders = std::iter::once(dir.to_path_buf()).chain(wanted.folders.iter().map(|folder| dir.join(folder)));
    let mut hits = folders.filter_map(|folder| newest(&folder, wanted.stem));
    let hit = hits.next().ok_or_else(|| {
        let (folders, install) = (wanted.folders.join(", "), wanted.install);
        format!("{origin} names {}, which holds no {file} (nor do {folders} in it): run `{install}`", dir.display())
    })?;
    // The loaders below want an absolute path: a relative one would be looked up beside the program.
    hit.canonicalize().map_err(|error| format!("{} can't be read: {error}", hit.display()))
}

fn file_name(stem: &str) -> String {
    format!("{DLL_PREFIX}{stem}{DLL_SUFFIX}")
}

/// The library in `folder` with the highest version; wheels and packages may only hold the versioned name.
fn newest(folder: &Path, stem: &str) -> Option<PathBuf> {
    let file = file_name(stem);
    let names = std::fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.file_name());
    let version = |name: &OsStr| version_of(name, &file);
    let (_, name) = names.filter_map(|name| Some((version(&name)?, name))).max()?;
    Some(folder.join(name))
}

/// The version behind a library's name: empty for `libx.so`, `[1, 32]` for `libx.so.1.32`.
fn version_of(name: &OsStr, file: &str) -> Option<Vec<u64>> {
    let rest = name.to_str()?.strip_prefix(file)?;
    if rest.is_empty() {
        return Some(Vec::new());
    }
    rest.strip_prefix('.')?.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
    use super::*;

    const WANTED: Wanted = Wanted {
        stem: "assay_probe",
        variable: "ASSAY_PROBE_DIR_THAT_NOBODY_SETS",
        option: "probe_dir",
        install: "cargo xtask probe",
        folders: &["libs", "package/libs"],
    };

    #[test]
    fn the_highest_version_in_the_first_folder_that_has_one_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let libs = dir.path().join("package/libs");
        std::fs::create_dir_all(&libs).unwrap();
        for name in ["libassay_probe.so.9.1", "libassay_probe.so.10.0", "libassay_probe.so.txt", "libother.so"] {
            std::fs::write(libs.join(name), b"").unwrap();
        }
        let found = locate(&WANTED, Some(dir.path())).unwrap();
        assert_eq!(found.file_name().unwrap(), "libassay_probe.so.10.0");
        assert!(found.is_absolute());
    }

    #[test]
    fn a_named_folder_without_the_library_is_reported_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let reason = locate(&WANTED, Some(dir.path())).unwrap_err();
        for part in ["probe_dir", "libassay_probe.so", "cargo xtask probe", &dir.path().display().to_string()] {
            assert!(reason.contains(part), "{reason} lacks {part}");
        }
    }

    #[test]
    fn a_library_that_the_system_does_not_have_is_reported_with_the_variable_to_set() {
        let reason = locate(&WANTED, None).unwrap_err();
        assert!(reason.contains(WANTED.variable) && reason.contains(WANTED.install), "{reason}");
    }
}
