//! The commands of `assay` on a station of their own: what a user sees, and what is left behind when something is wrong.

use assay::domain::{InstanceMode, WarmEvent};
use assay_tests::artifacts::root;
use assay_tests::hostile::{CASES, Case, first_start};
use assay_tests::station::{TestStation, assay, demo, picture, recipe_manifest};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod failing;

const FAST: &str = "[inference]\norder = [\"onnxruntime\"]";
const GOOD: &str = "1-ordinary-00-good-brick.jpg";
const PIT: &str = "1-ordinary-21-pit-aggregate.jpg";

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The command must fail, say `words`, and not panic.
fn refused(output: &Output, words: &[&str]) {
    let text = text(output);
    assert!(!output.status.success(), "expected a failure:\n{text}");
    assert!(!text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "the message must name {word:?}:\n{text}");
    }
}

/// Neither command runs, and nothing is left that a later start would go by.
fn does_not_start(station: &TestStation, words: &[&str]) {
    refused(&station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap(), words);
    refused(&station.run(&["run"], &[Path::new("--bind"), Path::new("127.0.0.1:0")]).unwrap(), words);
    for name in ["journal", "counters.json", "installed-recipe"] {
        assert!(!station.data().join(name).exists(), "{name} is half-written");
    }
}

fn inspect(station: &TestStation, pictures: &[PathBuf]) -> Value {
    let mut args: Vec<&Path> = vec![Path::new("--json"), Path::new("-")];
    args.extend(pictures.iter().map(PathBuf::as_path));
    let output = station.run(&["inspect"], &args).unwrap();
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn good_parts_pass_and_defects_fail_by_their_name() {
    let station = TestStation::new(FAST).unwrap();
    let report = inspect(&station, &[picture(GOOD), picture(PIT)]);
    assert_eq!((&report["pictures"][0]["verdict"], &report["pictures"][0]["reason"]), (&"pass".into(), &"good".into()));
    assert_eq!((&report["pictures"][1]["verdict"], &report["pictures"][1]["reason"]), (&"fail".into(), &"pit".into()));
    assert_eq!(report["summary"]["device_used"], "CPU");
    assert_eq!(report["summary"]["backend"], "onnxruntime");
}

#[test]
fn whatever_is_no_picture_is_undecided_recorded_and_does_not_stop_the_rest() {
    let station = TestStation::new(FAST).unwrap();
    let folder = station.dir.path();
    let whole = std::fs::read(picture(GOOD)).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let pictures = [
        write("empty.png", b""),
        write("text.png", b"this is no picture"),
        write("animation.gif", b"GIF89a\x01\0\x01\0\x80\0\0"),
        write("scan.tif", b"II*\0\x08\0\0\0"),
        write("truncated.jpg", &whole[..whole.len() / 2]),
        write("bomb.png", &bomb()),
        folder.join("missing.png"),
        folder.to_owned(),
        picture(GOOD),
    ];
    let report = inspect(&station, &pictures);
    let codes: Vec<_> =
        report["pictures"].as_array().unwrap().iter().map(|row| row["reason"].as_str().unwrap()).collect();
    let none = ["not-an-image"; 4];
    let expected = [&none[..], &["damaged-image", "image-too-large", "unreadable", "unreadable", "good"]].concat();
    assert_eq!(codes, expected);
    for row in report["pictures"].as_array().unwrap().iter().take(8) {
        assert_eq!(row["verdict"], "undecided");
        assert_eq!(row["blame"], "source", "{row}");
        assert!(["source", "decode"].contains(&row["stage"].as_str().unwrap()), "{row}");
        assert!(row["detail"].as_str().unwrap().contains("(source)"), "the source is to blame: {row}");
    }
    let verified = station.run(&["journal", "verify"], &[]).unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
}

/// A PNG header that asks for 30000 x 30000 pixels: 2.7 GB if somebody believed it.
fn bomb() -> Vec<u8> {
    let mut png = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', 0, 0, 0, 13];
    png.extend(b"IHDR");
    png.extend(30_000u32.to_be_bytes());
    png.extend(30_000u32.to_be_bytes());
    png.extend([8, 2, 0, 0, 0]);
    // CRC-32 of the chunk, computed bit by bit.
    let mut crc = u32::MAX;
    for byte in &png[12..] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    png.extend((!crc).to_be_bytes());
    png.extend([0, 0, 0, 0]);
    png.extend(b"IDAT");
    png.extend([0x35, 0xaf, 0x06, 0x1e]);
    png
}

#[test]
fn a_stored_frame_judged_again_gives_the_same() {
    let station = TestStation::new(FAST).unwrap();
    let report = inspect(&station, &[picture(GOOD), picture(PIT)]);
    for row in report["pictures"].as_array().unwrap() {
        let replay = station.run(&["replay"], &[Path::new(row["id"].as_str().unwrap())]).unwrap();
        assert!(replay.status.success(), "{}", text(&replay));
        assert!(text(&replay).contains("no difference"), "{}", text(&replay));
    }
    refused(&station.run(&["replay"], &[Path::new("test-9-9")]).unwrap(), &["no frame test-9-9"]);
    refused(&station.run(&["replay"], &[Path::new("nonsense")]).unwrap(), &["STATION-BOOT-TRIGGER"]);
}

#[test]
fn a_running_station_judges_a_part_found_by_its_serial_again_and_records_nothing_of_it() {
    let station = TestStation::new(FAST).unwrap();
    inspect(&station, &[picture(GOOD), picture(PIT)]);
    let running = station.start().unwrap();
    let list = ask_until(&running.address, "/api/v1/inspections", |_| true);
    let list: Value = serde_json::from_str(&list).unwrap();
    let lines = list["inspections"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{list}");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    for line in lines {
        let path = format!("{}/api/v1/inspections/{}/replay", running.address, line["id"].as_str().unwrap());
        let mut answer = agent.post(path).send_empty().unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        assert_eq!(answer.status(), 200, "{text}");
        let replayed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&replayed["same"], &replayed["differences"]), (&true.into(), &Value::Array(vec![])), "{text}");
        assert_eq!(replayed["now"]["verdict"], line["verdict"], "{text}");
        assert_eq!(replayed["recipe"]["digest"], line["recipe_digest"], "{text}");
        assert_eq!(replayed["recipe"], replayed["running"], "{text}");
        assert!(replayed["now"]["stages_ms"]["infer"].as_f64().unwrap() > 0.0, "{text}");
    }
    let after = ask_until(&running.address, "/api/v1/inspections", |_| true);
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap(), list, "nothing was recorded");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn another_backend_gives_the_same_answer_to_a_replay_or_says_what_differs() {
    let station = TestStation::new(FAST).unwrap();
    let report = inspect(&station, &[picture(GOOD)]);
    let config = std::fs::read_to_string(station.config()).unwrap();
    std::fs::write(station.config(), config.replace("onnxruntime", "tract")).unwrap();
    let replay = station.run(&["replay"], &[Path::new(report["pictures"][0]["id"].as_str().unwrap())]).unwrap();
    let text = text(&replay);
    assert!(text.contains("on tract CPU"), "{text}");
    assert!(replay.status.success() || text.contains("differs: probability"), "only figures may differ: {text}");
    assert!(text.contains("note: judged on"), "{text}");
}

