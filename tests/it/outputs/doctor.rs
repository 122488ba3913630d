use super::line::Line;
use assay_tests::station::assay;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;

fn examine(line: &Line) -> (bool, Value) {
    let output = line.station.run(&["doctor"], &[Path::new("--json"), Path::new("-")]).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(report["ready"], output.status.success());
    (output.status.success(), report)
}

fn status<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    &checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))["status"]
}

#[test]
fn a_doctor_finds_a_whole_station_ready_and_names_what_is_missing() {
    let line = Line::new("");
    let (ready, report) = examine(&line);
    assert!(ready, "{report}");
    for name in ["backend onnxruntime", "trust store", "bundles", "recipe", "clock", "clock against counters"] {
        assert_eq!(status(&report, name), "ok", "{name}");
    }
    assert!(["ok", "warning"].contains(&status(&report, "disk, one flush").as_str().unwrap()));
    assert!(!line.station.data().exists(), "a look changes nothing");

    let letterbox = line.station.bundles.join("letterbox.assay");
    let mut bytes = std::fs::read(&letterbox).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&letterbox, bytes).unwrap();
    let (ready, report) = examine(&line);
    assert_eq!((status(&report, "bundles"), status(&report, "recipe")), (&"warning".into(), &"missing".into()));
    assert!(!ready, "what the recipe pins is not there: {report}");

    std::fs::remove_file(line.station.bundles.join("recipe.assay")).unwrap();
    let (ready, report) = examine(&line);
    assert!(!ready);
    assert_eq!(status(&report, "recipe"), "missing");
}

#[test]
fn a_doctor_says_which_secret_and_which_backend_a_station_lacks() {
    let more = "[webhook]\nurl = \"http://127.0.0.1:9/\"\nsecret_file = \"gone.secret\"\n[mqtt]\nhost = \"127.0.0.1\"\n\
                port = 9\nsite = \"s\"\nline = \"l\"\n";
    let line = Line::new(more);
    let config = std::fs::read_to_string(line.station.config()).unwrap();
    let changed =
        config.replace("order = [\"onnxruntime\"]", "order = [\"onnxruntime\"]\nonnxruntime_dir = \"nowhere\"");
    std::fs::write(line.station.config(), changed).unwrap();
    let (ready, report) = examine(&line);
    assert!(!ready);
    assert_eq!(status(&report, "webhook"), "missing");
    assert_eq!(status(&report, "mqtt"), "warning", "a broker may come back");
    assert_eq!(status(&report, "backend onnxruntime"), "missing");
}

#[test]
fn a_result_that_cannot_be_printed_is_a_failure_and_a_reader_that_has_gone_is_none() {
    let doctor = |out: Stdio| {
        let command = assay().unwrap().arg("doctor").stdout(out).stderr(Stdio::piped()).output().unwrap();
        (command.status.code(), String::from_utf8(command.stderr).unwrap())
    };
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, words) = doctor(full.into());
    assert_eq!(code, Some(1));
    assert!(words.contains("not all of the result could be printed: No space left"), "{words}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(doctor(writer.into()), (Some(0), String::new()));
}
