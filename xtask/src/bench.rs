//! `cargo xtask bench`: every figure of the benchmark, beside its target.

use crate::options::Options;
use crate::process::Cmd;
use crate::wheels::{self, ONNXRUNTIME, OPENVINO};
use crate::workspace::Workspace;
use crate::{apt, demo, files, plugins, toolchains, ui};
use anyhow::{Context, Result};
use std::path::PathBuf;

/// What the Python script that Assay is compared with needs.
const PACKAGES: [&str; 3] = ["numpy==2.4.6", "opencv-python-headless==5.0.0.93", "openvino==2026.4.1"];

/// The group of figures that compiles plugins in every language.
const LANGUAGES: &str = "languages";

pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let json = options.path("--json")?;
    let only = options.value("--only")?;
    // Of the group `list`: fewer rows than ten million, for a quick look.
    let rows = options.value("--rows")?;
    options.finish()?;
    plugins::build(workspace)?;
    wheels::ensure(workspace, &OPENVINO)?;
    wheels::ensure(workspace, &ONNXRUNTIME)?;
    let python = python(workspace)?;
    demo::build_assay(workspace)?;
    if only.as_ref().is_none_or(|only| LANGUAGES.contains(only.as_str())) {
        toolchains::ensure(workspace)?;
    }
    demo::set_up(workspace, demo::Recipe::Surface)?;
    ui::step("Running the benchmark");
    let cmd = workspace.cargo().args(["run", "--release", "--package", "assay-tests", "--bin", "assay-bench", "--"]);
    let cmd = match json {
        Some(file) => cmd.arg("--json").arg(file),
        None => cmd,
    };
    let cmd = match only {
        Some(group) => cmd.args(["--only", group.as_str()]),
        None => cmd,
    };
    let cmd = match rows {
        Some(rows) => cmd.env("ASSAY_BENCH_ROWS", rows),
        None => cmd,
    };
    cmd.env("ASSAY_BENCH_PYTHON", python).live()
}

/// The Python of a virtual environment with the packages above.
fn python(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.fetched().join("bench-venv");
    let python = dir.join("bin").join("python");
    let stamp = dir.join("assay-stamp.txt");
    let wanted = PACKAGES.join("\n");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    ui::step(format!(
        "Installing {} into {}: the comparison runs as a Python script",
        PACKAGES.join(", "),
        dir.display()
    ));
    wheels::ensure_pip()?;
    let make = || Cmd::new("python3").args(["-m", "venv", "--clear"]).arg(&dir).read_during("making the environment");
    if make().is_err() {
        // Debian's Python comes without it.
        apt::ensure(&["python3-venv"], "the comparison's packages go into an environment of their own")?;
        make()?;
    }
    Cmd::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
        .args(PACKAGES)
        .read_during("installing the packages")
        .with_context(|| {
            format!(
                "the packages could not be installed. Is there a network? By hand: {} -m pip install {}",
                python.display(),
                PACKAGES.join(" ")
            )
        })?;
    files::write_if_changed(&stamp, wanted.as_bytes())?;
    Ok(python)
}
