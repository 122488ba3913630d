use super::ModelSource;
use std::path::{Path, PathBuf};

/// The folder for the compiled blobs of one model on one device with one library.
///
/// OpenVINO runs what it finds there without a check of ours, so the folder must be as safe as the program: it belongs
/// to the station's user alone, and one that others can write to is refused.
pub(super) fn folder(dir: &Path, source: &ModelSource, version: &str, device: &str) -> Result<PathBuf, String> {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).take(64).collect()
    };
    let mut path = dir.to_path_buf();
    for part in ["openvino".to_owned(), plain(version), plain(device), source.digest.to_string()] {
        path.push(part);
        create(&path)?;
    }
    Ok(path)
}

#[cfg(unix)]
fn create(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let failed = |error: std::io::Error| format!("the cache folder {} can't be used: {error}", path.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let found = std::fs::symlink_metadata(path).map_err(failed)?;
    // A file of our own tells who we are.
    let us = tempfile::tempfile_in(path).and_then(|file| file.metadata()).map_err(failed)?.uid();
    let (mode, owner) = (found.mode() & 0o777, found.uid());
    if !found.is_dir() || owner != us || mode & 0o022 != 0 {
        return Err(format!(
            "the cache folder {} must be a folder that user {us} owns and nobody else can write to; found owner \
             {owner}, mode {mode:o}: remove it, or run chmod 700",
            path.display()
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn create(path: &Path) -> Result<(), String> {
    std::fs::create_dir_all(path).map_err(|error| format!("the cache folder {} can't be used: {error}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_cache_folder_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("blobs");
        create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = create(&path).unwrap_err();
        assert!(refused.contains("777") && refused.contains("chmod 700"), "{refused}");
    }
}
