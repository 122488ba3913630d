//! `cargo xtask bindings`: the bindings that the SDKs in C, C++, Zig and Go are written on.

use crate::options::Options;
use crate::ui;
use crate::workspace::Workspace;
use anyhow::Result;

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let check = options.flag("--check");
    options.finish()?;
    ui::step(if check {
        "Comparing the bindings in C and Go with wit/"
    } else {
        "Writing the bindings in C and Go from wit/"
    });
    let cmd = workspace.cargo().args(["run", "--release", "--package", "assay-tests", "--bin", "assay-bindings", "--"]);
    if check { cmd.arg("--check").live() } else { cmd.live() }
}
