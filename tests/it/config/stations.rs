use assay::config::{
    AfterReading, BurstSource, FolderMode, HttpSource, OnRevoked, ReplaySource, SourceKind, StationConfig, load,
};
use assay::domain::VerdictKind;
use std::path::Path;

const SMALLEST: &str = r#"
station = "press-3"
data_dir = "data"
bundles_dir = "bundles"
recipe = "bundles/r.assay"
trust = "/etc/assay/trust.json"
"#;

const FULL: &str = r#"
station = "press-3"
data_dir = "data"
bundles_dir = "bundles"
recipe = "bundles/r.assay"
trust = "trust.json"

[inference]
order = ["tract", "openvino"]
openvino_dir = "ov"
threads = 2
parallel = 3

[admin]
bind = "[::1]:9000"

[journal]
image_quota_mb = 10
review_pass_one_in = 200
[journal.retention_days]
pass = 0

[limits.plugin]
deadline_ms = 20
[limits.image]
max_width = 4096

[deploy]
shadow_frames = 300
trial_frames = 1000
max_escapes = 1
max_bundle_mb = 8
on_revoked = "stop-line"

[[source]]
kind = "folder"
name = "line"
path = "in"
mode = "watch"
poll_ms = 50
quiet_ms = 5000
pace_ms = 5
after = "move"
move_to = "done"
"#;

fn read(text: &str) -> Result<StationConfig, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("station.toml");
    std::fs::write(&path, text).unwrap();
    let in_folder = format!("{}/", dir.path().display());
    load(&path).map_err(|errors| errors.0.iter().map(|one| one.to_string().replace(&in_folder, "")).collect())
}

fn problems(text: &str) -> Vec<String> {
    read(text).unwrap_err()
}

fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].clone()
}

#[test]
fn the_smallest_configuration_has_defaults_for_the_rest() {
    let config = read(SMALLEST).unwrap();
    assert_eq!(config.admin.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.inference.order, ["openvino", "onnxruntime", "tract"]);
    assert!(config.recipe.ends_with("bundles/r.assay") && config.recipe.is_absolute(), "from the file's folder");
    assert_eq!(config.trust, Path::new("/etc/assay/trust.json"), "an absolute path stays");
    assert_eq!(config.sources, []);
}

#[test]
fn every_key_is_taken_over() {
    let config = read(FULL).unwrap();
    assert_eq!(config.inference.order, ["tract", "openvino"]);
    assert!(config.inference.openvino_dir.unwrap().ends_with("ov"));
    assert_eq!((config.inference.threads, config.inference.parallel), (2, 3));
    assert_eq!(config.admin.bind.to_string(), "[::1]:9000");
    assert_eq!((config.journal.image_quota_bytes, config.journal.review_pass_one_in), (10 << 20, 200));
    assert_eq!((config.journal.retention_days.pass, config.journal.retention_days.fail), (0, 365));
    assert_eq!((config.deploy.shadow_frames, config.deploy.trial_frames, config.deploy.max_escapes), (300, 1000, 1));
    assert_eq!((config.deploy.max_bundle_bytes, config.deploy.on_revoked), (8 << 20, OnRevoked::StopLine));
    assert_eq!(config.deploy.max_failures_percent, 5, "the rest has defaults");
    assert_eq!((config.plugin_limits.deadline_ms, config.image_limits.max_width), (20, 4096));
    let SourceKind::Folder(folder) = &config.sources[0].kind else { panic!("{:?}", config.sources) };
    assert_eq!((folder.mode, folder.poll_ms, folder.quiet_ms, folder.pace_ms), (FolderMode::Watch, 50, 5000, 5));
    assert!(matches!(&folder.after, AfterReading::Move(to) if to.ends_with("done")));
}