#[test]
fn a_port_in_use_is_an_error_and_nothing_is_written() {
    let station = TestStation::new(FAST).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = station.run(&["run"], &[Path::new("--bind"), Path::new(&address)]).unwrap();
    refused(&output, &["cannot listen", &address]);
    assert!(!station.data().exists(), "nothing half-written");
}

#[test]
fn the_admin_is_for_this_machine_only_whoever_asks() {
    let station = TestStation::new(FAST).unwrap();
    let output = station.run(&["run"], &[Path::new("--bind"), Path::new("0.0.0.0:0")]).unwrap();
    refused(&output, &["loopback", "0.0.0.0"]);
    assert!(!station.data().exists());
}

#[test]
fn what_never_judged_moves_no_counter() {
    let station = TestStation::new(FAST).unwrap();
    assert!(station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap().status.success());
    assert!(!station.data().join("counters.json").exists() && !station.data().join("installed-recipe").exists());
    inspect(&station, &[picture(GOOD)]);
    assert!(station.data().join("counters.json").exists() && station.data().join("installed-recipe").exists());
}

#[test]
fn the_health_page_answers_while_verdicts_can_be_recorded() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    assert_eq!(ask_until(&running.address, "/healthz", |_| true), "ok\n");
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn every_problem_of_a_configuration_is_told_at_once() {
    let station =
        TestStation::new("colour = \"red\"\n[inference]\nthreads = 0\nparallel = 4\n[admin]\nbind = \"nowhere\"")
            .unwrap();
    let output = station.run(&["run"], &[]).unwrap();
    refused(&output, &["station.toml", "colour", "threads", "bind"]);
    assert!(!text(&output).contains("parallel"), "a right key beside a wrong one is no problem");
    assert!(!station.data().exists());
}

