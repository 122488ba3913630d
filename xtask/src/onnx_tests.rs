//! `cargo xtask onnx-tests`: the tests that ONNX makes for each operator, out of the wheel of `onnx`. They are read by our
//! tests, never committed; ONNX is under the Apache License 2.0, which is unpacked beside them.

use crate::process::Cmd;
use crate::workspace::Workspace;
use crate::{files, ui, wheels};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const NAME: &str = "onnx";
/// Later wheels may lack the tests: 1.23 does.
const VERSION: &str = "1.20.1";
/// Folder inside the wheel: one folder per test.
const INSIDE: &str = "onnx/backend/test/data/node/";
/// Written last.
const STAMP: &str = "assay-stamp.txt";
/// There are about 1,600; a wheel with fewer is another one.
const LEAST: usize = 1_500;

const UNPACK: &str = r#"
import os, sys, zipfile
wheel, inside, out = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for member in archive.namelist():
        name = os.path.basename(member)
        test = member.startswith(inside) and name.endswith((".onnx", ".pb"))
        licence = ".dist-info/licenses/" in member
        if not name or ".." in member.split("/") or not (test or licence):
            continue
        target = os.path.join(out, member[len(inside):] if test else name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(archive.read(member))
"#;

/// Fetches what is not there yet; returns the folder of the tests.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let dir = workspace.onnx_tests();
    let stamp = format!("{NAME} {VERSION}\n");
    if !std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|found| found == stamp) {
        ui::step(format!(
            "Fetching {NAME} {VERSION} from PyPI: its node tests run on every inference backend, about 18 MB"
        ));
        wheels::ensure_pip()?;
        let by_hand = format!("unpack {INSIDE}* of the wheel into {} and write {stamp:?} to {STAMP}", dir.display());
        let (download, wheel) = wheels::download(workspace, NAME, VERSION, &by_hand)?;
        files::remove(&dir)?;
        unpack(&wheel, &dir)?;
        files::remove(&download)?;
        files::write_if_changed(&dir.join(STAMP), stamp.as_bytes())?;
    }
    ui::say(format!("{NAME} {VERSION}: node tests ready in {}", dir.display()));
    Ok(dir)
}

fn unpack(wheel: &Path, dir: &Path) -> Result<()> {
    files::make_dir(dir)?;
    Cmd::new("python3").args(["-c", UNPACK]).arg(wheel).arg(INSIDE).arg(dir).read_during("unpacking the tests")?;
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let count = entries.flatten().filter(|entry| entry.path().join("model.onnx").is_file()).count();
    if count < LEAST {
        bail!("{} has {count} tests below {INSIDE}, at least {LEAST} are expected", wheel.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn only_the_tests_and_the_licence_are_unpacked_and_a_wheel_without_them_is_refused() {
        let dir = std::env::temp_dir().join(format!("assay-xtask-onnx-{}", std::process::id()));
        files::make_dir(&dir).unwrap();
        let make = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n    for n in sys.argv[2:]: z.writestr(n, n)";
        let (wheel, out) = (dir.join("w.whl"), dir.join("out"));
        let members = [
            "onnx/backend/test/data/node/test_abs/model.onnx",
            "onnx/backend/test/data/node/test_abs/test_data_set_0/input_0.pb",
            "onnx/backend/test/data/node/../../escaped.pb",
            "onnx/backend/test/data/simple/test_x/model.onnx",
            "onnx/__init__.py",
            "onnx-1.20.1.dist-info/licenses/LICENSE",
        ];
        Cmd::new("python3").args(["-c", make]).arg(&wheel).args(members).read().unwrap();
        let error = unpack(&wheel, &out).unwrap_err().to_string();
        assert!(error.contains("has 1 tests"), "{error}");
        assert_eq!(files::list(&out, &["."]).unwrap().len(), 3);
        assert!(out.join("test_abs/test_data_set_0/input_0.pb").is_file() && out.join("LICENSE").is_file());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
