//! The author's commands that the first plugins do not need: bench, watch, sign; and what `run` says of the host.

use super::bad_input::blotch;
use super::{command, succeeds};
use anyhow::{Context, Result, ensure};
use assay_tests::station::assay;
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

fn json(folder: &Path, words: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&succeeds(folder, words)?)?)
}

fn number(of: &Value, path: &str) -> Result<f64> {
    of.pointer(path).and_then(Value::as_f64).with_context(|| format!("no number at {path} in {of}"))
}

/// The names of `host_calls` with how often each was called.
fn host_calls(of: &Value, path: &str) -> Result<Vec<(String, f64)>> {
    let all = of.pointer(path).and_then(Value::as_array).with_context(|| format!("no list at {path} in {of}"))?;
    all.iter()
        .map(|used| Ok((used["function"].as_str().unwrap_or_default().to_owned(), number(used, "/calls")?)))
        .collect()
}

/// The detector in C asks for one setting, and for the statistics of its picture.
fn expected() -> Vec<(String, f64)> {
    ["imaging/image.statistics", "config/setting"].map(|name| (name.to_owned(), 1.0)).to_vec()
}

#[test]
fn run_and_bench_say_what_the_plugin_asks_of_the_host() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    let ran = json(&project, &["run", "--no-build", "--json", "golden"])?;
    let mut found = host_calls(&ran, "/pictures/0/host_calls")?;
    found.reverse();
    ensure!(found == expected(), "not in the order of wit/: {ran}");
    ensure!(number(&ran, "/pictures/0/host_calls/1/micros")? > 0.0, "statistics take no time: {ran}");
    ensure!(number(&ran, "/pictures/0/cost/copied_bytes")? == 0.0, "a number was copied as a list: {ran}");
    let shown = succeeds(&project, &["run", "--no-build", "golden"])?;
    ensure!(shown.contains("2 calls of host functions, 0 bytes copied"), "{shown}");
    ensure!(shown.contains("1 x imaging/image.statistics "), "{shown}");

    let timed = json(&project, &["bench", "--no-build", "--json", "--calls", "40", "golden"])?;
    ensure!(timed["plugin"] == "blotch" && timed["calls"] == 40, "{timed}");
    ensure!(host_calls(&timed, "/host_calls")? == expected(), "the dearest is not the first: {timed}");
    let (p50, p99, max) = (number(&timed, "/p50_us")?, number(&timed, "/p99_us")?, number(&timed, "/max_us")?);
    ensure!(p50 > 0.0 && p50 <= p99 && p99 <= max, "{timed}");
    ensure!((0.0..=1.0).contains(&number(&timed, "/host_share")?), "{timed}");
    ensure!(number(&timed, "/idle_p50_us")? > 0.0 && number(&timed, "/ratio_to_idle")? > 0.0, "{timed}");
    let table = succeeds(&project, &["bench", "--no-build", "--calls", "40", "golden"])?;
    for words in [
        "blotch in 40 calls; its deadline is 1000 ms",
        "% of the time in the host, 0 bytes copied",
        "a plugin that does nothing",
    ] {
        ensure!(table.contains(words), "no {words:?} in:\n{table}");
    }
    Ok(())
}

/// Pixels that a plugin reads are copied to it, and counted.
#[test]
fn pixels_that_a_plugin_reads_are_counted_as_copied() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    let source = project.join("src/plugin.c");
    let text = fs::read_to_string(&source)?;
    let line = "    double brightness";
    ensure!(text.contains(line), "the example has changed:\n{text}");
    let read = "ASSAY_TRY(assay_image_read_rows(evidence->picture, 0, 1, &row, &count));";
    let reads = format!("    uint8_t *row = NULL;\n    size_t count = 0;\n    {read}\n{line}");
    fs::write(&source, text.replacen(line, &reads, 1))?;
    let ran = json(&project, &["run", "--json", "golden"])?;
    let width = number(&ran, "/pictures/0/width")?;
    let copied = number(&ran, "/pictures/0/cost/copied_bytes")?;
    ensure!(copied >= width && copied <= 4.0 * width && copied % width == 0.0, "{copied} bytes of a row of {width}");
    Ok(())
}