#[test]
fn a_changed_bundle_is_refused_by_name() {
    let station = TestStation::new(FAST).unwrap();
    let path = station.bundles.join("letterbox.assay");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    does_not_start(&station, &["letterbox"]);
}

#[test]
fn an_unsigned_or_wrongly_signed_recipe_is_refused() {
    let station = TestStation::new(FAST).unwrap();
    let recipe = station.bundles.join("recipe.assay");
    let manifest = root().join("sdk/models/demo/recipe.toml");
    let pack = |key: Option<&Path>| {
        let mut command = assay().unwrap();
        command.args(["bundle", "pack", "--manifest"]).arg(&manifest).arg("--bundles").arg(&station.bundles);
        if let Some(key) = key {
            command.arg("--key").arg(key);
        }
        std::fs::remove_file(&recipe).unwrap();
        let output = command.arg("--out").arg(&recipe).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    };
    pack(None);
    does_not_start(&station, &["refused", "sign"]);
    let stranger = station.dir.path().join("stranger.pem");
    let made = assay().unwrap().args(["key", "generate", "--out"]).arg(&stranger).output().unwrap();
    assert!(made.status.success());
    pack(Some(&stranger));
    does_not_start(&station, &["refused", "sign"]);
    pack(Some(&demo().unwrap().join("keys/demo.pem")));
    assert!(station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap().status.success());
}

/// Packs the demo's recipe anew with `change` made to its manifest, signed by the demo's key; gives the bundle's path.
fn repack_recipe(station: &TestStation, change: impl Fn(String) -> String) -> PathBuf {
    let manifest = station.dir.path().join("recipe.toml");
    let recipe = recipe_manifest().unwrap();
    let changed = change(recipe.clone());
    assert_ne!(changed, recipe, "the change is made");
    std::fs::write(&manifest, changed).unwrap();
    let out = station.bundles.join("recipe.assay");
    std::fs::remove_file(&out).unwrap();
    let mut command = assay().unwrap();
    command.args(["bundle", "pack", "--manifest"]).arg(&manifest).arg("--bundles").arg(&station.bundles);
    let key = demo().unwrap().join("keys/demo.pem");
    let packed = command.arg("--key").arg(key).arg("--out").arg(&out).output().unwrap();
    assert!(packed.status.success(), "{}", text(&packed));
    out
}

#[test]
fn a_device_that_is_not_there_is_an_error_that_names_it() {
    let station = TestStation::new(FAST).unwrap();
    repack_recipe(&station, |recipe| recipe.replace("devices = [\"CPU\"]", "devices = [\"NPU\"]"));
    does_not_start(&station, &["NPU", "surface"]);
}

#[test]
fn a_backend_that_is_not_there_is_an_error_with_the_reason() {
    let station = TestStation::new("[inference]\norder = [\"openvino\"]\nopenvino_dir = \"nowhere\"").unwrap();
    does_not_start(&station, &["openvino", "nowhere"]);
}

#[test]
fn a_missing_model_is_an_error_that_names_it() {
    let station = TestStation::new(FAST).unwrap();
    std::fs::remove_file(station.bundles.join("surface.assay")).unwrap();
    does_not_start(&station, &["surface"]);
}

