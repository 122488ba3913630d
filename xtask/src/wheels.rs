//! `cargo xtask openvino` and `cargo xtask onnxruntime`: the shared libraries of the inference backends, out of the
//! wheels that their makers publish. Nothing is installed into Python.

use crate::process::{Cmd, find_program};
use crate::workspace::Workspace;
use crate::{apt, files, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Written last, beside the libraries.
const STAMP: &str = "assay-stamp.txt";

/// A published wheel that carries the libraries of a backend.
#[derive(Debug)]
pub struct Wheel {
    /// Name on PyPI and folder below `.assay`.
    pub name: &'static str,
    pub version: &'static str,
    pub why: &'static str,
    /// Folder inside the wheel whose libraries are taken.
    inside: &'static str,
    /// Beginnings of the names that are taken, from that folder only.
    keep: &'static [&'static str],
    /// The library that `check` loads; the finders want this name without a version too.
    main: &'static [&'static str],
    /// Python that loads `sys.argv[1]` and prints what it found.
    check: &'static str,
}

pub const OPENVINO: Wheel = Wheel {
    name: "openvino",
    version: "2026.4.1",
    why: "inference on Intel CPUs, GPUs and NPUs, about 60 MB",
    inside: "openvino/libs/",
    keep: &[
        "libopenvino.so",
        "libopenvino_c.so",
        "libopenvino_ir_frontend",
        "libopenvino_onnx_frontend",
        "libopenvino_tensorflow_lite_frontend",
        "libopenvino_auto_plugin",
        "libopenvino_intel_cpu_plugin",
        "libopenvino_intel_gpu_plugin",
        "libopenvino_intel_npu_plugin",
        "libtbb",
        "libhwloc",
    ],
    main: &["libopenvino_c.so", "libopenvino.so"],
    check: OPENVINO_CHECK,
};

pub const ONNXRUNTIME: Wheel = Wheel {
    name: "onnxruntime",
    version: "1.32.0",
    why: "the second inference backend, about 28 MB",
    inside: "onnxruntime/capi/",
    keep: &["libonnxruntime.so", "libonnxruntime_providers_shared.so"],
    main: &["libonnxruntime.so"],
    check: ONNXRUNTIME_CHECK,
};

const OPENVINO_CHECK: &str = r#"
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
class Version(ctypes.Structure):
    _fields_ = [("build", ctypes.c_char_p), ("description", ctypes.c_char_p)]
class Devices(ctypes.Structure):
    _fields_ = [("names", ctypes.POINTER(ctypes.c_char_p)), ("size", ctypes.c_size_t)]
version, devices, core = Version(), Devices(), ctypes.c_void_p()
for step in (lambda: lib.ov_get_openvino_version(ctypes.byref(version)),
             lambda: lib.ov_core_create(ctypes.byref(core)),
             lambda: lib.ov_core_get_available_devices(core, ctypes.byref(devices))):
    if step() != 0:
        sys.exit("OpenVINO was loaded but does not start")
names = [devices.names[i].decode() for i in range(devices.size)]
if "CPU" not in names:
    sys.exit(f"OpenVINO finds no CPU device, only {names}")
print(f"{version.build.decode()}, devices {', '.join(names)}")
"#;

const ONNXRUNTIME_CHECK: &str = r#"
import ctypes, sys
lib = ctypes.CDLL(sys.argv[1])
class Base(ctypes.Structure):
    _fields_ = [("get_api", ctypes.c_void_p), ("version", ctypes.CFUNCTYPE(ctypes.c_char_p))]
lib.OrtGetApiBase.restype = ctypes.POINTER(Base)
print(lib.OrtGetApiBase().contents.version().decode())
"#;

/// Takes the libraries out of a wheel, flat, and without a version in the name where the finders want that.
const UNPACK: &str = r#"
import os, sys, zipfile
wheel, inside, out, keep = sys.argv[1], sys.argv[2], sys.argv[3], tuple(sys.argv[4:])
with zipfile.ZipFile(wheel) as archive:
    for member in archive.namelist():
        folder, name = os.path.split(member)
        library = folder + "/" == inside and name.startswith(keep)
        licence = ".dist-info/licenses" in folder or name.startswith(("LICENSE", "ThirdPartyNotices"))
        if name and (library or licence):
            with archive.open(member) as source, open(os.path.join(out, name), "wb") as target:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
