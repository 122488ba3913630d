use super::*;
use assay::plugin::CacheOptions;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn host_with(dir: &Path, secret: u8) -> PluginHost {
    let cache = CacheOptions { dir: dir.to_owned(), secret: [secret; 32] };
    PluginHost::new(PluginHostOptions { cache: Some(cache), ..options() }).unwrap()
}

fn admit(dir: &Path, secret: u8, guest: &str, kind: PluginKind) -> Arc<AdmittedPlugin> {
    host_with(dir, secret).admit(source(guest, kind)).unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Marks a file with a time that rewriting would change.
fn mark(file: &Path) {
    let file = std::fs::File::options().write(true).open(file).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
}

fn is_marked(file: &Path) -> bool {
    std::fs::metadata(file).unwrap().modified().unwrap() == SystemTime::UNIX_EPOCH
}

#[test]
fn compiled_code_is_kept_and_used_again() {
    let dir = tempfile::tempdir().unwrap();
    admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    let files = files(dir.path());
    assert_eq!(files.len(), 1, "{files:?}");
    mark(&files[0]);
    let plugin = admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    assert!(is_marked(&files[0]), "it was compiled again");
    healthy_call_works(&plugin);
}

#[test]
fn a_flipped_bit_anywhere_means_compiling_again() {
    let dir = tempfile::tempdir().unwrap();
    admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    let file = files(dir.path()).remove(0);
    let good = std::fs::read(&file).unwrap();
    for place in [0, 8, 39, 40, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        std::fs::write(&file, bad).unwrap();
        mark(&file);
        healthy_call_works(&admit(dir.path(), 1, "healthy-detector", PluginKind::Detector));
        assert!(!is_marked(&file), "the damaged file was believed, byte {place}");
    }
}

#[test]
fn a_truncated_or_foreign_file_means_compiling_again() {
    let dir = tempfile::tempdir().unwrap();
    admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    let file = files(dir.path()).remove(0);
    admit(dir.path(), 1, "healthy-monitor", PluginKind::Monitor);
    let other = files(dir.path()).into_iter().find(|found| *found != file).unwrap();
    let good = std::fs::read(&file).unwrap();
    let foreign = std::fs::read(other).unwrap();
    for bad in [&[][..], &good[..7], &good[..40], &good[..good.len() - 1], &foreign, b"hello"] {
        std::fs::write(&file, bad).unwrap();
        mark(&file);
        healthy_call_works(&admit(dir.path(), 1, "healthy-detector", PluginKind::Detector));
        assert!(!is_marked(&file), "{} bytes were believed", bad.len());
    }
}

#[test]
fn code_of_another_stations_secret_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    let file = files(dir.path()).remove(0);
    mark(&file);
    healthy_call_works(&admit(dir.path(), 2, "healthy-detector", PluginKind::Detector));
    assert!(!is_marked(&file));
}

#[test]
fn a_cache_that_cannot_be_written_costs_only_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, b"not a folder").unwrap();
    healthy_call_works(&admit(&file, 1, "healthy-detector", PluginKind::Detector));
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    admit(dir.path(), 1, "healthy-detector", PluginKind::Detector);
    let file = files(dir.path()).remove(0);
    let elsewhere = dir.path().join("elsewhere");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    mark(&elsewhere);
    healthy_call_works(&admit(dir.path(), 1, "healthy-detector", PluginKind::Detector));
    assert!(std::fs::symlink_metadata(&file).unwrap().is_file(), "the link was followed");
    assert!(is_marked(&elsewhere));
}
