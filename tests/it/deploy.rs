//! Bundles on their way to a running station: over HTTP and by the commands, with real plugins and a real model.

mod gates;

use assay_tests::artifacts::root;
use assay_tests::station::{Running, TestStation, assay, demo, picture, wrong_self_test};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longer than any machine needs.
const LIMIT: Duration = Duration::from_secs(180);

/// One station at a time: each judges all the while, and several would make each other late.
static ONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A station that judges four pictures again and again, with `deploy` as its `[deploy]`.
fn station(deploy: &str) -> TestStation {
    let pictures = tempfile::tempdir().unwrap().keep();
    for name in ["1-ordinary-00-good-brick.jpg", "1-ordinary-01-good-aggregate.jpg", "1-ordinary-21-pit-aggregate.jpg"]
    {
        std::fs::copy(picture(name), pictures.join(name)).unwrap();
    }
    let station = TestStation::new(&format!(
        "[inference]\norder = [\"onnxruntime\"]\n[deploy]\n{deploy}\n[[source]]\nkind = \"folder\"\nname = \"belt\"\n\
         path = {pictures:?}\nmode = \"once\"\nrepeat = true\npace_ms = 300\n"
    ))
    .unwrap();
    std::fs::rename(&pictures, station.dir.path().join("pictures")).unwrap();
    let text = std::fs::read_to_string(station.config()).unwrap();
    let place = station.dir.path().join("pictures");
    std::fs::write(station.config(), text.replace(&format!("{pictures:?}"), &format!("{place:?}"))).unwrap();
    station
}

/// Nothing here depends on how busy the machine is: late frames do not count, and the trial has fewer frames than a
/// percentile or a mix of verdicts needs.
const QUICK: &str = "shadow_frames = 6\ntrial_frames = 18\nmax_timeouts_percent = 100\nmax_disagreements_percent = 100";
const CALM: &str = "max_failures_percent = 100";
/// Ends only when it is told to.
const ENDLESS: &str = "shadow_frames = 1000000\nshadow_seconds = 86400\ntrial_frames = 1000000\ntrial_seconds = 86400\n\
     max_timeouts_percent = 100\nmax_failures_percent = 100\nmax_shift_percent = 100";

/// 1.1.0 is good; 1.2.0 pins the guest "brittle-detector", which traps on pictures that are not 224 x 224.
fn release(version: &str) -> PathBuf {
    demo().unwrap().join("releases").join(format!("recipe-{version}.assay"))
}

fn deploy(running: &Running, bundle: &Path, more: &[&str]) -> Output {
    let mut command = assay().unwrap();
    command.arg("deploy").arg(bundle).args(["--to", &running.address]).args(more).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

struct Answer {
    status: u16,
    media: String,
    body: Value,
}

fn read(mut answer: ureq::http::Response<ureq::Body>) -> Answer {
    let media = answer.headers().get("content-type").map_or("", |media| media.to_str().unwrap()).to_owned();
    let text = answer.body_mut().read_to_string().unwrap();
    Answer { status: answer.status().as_u16(), media, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT)).build().into()
}

