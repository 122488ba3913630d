#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::listing::BATCH;
use super::wake::{News, Wake};
use super::*;
use crate::domain::{FrameId, FrameMeta, Inspection, Verdict};
use crate::source::{QueueLimits, Settlement, queue};
use crossbeam_channel::Receiver;
use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use tempfile::TempDir;

/// Long enough for any machine; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

fn options(path: &Path, mode: FolderMode) -> FolderOptions {
    FolderOptions {
        name: "line-1".to_owned(),
        path: path.to_owned(),
        mode,
        poll_ms: 1,
        quiet_ms: 3_600_000,
        pace_ms: 0,
        after: AfterReading::Leave,
        max_file_bytes: 100,
        name_fields: NameFields::Nothing,
        simulated: false,
        recorded: Vec::new(),
    }
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

/// A queue of so many frames.
fn line(frames: usize) -> (Outlet, Receiver<Arrival>) {
    let (out, arrivals, _) = queue(QueueLimits { frames, bytes: u64::MAX });
    (out, arrivals)
}

/// Runs a source that ends by itself, with a line that records everything.
fn all(options: FolderOptions) -> Vec<Arrival> {
    let (out, arrivals) = line(5_000);
    let running = thread::spawn(move || Box::new(FolderSource::new(options)).run(&out, &StopFlag::new()));
    let mut all = Vec::new();
    for mut arrival in arrivals {
        if let Some(receipt) = arrival.receipt.take() {
            receipt.settle(settlement(Some(1)));
        }
        all.push(arrival);
    }
    running.join().unwrap();
    all
}

fn origins(arrivals: &[Arrival]) -> Vec<&str> {
    arrivals.iter().map(|arrival| arrival.origin.as_deref().unwrap_or("-")).collect()
}

fn text(arrival: &Arrival) -> &str {
    std::str::from_utf8(arrival.payload.as_ref().unwrap()).unwrap()
}

fn problem(arrival: &Arrival) -> &Failure {
    arrival.payload.as_ref().unwrap_err()
}

/// A watching source whose looks the test takes itself.
struct Watching {
    arrivals: Receiver<Arrival>,
    run: Run,
    wake: Wake,
}

impl Watching {
    fn new(options: FolderOptions) -> Self {
        let (out, arrivals) = line(100);
        Self { arrivals, run: Run::new(FolderSource::new(options), out, StopFlag::new()), wake: Wake::deaf() }
    }

    fn look(&mut self) -> Vec<Arrival> {
        assert!(self.run.watch_once(&mut self.wake).is_continue());
        self.arrivals.try_iter().collect()
    }

    /// Lets the source hear what became of what it gave.
    fn hear(&mut self) {
        while let Ok(told) = self.run.in_flight.told().try_recv() {
            assert!(self.run.landed(told).is_continue());
        }
    }

    fn news(&mut self, complete: &[&str], touched: &[&str]) -> Vec<Arrival> {
        let set = |names: &[&str]| names.iter().map(OsString::from).collect();
        let news = News { complete: set(complete), touched: set(touched), missed: false };
        assert!(self.run.take_news(&self.wake, &news).is_continue());
        self.arrivals.try_iter().collect()
    }
}

/// As the releasing thread does once the record is durable, or could not be made so.
fn settle(arrival: Arrival, row: Option<i64>) {
    arrival.receipt.unwrap().settle(settlement(row));
}

fn settlement(row: Option<i64>) -> Settlement {
    let inspection = Inspection {
        meta: FrameMeta {
            id: FrameId { station: "s".to_owned(), boot: 1, trigger: 1 },
            captured_at_us: 0,
            source: "line-1".to_owned(),
            origin: None,
            product: None,
            serial: None,
            line_trigger: None,
            simulated: false,
        },
        picture: None,
        width: 0,
        height: 0,
        recipe: "r".to_owned(),
        recipe_version: "1.0.0".to_owned(),
        recipe_digest: Digest::of(b"r"),
        verdict: Verdict::Fail { reason: "pit".to_owned(), score: 1.0 },
        answer: None,
        runs: Vec::new(),
        stages: Vec::new(),
        judged_at_us: 0,
    };
    Settlement { inspection: Arc::new(inspection), row, duplicate: false }
}

#[test]
fn pictures_come_in_order_of_name_and_nothing_else_comes() {
    let folder = folder(&[
        ("b.png", "B"),
        ("a.JPG", "A"),
        ("c.bmp", "C"),
        (".d.png", "x"),
        ("e.txt", "x"),
        ("png", "x"),
        ("g.tif", "G"),
    ]);
    fs::create_dir(folder.path().join("f.png")).unwrap();
    let arrivals = all(options(folder.path(), FolderMode::Once));
    assert_eq!(
        origins(&arrivals),
        ["a.JPG", "b.png", "c.bmp", "g.tif"],
        "also a format that is not read: it is a part"
    );
    assert_eq!(arrivals.iter().map(text).collect::<Vec<_>>(), ["A", "B", "C", "G"]);
    assert!(arrivals.iter().all(|arrival| arrival.source == "line-1" && !arrival.simulated));
    assert!(arrivals.iter().all(|arrival| arrival.captured_at_us > 1_600_000_000_000_000));
}

#[test]
fn more_files_than_a_batch_all_come_once() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..BATCH + 10).map(|number| format!("{number:06}.png")).collect();
    names.iter().for_each(|name| fs::write(folder.path().join(name), name).unwrap());
    assert_eq!(origins(&all(options(folder.path(), FolderMode::Once))), names);
}

