//! `cargo xtask fuzz`: libFuzzer on everything that takes bytes from outside, guided by the code of `assay` that each
//! input reaches.
//!
//! Only this workspace's crates are compiled with counters in them (cargo's wrapper for workspace members is this very
//! program), so that nothing that they depend on is compiled anew. libFuzzer comes from a workspace of its own, since its
//! features would change what the host is built from.

use crate::options::Options;
use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, plugins, ui};
use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where libFuzzer's library lies; set, it makes this program a wrapper of the compiler.
const ENGINE: &str = "ASSAY_FUZZ_ENGINE";
/// What gets counters.
const COUNTED: [&str; 3] = ["assay", "assay_tests", GUIDED_CRATE];
const GUIDED_CRATE: &str = "assay_fuzz_guided";
const GUIDED: &str = "assay-fuzz-guided";
/// As cargo-fuzz sets them.
const COUNTERS: [&str; 10] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    "-Clink-dead-code",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
];
/// For each target, where nothing else is said.
const SECONDS: u64 = 60;
/// One input may take so long.
const INPUT_SECONDS: u64 = 30;
/// Of the whole process; what a target may take of it is less, and kept by itself.
const RSS_MB: u64 = 2048;

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let seconds = options.value("--seconds")?.map_or(Ok(SECONDS), |text| {
        text.parse().with_context(|| format!("--seconds needs a whole number, found {text:?}"))
    })?;
    let only = options.word();
    options.finish()?;
    plugins::build(workspace)?;
    let folder = workspace.target.join("fuzz");
    files::make_dir(&folder)?;
    let plain = plain(workspace)?;
    let targets = targets(&plain, only.as_deref())?;
    let guided = build(workspace, &engine(workspace)?)?;
    let mut found = Vec::new();
    for (name, max_bytes) in &targets {
        let fuzz = Fuzz { workspace, plain: &plain, guided: &guided, folder: &folder, name, max_bytes, seconds };
        if !fuzz.run()? {
            found.push(name.as_str());
        }
    }
    if !found.is_empty() {
        bail!(
            "found something in {}: the inputs lie in {}. Mend it, and put each into tests/fixtures/fuzz/TARGET/",
            found.join(", "),
            folder.join("found").display()
        );
    }
    println!("{} targets hold, {seconds} s each", targets.len());
    Ok(())
}

/// The program that knows the targets, without libFuzzer.
fn plain(workspace: &Workspace) -> Result<PathBuf> {
    ui::step("Building the targets");
    workspace.cargo().args(["build", "--release", "--package", "assay-tests", "--bin", "assay-fuzz"]).live()?;
    Ok(workspace.target.join("release/assay-fuzz"))
}

/// Names with their longest input.
fn targets(plain: &Path, only: Option<&str>) -> Result<Vec<(String, String)>> {
    let list = Cmd::new(plain).arg("list").read()?;
    let all: Vec<_> = list.lines().filter_map(|line| line.split_once(' ')).collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let wanted = all.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
    let wanted: Vec<_> = wanted.map(|(name, bytes)| ((*name).to_owned(), (*bytes).to_owned())).collect();
    match only {
        Some(only) if wanted.is_empty() => bail!("there is no target {only:?}; there are {}", names.join(", ")),
        _ => Ok(wanted),
    }
}

/// libFuzzer's library, as libfuzzer-sys builds it.
fn engine(workspace: &Workspace) -> Result<PathBuf> {
    ui::step("Building libFuzzer: it guides the fuzzing");
    let dir = workspace.root.join("tests/fuzz/engine");
    let cmd = crate::workspace::cargo(&dir).args(["build", "--release", "--locked", "--message-format=json"]);
    let said = cmd.arg("--target-dir").arg(workspace.target.join("fuzz/engine")).read_during("libFuzzer")?;
    let built = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let of_engine = |message: &serde_json::Value| {
        let package = message.get("package_id").and_then(|id| id.as_str()).unwrap_or_default();
        let dir = message.get("out_dir").and_then(|dir| dir.as_str()).filter(|_| package.contains("libfuzzer-sys"))?;
        Some(Path::new(dir).join("libfuzzer.a"))
    };
    let library = built.filter_map(|message| of_engine(&message)).find(|file| file.is_file());
    library.context("libfuzzer-sys was built, but there is no libfuzzer.a in its folder")
}

/// The program with libFuzzer in it.
fn build(workspace: &Workspace, engine: &Path) -> Result<PathBuf> {
    ui::step("Building the targets with counters in the code of this workspace");
    let cmd = workspace.cargo().args(["build", "--release", "--package", "assay-tests", "--features", "guided"]);
    let wrapper = std::env::current_exe().context("it is not known where this program lies")?;
    cmd.args(["--bin", GUIDED]).env("RUSTC_WORKSPACE_WRAPPER", wrapper).env(ENGINE, engine).live()?;
    Ok(workspace.target.join("release").join(GUIDED))
}

struct Fuzz<'a> {
    workspace: &'a Workspace,
    plain: &'a Path,
    guided: &'a Path,
    folder: &'a Path,
    name: &'a str,
    max_bytes: &'a str,
    seconds: u64,
}

impl Fuzz<'_> {
    /// False where it found something.
    fn run(&self) -> Result<bool> {
        let Self { name, folder, seconds, .. } = self;
        let (seeds, corpus, found) =
            (folder.join("seeds").join(name), folder.join("corpus").join(name), folder.join("found"));
        [&seeds, &corpus, &found].into_iter().try_for_each(|dir| files::make_dir(dir))?;
        self.workspace.with_places(Cmd::new(self.plain)).args(["seeds", name]).arg(&seeds).read()?;
        ui::step(format!("Fuzzing {name} for {seconds} s; what is worth keeping goes to {}", corpus.display()));
        let cmd = self.workspace.with_places(Cmd::new(self.guided)).dir(folder);
        let cmd = cmd.env("ASSAY_FUZZ_TARGET", name).env("ASSAY_FUZZ_FOLDER", folder).arg(&corpus).arg(&seeds);
        let cmd = cmd.args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={}", self.max_bytes),
            format!("-timeout={INPUT_SECONDS}"),
            format!("-rss_limit_mb={RSS_MB}"),
            format!("-artifact_prefix={}/{name}-", found.display()),
            "-print_final_stats=1".to_owned(),
            "-verbosity=1".to_owned(),
        ]);
        Ok(cmd.live().is_ok())
    }
}

/// Takes the compiler's place where cargo calls this program as its wrapper.
pub fn as_compiler(words: &[String]) -> Option<Result<()>> {
    let engine = std::env::var_os(ENGINE)?;
    let (compiler, words) = words.split_first()?;
    let of = |name: &str| words.windows(2).any(|pair| pair == ["--crate-name", name]);
    let mut command = Command::new(compiler);
    command.args(words);
    if COUNTED.iter().any(|name| of(name)) {
        command.args(COUNTERS);
    }
    if of(GUIDED_CRATE) {
        let engine = Path::new(&engine).display().to_string();
        // Whole: its `main` is what nothing asks for.
        command.args(
            ["-Wl,--whole-archive", &engine, "-Wl,--no-whole-archive", "-lstdc++"]
                .map(|word| format!("-Clink-arg={word}")),
        );
    }
    let error = command.exec();
    Some(Err(error).with_context(|| format!("the compiler {compiler:?} cannot be started")))
}