"#;

/// Fetches what is not there yet; returns the folder of the libraries.
pub fn ensure(workspace: &Workspace, wheel: &Wheel) -> Result<PathBuf> {
    let dir = folder(workspace, wheel);
    if is_ready(&dir, wheel) {
        ui::say(format!("{} {}: ready in {}", wheel.name, wheel.version, dir.display()));
        return Ok(dir);
    }
    ui::step(format!("Fetching {} {} from PyPI: {}", wheel.name, wheel.version, wheel.why));
    ensure_pip()?;
    fetch(workspace, &dir, wheel)?;
    let found = load(&dir, wheel)?;
    ui::say(format!("    {} {found}", wheel.name));
    // Last, so that a broken-off run is done again.
    files::write_if_changed(&dir.join(STAMP), stamp_of(&dir, wheel).as_bytes())?;
    ui::say(format!("{} {}: ready in {}", wheel.name, wheel.version, dir.display()));
    Ok(dir)
}

/// The folder of the libraries, where they are complete.
pub fn ready(workspace: &Workspace, wheel: &Wheel) -> Option<PathBuf> {
    let dir = folder(workspace, wheel);
    is_ready(&dir, wheel).then_some(dir)
}

fn is_ready(dir: &Path, wheel: &Wheel) -> bool {
    std::fs::read_to_string(dir.join(STAMP)).is_ok_and(|found| found == stamp_of(dir, wheel))
}

fn folder(workspace: &Workspace, wheel: &Wheel) -> PathBuf {
    if wheel.name == OPENVINO.name { workspace.openvino() } else { workspace.onnxruntime() }
}

/// The wheel, and name and size of every library that is there.
fn stamp_of(dir: &Path, wheel: &Wheel) -> String {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut lines: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let size = std::fs::metadata(entry.path()).ok()?.len();
            wheel.keep.iter().any(|keep| name.starts_with(keep)).then(|| format!("{size} {name}\n"))
        })
        .collect();
    lines.sort();
    format!("{} {}\n{}", wheel.name, wheel.version, lines.concat())
}

/// A Python environment in a folder that has no other use: what is there is removed.
pub fn fresh_environment(dir: &Path, why: &str) -> Result<()> {
    ensure_pip()?;
    // On Debian a package of its own.
    if !Cmd::new("python3").args(["-c", "import ensurepip, venv"]).works() {
        apt::ensure(&["python3-venv"], why)?;
    }
    files::remove(dir)?;
    Cmd::new("python3").args(["-m", "venv"]).arg(dir).read_during("making an environment")?;
    Ok(())
}

/// Python with pip: on Debian two packages.
pub fn ensure_pip() -> Result<()> {
    if find_program("python3").is_none() {
        apt::ensure(&["python3"], "pip fetches the inference libraries")?;
    }
    if Cmd::new("python3").args(["-m", "pip", "--version"]).works() {
        return Ok(());
    }
    let by_hand = apt::by_hand(&["python3-pip"]);
    apt::ensure(&["python3-pip"], "pip fetches the inference libraries")?;
    if !Cmd::new("python3").args(["-m", "pip", "--version"]).works() {
        bail!(
            "`python3 -m pip` does not work: is another Python than Debian's first on the PATH? Give it pip, or: {by_hand}"
        );
    }
    Ok(())
}

fn fetch(workspace: &Workspace, dir: &Path, wheel: &Wheel) -> Result<()> {
    let by_hand = format!("unpack {}*.so* of the wheel into {}", wheel.inside, dir.display());
    let (download, file) = download(workspace, wheel.name, wheel.version, &by_hand)?;
    // Only what xtask put there is removed: the folder has no other use.
    files::remove(dir)?;
    files::make_dir(dir)?;
    Cmd::new("python3")
        .args(["-c", UNPACK])
        .arg(&file)
        .arg(wheel.inside)
        .arg(dir)
        .args(wheel.keep)
        .read_during("unpacking the libraries")?;
    files::remove(&download)?;
    wheel.main.iter().try_for_each(|name| link(dir, name))
}