fn get(running: &Running, path: &str) -> Value {
    let answer = read(agent().get(format!("{}{path}", running.address)).call().unwrap());
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

fn post(running: &Running, path: &str, media: &str, body: &[u8]) -> Answer {
    let request = agent().post(format!("{}{path}", running.address)).content_type(media);
    let request = request.header("expect", "100-continue");
    read(request.send(body).unwrap())
}

/// Posts what must be refused; gives the kind of the problem.
fn problem(running: &Running, path: &str, media: &str, body: &[u8]) -> (u16, String) {
    let answer = post(running, path, media, body);
    assert_eq!(answer.media, "application/problem+json", "{}", answer.body);
    assert_eq!(answer.body["status"], answer.status);
    let kind = answer.body["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    (answer.status, kind)
}

/// What the audit log has of a code: action and who.
fn refused_as(station: &TestStation, code: &str) -> Vec<(String, String)> {
    let exported = station.run(&["audit", "export"], &[]).unwrap();
    assert!(exported.status.success(), "{}", text(&exported));
    let rows = String::from_utf8(exported.stdout).unwrap();
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.filter(|row| row["refused"] == code).map(|row| (of(&row, "action"), of(&row, "actor"))).collect()
}

fn by_local(action: &str) -> Vec<(String, String)> {
    vec![(action.to_owned(), "local".to_owned())]
}

const BYTES: &str = "application/octet-stream";
const DEPLOYMENTS: &str = "/api/v1/deployments";

fn version(running: &Running) -> String {
    get(running, DEPLOYMENTS)["running"]["version"].as_str().unwrap().to_owned()
}

fn wait_for(running: &Running, id: u64, state: &str) -> Value {
    let begin = Instant::now();
    loop {
        let deployment = get(running, &format!("{DEPLOYMENTS}/{id}"));
        if deployment["state"] == state {
            return deployment;
        }
        assert!(begin.elapsed() < LIMIT, "never {state}: {deployment}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn states(deployment: &Value) -> Vec<&str> {
    deployment["history"].as_array().unwrap().iter().map(|entered| entered["state"].as_str().unwrap()).collect()
}

#[test]
fn a_good_release_drives_after_all_states_and_after_a_kill() {
    let _alone = alone();
    let station = station(&format!("{QUICK}\n{CALM}"));
    let running = station.start().unwrap();
    let output = deploy(&running, &release("1.1.0"), &["--reason", "stricter & better"]);
    let said = text(&output);
    assert!(output.status.success(), "{said}");
    for words in [
        "received",
        "qualified",
        "self-test good.png",
        "latency p95",
        "shadow: 6 frames",
        "trial: 18 frames",
        "committed",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    let deployment = get(&running, &format!("{DEPLOYMENTS}/1"));
    let all = ["received", "verified", "compiled", "qualified", "shadow", "trial", "committed"];
    assert_eq!((states(&deployment), &deployment["reason"]), (all.to_vec(), &"stricter & better".into()));
    assert_eq!(version(&running), "1.1.0");
    // The very same again, and the way back of what is not there.
    let bytes = std::fs::read(release("1.1.0")).unwrap();
    assert_eq!(problem(&running, DEPLOYMENTS, BYTES, &bytes), (409, "already-running".to_owned()));
    assert_eq!(refused_as(&station, "already-running"), by_local("deployment-failed"));
    assert_eq!(version(&running), "1.1.0");
    drop(running); // kill -9

    let running = station.start().unwrap();
    assert_eq!(version(&running), "1.1.0", "what was committed is what runs");
    let back =
        assay().unwrap().args(["rollback", "--to", &running.address, "--reason", "complaints"]).output().unwrap();
    assert!(back.status.success() && text(&back).contains("1.0.0 drives"), "{}", text(&back));
    assert_eq!(problem(&running, "/api/v1/rollback", BYTES, b""), (409, "nothing-to-roll-back".to_owned()));
    assert_eq!(refused_as(&station, "nothing-to-roll-back"), by_local("roll-back"));
    assert_eq!(version(&running), "1.0.0");
    let status = assay().unwrap().args(["status", "--to", &running.address]).output().unwrap();
    assert!(text(&status).contains("1.1.0  rolled-back: taken back by local: complaints"), "{}", text(&status));
    assert_eq!(running.end().unwrap(), Some(0));
    let audit = station.run(&["journal", "verify"], &[]).unwrap();
    assert!(audit.status.success(), "{}", text(&audit));
}

#[test]
fn a_release_that_traps_is_stopped_by_the_shadow_and_without_one_rolled_back_by_itself() {
    let _alone = alone();
    let station = station(QUICK);
    let running = station.start().unwrap();
    let output = deploy(&running, &release("1.2.0"), &[]);
    assert!(!output.status.success() && text(&output).contains("failed: the shadow failed on 3"), "{}", text(&output));
    let deployment = get(&running, &format!("{DEPLOYMENTS}/1"));
    assert_eq!(*states(&deployment).last().unwrap(), "failed");
    assert!(deployment["shadow"]["kept"].to_string().contains("detect brittle: trap (plugin)"), "{deployment}");

    let output = deploy(&running, &release("1.2.0"), &["--skip-shadow"]);
    assert!(!output.status.success() && text(&output).contains("rolled-back: it failed on 3"), "{}", text(&output));
    assert_eq!(version(&running), "1.0.0");
    let deployment = get(&running, &format!("{DEPLOYMENTS}/2"));
    assert_eq!(states(&deployment).last(), Some(&"rolled-back"));
    // The frames of the trial name what judged them, and passed nothing.
    let digest = deployment["bundle"]["digest"].as_str().unwrap();
    let export = station.run(&["journal", "export"], &[Path::new("--format"), Path::new("jsonl")]).unwrap();
    let lines: Vec<Value> =
        String::from_utf8_lossy(&export.stdout).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let tried: Vec<&Value> = lines.iter().filter(|line| line.to_string().contains(digest)).collect();
    assert!(
        tried.len() >= 3,
        "{} of {} records\n{}",
        tried.len(),
        lines.len(),
        text(&export).chars().take(500).collect::<String>()
    );
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_kill_in_the_shadow_or_on_trial_leaves_the_recipe_of_before() {
    let _alone = alone();
    let station = station(ENDLESS);
    let bytes = std::fs::read(release("1.1.0")).unwrap();
    let running = station.start().unwrap();
    let accepted = post(&running, DEPLOYMENTS, BYTES, &bytes);
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    wait_for(&running, 1, "shadow");
    let second = problem(&running, DEPLOYMENTS, BYTES, &bytes);
    assert_eq!(second, (409, "in-progress".to_owned()));
    assert_eq!(refused_as(&station, "in-progress"), by_local("deploy"));
    assert_eq!(get(&running, DEPLOYMENTS)["deployments"].as_array().unwrap().len(), 1, "the first goes on alone");
    drop(running);

    let running = station.start().unwrap();
    let cut = get(&running, &format!("{DEPLOYMENTS}/1"));
    assert!(cut["state"] == "failed" && cut["outcome"].as_str().unwrap().contains("station stopped"), "{cut}");
    assert_eq!(version(&running), "1.0.0");
    assert_eq!(post(&running, &format!("{DEPLOYMENTS}?shadow=skip"), BYTES, &bytes).status, 202);
    wait_for(&running, 2, "trial");
    assert_eq!(version(&running), "1.1.0", "it drives");
    drop(running);

    let running = station.start().unwrap();
    assert_eq!(
        (get(&running, &format!("{DEPLOYMENTS}/2"))["state"].as_str(), version(&running).as_str()),
        (Some("rolled-back"), "1.0.0")
    );
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_reason_and_changes_nothing() {
    let _alone = alone();
    let station = station(&format!("{QUICK}\nmax_bundle_mb = 1"));
    std::fs::remove_file(station.bundles.join("brittle.assay")).unwrap();
    let running = station.start().unwrap();
    let mut tampered = std::fs::read(release("1.1.0")).unwrap();
    let at = tampered.len() - 1;
    tampered[at] ^= 1;
    assert_eq!(problem(&running, DEPLOYMENTS, BYTES, &tampered), (422, "bundle-refused".to_owned()));
    let refused = get(&running, &format!("{DEPLOYMENTS}/1"));
    assert!(
        refused["state"] == "failed" && refused["outcome"].as_str().unwrap().starts_with("blobs check"),
        "{refused}"
    );
    assert_eq!(problem(&running, DEPLOYMENTS, BYTES, b"no bundle"), (422, "bundle-refused".to_owned()));
    assert_eq!(problem(&running, DEPLOYMENTS, BYTES, &vec![0; 2 << 20]), (413, "bundle-too-large".to_owned()));
    assert_eq!(problem(&running, DEPLOYMENTS, "image/png", b"x"), (415, "wrong-content-type".to_owned()));
    assert_eq!(problem(&running, &format!("{DEPLOYMENTS}?shadow=no"), BYTES, b"x"), (400, "bad-request".to_owned()));
    assert_eq!(problem(&running, &format!("{DEPLOYMENTS}?colour=red"), BYTES, b"x"), (400, "bad-request".to_owned()));
    assert_eq!(read(agent().get(format!("{}{DEPLOYMENTS}/99", running.address)).call().unwrap()).status, 404);
    let audit = text(&station.run(&["audit", "export"], &[]).unwrap());
    for code in ["blobs", "bundle-too-large", "wrong-content-type", "bad-request"] {
        assert!(audit.contains(&format!("\"{code}\"")), "{code}:\n{audit}");
    }

    // A recipe whose plugin is not here is refused by that name; with the plugin it comes as far as its shadow.
    let output = deploy(&running, &release("1.2.0"), &[]);
    assert!(!output.status.success() && text(&output).contains("\"brittle\""), "{}", text(&output));
    let brittle = demo().unwrap().join("bundles/brittle.assay");
    let stored = post(&running, DEPLOYMENTS, BYTES, &std::fs::read(brittle).unwrap());
    assert_eq!((stored.status, stored.body["state"].as_str()), (201, Some("stored")));
    let output = deploy(&running, &release("1.2.0"), &[]);
    assert!(text(&output).contains("shadow failed"), "{}", text(&output));
    assert_eq!(version(&running), "1.0.0");
    assert_eq!(running.end().unwrap(), Some(0));
}

/// A key that may sign plugins only signs a recipe.
#[test]
fn a_bundle_of_a_kind_that_its_key_may_not_sign_is_refused_recorded_and_changes_nothing() {
    let _alone = alone();
    let station = station(QUICK);
    let path = |name: &str| station.dir.path().join(name);
    let run = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    };
    std::fs::copy(demo().unwrap().join("trust.json"), path("trust.json")).unwrap();
    let config = std::fs::read_to_string(station.config()).unwrap();
    let ours = format!("trust = {:?}", demo().unwrap().join("trust.json"));
    assert!(config.contains(&ours), "{config}");
    std::fs::write(station.config(), config.replace(&ours, "trust = \"trust.json\"")).unwrap();
    run(assay().unwrap().args(["key", "generate", "--out"]).arg(path("author.pem")));
    let mut trust = assay().unwrap();
    trust.args(["key", "trust", "--role", "plugin:*", "--store"]).arg(path("trust.json"));
    run(trust.arg("--key").arg(path("author.pub.pem")));
    std::fs::write(path("recipe.toml"), assay_tests::station::recipe_manifest().unwrap()).unwrap();
    let mut pack = assay().unwrap();
    pack.args(["bundle", "pack", "--manifest"]).arg(path("recipe.toml")).arg("--bundles").arg(&station.bundles);
    run(pack.arg("--key").arg(path("author.pem")).arg("--out").arg(path("other.assay")));

    let running = station.start().unwrap();
    let bytes = std::fs::read(path("other.assay")).unwrap();
    assert_eq!(problem(&running, DEPLOYMENTS, BYTES, &bytes), (422, "bundle-refused".to_owned()));
    // Who handed it in is in the row before: what the checks find is the station's own.
    assert_eq!(refused_as(&station, "authority"), [("deployment-failed".to_owned(), "station".to_owned())]);
    let refused = get(&running, &format!("{DEPLOYMENTS}/1"));
    assert!(refused["outcome"].as_str().unwrap().starts_with("authority check"), "{refused}");
    assert_eq!(
        (version(&running).as_str(), get(&running, DEPLOYMENTS)["in_progress"].as_bool()),
        ("1.0.0", Some(false))
    );
    assert_eq!(running.end().unwrap(), Some(0));
}

#[test]
fn a_recipe_that_answers_otherwise_than_its_self_test_says_does_not_start() {
    let _alone = alone();
    let station = station(QUICK);
    let folder = root().join("sdk/models/demo");
    let other = wrong_self_test(station.dir.path()).unwrap();
    let recipe = assay_tests::station::recipe_manifest().unwrap();
    let place = format!("{}/selftest/expected.json", folder.display());
    let manifest = station.dir.path().join("recipe.toml");
    std::fs::write(&manifest, recipe.replace(&place, &other.display().to_string())).unwrap();
    let out = station.bundles.join("recipe.assay");
    std::fs::remove_file(&out).unwrap();
    let mut command = assay().unwrap();
    command.args(["bundle", "pack", "--manifest"]).arg(&manifest).arg("--bundles").arg(&station.bundles);
    let packed =
        command.arg("--key").arg(demo().unwrap().join("keys/demo.pem")).arg("--out").arg(&out).output().unwrap();
    assert!(packed.status.success(), "{}", text(&packed));
    let output = station.run(&["run"], &[Path::new("--bind"), Path::new("127.0.0.1:0")]).unwrap();
    let said = text(&output);
    assert!(!output.status.success(), "{said}");
    for words in ["not qualified", "FAILED  self-test good.png", "asked logits within 0.5", "ok      self-test pit.png"]
    {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    assert!(!station.data().join("counters.json").exists(), "no counter has moved");
}

#[test]
fn a_recipe_that_is_changed_in_the_configuration_wins_over_what_was_deployed() {
    let _alone = alone();
    let station = station(&format!("shadow_frames = 0\ntrial_frames = 1\nmax_timeouts_percent = 100\n{CALM}"));
    let running = station.start().unwrap();
    assert!(deploy(&running, &release("1.1.0"), &[]).status.success());
    assert_eq!(running.end().unwrap(), Some(0));
    let running = station.start().unwrap();
    assert_eq!(version(&running), "1.1.0", "the file says the same as when it was deployed");
    assert_eq!(running.end().unwrap(), Some(0));

    let file = station.bundles.join("recipe.assay");
    let away = station.dir.path().join("recipe.away");
    std::fs::rename(&file, &away).unwrap();
    let running = station.start().unwrap();
    assert_eq!(version(&running), "1.1.0", "a file that does not run any more is not needed");
    assert_eq!(running.end().unwrap(), Some(0));
    std::fs::rename(&away, &file).unwrap();

    let config = std::fs::read_to_string(station.config()).unwrap();
    std::fs::copy(release("1.2.0"), station.bundles.join("other.assay")).unwrap();
    std::fs::write(station.config(), config.replace("bundles/recipe.assay", "bundles/other.assay")).unwrap();
    let running = station.start().unwrap();
    assert_eq!(version(&running), "1.2.0", "the file was changed since");
    assert_eq!(running.end().unwrap(), Some(0));
}