#[test]
fn all_problems_are_told_at_once_with_line_and_key() {
    let found = problems(
        r#"station = "Press 3"
data_dir = 7
recipe = "r.assay"
trust = "trust.json"
colour = "red"
[inference]
threads = 0
order = ["cuda", "tract"]
[admin]
bind = "0.0.0.0:8080"
[[source]]
kind = "camera"
name = "line"
keys_of_an_unknown_kind = true
[[source]]
kind = "folder"
name = "belt"
mode = "sometimes"
path = "in"
"#,
    );
    let starts = [
        "station.toml: bundles_dir: found nothing, expected a path",
        "station.toml:1: station: found \"Press 3\", expected 1 to 64 characters",
        "station.toml:2: data_dir: found 7, expected a path",
        "station.toml:5: colour: found a key that is not known, expected one of the keys station, data_dir",
        "station.toml:7: inference.threads: found 0, expected a whole number from 1 to 256",
        "station.toml:8: inference.order: found \"cuda\", expected one of openvino, onnxruntime, tract",
        "station.toml:10: admin.bind: found \"0.0.0.0:8080\", expected a loopback address",
        "station.toml:12: source[0].kind: found \"camera\", expected \"folder\"",
        "station.toml:18: source[1].mode: found \"sometimes\", expected \"once\" or \"watch\"",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{start}");
    }
}

#[test]
fn an_address_that_others_reach_needs_a_proxy_and_its_name() {
    for bind in ["192.168.1.5:80", "[::]:80", "0.0.0.0:80"] {
        let found = problem(&format!("{SMALLEST}[admin]\nbind = \"{bind}\"\n"));
        assert!(found.contains("a loopback address") && found.contains("behind_proxy"), "{found}");
        let found = problem(&format!("{SMALLEST}[admin]\nbind = \"{bind}\"\nbehind_proxy = true\n"));
        assert!(found.contains("admin.public_host"), "{found}");
        let named = "behind_proxy = true\npublic_host = \"Line3.plant.example\"\nsession_idle_min = 60";
        let admin = read(&format!("{SMALLEST}[admin]\nbind = \"{bind}\"\n{named}\n")).unwrap().admin;
        assert_eq!((admin.public_host.as_deref(), admin.session_idle_min), (Some("line3.plant.example"), 60));
    }
    let unused = problem(&format!("{SMALLEST}[admin]\npublic_host = \"line3.example\"\n"));
    assert!(unused.contains("unless behind_proxy = true"), "{unused}");
    let port = problem(&format!("{SMALLEST}[admin]\nbehind_proxy = true\npublic_host = \"line3.example:80\"\n"));
    assert!(port.contains("without a port"), "{port}");
    let found = problem(&format!("{SMALLEST}[admin]\nbind = \"localhost\"\n"));
    assert!(found.contains("an address and a port"), "{found}");
}

#[test]
fn a_deployments_limits_are_in_range() {
    let found = problems(&format!(
        "{SMALLEST}[deploy]\ntrial_frames = 0\nmax_failures_percent = 101\non_revoked = \"panic\"\ncolour = 1\n"
    ));
    for (line, key) in found.iter().zip(["trial_frames", "max_failures_percent", "on_revoked", "colour"]) {
        assert!(line.contains(&format!("deploy.{key}: found")), "{found:#?}");
    }
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn every_syntax_error_is_told() {
    let found = problems("a = \nb = [");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|line| line.contains("TOML that cannot be read")), "{found:?}");
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let found = problems(&format!("{SMALLEST}station = \"other\"\n"));
    assert!(found[0].contains("duplicate key"), "{found:?}");
}

#[test]
fn a_file_that_is_not_there_or_is_no_text_is_told() {
    let error = load(Path::new("/nowhere/station.toml")).unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("station.toml");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(load(&path).unwrap_err().to_string().contains("UTF-8"));
    assert!(load(dir.path()).unwrap_err().to_string().contains("not a regular file"));
}

fn with_source(lines: &str) -> String {
    format!("{SMALLEST}[[source]]\nkind = \"folder\"\nname = \"a\"\npath = \"in\"\n{lines}")
}