/// A project says how its compiler is called; that counts wherever the command is given.
#[test]
fn a_plugin_is_the_same_wherever_its_build_is_asked_for() -> Result<()> {
    for language in ["rust", "go"] {
        let folder = tempfile::tempdir()?;
        succeeds(folder.path(), &["new", "--lang", language, "--kind", "detector", "blotch"])?;
        let component = folder.path().join("blotch/build/blotch.wasm");
        succeeds(&folder.path().join("blotch"), &["build"])?;
        let inside = fs::read(&component)?;
        fs::remove_file(&component)?;
        succeeds(folder.path(), &["build", "--project", "blotch"])?;
        ensure!(inside == fs::read(&component)?, "{language}: built from another folder it is another plugin");
    }
    Ok(())
}

/// Ends it whatever happens to the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A compiler on a busy machine takes its time; a watch that missed a change takes for ever.
const PATIENCE: Duration = Duration::from_secs(300);

/// The lines of its output, as they come.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (give, take) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if give.send(line).is_err() {
                return;
            }
        }
    });
    take
}

/// Reads up to and with the line that ends the block of one picture.
fn block(lines: &Receiver<String>) -> Result<String> {
    let mut text = String::new();
    loop {
        let line = lines.recv_timeout(PATIENCE).with_context(|| format!("watch says no more after:\n{text}"))?;
        text += &line;
        text.push('\n');
        if line.starts_with("  see ") {
            return Ok(text);
        }
    }
}

#[test]
fn watch_builds_and_runs_again_when_a_source_is_saved() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    let source = project.join("src/plugin.c");
    let mut watch = command(&project, &["watch", "--runs", "2", "golden"])?;
    let mut watching = Watching(watch.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?);
    let lines = lines(watching.0.stdout.take().context("its output is piped")?);
    let first = block(&lines)?;
    ensure!(first.contains("too-bright") && !first.contains("far-too-bright"), "{first}");
    let text = fs::read_to_string(&source)?;
    fs::write(&source, text.replacen("too-bright", "far-too-bright", 1))?;
    let second = block(&lines)?;
    ensure!(second.contains("far-too-bright"), "it did not build again:\n{second}");
    ensure!(watching.0.wait()?.success(), "it ended badly after two runs");
    Ok(())
}

#[test]
fn sign_adds_a_signature_that_a_station_accepts() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    let run = |words: &[&str]| -> Result<(bool, String)> {
        let output = assay()?.current_dir(&project).args(words).output()?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), format!("{out}{err}")))
    };
    let works = |words: &[&str]| -> Result<String> {
        let (success, said) = run(words)?;
        ensure!(success, "assay {words:?}: {said}");
        Ok(said)
    };
    works(&["key", "generate", "--out", "author.pem"])?;
    works(&["key", "trust", "--store", "trust.json", "--key", "author.pub.pem", "--role", "plugin:*"])?;
    let packed = succeeds(&project, &["pack", "--no-build"])?;
    ensure!(packed.contains("not signed yet"), "{packed}");
    let verify = ["bundle", "verify", "--trust", "trust.json", "blotch-0.1.0.assay"];
    let (taken, said) = run(&verify)?;
    ensure!(!taken && said.contains("refused by the signature"), "an unsigned bundle: {said}");
    let signed = succeeds(&project, &["sign", "--key", "author.pem", "blotch-0.1.0.assay"])?;
    ensure!(signed.starts_with("plugin blotch 0.1.0 (counter 1) ") && signed.contains(" signed by "), "{signed}");
    let said = works(&verify)?;
    ensure!(said.contains("blotch 0.1.0 (counter 1)") && said.contains("verified, signed by"), "{said}");
    Ok(())
}