#[test]
fn an_empty_file_arrives_as_it_is() {
    let folder = folder(&[("a.png", "")]);
    assert_eq!(text(&all(options(folder.path(), FolderMode::Once))[0]), "");
}

#[test]
fn a_file_over_the_limit_is_reported_and_the_rest_goes_on() {
    let folder = folder(&[("a.png", &"x".repeat(101)), ("b.png", &"x".repeat(100))]);
    let arrivals = all(options(folder.path(), FolderMode::Once));
    let failure = problem(&arrivals[0]);
    assert_eq!(
        (failure.stage, failure.blame, failure.code),
        (Stage::Source, Blame::Source, FailureCode::ImageTooLarge)
    );
    assert!(failure.detail.contains("101 bytes, at most 100"), "{}", failure.detail);
    assert_eq!(text(&arrivals[1]).len(), 100);
}

#[test]
fn a_link_is_reported_and_never_followed() {
    let outside = folder(&[("secret.png", "secret")]);
    let folder = folder(&[("b.png", "B")]);
    symlink(outside.path().join("secret.png"), folder.path().join("a.png")).unwrap();
    let arrivals = all(options(folder.path(), FolderMode::Once));
    assert_eq!(problem(&arrivals[0]).code, FailureCode::Unreadable);
    assert!(problem(&arrivals[0]).detail.contains("symbolic link"), "{}", problem(&arrivals[0]).detail);
    assert_eq!(text(&arrivals[1]), "B");
}

#[test]
fn a_pipe_with_a_pictures_name_is_reported_and_holds_nothing_up() {
    let folder = folder(&[("b.png", "B")]);
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, folder.path().join("a.png"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let arrivals = all(options(folder.path(), FolderMode::Once));
    assert!(problem(&arrivals[0]).detail.contains("regular file"), "{}", problem(&arrivals[0]).detail);
    assert_eq!(text(&arrivals[1]), "B");
}

#[test]
fn a_missing_folder_is_one_failure() {
    let folder = tempfile::tempdir().unwrap();
    let arrivals = all(options(&folder.path().join("nowhere"), FolderMode::Once));
    assert_eq!(arrivals.len(), 1);
    assert_eq!(problem(&arrivals[0]).code, FailureCode::Unreadable);
    assert!(problem(&arrivals[0]).detail.contains("nowhere"));
}

#[test]
fn a_file_in_the_folders_place_is_a_failure() {
    let folder = folder(&[("a.png", "A")]);
    let arrivals = all(options(&folder.path().join("a.png"), FolderMode::Once));
    assert!(problem(&arrivals[0]).detail.contains("cannot be opened"), "{}", problem(&arrivals[0]).detail);
}

#[test]
fn an_outage_is_reported_once_and_the_source_goes_on_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("in");
    let mut watching = Watching::new(options(&path, FolderMode::Watch));
    assert_eq!(watching.look().len(), 1);
    assert_eq!(watching.look().len(), 0);
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a.png"), "A").unwrap();
    assert_eq!(watching.look().len(), 0);
    assert_eq!(text(&watching.look()[0]), "A");
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(problem(&watching.look()[0]).code, FailureCode::Unreadable);
    assert_eq!(watching.look().len(), 0);
}

#[test]
fn a_file_is_taken_when_two_looks_see_the_same_and_only_once() {
    let folder = folder(&[("a.png", "half")]);
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    assert_eq!(watching.look().len(), 0);
    fs::write(folder.path().join("a.png"), "half and half").unwrap();
    assert_eq!(watching.look().len(), 0, "it has grown since the first look");
    let arrivals = watching.look();
    assert_eq!(text(&arrivals[0]), "half and half");
    assert_eq!(watching.look().len(), 0);
}

#[test]
fn a_file_that_is_written_again_is_taken_again() {
    let folder = folder(&[("a.png", "one")]);
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    watching.look();
    assert_eq!(text(&watching.look()[0]), "one");
    fs::write(folder.path().join("a.png"), "another").unwrap();
    watching.look();
    assert_eq!(text(&watching.look()[0]), "another");
}

#[test]
fn an_unreadable_file_in_a_watched_folder_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    symlink("/nowhere", folder.path().join("a.png")).unwrap();
    let mut watching = Watching::new(options(folder.path(), FolderMode::Watch));
    watching.look();
    assert_eq!(watching.look().len(), 1);
    assert_eq!(watching.look().len(), 0);
}

