use super::*;
use crate::source::folder::watch::{Known, State};
use std::io::Write as _;
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

/// Looks at what the system tells until `until` is true of it.
fn hear_until(watching: &Watching, until: impl Fn(&Wake) -> bool) {
    let start = Instant::now();
    while !until(&watching.wake) {
        assert!(start.elapsed() < PATIENCE, "nothing was told");
        thread::yield_now();
    }
}

#[test]
fn a_file_whose_writer_pauses_is_taken_once_it_is_closed_and_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut watching = Watching { wake: Wake::new(), ..Watching::new(options(folder.path(), FolderMode::Watch)) };
    assert_eq!(watching.look().len(), 0);
    let mut writer = fs::File::create(folder.path().join("a.png")).unwrap();
    writer.write_all(b"half").unwrap();
    let long = Duration::from_secs(3600);
    hear_until(&watching, |wake| wake.is_being_written(OsStr::new("a.png"), 4, long));
    for look in 0..5 {
        assert_eq!(watching.look().len(), 0, "look {look}");
    }
    writer.write_all(b" and half").unwrap();
    drop(writer);
    hear_until(&watching, |wake| !wake.is_being_written(OsStr::new("a.png"), 13, long));
    let news = watching.wake.take();
    assert!(news.complete.contains(OsStr::new("a.png")));
    assert_eq!(text(&watching.news(&["a.png"], &[])[0]), "half and half");
    assert_eq!(watching.look().len(), 0, "once");
}

#[test]
fn a_file_that_is_never_closed_is_taken_when_it_was_quiet_for_long() {
    let folder = tempfile::tempdir().unwrap();
    let quick = FolderOptions { quiet_ms: 0, ..options(folder.path(), FolderMode::Watch) };
    let mut watching = Watching { wake: Wake::new(), ..Watching::new(quick) };
    assert_eq!(watching.look().len(), 0);
    let mut writer = fs::File::create(folder.path().join("a.png")).unwrap();
    writer.write_all(b"whole").unwrap();
    hear_until(&watching, |wake| wake.is_being_written(OsStr::new("a.png"), 5, Duration::from_secs(3600)));
    watching.look();
    assert_eq!(text(&watching.look()[0]), "whole");
}

#[test]
fn a_link_to_a_whole_file_needs_no_close() {
    let folder = folder(&[("a.txt", "whole")]);
    let mut watching = Watching { wake: Wake::new(), ..Watching::new(options(folder.path(), FolderMode::Watch)) };
    assert_eq!(watching.look().len(), 0);
    fs::hard_link(folder.path().join("a.txt"), folder.path().join("a.png")).unwrap();
    hear_until(&watching, |wake| wake.is_being_written(OsStr::new("a.png"), 0, Duration::from_secs(3600)));
    watching.look();
    assert_eq!(text(&watching.look()[0]), "whole");
}

#[test]
fn of_a_folder_that_comes_back_is_told_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("in");
    let mut watching = Watching { wake: Wake::new(), ..Watching::new(options(&path, FolderMode::Watch)) };
    for round in 0..2 {
        fs::create_dir(&path).unwrap();
        watching.look();
        fs::write(path.join("a.png"), "A").unwrap();
        hear_until(&watching, |wake| wake.take().complete.contains(OsStr::new("a.png")));
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(problem(&watching.look()[0]).code, FailureCode::Unreadable, "round {round}");
    }
}
