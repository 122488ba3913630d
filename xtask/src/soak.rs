//! `cargo xtask soak hostile`: the full dose of what `test` runs briefly.

use crate::options::Options;
use crate::workspace::Workspace;
use crate::{files, plugins, ui};
use anyhow::{Result, bail};

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let runs = options.value("--runs")?;
    let only = options.value("--only")?;
    let jobs = options.value("--jobs")?;
    let what = options.word();
    options.finish()?;
    if what.as_deref() != Some("hostile") {
        bail!("found {what:?}, expected `cargo xtask soak hostile [--runs N] [--only WORD] [--jobs N]`");
    }
    plugins::build(workspace)?;
    ui::step("Running every hostile plugin again and again, each in a process of its own");
    let folder = workspace.target.join("soak");
    files::make_dir(&folder)?;
    let notes = folder.join("hostile.jsonl");
    ui::say(format!("what is through is noted in {}: a run that is cut off goes on there", notes.display()));
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from).to_string());
    let cmd = workspace.cargo().args(["run", "--release", "--package", "assay-tests", "--bin", "assay-soak", "--"]);
    let cmd = cmd.arg("--jobs").arg(jobs).arg("--notes").arg(notes);
    let cmd = [("--runs", runs), ("--only", only)].into_iter().fold(cmd, |cmd, (name, value)| match value {
        Some(value) => cmd.arg(name).arg(value),
        None => cmd,
    });
    cmd.live()
}
