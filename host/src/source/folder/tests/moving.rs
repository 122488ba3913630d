use super::*;
use crate::source::folder::in_flight::MAX_IN_FLIGHT;

/// A watched folder with one file and the folder it moves to.
fn moving(content: &str) -> (TempDir, std::path::PathBuf, FolderOptions) {
    let folder = folder(&[("a.png", content)]);
    let done = folder.path().join("done");
    let after = AfterReading::MoveTo(done.clone());
    let options = FolderOptions { after, ..options(folder.path(), FolderMode::Watch) };
    (folder, done, options)
}

/// Looks until the source gives something.
fn next(watching: &mut Watching) -> Arrival {
    let mut looks = (0..4).map(|_| watching.look());
    looks.find_map(|mut arrivals| arrivals.pop()).unwrap()
}

#[test]
fn a_file_moves_only_once_its_record_is_durable() {
    let (folder, done, options) = moving("A");
    let mut watching = Watching::new(options);
    let arrival = next(&mut watching);
    watching.hear();
    assert!(folder.path().join("a.png").exists(), "its record is not durable yet");
    assert_eq!(watching.look().len(), 0, "it is in flight");
    settle(arrival, Some(7));
    watching.hear();
    assert!(!folder.path().join("a.png").exists());
    assert_eq!(fs::read_to_string(done.join("a.png")).unwrap(), "A");
}

#[test]
fn a_file_without_a_durable_record_stays_and_is_given_again() {
    let (folder, done, options) = moving("A");
    let mut watching = Watching::new(options);
    settle(next(&mut watching), None);
    watching.hear();
    assert!(folder.path().join("a.png").exists() && !done.exists());
    drop(next(&mut watching));
    watching.hear();
    assert!(folder.path().join("a.png").exists(), "a frame that was never judged has no record either");
    settle(next(&mut watching), Some(7));
    watching.hear();
    assert!(done.join("a.png").exists());
}

#[test]
fn a_file_that_was_written_anew_meanwhile_is_not_moved_for_the_old_one() {
    let (folder, done, options) = moving("A");
    let mut watching = Watching::new(options);
    let first = next(&mut watching);
    fs::write(folder.path().join("a.png"), "another").unwrap();
    settle(first, Some(7));
    watching.hear();
    assert!(folder.path().join("a.png").exists() && !done.exists());
    let second = next(&mut watching);
    assert_eq!(text(&second), "another");
    settle(second, Some(8));
    watching.hear();
    assert_eq!(fs::read_to_string(done.join("a.png")).unwrap(), "another");
}

#[test]
fn a_move_that_failed_is_tried_again_without_judging_again() {
    let (folder, done, options) = moving("A");
    fs::write(&done, "a file in the way").unwrap();
    let mut watching = Watching::new(options);
    settle(next(&mut watching), Some(7));
    watching.hear();
    let reports = watching.look();
    assert_eq!(origins(&reports), ["-"], "reported once");
    assert!(problem(&reports[0]).detail.contains("cannot go to"), "{}", problem(&reports[0]).detail);
    fs::remove_file(&done).unwrap();
    assert_eq!(watching.look().len(), 0);
    assert!(!folder.path().join("a.png").exists() && done.join("a.png").exists());
}

#[test]
fn a_file_whose_folder_was_away_when_its_record_came_is_moved_later_and_not_judged_again() {
    let (folder, done, options) = moving("A");
    let mut watching = Watching::new(options);
    let arrival = next(&mut watching);
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    settle(arrival, Some(7));
    watching.hear();
    fs::rename(&away, folder.path()).unwrap();
    assert_eq!(watching.look().len(), 0);
    assert!(!folder.path().join("a.png").exists() && done.join("a.png").exists());
}

fn recorded(content: &str, captured_at_us: i64) -> Vec<RecordedFile> {
    vec![RecordedFile { name: "a.png".to_owned(), picture: Digest::of(content.as_bytes()), captured_at_us }]
}

#[test]
fn what_a_crash_left_behind_is_moved_and_not_judged_again() {
    for mode in [FolderMode::Once, FolderMode::Watch] {
        let (folder, done, options) = moving("A");
        let options = FolderOptions { mode, recorded: recorded("A", now_us() + 1_000_000), ..options };
        if mode == FolderMode::Once {
            assert_eq!(all(options).len(), 0);
        } else {
            let mut watching = Watching::new(options);
            assert_eq!((0..3).map(|_| watching.look().len()).sum::<usize>(), 0);
        }
        assert!(!folder.path().join("a.png").exists() && done.join("a.png").exists());
    }
}

#[test]
fn a_file_that_came_after_the_record_or_has_another_content_is_judged() {
    let later = recorded("A", now_us() - 60_000_000);
    let other = recorded("B", now_us() + 60_000_000);
    for recorded in [later, other] {
        let (_folder, done, options) = moving("A");
        let arrivals = all(FolderOptions { mode: FolderMode::Once, recorded, ..options });
        assert_eq!(arrivals.len(), 1);
        assert!(done.join("a.png").exists());
    }
}

#[test]
fn no_more_files_are_in_flight_than_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..MAX_IN_FLIGHT + 5 {
        fs::write(folder.path().join(format!("{number:03}.png")), "x").unwrap();
    }
    let after = AfterReading::MoveTo(folder.path().join("done"));
    let options = FolderOptions { after, ..options(folder.path(), FolderMode::Once) };
    let (out, arrivals) = line(1000);
    let running = thread::spawn(move || Box::new(FolderSource::new(options)).run(&out, &StopFlag::new()));
    let mut first: Vec<_> = (0..MAX_IN_FLIGHT).map(|_| arrivals.recv_timeout(PATIENCE).unwrap()).collect();
    assert!(arrivals.recv_timeout(Duration::from_millis(200)).is_err(), "the next one waits");
    settle(first.remove(0), Some(1));
    let next = arrivals.recv_timeout(PATIENCE).unwrap();
    first.into_iter().chain([next]).for_each(|arrival| settle(arrival, Some(1)));
    arrivals.iter().for_each(|arrival| settle(arrival, Some(1)));
    running.join().unwrap();
    assert_eq!(fs::read_dir(folder.path().join("done")).unwrap().count(), MAX_IN_FLIGHT + 5);
}
