//! Alarms, webhook, MQTT and traces in station.toml.

use assay::config::{StationConfig, load};
use assay::domain::{AlarmKind, AlarmRule, Severity};

const SMALLEST: &str = "station = \"press-3\"\ndata_dir = \"data\"\nbundles_dir = \"bundles\"\nrecipe = \"r.assay\"\n\
     trust = \"trust.json\"\n";

fn read(more: &str) -> Result<StationConfig, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("station.toml");
    std::fs::write(&path, format!("{SMALLEST}{more}")).unwrap();
    load(&path).map_err(|errors| errors.to_string())
}

#[test]
fn a_station_that_says_nothing_has_every_usual_alarm_and_no_receiver() {
    let config = read("").unwrap();
    assert_eq!(config.alarms, AlarmRule::defaults());
    assert_eq!((config.webhook, config.mqtt, config.telemetry.otlp_endpoint), (None, None, None));
}

#[test]
fn an_alarm_that_is_named_takes_the_place_of_the_usual_one_and_leaves_the_others() {
    let more = "[[alarm]]\nkind = \"undecided-rate\"\nraise = 0.5\nseverity = \"critical\"\nclear_after_s = 5\n\
                [[alarm]]\nkind = \"drift\"\non = false\n\
                [[alarm]]\nkind = \"disk\"\nname = \"disk-low\"\n[[alarm]]\nkind = \"disk\"\nname = \"disk-full\"\nraise = 3\n";
    let config = read(more).unwrap();
    let of = |kind| config.alarms.iter().filter(|rule| rule.kind == kind).cloned().collect::<Vec<_>>();
    let undecided = of(AlarmKind::UndecidedRate);
    assert_eq!(undecided.len(), 1);
    assert_eq!((undecided[0].raise, undecided[0].clear, undecided[0].severity), (0.5, 0.1, Severity::Critical));
    assert_eq!(undecided[0].clear_after_s, 5);
    assert!(of(AlarmKind::Drift).is_empty(), "switched off");
    let disk: Vec<_> = of(AlarmKind::Disk).into_iter().map(|rule| (rule.name, rule.raise, rule.clear)).collect();
    assert_eq!(disk, [("disk-low".to_owned(), 1.0, 0.0), ("disk-full".to_owned(), 3.0, 0.0)]);
    assert_eq!(of(AlarmKind::LineStopped), [AlarmRule::default_of(AlarmKind::LineStopped)]);
}

#[test]
fn receivers_are_read_with_paths_from_the_files_folder() {
    let more = "[webhook]\nurl = \"https://alarms.example/x\"\nsecret_file = \"s\"\n\
                [mqtt]\nhost = \"broker\"\nsite = \"plant-1\"\nline = \"line-2\"\nuser = \"u\"\npassword_file = \"p\"\n\
                [mqtt.tls]\nca_file = \"ca.pem\"\n[telemetry]\notlp_endpoint = \"http://collector:4318\"\n";
    let config = read(more).unwrap();
    assert!(config.webhook.unwrap().secret_file.unwrap().ends_with("s"));
    let mqtt = config.mqtt.unwrap();
    assert_eq!((mqtt.port, mqtt.prefix.as_str()), (8883, "assay"), "TLS has a port of its own");
    assert!(mqtt.tls.unwrap().ca_file.is_absolute());
    assert_eq!(config.telemetry.otlp_endpoint.as_deref(), Some("http://collector:4318"));
}

#[test]
fn every_problem_of_alarms_and_receivers_is_told_at_once() {
    let more = "[[alarm]]\nkind = \"weather\"\n[[alarm]]\nkind = \"drift\"\nraise = 1\nclear = 2\n\
                [[alarm]]\nkind = \"undecided-rate\"\nraise = 20\n[[alarm]]\nkind = \"disk\"\nwindow_s = 0\nseverity = \"bad\"\n\
                [webhook]\nurl = \"ftp://x\"\ncolour = 1\n[mqtt]\nhost = \"a b\"\nsite = \"A/B\"\nuser = \"u\"\n\
                [telemetry]\notlp_endpoint = \"collector\"\n";
    let problems = read(more).unwrap_err();
    for key in [
        "alarm[0].kind",
        "alarm[1].clear",
        "alarm[2].raise",
        "alarm[3].window_s",
        "alarm[3].severity",
        "webhook.url",
        "webhook.colour",
        "mqtt.host",
        "mqtt.site",
        "mqtt.line",
        "mqtt.password_file",
        "telemetry.otlp_endpoint",
    ] {
        assert!(problems.contains(key), "{key} is not told:\n{problems}");
    }
}

#[test]
fn two_alarms_of_one_name_and_a_password_in_an_address_are_refused() {
    let twice = "[[alarm]]\nkind = \"disk\"\n[[alarm]]\nkind = \"disk\"\n";
    assert!(read(twice).unwrap_err().contains("a name of its own"));
    let problems = read("[webhook]\nurl = \"https://user:word@alarms.example\"\n").unwrap_err();
    assert!(problems.contains("without a password"), "{problems}");
}