#[test]
fn contradictions_of_a_source_are_told() {
    assert!(problem(&with_source("mode = \"watch\"\nrepeat = true\n")).contains("a watched folder has no end"));
    let moved = "mode = \"once\"\nrepeat = true\nafter = \"move\"\nmove_to = \"done\"\n";
    assert!(problem(&with_source(moved)).contains("read again"));
    let deleted = problem(&with_source("mode = \"once\"\nafter = \"delete\"\n"));
    assert!(deleted.contains("expected \"keep\" or \"move\""), "{deleted}");
    assert!(problem(&with_source("mode = \"once\"\nafter = \"move\"\n")).contains("move_to"));
    assert!(problem(&with_source("mode = \"once\"\nmove_to = \"x\"\n")).contains("unless after = \"move\""));
    let twice = format!(
        "{}\n[[source]]\nkind = \"folder\"\nname = \"a\"\npath = \"in\"\nmode = \"once\"\n",
        with_source("mode = \"once\"")
    );
    assert!(problem(&twice).contains("2 sources with 1 different names"));
    assert!(problem(&format!("{SMALLEST}source = 1\n")).contains("one section [[source]] for each"));
}

#[test]
fn a_backend_stands_once_in_the_order() {
    for order in ["[]", "[\"tract\", \"tract\"]"] {
        let found = problem(&format!("{SMALLEST}[inference]\norder = {order}\n"));
        assert!(found.contains("each backend at most once"), "{found}");
    }
}

fn with(section: &str) -> Result<StationConfig, Vec<String>> {
    read(&format!("{SMALLEST}{section}"))
}

fn source_kind(section: &str) -> SourceKind {
    with(section).unwrap().sources.remove(0).kind
}

#[test]
fn every_kind_of_source_is_read_with_its_defaults() {
    let http = source_kind("[[source]]\nkind = \"http\"\nname = \"camera\"");
    assert_eq!(http, SourceKind::Http(HttpSource { queue_frames: 16, read_ms: 10_000, answer_ms: 10_000 }));
    let replay = source_kind(
        "[[source]]\nkind = \"replay\"\nname = \"again\"\nverdict = \"fail\"\nfrom = \"1970-01-01T00:00:01Z\"\nlimit = 7",
    );
    let (verdict, from_us) = (Some(VerdictKind::Fail), Some(1_000_000));
    assert_eq!(replay, SourceKind::Replay(ReplaySource { verdict, from_us, to_us: None, limit: 7, pace_ms: 0 }));
    let burst = source_kind("[[source]]\nkind = \"burst\"\nname = \"b\"\npath = \"/in\"\ncount = 9\nper_second = 60");
    let path = Path::new("/in").to_owned();
    assert_eq!(burst, SourceKind::Burst(BurstSource { path, count: 9, per_second: 60, burst: 1 }));
    let names = "mode = \"watch\"\nnames = \"product-serial\"";
    let SourceKind::Folder(folder) = &read(&with_source(names)).unwrap().sources[0].kind else { panic!("a folder") };
    assert!(folder.product_and_serial);
}

#[test]
fn a_key_of_another_kind_and_a_value_out_of_range_are_told() {
    let http = "[[source]]\nkind = \"http\"\nname = \"a\"\npath = \"in\"\nqueue_frames = 0\nanswer_ms = 5";
    let found = with(http).unwrap_err();
    assert!(found.iter().any(|line| line.contains("source[0].path: found a key that is not known")), "{found:?}");
    assert!(found.iter().any(|line| line.contains("source[0].queue_frames: found 0")), "{found:?}");
    assert_eq!(found.len(), 3, "{found:?}");
    let replay = "[[source]]\nkind = \"replay\"\nname = \"a\"\nverdict = \"maybe\"\nfrom = \"yesterday\"\nlimit = 0";
    assert_eq!(with(replay).unwrap_err().len(), 3);
    let turned =
        "[[source]]\nkind = \"replay\"\nname = \"a\"\nfrom = \"2026-01-02T00:00:00Z\"\nto = \"2026-01-01T00:00:00Z\"";
    assert!(problem(&format!("{SMALLEST}{turned}")).contains("a time after `from`"));
    let burst = "[[source]]\nkind = \"burst\"\nname = \"a\"\npath = \"in\"";
    assert_eq!(with(burst).unwrap_err().len(), 2, "count and per_second are required");
}

