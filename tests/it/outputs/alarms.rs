use super::line::{Line, metric, wait_for};
use super::receiver::Receiver;
use assay::domain::AlarmKind;
use base64::Engine as _;
use serde_json::Value;

/// One alarm only: the others would tell how busy the machine is.
fn section(address: &str) -> String {
    let others = AlarmKind::ALL.into_iter().filter(|kind| *kind != AlarmKind::UndecidedRate);
    let off: String = others.map(|kind| format!("[[alarm]]\nkind = \"{}\"\non = false\n", kind.name())).collect();
    off + &format!(
        "[webhook]\nurl = \"{address}/events\"\nsecret_file = \"webhook.secret\"\nlongest_retry_s = 1\n\
         [[alarm]]\nkind = \"undecided-rate\"\nraise = 0.5\nclear = 0.1\nwindow_s = 2\nclear_after_s = 0\nmin_frames = 1\n"
    )
}

fn events(receiver: &Receiver, kind: &str) -> Vec<Value> {
    let confirmed = receiver.received().into_iter().filter(|received| received.status == 200);
    let read = confirmed.map(|received| serde_json::from_slice::<Value>(&received.body).unwrap());
    read.filter(|event| event["type"] == kind).collect()
}

#[test]
fn an_alarm_is_raised_and_cleared_and_each_change_is_posted_until_it_is_confirmed() {
    // The receiver is not well at first.
    let receiver = Receiver::start(|number| if number < 3 { 503 } else { 200 });
    let mut line = Line::new(&section(&receiver.address));
    line.file("webhook.secret", "a secret\n");
    let running = line.start();
    line.give_rubbish();
    let raised = wait_for("the alarm", || events(&receiver, "dev.assay.alarm.raised").into_iter().next());
    assert_eq!((&raised["specversion"], &raised["source"]), (&"1.0".into(), &"/assay/test".into()));
    assert_eq!((&raised["data"]["kind"], &raised["data"]["severity"]), (&"undecided-rate".into(), &"warning".into()));
    assert!((raised["data"]["value"].as_f64().unwrap() - 1.0).abs() < 1e-9, "{raised}");
    wait_for("the gauge", || (metric(&running, "assay_alarms_active") >= 1.0).then_some(()));
    let cleared = wait_for("the end of the alarm", || {
        // Good parts go on until the window has none of the bad.
        line.give(1);
        events(&receiver, "dev.assay.alarm.cleared").into_iter().next()
    });
    assert_eq!(cleared["data"]["id"], raised["data"]["id"]);
    assert_ne!(cleared["id"], raised["id"], "each change has an id of its own");
    wait_for("the empty outbox", || (metric(&running, "assay_outbox_pending") < 1.0).then_some(()));
    assert_eq!(running.end().unwrap(), Some(0));

    let all = receiver.received();
    let first: Vec<_> = all.iter().take(4).map(|received| received.headers["webhook-id"].clone()).collect();
    assert!(first.iter().all(|id| *id == first[0]), "the same event again until it is confirmed: {first:?}");
    for received in &all {
        assert_eq!(received.path, "/events");
        assert_eq!(received.headers["content-type"], "application/cloudevents+json; charset=utf-8");
        assert_eq!(received.headers["webhook-signature"], signature(received));
    }
}

/// Made by another program.
fn signature(received: &super::receiver::Received) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "a secret", "-binary"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (id, time) = (&received.headers["webhook-id"], &received.headers["webhook-timestamp"]);
    stdin.write_all(format!("{id}.{time}.").as_bytes()).unwrap();
    stdin.write_all(&received.body).unwrap();
    drop(stdin);
    let mac = child.wait_with_output().unwrap().stdout;
    format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac))
}

#[test]
fn an_event_that_nobody_took_is_posted_after_the_next_start() {
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", down.local_addr().unwrap());
    drop(down);
    let mut line = Line::new(&section(&address));
    line.file("webhook.secret", "a secret\n");
    let running = line.start();
    line.give_rubbish();
    wait_for("the alarm", || (metric(&running, "assay_outbox_pending") >= 1.0).then_some(()));
    // Nobody to talk to is nothing to the line.
    line.give(2);
    super::line::wait_for_inspections(&running, 3.0);
    assert_eq!(running.end().unwrap(), Some(0));

    let receiver = Receiver::start(|_| 200);
    let config = std::fs::read_to_string(line.station.config()).unwrap();
    std::fs::write(line.station.config(), config.replace(&address, &receiver.address)).unwrap();
    let running = line.start();
    let event = receiver.wait_for("the event", |_| true);
    assert!(event.headers["webhook-id"].starts_with("test-1-alarm-"), "{:?}", event.headers);
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_secret_that_is_not_there_stops_the_start_before_anything_is_judged() {
    let line = Line::new(&section("http://127.0.0.1:9"));
    let refused = line.station.run(&["run", "--bind", "127.0.0.1:0"], &[]).unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("webhook.secret"), "{text}");
}
