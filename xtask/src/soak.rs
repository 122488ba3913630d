//! `cargo xtask soak hostile`: the full dose of what `test` runs briefly.

use crate::options::Options;
use crate::workspace::Workspace;
use crate::{plugins, ui};
use anyhow::{Result, bail};

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let runs = options.value("--runs")?;
    let what = options.word();
    options.finish()?;
    if what.as_deref() != Some("hostile") {
        bail!("found {what:?}, expected `cargo xtask soak hostile [--runs N]`");
    }
    plugins::build(workspace)?;
    ui::step("Running every hostile plugin again and again");
    let cmd = workspace.cargo().args(["run", "--release", "--package", "assay-tests", "--bin", "assay-soak", "--"]);
    let cmd = match runs {
        Some(runs) => cmd.arg("--runs").arg(runs),
        None => cmd,
    };
    cmd.live()
}
