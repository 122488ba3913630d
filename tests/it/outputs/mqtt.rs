use super::broker::{Broker, Listener};
use super::line::{Line, wait_for_inspections};
use serde_json::Value;
use std::collections::BTreeSet;

fn section(port: u16) -> String {
    format!("[mqtt]\nhost = \"127.0.0.1\"\nport = {port}\nsite = \"plant-1\"\nline = \"line-2\"\nlongest_retry_s = 1\n")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn ids(boot: u64, triggers: std::ops::RangeInclusive<u64>) -> BTreeSet<String> {
    triggers.map(|trigger| format!("test-{boot}-{trigger}")).collect()
}

#[test]
fn verdicts_and_state_reach_a_broker_and_its_will_tells_of_a_kill() {
    let broker = Broker::start("allow_anonymous true");
    let listener = Listener::start(&broker, &[]);
    let mut line = Line::new(&section(broker.port));
    let running = line.start();
    listener.wait_for_text("plant-1/line-2/test/available", |text| text == "online");
    let state = json(&listener.wait_for_text("/state", |_| true));
    assert_eq!(state["data"]["recipe"]["name"], "surface-inspection");
    assert_eq!(state["data"]["recipe"]["device"]["used"], "CPU");
    let alarms = json(&listener.wait_for_text("/alarm", |_| true));
    assert_eq!(alarms["data"]["active"], Value::Array(vec![]));
    line.give(2);
    assert_eq!(listener.wait_for_verdicts(2), ids(1, 1..=2));
    let results = listener.texts("/result");
    let result = results.iter().map(|text| json(text)).find(|result| result["id"] == "test-1-1").unwrap();
    assert_eq!((&result["specversion"], &result["type"]), (&"1.0".into(), &"dev.assay.inspection".into()));
    assert_eq!((&result["source"], &result["data"]["trigger"]), (&"/assay/test".into(), &1.into()));
    let page =
        ureq::get(format!("{}/inspections?verdict={}", running.address, result["data"]["verdict"].as_str().unwrap()));
    assert!(page.call().unwrap().body_mut().read_to_string().unwrap().contains("test-1-1"), "the record says the same");
    // Killed, not ended: the broker finds out by itself.
    drop(running);
    listener.wait_for_text("/available", |text| text == "offline");
    let late = Listener::start(&broker, &["-i", "late"]);
    late.wait_for_text("/available", |text| text == "offline");
    late.wait_for_text("/state", |text| text.contains("surface-inspection"));
    assert!(late.texts("/result").is_empty(), "verdicts are not retained");
}

#[test]
fn a_station_that_ends_says_so_itself() {
    let broker = Broker::start("allow_anonymous true");
    let listener = Listener::start(&broker, &[]);
    let line = Line::new(&section(broker.port));
    let running = line.start();
    listener.wait_for_text("/available", |text| text == "online");
    assert_eq!(running.end().unwrap(), Some(0));
    listener.wait_for_text("/available", |text| text == "offline");
}

#[test]
fn a_broker_that_restarts_in_the_middle_loses_no_verdict() {
    let mut broker = Broker::start("allow_anonymous true");
    let listener = Listener::start(&broker, &[]);
    let mut line = Line::new(&section(broker.port));
    let running = line.start();
    line.give(6);
    listener.wait_for_verdicts(1);
    broker.stop();
    line.give(8);
    // The line does not notice that nobody listens.
    wait_for_inspections(&running, 14.0);
    broker.again();
    line.give(3);
    assert_eq!(listener.wait_for_verdicts(17), ids(1, 1..=17));
    assert!(listener.verdicts().1 <= 17 + 14, "only what was not confirmed is sent again");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn what_was_judged_without_a_broker_is_sent_after_the_next_start() {
    let mut broker = Broker::start("allow_anonymous true");
    let listener = Listener::start(&broker, &[]);
    listener.wait_until_subscribed(&broker);
    broker.stop();
    let mut line = Line::new(&section(broker.port));
    let running = line.start();
    line.give(3);
    wait_for_inspections(&running, 3.0);
    assert_eq!(running.end().unwrap(), Some(0));
    broker.again();
    let running = line.start();
    // The second start judges the folder's pictures again, and may be quick enough to be among what is seen.
    let seen = listener.wait_for_verdicts(3);
    assert!(seen.is_superset(&ids(1, 1..=3)), "{seen:?}");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_broker_with_passwords_and_certificates_is_reached_with_what_the_files_hold() {
    let line = Line::new("");
    let dir = line.station.dir.path().to_owned();
    certificates(&dir);
    let passwords = dir.join("passwords");
    let made =
        std::process::Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&passwords).args(["anna", "pw"]).status();
    assert!(made.unwrap().success());
    let tls = format!(
        "allow_anonymous false\npassword_file {}\ncertfile {2}/broker.pem\nkeyfile {2}/broker.key\ncafile {1}/ca.pem",
        passwords.display(),
        dir.display(),
        dir.display()
    );
    let broker = Broker::start(&tls);
    let ca = dir.join("ca.pem");
    let listener = Listener::start(&broker, &["-u", "anna", "-P", "pw", "--cafile", ca.to_str().unwrap()]);
    line.file("mqtt.password", "pw\n");
    let config = std::fs::read_to_string(line.station.config()).unwrap();
    let more = "user = \"anna\"\npassword_file = \"mqtt.password\"\n[mqtt.tls]\nca_file = \"ca.pem\"\n";
    std::fs::write(line.station.config(), format!("{config}\n{}{more}", section(broker.port))).unwrap();
    let running = line.start();
    listener.wait_for_text("/available", |text| text == "online");
    assert_eq!(running.end().unwrap(), Some(0));
    std::fs::remove_file(dir.join("mqtt.password")).unwrap();
    let refused = line.station.run(&["run", "--bind", "127.0.0.1:0"], &[]).unwrap();
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("mqtt.password"), "{text}");
}

/// `ca.pem`, and `broker.pem` with `broker.key` for 127.0.0.1.
fn certificates(dir: &std::path::Path) {
    let openssl = |args: &str| {
        let done = std::process::Command::new("openssl").current_dir(dir).args(args.split_whitespace()).output();
        let done = done.expect("openssl is not there: run `cargo xtask test`, or apt-get install openssl");
        assert!(done.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=test-ca -addext basicConstraints=critical,CA:TRUE"
    ));
    openssl(&format!(
        "req {key} -keyout broker.key -out broker.csr -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    ));
    openssl(
        "x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out broker.pem -days 2 -copy_extensions copy",
    );
}
