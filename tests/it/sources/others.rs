use super::*;
use assay_tests::station::assay;
use std::process::Stdio;

#[test]
fn stored_inspections_are_judged_again_and_marked_as_simulated() {
    let again = "[[source]]\nkind = \"replay\"\nname = \"again\"\nlimit = 2";
    let station = with_uploads("");
    let running = station.start().unwrap();
    let first = upload(&running, "serial=S1&trigger=1", PIT).body["id"].as_str().unwrap().to_owned();
    upload(&running, "serial=S2&trigger=2", GOOD);
    for number in 3..5 {
        upload(&running, &format!("serial=S{number}&trigger={number}"), PIT);
    }
    assert_eq!(running.end().unwrap(), Some(0));

    let config = std::fs::read_to_string(station.config()).unwrap();
    std::fs::write(station.config(), format!("{config}\n{again}\n")).unwrap();
    let running = station.start().unwrap();
    until("both records", || records(&station) == 6);
    assert_eq!(running.end().unwrap(), Some(0));
    let files = reader(&station).recorded_files("again").unwrap();
    let origins: Vec<&str> = files.iter().map(|file| file.origin.as_str()).collect();
    assert_eq!(origins.len(), 2);
    assert!(origins.iter().all(|origin| *origin != first), "the newest two: {origins:?}");
    let lines =
        reader(&station).list(&assay::journal::Filter::default(), &assay::journal::Page { before: None, limit: 2 });
    for line in lines.unwrap().lines {
        assert_eq!((line.simulated, line.source.as_str()), (true, "again"), "{line:?}");
        assert!(["S3", "S4"].contains(&line.serial.unwrap().as_str()));
    }
    assert_eq!(lost(&station), [], "what is judged again counts no triggers");
    // Once more: what was judged again is not judged a third time by the same source.
    let running = station.start().unwrap();
    until("both records again", || records(&station) == 8);
    assert_eq!(running.end().unwrap(), Some(0));
    let origins: Vec<String> =
        reader(&station).recorded_files("again").unwrap().into_iter().map(|file| file.origin).collect();
    assert!(origins.iter().all(|origin| origin.starts_with("test-1-")), "{origins:?}");
    holds(&station);
}

#[test]
fn a_burst_that_the_line_cannot_take_is_recorded_as_lost() {
    let burst = format!(
        "[queue]\nframes = 2\n[[source]]\nkind = \"burst\"\nname = \"load\"\npath = {:?}\ncount = 200\n\
         per_second = 100000\nburst = 200",
        picture(GOOD).parent().unwrap()
    );
    let station = TestStation::new(&format!("{FAST}\n{burst}")).unwrap();
    let running = station.start().unwrap();
    let missing = || lost(&station).iter().map(|(_, first, last)| last - first + 1).sum::<u64>();
    until("every picture's record or loss", || records(&station) + missing() == 200);
    assert!(missing() > 0 && records(&station) > 0);
    assert_eq!(running.end().unwrap(), Some(0));
    assert_eq!(records(&station) + missing(), 200);
    holds(&station);
}

#[test]
fn a_burst_without_pictures_does_not_start() {
    let burst = "[[source]]\nkind = \"burst\"\nname = \"load\"\npath = \"empty\"\ncount = 1\nper_second = 1";
    let station = TestStation::new(&format!("{FAST}\n{burst}")).unwrap();
    std::fs::create_dir(station.dir.path().join("empty")).unwrap();
    let output = station.run(&["run", "--bind", "127.0.0.1:0"], &[]).unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("load") && text.contains("no picture"), "{text}");
}

#[test]
fn ctrl_c_during_inspect_finishes_the_frames_in_flight_and_records_them() {
    let station = TestStation::new(FAST).unwrap();
    const PICTURES: usize = 400;
    let mut command = assay().unwrap();
    command.args(["inspect", "--config"]).arg(station.config()).args(std::iter::repeat_n(picture(GOOD), PICTURES));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let counted = || Reader::open(&station.data().join("journal")).and_then(|reader| reader.counts(0));
    until("a first record", || counted().is_ok_and(|counts| counts.total() > 0));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it did not do all it was asked for: {text}");
    let recorded = records(&station);
    assert!((recorded as usize) < PICTURES, "it ended before all were judged");
    assert!(text.contains(&format!("{recorded} of {PICTURES} pictures were judged and recorded")), "{text}");
    holds(&station);
}
