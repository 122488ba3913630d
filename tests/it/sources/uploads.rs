use super::*;

#[test]
fn an_upload_is_answered_with_its_verdict_once_that_is_recorded() {
    let station = with_uploads("");
    let running = station.start().unwrap();
    let good = upload(&running, "product=brick&serial=B-17&trigger=41", GOOD);
    assert_eq!((good.status, good.kind.as_str()), (200, "application/json"), "{}", good.body);
    assert_eq!((&good.body["verdict"], &good.body["reason"]), (&"pass".into(), &"good".into()));
    assert_eq!((&good.body["product"], &good.body["serial"]), (&"brick".into(), &"B-17".into()));
    assert_eq!((&good.body["trigger"], &good.body["duplicate"]), (&41.into(), &false.into()));
    assert!(good.body["stages_ms"]["journal"].is_number() && good.body["score"].is_number());
    // At the moment of the answer the record is there.
    let row = reader(&station).get_row(good.body["row"].as_i64().unwrap()).unwrap().unwrap();
    assert_eq!(row.inspection.meta.id.to_string(), good.body["id"]);
    assert_eq!((row.inspection.meta.source.as_str(), row.inspection.meta.line_trigger), ("camera", Some(41)));
    assert!(!row.inspection.meta.simulated && row.picture_kept);

    let pit = upload(&running, "source=camera", PIT);
    assert_eq!((&pit.body["verdict"], &pit.body["reason"]), (&"fail".into(), &"pit".into()));
    assert_eq!((&pit.body["trigger"], &pit.body["serial"]), (&Value::Null, &Value::Null));
    assert_eq!(running.end().unwrap(), Some(0));
    holds(&station);
}

/// A form as a browser or `curl -F` sends it.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, bytes) in fields {
        let file = if *name == "picture" { "; filename=\"part-7.jpg\"" } else { "" };
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    body
}

const FORM: &str = "multipart/form-data; boundary=edge";

#[test]
fn a_form_with_picture_and_fields_is_the_same() {
    let station = with_uploads("");
    let running = station.start().unwrap();
    let bytes = std::fs::read(picture(PIT)).unwrap();
    let fields: [(&str, &[u8]); 4] = [("serial", b"S1"), ("picture", &bytes), ("product", b"p"), ("trigger", b"9")];
    let answer = post(&running, "/api/v1/inspect", FORM, &form(&fields));
    assert_eq!((answer.status, &answer.body["verdict"]), (200, &"fail".into()), "{}", answer.body);
    assert_eq!((&answer.body["serial"], &answer.body["trigger"]), (&"S1".into(), &9.into()));
    let row = reader(&station).get_row(answer.body["row"].as_i64().unwrap()).unwrap().unwrap();
    assert_eq!(row.inspection.meta.origin.as_deref(), Some("part-7.jpg"));

    let bad: [&[(&str, &[u8])]; 4] = [
        &[("serial", b"S1")],
        &[("picture", &bytes), ("picture", &bytes)],
        &[("picture", &bytes), ("colour", b"red")],
        &[("picture", &bytes), ("serial", b"\xff")],
    ];
    for fields in bad {
        refused(&post(&running, "/api/v1/inspect", FORM, &form(fields)), 400, "bad-request");
    }
    let twice = form(&[("picture", &bytes), ("serial", b"S1")]);
    refused(&post(&running, "/api/v1/inspect?serial=S2", FORM, &twice), 400, "bad-request");
    let cut = &form(&[("picture", &bytes)])[..500];
    refused(&post(&running, "/api/v1/inspect", FORM, cut), 400, "bad-request");
    assert_eq!(records(&station), 1, "a refused request leaves no record");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn what_is_no_picture_is_undecided_and_recorded() {
    let station = with_uploads("");
    let running = station.start().unwrap();
    for body in [b"".as_slice(), b"this is no picture"] {
        let answer = post(&running, "/api/v1/inspect", "application/octet-stream", body);
        assert_eq!((answer.status, &answer.body["verdict"]), (200, &"undecided".into()), "{}", answer.body);
        assert_eq!(answer.body["reason"], "not-an-image");
    }
    assert_eq!(records(&station), 2);
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_trigger_sent_again_has_one_record_also_across_starts_and_a_gap_is_recorded() {
    let station = with_uploads("[queue]\ntrigger_wait_ms = 0");
    let running = station.start().unwrap();
    let first = upload(&running, "trigger=7", GOOD);
    assert_eq!(first.body["duplicate"], false);
    let again = upload(&running, "trigger=7", GOOD);
    assert_eq!((&again.body["duplicate"], &again.body["id"]), (&true.into(), &first.body["id"]));
    assert_eq!((&again.body["row"], &again.body["verdict"]), (&first.body["row"], &first.body["verdict"]));
    assert_eq!(upload(&running, "trigger=10", PIT).body["duplicate"], false);
    until("the lost row", || lost(&station) == [("camera".to_owned(), 8, 9)]);
    assert_eq!(running.end().unwrap(), Some(0));

    let running = station.start().unwrap();
    let later = upload(&running, "trigger=7", GOOD);
    assert_eq!((&later.body["duplicate"], &later.body["id"]), (&true.into(), &first.body["id"]));
    // The counter began again: another part under a number that was seen.
    let other = upload(&running, "trigger=7", PIT);
    assert_eq!((&other.body["duplicate"], &other.body["verdict"]), (&false.into(), &"fail".into()));
    assert_eq!(running.end().unwrap(), Some(0));
    assert_eq!(records(&station), 3);
    assert_eq!(lost(&station), [("camera".to_owned(), 8, 9)]);
    holds(&station);
}

#[test]
fn the_same_trigger_sent_by_many_at_once_has_one_record() {
    let station = with_uploads("");
    let running = station.start().unwrap();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..6).map(|_| scope.spawn(|| upload(&running, "trigger=5", GOOD))).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body["row"] == answers[0].body["row"]));
    assert_eq!(answers.iter().filter(|answer| answer.body["duplicate"] == false).count(), 1);
    assert_eq!(records(&station), 1);
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn several_sources_are_told_apart_by_name() {
    let station = with_uploads("[[source]]\nkind = \"http\"\nname = \"second\"");
    let running = station.start().unwrap();
    refused(&upload(&running, "", GOOD), 400, "bad-request");
    refused(&upload(&running, "source=third", GOOD), 404, "no-source");
    let answer = upload(&running, "source=second&trigger=1", GOOD);
    assert_eq!(answer.status, 200, "{}", answer.body);
    // Each has a counter of its own.
    assert_eq!(upload(&running, "source=camera&trigger=1", GOOD).body["duplicate"], false);
    assert_eq!(running.end().unwrap(), Some(0));
}