#[test]
fn a_file_that_changed_after_the_look_waits_for_the_next() {
    let files = folder(&[("a.png", "A")]);
    let folder = Folder::open(files.path()).unwrap();
    let stamp = folder.all().unwrap()[OsStr::new("a.png")].stamp;
    fs::write(files.path().join("a.png"), "longer").unwrap();
    assert!(matches!(read(&folder, OsStr::new("a.png"), Some(stamp), 100), Err(ReadError::Changing)));
}

#[test]
fn a_watched_folder_with_too_many_pictures_is_refused() {
    let files = folder(&[("a.png", ""), ("b.png", ""), ("c.png", "")]);
    let folder = Folder::open(files.path()).unwrap();
    assert_eq!(folder.all_up_to(3).unwrap().len(), 3);
    assert!(folder.all_up_to(2).unwrap_err().contains("more than 2 pictures"));
}

#[test]
fn pictures_that_are_done_move_and_overwrite_nothing() {
    let folder = folder(&[("a.png", "new")]);
    let done = folder.path().join("done");
    fs::create_dir(&done).unwrap();
    fs::write(done.join("a.png"), "old").unwrap();
    let after = AfterReading::MoveTo(done.clone());
    let arrivals = all(FolderOptions { after, ..options(folder.path(), FolderMode::Once) });
    assert_eq!(arrivals.len(), 1);
    assert!(!folder.path().join("a.png").exists());
    assert_eq!(fs::read_to_string(done.join("a.png")).unwrap(), "old");
    assert_eq!(fs::read_to_string(done.join("a-1.png")).unwrap(), "new");
}

#[test]
fn a_move_that_fails_is_reported_once_and_the_pictures_still_come() {
    let folder = folder(&[("a.png", "A"), ("b.png", "B")]);
    let after = AfterReading::MoveTo(folder.path().to_owned());
    let arrivals = all(FolderOptions { after, ..options(folder.path(), FolderMode::Once) });
    assert_eq!(origins(&arrivals), ["a.png", "b.png", "-"]);
    assert!(problem(&arrivals[2]).detail.contains("folder it is read from"), "{}", problem(&arrivals[2]).detail);
}

#[test]
fn names_tell_product_and_serial_only_where_that_is_asked_for() {
    let fields = |name: &str| product_serial(OsStr::new(name));
    let both = |product: &str, serial: &str| (Some(product.to_owned()), Some(serial.to_owned()));
    assert_eq!(fields("valve_0042.png"), both("valve", "0042"));
    assert_eq!(fields("valve_0042_top_2.png"), both("valve", "0042"));
    assert_eq!(fields("_0042.png"), (None, Some("0042".to_owned())));
    assert_eq!(fields("valve.png"), (None, None));
    let folder = folder(&[("valve_0042.png", "")]);
    let plain = all(options(folder.path(), FolderMode::Once));
    assert_eq!(plain[0].product, None);
    let asked = FolderOptions { name_fields: NameFields::ProductSerial, ..options(folder.path(), FolderMode::Once) };
    assert_eq!(all(asked)[0].serial.as_deref(), Some("0042"));
}

#[test]
fn repeat_begins_again_until_nobody_listens() {
    let folder = folder(&[("a.png", "A"), ("b.png", "B")]);
    let (out, arrivals) = line(1);
    let source = Box::new(FolderSource::new(options(folder.path(), FolderMode::Repeat)));
    let running = thread::spawn(move || source.run(&out, &StopFlag::new()));
    let seen: Vec<_> = (0..5).map(|_| arrivals.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(origins(&seen), ["a.png", "b.png", "a.png", "b.png", "a.png"]);
    drop(arrivals);
    running.join().unwrap();
}

#[test]
fn stop_ends_a_source_that_waits_for_room() {
    let folder = folder(&[("a.png", "A"), ("b.png", "B")]);
    let (out, arrivals) = line(1);
    let stop = StopFlag::new();
    let source = Box::new(FolderSource::new(options(folder.path(), FolderMode::Repeat)));
    let running = thread::spawn({
        let stop = stop.clone();
        move || source.run(&out, &stop)
    });
    assert_eq!(arrivals.recv_timeout(PATIENCE).unwrap().origin.as_deref(), Some("a.png"));
    stop.stop();
    running.join().unwrap();
    assert!(arrivals.try_iter().count() <= 1);
}

#[test]
fn stop_ends_a_source_that_waits_for_its_pace() {
    let folder = folder(&[("a.png", "A"), ("b.png", "B")]);
    let (out, arrivals) = line(10);
    let stop = StopFlag::new();
    let paced = FolderOptions { pace_ms: u32::MAX, ..options(folder.path(), FolderMode::Once) };
    let source = Box::new(FolderSource::new(paced));
    let running = thread::spawn({
        let stop = stop.clone();
        move || source.run(&out, &stop)
    });
    assert_eq!(arrivals.recv_timeout(PATIENCE).unwrap().origin.as_deref(), Some("a.png"));
    stop.stop();
    running.join().unwrap();
    assert_eq!(arrivals.try_iter().count(), 0);
}

mod moving;
mod telling;
