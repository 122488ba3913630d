//! Users, tokens and the audit log of a real station: what the console does beside it, and what it prints.

use assay_tests::station::{Running, TestStation, assay};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

const FAST: &str = "[inference]\norder = [\"onnxruntime\"]";
const PASSWORD: &str = "canada-goose-7";

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a command of `assay` that reads `input` from standard input.
fn with_input(station: &TestStation, command: &[&str], input: &str) -> Output {
    let mut child = assay()
        .unwrap()
        .args(command)
        .arg("--config")
        .arg(station.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    text(output)
}

fn refused(output: &Output, words: &[&str]) {
    let text = text(output);
    assert!(!output.status.success() && !text.contains("panicked"), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
}

/// Status and body of a request with a token.
fn whoami(running: &Running, token: &str) -> (u16, Value) {
    let address = format!("{}/api/v1/whoami", running.address);
    let mut answer = agent().get(address).header("authorization", format!("Bearer {token}")).call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    let (status, body) = (answer.status().as_u16(), serde_json::from_str(&body).unwrap_or(Value::Null));
    if status != 200 {
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/problem+json");
        assert_eq!(body["status"], status);
    }
    (status, body)
}

fn form(running: &Running, path: &str, fields: &[(&str, &str)]) -> ureq::http::Response<ureq::Body> {
    let request = agent().post(format!("{}{path}", running.address)).header("sec-fetch-site", "same-origin");
    request.send_form(fields.iter().copied()).unwrap()
}

/// Rows of the exported audit log.
fn audit(station: &TestStation) -> Vec<Value> {
    let exported = station.run(&["audit", "export"], &[]).unwrap();
    assert!(exported.status.success(), "{}", text(&exported));
    String::from_utf8(exported.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_first_start_prints_a_secret_that_makes_the_first_admin() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    let printed = running.printed.clone();
    let secret = printed.split("set-up secret ").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(agent().get(format!("{}/users", running.address)).call().unwrap().status(), 200, "it is open");
    let fields = [("secret", secret), ("name", "ada"), ("password", PASSWORD), ("again", PASSWORD)];
    let made = form(&running, "/setup", &fields);
    assert_eq!(made.headers().get("location").unwrap(), "/login?note=set-up");
    assert_eq!(agent().get(format!("{}/users", running.address)).call().unwrap().status(), 303, "it asks now");
    let begun = form(&running, "/login", &[("name", "ada"), ("password", PASSWORD)]);
    let cookie = begun.headers().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap();
    let users = agent().get(format!("{}/users", running.address)).header("cookie", cookie).call().unwrap();
    assert_eq!(users.status(), 200);
    assert_eq!(running.end().unwrap(), Some(0));

    let again = station.start().unwrap();
    assert!(!again.printed.contains("set-up secret"), "{}", again.printed);
    assert_eq!(again.end().unwrap(), Some(0));
    let stored = std::fs::read(station.data().join("journal/station.db")).unwrap();
    for secret in [secret, PASSWORD] {
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} is stored");
    }
    let actions: Vec<_> = audit(&station).iter().map(|row| row["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions, ["set-up-secret", "set-up", "sign-in"]);
}

#[test]
fn users_are_made_at_the_console_and_take_effect_beside_a_running_station() {
    let station = TestStation::new(FAST).unwrap();
    let running = station.start().unwrap();
    refused(&with_input(&station, &["user", "add", "ada", "--role", "admin"], "12345678\n"), &["first that somebody"]);
    refused(&with_input(&station, &["user", "add", "ada", "--role", "boss"], PASSWORD), &["viewer, operator"]);
    refused(&with_input(&station, &["user", "add", "ada", "--role", "admin"], ""), &["standard input"]);
    done(&with_input(&station, &["user", "add", "ada", "--role", "admin"], &format!("{PASSWORD}\n")));
    assert_eq!(agent().get(&running.address).call().unwrap().status(), 303, "no longer open");

    let begun = form(&running, "/login", &[("name", "ada"), ("password", PASSWORD)]);
    let cookie = begun.headers().get("set-cookie").unwrap().to_str().unwrap().split(';').next().unwrap();
    let page = || agent().get(&running.address).header("cookie", cookie).call().unwrap().status().as_u16();
    assert_eq!(page(), 200);
    done(&with_input(&station, &["user", "passwd", "ada"], "another-goose-8\n"));
    assert_eq!(page(), 303, "her sessions have ended");

    refused(&with_input(&station, &["user", "disable", "ada"], ""), &["another admin first"]);
    done(&with_input(&station, &["user", "add", "ben", "--role", "admin"], PASSWORD));
    done(&with_input(&station, &["user", "disable", "ada"], ""));
    let list = done(&station.run(&["user", "list"], &[]).unwrap());
    assert!(list.lines().any(|line| line.starts_with("ada") && line.contains("disabled")), "{list}");
    assert!(!list.contains("argon2"), "{list}");
    assert_eq!(form(&running, "/login", &[("name", "ada"), ("password", "another-goose-8")]).status(), 401);
}

#[test]
fn a_token_works_until_it_expires_or_is_revoked_and_each_refusal_has_a_row() {
    let station = TestStation::new(FAST).unwrap();
    done(&with_input(&station, &["user", "add", "ada", "--role", "admin"], PASSWORD));
    let running = station.start().unwrap();
    let create = |name: &str| {
        let made = station.run(&["token", "create", name, "--role", "operator", "--days", "30"], &[]).unwrap();
        assert!(made.status.success(), "{}", text(&made));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    };
    let (press, robot) = (create("press"), create("robot"));
    assert_eq!(whoami(&running, &press).1["name"], "press");

    let db = rusqlite::Connection::open(station.data().join("journal/station.db")).unwrap();
    db.execute("UPDATE tokens SET expires_at_us = 1 WHERE name = 'press'", []).unwrap();
    let (status, problem) = whoami(&running, &press);
    assert_eq!((status, problem["type"].as_str()), (401, Some("urn:assay:problem:expired-token")));
    let list = done(&station.run(&["token", "list"], &[]).unwrap());
    assert!(list.contains("expired") && !list.contains(&press), "{list}");

    let id = list.lines().find(|line| line.contains("robot")).unwrap().split_whitespace().next().unwrap();
    let expired = agent().delete(format!("{}/api/v1/tokens/{id}", running.address));
    assert_eq!(expired.header("authorization", format!("Bearer {press}")).call().unwrap().status(), 401);
    assert_eq!(whoami(&running, &robot).0, 200, "nothing was changed");
    done(&station.run(&["token", "revoke"], &[Path::new(id)]).unwrap());
    let (status, problem) = whoami(&running, &robot);
    assert_eq!((status, problem["type"].as_str()), (401, Some("urn:assay:problem:revoked-token")));
    refused(&station.run(&["token", "revoke"], &[Path::new(id)]).unwrap(), &["no valid token"]);
    let refusals: Vec<_> = audit(&station)
        .iter()
        .filter_map(|row| Some(format!("{} {}", row["actor"].as_str()?, row["refused"].as_str()?)))
        .collect();
    assert_eq!(
        refusals,
        ["press expired-token", "press expired-token", "robot revoked-token", "console unknown-token"]
    );
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let station = TestStation::new(FAST).unwrap();
    done(&with_input(&station, &["user", "add", "ada", "--role", "admin"], PASSWORD));
    let running = station.start().unwrap();
    let db = rusqlite::Connection::open(station.data().join("journal/station.db")).unwrap();
    db.execute_batch("BEGIN IMMEDIATE").unwrap();
    let fields = [("name", "ada"), ("password", PASSWORD)];
    let refused = form(&running, "/login", &fields);
    assert_eq!((refused.status().as_u16(), refused.headers().get("set-cookie")), (503, None));
    db.execute_batch("ROLLBACK").unwrap();
    let begun = form(&running, "/login", &fields);
    assert!(begun.status() == 303 && begun.headers().contains_key("set-cookie"));
}

#[test]
fn an_address_that_others_reach_needs_users() {
    let proxy = "[admin]\nbehind_proxy = true\npublic_host = \"line3.plant.example\"";
    let station = TestStation::new(&format!("{FAST}\n{proxy}")).unwrap();
    let output = station.run(&["run"], &[Path::new("--bind"), Path::new("0.0.0.0:0")]).unwrap();
    refused(&output, &["has no users", "assay user add", "0.0.0.0"]);
    assert!(!station.data().exists(), "nothing half-written");
}

#[test]
fn behind_a_proxy_a_station_without_users_shows_nothing_but_the_set_up() {
    let proxy = "[admin]\nbehind_proxy = true\npublic_host = \"line3.plant.example\"";
    let station = TestStation::new(&format!("{FAST}\n{proxy}")).unwrap();
    let running = station.start().unwrap();
    let get = |path: &str| agent().get(format!("{}{path}", running.address)).call().unwrap().status().as_u16();
    assert_eq!((get("/"), get("/api/v1/whoami"), get("/setup")), (303, 401, 200));
    assert!(running.printed.contains("set-up secret"));
    let status = assay().unwrap().args(["status", "--to", &running.address]).output().unwrap();
    assert!(String::from_utf8_lossy(&status.stderr).contains("--token-file"), "{status:?}");
}

#[test]
fn a_changed_audit_log_is_found_by_both_checks() {
    let station = TestStation::new(FAST).unwrap();
    for name in ["ada", "ben", "cy"] {
        done(&with_input(&station, &["user", "add", name, "--role", "admin"], PASSWORD));
    }
    assert_eq!(station.start().unwrap().end().unwrap(), Some(0));
    let verified = done(&station.run(&["journal", "verify"], &[]).unwrap());
    assert!(verified.contains("audit rows 3") && verified.contains("the audit log holds"), "{verified}");
    let checked = done(&station.run(&["audit", "verify"], &[]).unwrap());
    let checkpoint = checked.lines().find_map(|line| line.strip_prefix("audit checkpoint ")).unwrap();
    let db = rusqlite::Connection::open(station.data().join("journal/station.db")).unwrap();

    db.execute_batch("DELETE FROM audit WHERE seq = 3").unwrap();
    let cut = station.run(&["audit", "verify"], &[Path::new("--checkpoint"), Path::new(checkpoint)]).unwrap();
    refused(&cut, &["the end was cut off"]);
    db.execute_batch("UPDATE audit SET actor = 'nobody' WHERE seq = 1").unwrap();
    for command in ["journal", "audit"] {
        refused(&station.run(&[command, "verify"], &[]).unwrap(), &["row 1 of the audit log is not what was recorded"]);
    }
}

#[test]
fn records_that_are_no_records_of_a_station_are_refused_and_left_alone() {
    let station = TestStation::new(FAST).unwrap();
    let dir = station.data().join("journal");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("station.db"), "notes").unwrap();
    for command in [&["user", "list"][..], &["run"][..]] {
        let output = station.run(command, &[]).unwrap();
        refused(&output, &["station.db", "not a SQLite database"]);
    }
    assert_eq!(std::fs::read(dir.join("station.db")).unwrap(), b"notes");
}
