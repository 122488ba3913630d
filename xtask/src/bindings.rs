//! `cargo xtask bindings`: the C bindings that the SDKs in C, C++ and Zig are written on.

use crate::options::Options;
use crate::ui;
use crate::workspace::Workspace;
use anyhow::Result;

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let check = options.flag("--check");
    options.finish()?;
    ui::step(if check { "Comparing sdk/c/gen with wit/" } else { "Writing sdk/c/gen from wit/" });
    let cmd = workspace.cargo().args(["run", "--release", "--package", "assay-tests", "--bin", "assay-bindings", "--"]);
    if check { cmd.arg("--check").live() } else { cmd.live() }
}
