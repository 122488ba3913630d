//! The Python of the model kit: an environment of its own below the target folder, pinned by `sdk/models/requirements.txt`.

use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, ui, wheels};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

const KIT: &str = "sdk/models";
/// Installs the rest several times as fast as pip.
const UV: &str = "uv==0.13.9";
/// Written last, beside the environment.
const STAMP: &str = "assay-stamp.txt";

/// The environment's Python, with everything installed that the kit's tests need.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.models_python();
    let python = dir.join("bin").join("python");
    let pins = workspace.root.join(KIT).join("requirements.txt");
    let wanted = format!("{UV}\n{}", files::read_text(&pins)?);
    if std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    ui::step("Installing the model kit's Python packages: PyTorch and others, a download of 3 GB, 6 GB on the disk");
    install(&dir, &python, &pins).with_context(|| {
        format!(
            "the model kit's packages could not be installed. Is there a network? By hand: python3 -m venv {0} && \
             {0}/bin/python -m pip install -r {1}",
            dir.display(),
            pins.display()
        )
    })?;
    // Last, so that a broken-off run is done again.
    files::write_if_changed(&dir.join(STAMP), wanted.as_bytes())?;
    Ok(python)
}

fn install(dir: &Path, python: &Path, pins: &Path) -> Result<()> {
    wheels::fresh_environment(dir, "the model kit's tests have a Python environment of their own")?;
    Cmd::new(python).args(["-m", "pip", "install", "--quiet", UV]).read_during("installing uv")?;
    let uv = Cmd::new(dir.join("bin").join("uv")).args(["pip", "install", "--quiet", "--python"]).arg(python);
    uv.arg("--requirement").arg(pins).read_during("installing the packages")?;
    Ok(())
}

/// pytest on the kit; `assay` is the binary that packs its bundles.
pub fn tests(workspace: &Workspace, python: &Path) -> Cmd {
    let kit = workspace.root.join(KIT);
    let cmd = Cmd::new(python).dir(&kit).args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no"]);
    let cmd = cmd.env("PYTHONPATH", kit.join("src")).env("ASSAY", workspace.assay());
    // One thread each: results are repeatable then, and waiting threads take nothing from others.
    cmd.env("OMP_NUM_THREADS", "1").env("OMP_WAIT_POLICY", "PASSIVE").env("PYTHONDONTWRITEBYTECODE", "1")
}