#[test]
fn the_queue_is_bounded_by_frames_and_bytes() {
    let config = with("").unwrap().queue;
    assert_eq!((config.frames, config.payload_bytes, config.trigger_wait_ms), (16, 256 << 20, 2000));
    let config = with("[queue]\nframes = 4\npayload_mb = 8\ntrigger_wait_ms = 100").unwrap().queue;
    assert_eq!((config.frames, config.payload_bytes, config.trigger_wait_ms), (4, 8 << 20, 100));
    assert_eq!(with("[queue]\nframes = 0\npayload_mb = 0\nbytes = 1").unwrap_err().len(), 3);
}

#[test]
fn problems_come_in_the_order_of_the_file() {
    let text = "station = \"a\"\nnonsense = 1\ndata_dir = 7\nrecipe = \"\"\n[inference]\norder = \"tract\"\n[admin]\nbind = 3\n";
    let found = problems(text);
    let lines: Vec<usize> = found.iter().filter_map(|one| one.split(':').nth(1)?.parse().ok()).collect();
    assert!(lines.len() >= 5 && lines.is_sorted(), "{found:#?}");
    assert!(found.iter().any(|one| one.contains("a path in quotes that is not empty")), "{found:#?}");
    assert!(found.iter().any(|one| one.contains("a list of texts in [ ]")), "{found:#?}");
}

#[test]
fn shifts_begin_by_the_clock_of_the_report() {
    let usual = read(SMALLEST).unwrap().shifts;
    let starts = |plan: &assay::domain::ShiftPlan| {
        plan.shifts()
            .iter()
            .map(|shift| format!("{} {}", shift.name, shift.start.strftime("%H:%M")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (usual.zone_name(), starts(&usual)),
        ("UTC", vec!["1 06:00".into(), "2 14:00".into(), "3 22:00".into()])
    );
    let zone = read(&format!("{SMALLEST}[report]\ntime_zone = \"Asia/Shanghai\"\n")).unwrap().shifts;
    assert_eq!((zone.zone_name(), starts(&zone)), ("Asia/Shanghai", starts(&usual)));
    assert!(!usual.is_chosen() && !zone.is_chosen(), "nobody works by them");
    let given = "
        [report]
        time_zone = \"Asia/Shanghai\"
        [[shift]]
        name = \"晚班\"
        start = \"20:30\"
        [[shift]]
        name = \"早班\"
        start = \"08:30\"
    ";
    let plan = read(&format!("{SMALLEST}{given}")).unwrap().shifts;
    assert_eq!((plan.zone_name(), starts(&plan)), ("Asia/Shanghai", vec!["早班 08:30".into(), "晚班 20:30".into()]));
    assert!(plan.is_chosen());
}

#[test]
fn all_that_is_wrong_with_shifts_is_said_at_once() {
    let wrong = "
        [report]
        time_zone = \"Mars/Olympus\"
        [[shift]]
        name = \"\"
        start = \"6:00\"
        [[shift]]
        name = \"late\"
        start = \"24:00\"
        until = \"22:00\"
    ";
    let problems = problems(&format!("{SMALLEST}{wrong}"));
    let keys = ["report.time_zone", "shift[0].name", "shift[0].start", "shift[1].start", "shift[1].until"];
    for (problem, key) in problems.iter().zip(keys) {
        assert!(problem.contains(&format!(": {key}: ")), "{key}: {problem}");
    }
    assert_eq!(problems.len(), keys.len(), "{problems:#?}");
    let twice = "
        [[shift]]
        name = \"early\"
        start = \"06:00\"
        [[shift]]
        name = \"late\"
        start = \"06:00\"
    ";
    assert!(problem(&format!("{SMALLEST}{twice}")).contains("two shifts begin at 06:00"));
}
