//! The plugins of a recipe that are not written in Rust, built where their manifests say: `plugins/NAME/build`.

use super::recipes::Recipe;
use crate::process::Cmd;
use crate::workspace::{TOOLCHAINS_VARIABLE, Workspace};
use crate::{files, toolchains, ui};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Beside the component: what it was built from.
const STAMP: &str = "sources.sha256";
/// What all of them stand on; the last two hold the compilers' versions and options.
const SHARED: [&str; 8] = [
    "wit",
    "sdk/c",
    "sdk/cpp",
    "sdk/zig",
    "sdk/python",
    "sdk/js",
    "host/src/toolbox/build.rs",
    "host/src/toolbox/tools.rs",
];

/// Builds what is missing or stale with an `assay` that is built. The compilers are installed where something has to be
/// built, and not before.
pub fn build(workspace: &Workspace, recipe: Recipe) -> Result<()> {
    let mut stale = Vec::new();
    for name in recipe.foreign() {
        let sources = source_digests(workspace, name)?;
        if !is_fresh(workspace, name, &sources) {
            stale.push((*name, sources));
        }
    }
    if stale.is_empty() {
        if !recipe.foreign().is_empty() {
            ui::say("plugins in C, C++, Zig, Python and JavaScript: up to date");
        }
        return Ok(());
    }
    let names: Vec<&str> = stale.iter().map(|(name, _)| *name).collect();
    ui::step(format!("Building the plugins of the recipe `{}` in C, C++, Zig, Python and JavaScript", recipe.name()));
    ui::say(format!("    to build: {}", names.join(", ")));
    ui::say(format!(
        "    compilers that are missing come from PyPI (ziglang, componentize-py) and npm (componentize-js) into {}",
        workspace.toolchains().display()
    ));
    toolchains::ensure(workspace)?;
    for (name, sources) in &stale {
        let folder = folder(workspace, name);
        // A component that cannot be made anew must not be taken for one that was.
        files::remove(&folder.join("build").join(STAMP))?;
        let cmd = Cmd::new(workspace.assay()).dir(&workspace.root).args(["plugin", "build", "--project"]).arg(&folder);
        cmd.env(TOOLCHAINS_VARIABLE, workspace.toolchains())
            .live()
            .with_context(|| format!("{name} could not be built; the compiler's own message stands above"))?;
        files::write_if_changed(&folder.join("build").join(STAMP), sources.as_bytes())?;
    }
    Ok(())
}

fn folder(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join("plugins").join(name)
}

/// The component of such a plugin.
pub fn component(workspace: &Workspace, name: &str) -> PathBuf {
    folder(workspace, name).join("build").join(format!("{name}.wasm"))
}

/// The lines `DIGEST  PATH` of all that a plugin is made from; prose and golden pictures do not count.
fn source_digests(workspace: &Workspace, name: &str) -> Result<String> {
    let own = format!("plugins/{name}");
    let mut list = files::list(&workspace.root, &[SHARED.as_slice(), &[own.as_str()]].concat())?;
    list.retain(|file| {
        let prose = file.extension().is_some_and(|extension| extension == "md");
        let tried = ["golden", "tests", "examples"].iter().any(|part| file.iter().any(|found| found == *part));
        !prose && !tried
    });
    files::digests(&workspace.root, &list)
}

fn is_fresh(workspace: &Workspace, name: &str, sources: &str) -> bool {
    let stamp = folder(workspace, name).join("build").join(STAMP);
    component(workspace, name).is_file() && std::fs::read_to_string(stamp).is_ok_and(|found| found == sources)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_component_is_made_anew_when_its_plugin_or_its_sdk_changes() {
        let workspace = Workspace::find().unwrap();
        let sources = source_digests(&workspace, "exposure").unwrap();
        for file in
            ["plugins/exposure/src/plugin.zig", "plugins/exposure/plugin.toml", "sdk/zig/assay.zig", "wit/types.wit"]
        {
            assert!(sources.lines().any(|line| line.ends_with(file)), "{file}");
        }
        assert!(!sources.contains("README.md") && !sources.contains("/golden/") && !sources.contains("/build/"));
    }
}
