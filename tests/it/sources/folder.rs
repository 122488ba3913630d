use super::*;

fn watched(more: &str) -> TestStation {
    let source = "[[source]]\nkind = \"folder\"\nname = \"belt\"\npath = \"in\"\nmode = \"watch\"\npoll_ms = 20\n";
    let station = TestStation::new(&format!("{FAST}\n{source}{more}")).unwrap();
    std::fs::create_dir(station.dir.path().join("in")).unwrap();
    station
}

const MOVE: &str = "after = \"move\"\nmove_to = \"done\"";

#[test]
fn a_file_is_moved_once_its_record_is_there() {
    let station = watched(MOVE);
    let (folder, done) = (station.dir.path().join("in"), station.dir.path().join("done"));
    let running = station.start().unwrap();
    std::fs::copy(picture(GOOD), folder.join("a.jpg")).unwrap();
    until("the move", || done.join("a.jpg").exists());
    assert_eq!(records(&station), 1, "never before its record");
    assert!(!folder.join("a.jpg").exists());
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_kill_between_record_and_move_makes_no_second_record() {
    let station = watched(MOVE);
    let (folder, done) = (station.dir.path().join("in"), station.dir.path().join("done"));
    // As long as a file is in the way, nothing can be moved.
    std::fs::write(&done, "in the way").unwrap();
    let running = station.start().unwrap();
    std::fs::copy(picture(GOOD), folder.join("a.jpg")).unwrap();
    let judged = || reader(&station).recorded_files("belt").unwrap().len();
    until("its record", || judged() == 1);
    running.kill().unwrap();
    assert!(folder.join("a.jpg").exists());

    std::fs::remove_file(&done).unwrap();
    let running = station.start().unwrap();
    until("the move", || done.join("a.jpg").exists());
    assert_eq!(judged(), 1, "what has its record is only moved");
    std::fs::copy(picture(GOOD), folder.join("a.jpg")).unwrap();
    until("the same file given once more", || done.join("a-1.jpg").exists());
    assert_eq!(judged(), 2, "that is a new inspection");
    assert_eq!(running.end().unwrap(), Some(0));
    holds(&station);
}

#[test]
fn ending_the_station_moves_what_was_in_flight() {
    let station = watched(MOVE);
    let (folder, done) = (station.dir.path().join("in"), station.dir.path().join("done"));
    for number in 0..12 {
        std::fs::copy(picture(GOOD), folder.join(format!("{number:02}.jpg"))).unwrap();
    }
    let running = station.start().unwrap();
    until("a first record", || records(&station) > 0);
    assert_eq!(running.end().unwrap(), Some(0));
    let moved = std::fs::read_dir(&done).unwrap().count();
    assert_eq!(records(&station), moved as u64, "each record has its file moved, and each moved file its record");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 12 - moved);
}
