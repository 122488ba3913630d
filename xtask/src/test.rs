//! `cargo xtask test [FILTER]`: all tests, one summary line.

use crate::demo::{BACKENDS, Recipe, Station};
use crate::options::Options;
use crate::process::{Cmd, find_program};
use crate::wheels::{self, ONNXRUNTIME, OPENVINO};
use crate::workspace::{Workspace, cargo};
use crate::{api_tests, apt, demo, files, models, onnx_tests, plugins, toolchains, ui};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Names under which a browser is found.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// A Latin and a Chinese font, and the tool that lists fonts.
const FONTS: [&str; 3] = ["fontconfig", "fonts-liberation", "fonts-wqy-microhei"];
/// Where the browser tests are, relative to the root.
const BROWSER_TESTS: &str = "tests/browser";
/// Where a station of the browser tests keeps its records, beside its bundles.
const BROWSER_DATA: &str = "data-browser";

/// Counts of all suites together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// Suites that ended badly, by name.
    bad_suites: Vec<String>,
}

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let filter = options.word();
    options.finish()?;
    plugins::build(workspace)?;
    wheels::ensure(workspace, &OPENVINO)?;
    wheels::ensure(workspace, &ONNXRUNTIME)?;
    onnx_tests::ensure(workspace)?;
    // A filter names a Rust test, so it leaves the browser out.
    let browser = filter.is_none().then(|| browser_tools(workspace)).transpose()?;
    outputs_tools()?;
    // Some tests run the commands of `assay` itself.
    demo::build_assay(workspace)?;
    toolchains::ensure(workspace)?;
    for recipe in Recipe::ALL {
        demo::set_up(workspace, recipe)?;
    }
    let mut counts = Counts::default();
    let main = workspace.cargo().args(["test", "--release", "--workspace", "--no-fail-fast"]);
    rust_suite("the workspace", main, filter.as_deref(), &mut counts)?;
    for folder in ["sdk/rust", "plugins"] {
        let cmd = cargo(&workspace.root.join(folder)).args(["test", "--release", "--no-fail-fast", "--target-dir"]);
        rust_suite(folder, cmd.arg(workspace.target.join("wasm")), filter.as_deref(), &mut counts)?;
    }
    if filter.is_none() {
        sdk_suites(workspace, &mut counts)?;
        models_suite(workspace, &mut counts)?;
    }
    if filter.is_none() {
        api_suite(workspace, &mut counts)?;
    }
    if let Some(chromium) = browser {
        browser_suite(workspace, &chromium, &mut counts)?;
    }
    counts.finish(filter.as_deref())
}

fn rust_suite(name: &str, cmd: Cmd, filter: Option<&str>, counts: &mut Counts) -> Result<()> {
    ui::step(format!("Rust tests of {name}"));
    let cmd = match filter {
        Some(filter) => cmd.args(["--", filter]),
        None => cmd,
    };
    let before = counts.failed;
    let status = cmd.tee(|line| counts.add_rust(line))?;
    if !status.success() {
        counts.bad(&format!("Rust tests of {name}"), before);
    }
    Ok(())
}

/// The parts of the Python and JavaScript SDKs and plugins that need no WebAssembly.
fn sdk_suites(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    for folder in ["sdk/python/tests", "plugins/statistics-rule/tests", "plugins/spc-monitor/tests"] {
        // unittest says all on its standard error.
        let words = format!("python3 -m unittest discover -s {folder} 2>&1");
        let cmd = Cmd::new("sh").dir(&workspace.root).args(["-c", &words]);
        script_suite(&format!("Python tests of {folder}"), cmd, counts)?;
    }
    let cmd = Cmd::new("node").dir(&workspace.root).args(["--import", "./sdk/js/testing/register.mjs", "--test"]);
    let cmd = cmd.args(["--test-reporter=spec", "sdk/js/tests/", "plugins/spc-monitor/tests/"]);
    script_suite("JavaScript tests of the SDK and plugins", cmd, counts)
}

/// The model kit, from data set to bundle, on networks of a few thousand weights.
fn models_suite(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let python = models::ensure(workspace)?;
    ui::step("Python tests of the model kit");
    let (before, mut seen) = (counts.failed, false);
    let status = models::tests(workspace, &python).tee(|line| seen |= counts.add_pytest(line))?;
    if !status.success() || !seen {
        counts.bad("Python tests of the model kit", before);
    }
    Ok(())
}

fn script_suite(name: &str, cmd: Cmd, counts: &mut Counts) -> Result<()> {
    ui::step(name);
    let before = counts.failed;
    let status = cmd.tee(|line| counts.add_script(line))?;
    if !status.success() {
        counts.bad(name, before);
    }
    Ok(())
}

