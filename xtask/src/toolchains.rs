//! `cargo xtask toolchains`: the compilers of plugins in other languages than Rust. `assay plugin doctor` itself knows
//! what they are and where they come from.

use crate::process::Cmd;
use crate::workspace::{TOOLCHAINS_VARIABLE, Workspace};
use crate::{demo, ui};
use anyhow::{Context, Result};

pub fn run(workspace: &Workspace) -> Result<()> {
    demo::build_assay(workspace)?;
    ensure(workspace)
}

/// Installs what is missing, with an `assay` that is built.
pub fn ensure(workspace: &Workspace) -> Result<()> {
    ui::step("Compilers of plugins in C, C++, Zig, Python, JavaScript and Go");
    let cmd = Cmd::new(workspace.assay()).args(["plugin", "doctor", "--install"]);
    let found = cmd.env(TOOLCHAINS_VARIABLE, workspace.toolchains()).live();
    found.context("plugins of some languages cannot be compiled; `assay plugin doctor` says which")
}