/// Downloads a wheel from PyPI: the folder to remove when done, and the file in it. `by_hand` says what to do with the
/// file where there is no network.
pub fn download(workspace: &Workspace, name: &str, version: &str, by_hand: &str) -> Result<(PathBuf, PathBuf)> {
    let download = workspace.fetched().join(format!("{name}.download"));
    files::remove(&download)?;
    files::make_dir(&download)?;
    let wanted = format!("{name}=={version}");
    Cmd::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest"])
        .arg(&download)
        .arg(&wanted)
        .read_during(&format!("downloading {wanted}"))
        .with_context(|| {
            format!(
                "{wanted} could not be fetched. Is there a network? By hand: `python3 -m pip download --no-deps {wanted}`, \
                 then {by_hand}"
            )
        })?;
    let file = std::fs::read_dir(&download)
        .ok()
        .and_then(|entries| {
            entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == "whl"))
        })
        .with_context(|| format!("pip left no wheel in {}", download.display()))?;
    Ok((download, file))
}

/// Makes `name` a link to the one `name.VERSION` that is there.
fn link(dir: &Path, name: &str) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))?;
    let start = format!("{name}.");
    let versioned =
        entries.flatten().map(|entry| entry.file_name()).find(|file| file.to_string_lossy().starts_with(&start));
    let Some(versioned) = versioned else {
        bail!("the wheel has no {name}.VERSION; this version of xtask does not know its layout");
    };
    std::os::unix::fs::symlink(&versioned, dir.join(name))
        .with_context(|| format!("cannot link {name} in {}", dir.display()))
}

/// Loads the main library in another process; returns what it says of itself.
fn load(dir: &Path, wheel: &Wheel) -> Result<String> {
    let library = wheel.main.first().map(|name| dir.join(name)).unwrap_or_default();
    let text =
        Cmd::new("python3").args(["-c", wheel.check]).arg(&library).read_during("loading it once").with_context(
            || {
                format!(
                    "{} was fetched but can't be loaded; see which library is missing: ldd {}",
                    wheel.name,
                    library.display()
                )
            },
        )?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn only_the_wanted_libraries_are_unpacked_and_linked() {
        let dir = std::env::temp_dir().join(format!("assay-xtask-wheel-{}", std::process::id()));
        files::make_dir(&dir).unwrap();
        let make = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as z:\n    for n in sys.argv[2:]: z.writestr(n, n)";
        let wheel = dir.join("w.zip");
        let members = [
            "openvino/libs/libopenvino_c.so.2641",
            "openvino/libs/libtbb.so.12",
            "openvino/libs/libopenvino_jax_frontend.so.1",
            "openvino/x/libtbb.so.12",
            "openvino-1.dist-info/licenses/LICENSE",
        ];
        Cmd::new("python3").args(["-c", make]).arg(&wheel).args(members).read().unwrap();
        let out = dir.join("out");
        files::make_dir(&out).unwrap();
        Cmd::new("python3")
            .args(["-c", UNPACK])
            .arg(&wheel)
            .arg(OPENVINO.inside)
            .arg(&out)
            .args(OPENVINO.keep)
            .read()
            .unwrap();
        link(&out, "libopenvino_c.so").unwrap();
        assert_eq!(files::list(&out, &["."]).unwrap().len(), 4);
        assert_eq!(files::read_text(&out.join("libopenvino_c.so")).unwrap(), members[0]);
        assert_eq!(files::read_text(&out.join("libtbb.so.12")).unwrap(), members[1]);
        assert!(!out.join("libopenvino_jax_frontend.so.1").exists());
        let error = link(&out, "libother.so").unwrap_err().to_string();
        assert!(error.contains("no libother.so.VERSION"), "{error}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
