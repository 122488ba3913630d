//! Format, lints and `cargo deny`, in every workspace. Each returns the commands that failed; their output is live.

use super::project::WORKSPACES;
use crate::process::Cmd;
use crate::toolchain::Toolchain;
use crate::ui;
use crate::workspace::{Workspace, cargo};
use anyhow::Result;

pub fn fmt(workspace: &Workspace) -> Result<Vec<String>> {
    ui::step("cargo fmt --all --check");
    let mut failed = Vec::new();
    for folder in workspaces(workspace) {
        let cmd = cargo(&workspace.root.join(folder)).args(["fmt", "--all", "--check"]);
        note(cmd, &format!("cargo fmt --all in ./{folder} (write: cargo fmt --all)"), &mut failed);
    }
    Ok(failed)
}

/// Uses instructions that only WebAssembly has.
const GUESTS: &str = "tests/guests/";
/// Runs on this machine only: its build compiles C++, for which a target of WebAssembly needs Clang.
const FUZZ_ENGINE: &str = "tests/fuzz/engine/";

/// The lints see the plugins both as they are built, where that target is there, and as their own tests are.
pub fn clippy(workspace: &Workspace) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    let wasm = Toolchain::clippy_target();
    if wasm.is_none() {
        ui::say(
            "rustc has no WebAssembly target (rustup target add wasm32-unknown-unknown): the plugins are linted for this machine only, and the guests not at all",
        );
    }
    for folder in workspaces(workspace) {
        let dir = workspace.root.join(folder);
        let lint = |more: &[&str], what: &str, failed: &mut Vec<String>| {
            let name = format!("cargo clippy in ./{folder}{what}");
            ui::step(&name);
            let cmd = cargo(&dir).args(["clippy", "--release", "--workspace"]).args(more);
            let cmd = if folder.is_empty() { cmd } else { cmd.arg("--target-dir").arg(workspace.target.join("wasm")) };
            note(cmd.args(["--", "-D", "warnings"]), &name, failed);
        };
        if folder != GUESTS {
            lint(&["--all-targets"], "", &mut failed);
        }
        if let Some(target) = wasm.filter(|_| !folder.is_empty() && folder != FUZZ_ENGINE) {
            lint(&target, " for WebAssembly", &mut failed);
        }
    }
    Ok(failed)
}

/// Where it is installed. What needs the network is left to a person: `cargo deny check advisories`.
pub fn deny(workspace: &Workspace) -> Result<Vec<String>> {
    if !Cmd::new("cargo").args(["deny", "--version"]).works() {
        ui::say(
            "cargo deny is not installed (cargo install cargo-deny --locked): bans and sources were not checked, licences were",
        );
        return Ok(Vec::new());
    }
    ui::step("cargo deny --offline check bans licenses sources");
    let mut failed = Vec::new();
    for folder in workspaces(workspace) {
        let config = workspace.root.join("deny.toml");
        let cmd = cargo(&workspace.root.join(folder)).args(["deny", "--offline", "check", "--config"]).arg(config);
        note(cmd.args(["bans", "licenses", "sources"]), &format!("cargo deny in ./{folder}"), &mut failed);
    }
    Ok(failed)
}

fn workspaces(workspace: &Workspace) -> impl Iterator<Item = &'static str> {
    WORKSPACES.into_iter().filter(|folder| workspace.root.join(folder).join("Cargo.toml").is_file())
}

fn note(cmd: Cmd, name: &str, failed: &mut Vec<String>) {
    if let Err(error) = cmd.live() {
        ui::say(format!("{error:#}"));
        failed.push(name.to_owned());
    }
}