/// Asks until `enough` says so; the limit is far beyond what any machine needs.
fn ask_until(address: &str, path: &str, enough: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let body = ureq::get(format!("{address}{path}")).call().unwrap().body_mut().read_to_string().unwrap();
        if enough(&body) {
            return body;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{path} never showed it:\n{body}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

#[test]
fn a_folder_that_vanishes_is_recorded_and_the_line_goes_on_when_it_is_back() {
    let watch = "[[source]]\nkind = \"folder\"\nname = \"camera\"\npath = \"in\"\nmode = \"watch\"\npoll_ms = 20";
    let station = TestStation::new(&format!("{FAST}\n{watch}")).unwrap();
    let folder = station.dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let running = station.start().unwrap();
    std::fs::copy(picture(GOOD), folder.join("a.jpg")).unwrap();
    ask_until(&running.address, "/inspections?verdict=pass", |page| page.contains("a.jpg"));
    std::fs::remove_dir_all(&folder).unwrap();
    ask_until(&running.address, "/inspections?verdict=undecided", |page| page.contains("unreadable"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(picture(PIT), folder.join("b.jpg")).unwrap();
    ask_until(&running.address, "/inspections?verdict=fail", |page| page.contains("b.jpg"));
    assert_eq!(running.end().unwrap(), Some(0), "Ctrl-C ends it well");
    let verified = station.run(&["journal", "verify"], &[]).unwrap();
    assert!(verified.status.success(), "{}", text(&verified));
}

#[test]
fn a_journal_in_use_is_refused_and_a_scratch_one_is_not() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    refused(&station.run(&["inspect"], &[&picture(GOOD)]).unwrap(), &["journal"]);
    assert!(station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap().status.success());
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn the_admin_answers_only_for_itself_and_gives_away_no_file() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let get = |path: &str| agent.get(format!("{}{path}", running.address)).call().unwrap();
    let page = get("/");
    assert_eq!(page.status(), 200);
    let policy = page.headers().get("content-security-policy").unwrap().to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for path in ["/pictures/..%2f..%2fstation.toml", "/pictures/abc", "/assets/..%2fstyle.css", "/inspections/x", "/no"]
    {
        assert_eq!(get(path).status(), 404, "{path}");
    }
    assert_eq!(get("/inspections?verdict=maybe").status(), 400);
    assert_eq!(get("/inspections?before=yesterday").status(), 400);
    assert_eq!(get("/language?to=xx&back=/").status(), 400);
    let foreign = agent.get(&running.address).header("host", "evil.example").call().unwrap();
    assert_eq!(foreign.status(), 421);
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn an_expired_recipe_is_no_new_install_and_stays_where_it_already_runs() {
    let station = TestStation::new(FAST).unwrap();
    let expired = "counter = 1\nnot_after = \"2020-01-01T00:00:00Z\"";
    let out = repack_recipe(&station, |recipe| recipe.replace("counter = 1", expired));
    refused(&station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap(), &["refused", "2020-01-01"]);

    // As if it had been installed before it expired.
    let shown = text(&assay().unwrap().args(["bundle", "inspect"]).arg(&out).output().unwrap());
    let digest = shown.lines().find_map(|line| line.strip_prefix("digest")).unwrap().trim();
    std::fs::write(station.data().join("installed-recipe"), digest).unwrap();
    let output = station.run(&["inspect", "--scratch"], &[&picture(GOOD)]).unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

#[test]
fn a_reader_that_has_gone_ends_no_command() {
    let bundle = demo().unwrap().join("bundles/letterbox.assay");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = assay().unwrap().args(["bundle", "inspect"]).arg(bundle).stdout(writer).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn hostile(name: &str) -> Case {
    *CASES.iter().find(|case| case.name == name).unwrap()
}

/// Its detector never ends: ten tries of the self-test frame take ten times its deadline of a second.
#[test]
fn a_first_start_whose_self_test_does_not_end_in_its_time_says_which_setting_that_is() {
    let case = Case { deadline_ms: 1000, ..hostile("infinite_loop") };
    let (_dir, parts) = first_start(&case, InstanceMode::Fresh, "[deploy]\nqualification_seconds = 1\n").unwrap();
    let mut said = Vec::new();
    let error = Arc::new(parts).configured_recipe(&mut |text| said.push(text.to_owned())).map(drop).unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("self-test did not end within 1 s") && text.contains("qualification_seconds"), "{text}");
    assert_eq!(said, ["self-test: 1 frames"]);
}

#[test]
fn no_instance_that_the_self_test_of_a_first_start_has_used_judges_a_frame_of_the_line() {
    let (_dir, parts) = first_start(&hostile("log_flood"), InstanceMode::Warm, "").unwrap();
    let configured = Arc::new(parts).configured_recipe(&mut |_| ()).unwrap();
    let detector = &configured.ready.live.detectors[0];
    let booked = |event| detector.warm_counts().unwrap().get(event);
    assert!(booked(WarmEvent::Reused) > 2, "the self-test used one again and again");
    assert_eq!((booked(WarmEvent::Made), booked(WarmEvent::LetGo)), (2, 1), "the one that waits is new");
}