/// What the tests of outputs talk to.
fn outputs_tools() -> Result<()> {
    // Servers are not on everybody's path.
    let broker = std::path::Path::new("/usr/sbin/mosquitto").is_file() || find_program("mosquitto").is_some();
    if !broker {
        apt::ensure(&["mosquitto"], "the tests of the MQTT output start a real broker")?;
    }
    if find_program("mosquitto_sub").is_none() {
        apt::ensure(&["mosquitto-clients"], "the tests of the MQTT output listen to that broker")?;
    }
    if find_program("openssl").is_none() {
        apt::ensure(&["openssl"], "the tests of outputs make certificates and check signatures with it")?;
    }
    Ok(())
}

/// A browser and the driver's packages; returns the browser's path.
fn browser_tools(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.root.join(BROWSER_TESTS);
    if !dir.join("run.mjs").is_file() {
        bail!("{} is missing: is this a complete clone?", dir.join("run.mjs").display());
    }
    let why = "the browser tests open the admin pages in a real browser";
    let mut browser = BROWSERS.iter().find_map(|name| find_program(name));
    if browser.is_none() {
        apt::ensure(&["chromium"], why)?;
        browser = find_program("chromium");
    }
    let browser =
        browser.with_context(|| format!("no chromium on the PATH ({why}). Run: {}", apt::by_hand(&["chromium"])))?;
    // Without a font for it, Chinese text would be boxes in the screenshots, and nobody could look at it.
    if !Cmd::new("fc-list").arg(":lang=zh").read().is_ok_and(|fonts| !fonts.trim().is_empty()) {
        apt::ensure(&FONTS, "the screenshots of the browser tests show English and Chinese text")?;
    }
    if find_program("node").is_none() || find_program("npm").is_none() {
        apt::ensure(&["nodejs", "npm"], why)?;
    }
    install_node_packages(&dir)?;
    Ok(browser)
}

/// `npm ci`, once per lock file.
fn install_node_packages(dir: &std::path::Path) -> Result<()> {
    let lock = files::read_text(&dir.join("package-lock.json"))?;
    let stamp = dir.join("node_modules").join(".assay-lock.json");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == lock) {
        return Ok(());
    }
    ui::step("Installing the browser tests' npm packages: they drive the browser");
    Cmd::new("npm").dir(dir).args(["ci", "--no-audit", "--no-fund"]).read_during("npm ci").with_context(|| {
        format!("the npm packages could not be installed. Is there a network? By hand: cd {} && npm ci", dir.display())
    })?;
    files::write_if_changed(&stamp, lock.as_bytes())?;
    Ok(())
}

/// The API against its document, as each role.
fn api_suite(workspace: &Workspace, counts: &mut Counts) -> Result<()> {
    let cmd = api_tests::short(workspace)?;
    ui::step("Tests of the API by schemathesis");
    let (before, mut seen) = (counts.failed, false);
    let status = cmd.tee(|line| seen |= counts.add_plain(line))?;
    if !status.success() || !seen {
        counts.bad("tests of the API", before);
    }
    Ok(())
}

fn browser_suite(workspace: &Workspace, chromium: &std::path::Path, counts: &mut Counts) -> Result<()> {
    ui::step("Browser tests");
    let config = browser_station(workspace, Recipe::Surface)?;
    let labels = browser_station(workspace, Recipe::Labels)?;
    let screenshots = workspace.target.join("screenshots");
    let cmd = Cmd::new("node").dir(&workspace.root).arg(format!("{BROWSER_TESTS}/run.mjs"));
    let cmd = cmd.arg("--assay").arg(workspace.assay()).arg("--config").arg(config).arg("--labels").arg(labels);
    let cmd = cmd.arg("--screenshots").arg(screenshots).arg("--chromium").arg(chromium);
    let (before, mut seen) = (counts.failed, false);
    let status = cmd.tee(|line| seen |= counts.add_plain(line))?;
    if !status.success() || !seen {
        counts.bad("browser tests", before);
    }
    Ok(())
}

/// The configuration of a station for the browser, without records of earlier runs: they would change what pages show.
fn browser_station(workspace: &Workspace, recipe: Recipe) -> Result<PathBuf> {
    demo::set_up(workspace, recipe)?;
    files::remove(&recipe.home(workspace).join(BROWSER_DATA))?;
    let station = Station { recipe, order: &BACKENDS, port: 0, data_dir: BROWSER_DATA };
    demo::write_config(workspace, "station-browser.toml", &station)
}

