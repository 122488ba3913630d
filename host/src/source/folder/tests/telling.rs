use super::*;
use crate::source::folder::watch::{Known, State};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn what_the_system_says_is_complete_is_taken_at_once_and_once() {
    let folder = folder(&[("a.png", "A"), ("b.png", "half")]);
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    assert_eq!(origins(&watching.news(&["a.png", "gone.png"], &["b.png"])), ["a.png"]);
    assert_eq!(watching.news(&["a.png"], &[]).len(), 0, "nothing changed");
    assert_eq!(watching.look().len(), 0, "b may be half-written");
    assert_eq!(origins(&watching.news(&["b.png"], &[])), ["b.png"]);
    fs::write(folder.path().join("a.png"), "anew").unwrap();
    assert_eq!(text(&watching.news(&["a.png"], &[])[0]), "anew");
}

/// A file that could not be read and is not tried again by itself for long.
fn failed(watching: &mut Watching, folder: &Path) {
    let look = Folder::open(folder).unwrap().look_at(OsStr::new("a.png")).unwrap();
    let again_at = Instant::now() + Duration::from_secs(3600);
    let state = State::Failed { changed_us: look.changed_us, again_at };
    watching.run.known.insert("a.png".into(), Known { stamp: look.stamp, state });
}

#[test]
fn a_file_whose_permissions_are_put_right_is_tried_again() {
    let folder = folder(&[("a.png", "A")]);
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    let put_right = || fs::set_permissions(folder.path().join("a.png"), fs::Permissions::from_mode(0o640)).unwrap();
    failed(&mut watching, folder.path());
    assert_eq!(watching.look().len(), 0, "as long as nothing changes it is left alone");
    put_right();
    assert_eq!(text(&watching.look()[0]), "A", "by looking");
    failed(&mut watching, folder.path());
    assert_eq!(watching.news(&[], &["a.png"]).len(), 0);
    put_right();
    assert_eq!(text(&watching.news(&[], &["a.png"])[0]), "A", "by being told");
    let unreadable = ReadError::Io(std::io::ErrorKind::PermissionDenied.into());
    assert_eq!((took_of(&unreadable), took_of(&ReadError::Link)), (Took::Failed, Took::Done));
}

#[test]
fn a_watched_file_that_is_taken_is_not_taken_again_for_its_permissions() {
    let folder = folder(&[("a.png", "A")]);
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    assert_eq!(watching.news(&["a.png"], &[]).len(), 1);
    fs::set_permissions(folder.path().join("a.png"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(watching.news(&[], &["a.png"]).len() + watching.look().len(), 0);
}

/// A running source that would look by itself only after ten minutes.
fn waiting(folder: &Path) -> (Receiver<Arrival>, StopFlag, thread::JoinHandle<()>) {
    let (out, arrivals) = line(10);
    let stop = StopFlag::new();
    let source = Box::new(FolderSource::new(FolderOptions { poll_ms: 600_000, ..options(folder, FolderMode::Watch) }));
    let running = thread::spawn({
        let stop = stop.clone();
        move || source.run(&out, &stop)
    });
    (arrivals, stop, running)
}

#[test]
fn the_system_tells_of_files_that_are_written_and_of_files_that_are_moved_in() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir_in(folder.path()).unwrap();
    let (arrivals, stop, running) = waiting(folder.path());
    fs::write(elsewhere.path().join("b.png"), "B").unwrap();
    // Before the first look there is nobody to tell: written until it is heard of.
    let start = Instant::now();
    let first = loop {
        fs::write(folder.path().join("a.png"), "A").unwrap();
        match arrivals.recv_timeout(Duration::from_millis(100)) {
            Ok(arrival) => break arrival,
            Err(_) => assert!(start.elapsed() < PATIENCE, "nothing was told"),
        }
    };
    assert_eq!(first.origin.as_deref(), Some("a.png"));
    fs::rename(elsewhere.path().join("b.png"), folder.path().join("b.png")).unwrap();
    let mut rest = std::iter::from_fn(|| arrivals.recv_timeout(PATIENCE).ok());
    assert!(rest.any(|arrival| arrival.origin.as_deref() == Some("b.png")));
    stop.stop();
    drop(arrivals);
    running.join().unwrap();
}
