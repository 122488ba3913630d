//! Runs all cases of a backend in child processes, the next one after each that a case took down.

use super::table::{Found, Outcome};
use super::{CHILD_BACKEND, CHILD_CACHE, CHILD_FIRST};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Longer than a case may take. A child that says nothing for that long hangs in a library.
const SILENCE: Duration = Duration::from_secs(90);

/// What became of each name, in their order.
pub fn all(backend: &str, names: &[String], cache: &Path) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::with_capacity(names.len());
    while let Some(first) = names.get(found.len()) {
        let before = found.len();
        let end = run(backend, first, cache, &mut found);
        let Some(taken) = names.get(found.len()) else { break };
        // The child ended in the middle: the case that it was at is to blame.
        found.push(Found { outcome: Outcome::Failed, detail: format!("the process {end}") });
        // A panic of its own, such as for a missing library, would end every child.
        let said = || std::fs::read_to_string(stderr(backend, cache)).unwrap_or_default();
        assert!(!end.contains("code 101"), "{backend}: the child failed at {taken}, {before} before:\n{}", said());
    }
    found
}

/// Runs a child from `first` on; says how it ended.
fn run(backend: &str, first: &str, cache: &Path, found: &mut Vec<Found>) -> String {
    // Last in line for a processor: other tests beside this one wait for deadlines.
    let mut child = Command::new("nice")
        .args(["-n", "19"])
        .arg(std::env::current_exe().unwrap())
        .args(["onnx::runs_cases_until_one_takes_it_down", "--exact", "--ignored", "--nocapture"])
        .env(CHILD_BACKEND, backend)
        .env(CHILD_FIRST, first)
        .env(CHILD_CACHE, cache)
        .stdout(Stdio::piped())
        // What libraries print when they refuse a model is not for the test's output.
        .stderr(File::create(stderr(backend, cache)).unwrap())
        .spawn()
        .unwrap();
    let lines = lines_of(&mut child);
    let hangs = loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => found.extend(line.strip_prefix("done ").and_then(Found::parse)),
            Err(error) => break error == RecvTimeoutError::Timeout,
        }
    };
    if hangs {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    if hangs { "hung".to_owned() } else { format!("ended with {status}").replace("exit status: ", "code ") }
}

fn stderr(backend: &str, cache: &Path) -> PathBuf {
    cache.join(format!("{backend}.stderr"))
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let stdout = child.stdout.take().unwrap();
    let (lines_in, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let _ = lines_in.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    lines
}
