//! schemathesis on a running station: its Python is an environment of its own below the target folder, pinned by
//! `tests/api/requirements.txt`.

use crate::demo::{self, BACKENDS, Recipe, Station};
use crate::options::Options;
use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, plugins, ui, wheels};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Where the tests are, relative to the root.
const TESTS: &str = "tests/api";
/// Where the station keeps its records, beside its bundles.
const DATA: &str = "data-api";
/// Written last, beside the environment.
const STAMP: &str = "assay-stamp.txt";
/// For each operation as each role, where nothing else is said: a minute in all.
const EXAMPLES: u32 = 8;

/// `cargo xtask api [--examples N] [--seed N]`: the same as a part of `test`, longer.
pub fn run(workspace: &Workspace, mut options: Options) -> Result<()> {
    let mut number = |name: &str, usual: u32| -> Result<u32> {
        options.value(name)?.map_or(Ok(usual), |text| {
            text.parse().with_context(|| format!("{name} needs a whole number, found {text:?}"))
        })
    };
    let (examples, seed) = (number("--examples", 200)?, number("--seed", 1)?);
    options.finish()?;
    plugins::build(workspace)?;
    demo::build_assay(workspace)?;
    tests(workspace, examples, seed)?.live()
}

/// What `test` runs.
pub fn short(workspace: &Workspace) -> Result<Cmd> {
    tests(workspace, EXAMPLES, 1)
}

fn tests(workspace: &Workspace, examples: u32, seed: u32) -> Result<Cmd> {
    let python = ensure(workspace)?;
    demo::set_up(workspace, Recipe::Surface)?;
    // Without records of earlier runs: a second user of one name could not be made.
    files::remove(&Recipe::Surface.home(workspace).join(DATA))?;
    let station = Station { recipe: Recipe::Surface, order: &BACKENDS, port: 0, data_dir: DATA };
    let config = demo::write_config(workspace, "station-api.toml", &station)?;
    let cmd = Cmd::new(python).dir(&workspace.root).arg(format!("{TESTS}/run.py"));
    let cmd = cmd.arg("--assay").arg(workspace.assay()).arg("--config").arg(config);
    let cmd = cmd.arg("--out").arg(workspace.target.join("api"));
    Ok(cmd.args(["--examples", &examples.to_string(), "--seed", &seed.to_string()]))
}

/// The environment's Python, with schemathesis.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.target.join("api-python");
    let python = dir.join("bin").join("python");
    let pins = workspace.root.join(TESTS).join("requirements.txt");
    let wanted = files::read_text(&pins)?;
    if std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    ui::step("Installing schemathesis (PyPI), 60 MB on the disk: it holds the API against its document");
    install(&dir, &python, &pins).with_context(|| {
        format!(
            "schemathesis could not be installed. Is there a network? By hand: python3 -m venv {0} && \
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
    wheels::fresh_environment(dir, "the tests of the API have a Python environment of their own")?;
    let pip = Cmd::new(python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(pins);
    pip.read_during("installing schemathesis")?;
    Ok(())
}