impl Counts {
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; ...`
    fn add_rust(&mut self, line: &str) {
        if let Some(rest) = line.trim_start().strip_prefix("test result: ") {
            let rest = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
            self.add_parts(rest.split(';'));
        }
    }

    /// `Ran 3 tests` of unittest, `pass 3` and `fail 0` of Node. A suite that failed is told by its exit status too.
    fn add_script(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().filter(|word| word.is_ascii()).collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok());
        match (words.first().copied(), words.len()) {
            (Some("Ran"), _) => self.passed += number(1).unwrap_or(0),
            (Some("pass"), 2) => self.passed += number(1).unwrap_or(0),
            (Some("fail"), 2) => self.failed += number(1).unwrap_or(0),
            _ => {}
        }
    }

    /// `3 passed, 0 failed` alone on a line; says whether it was one.
    fn add_plain(&mut self, line: &str) -> bool {
        let parts: Vec<&str> = line.trim().split(',').collect();
        let ends = |part: Option<&&str>, end: &str| {
            part.and_then(|part| part.trim().strip_suffix(end)).is_some_and(|n| n.trim().parse::<u64>().is_ok())
        };
        let is_summary = ends(parts.first(), " passed") && ends(parts.get(1), " failed");
        if is_summary {
            self.add_parts(parts.into_iter());
        }
        is_summary
    }

    /// `1 failed, 57 passed, 1 skipped in 9.04s`, alone on a line; says whether it was one.
    fn add_pytest(&mut self, line: &str) -> bool {
        let line = line.trim_matches(|c: char| c == '=' || c.is_whitespace());
        let Some((parts, _)) = line.rsplit_once(" in ") else { return false };
        let is_summary = parts
            .split(',')
            .all(|part| part.split_whitespace().next().is_some_and(|number| number.parse::<u64>().is_ok()));
        if is_summary {
            // What broke in a fixture is an `error`, and no less a failure.
            let parts = parts.replace("errors", "failed").replace("error", "failed");
            self.add_parts(parts.split(','));
        }
        is_summary
    }

    fn add_parts<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        for part in parts {
            let mut words = part.split_whitespace();
            let (Some(Ok(number)), Some(what)) = (words.next().map(str::parse::<u64>), words.next()) else { continue };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" | "skipped" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// A suite ended badly; it counts as a failure even where it never came to count one, such as at a compiler error.
    fn bad(&mut self, suite: &str, failed_before: u64) {
        if self.failed == failed_before {
            self.failed += 1;
        }
        self.bad_suites.push(suite.to_owned());
    }

    fn finish(&self, filter: Option<&str>) -> Result<()> {
        let skipped = if self.skipped == 0 { String::new() } else { format!(", {} skipped", self.skipped) };
        let summary = format!("{} passed, {} failed{skipped}", self.passed, self.failed);
        for suite in &self.bad_suites {
            ui::say(format!("failed: {suite}"));
        }
        println!("{summary}");
        if self.failed > 0 || !self.bad_suites.is_empty() {
            bail!("some tests failed: {}", self.bad_suites.join(", "));
        }
        match (self.passed, filter) {
            (0, Some(filter)) => bail!("no test has `{filter}` in its name"),
            (0, None) => bail!("no test ran"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn adds_up_the_lines_of_all_suites() {
        let mut counts = Counts::default();
        counts.add_rust("running 4 tests");
        counts
            .add_rust("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.01s");
        counts
            .add_rust("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s");
        assert!(counts.add_plain("9 passed, 0 failed"));
        assert!(!counts.add_plain("all 9 passed, 0 failed to start"));
        assert_eq!(counts, Counts { passed: 14, failed: 1, skipped: 1, bad_suites: vec![] });
    }

    #[test]
    fn a_suite_that_did_not_compile_is_a_failure() {
        let mut counts = Counts { passed: 5, ..Counts::default() };
        counts.bad("plugins", 0);
        assert_eq!(counts.failed, 1);
        assert!(counts.finish(None).unwrap_err().to_string().contains("plugins"));
    }

    #[test]
    fn the_summaries_of_unittest_and_node_are_counted() {
        let mut counts = Counts::default();
        ["Ran 12 tests in 0.031s", "OK", "\u{2139} pass 7", "\u{2139} fail 1", "pass"]
            .iter()
            .for_each(|line| counts.add_script(line));
        assert_eq!((counts.passed, counts.failed), (19, 1));
    }

    #[test]
    fn the_summary_of_pytest_is_counted() {
        let mut counts = Counts::default();
        assert!(!counts.add_pytest("tests/test_data.py ........ [ 12%]"));
        assert!(counts.add_pytest("1 failed, 57 passed, 2 warnings, 1 error in 9.04s"));
        assert!(counts.add_pytest("=== 3 passed, 1 skipped in 61.00s (0:01:01) ==="));
        assert_eq!((counts.passed, counts.failed, counts.skipped), (60, 2, 1));
    }

    #[test]
    fn no_test_at_all_is_a_failure() {
        let error = Counts::default().finish(Some("nothing")).unwrap_err().to_string();
        assert!(error.contains("no test has `nothing` in its name"), "{error}");
        assert!(Counts::default().finish(None).is_err());
    }
}
