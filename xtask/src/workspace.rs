//! Where things are. All folders that xtask writes to are named here.

use crate::process::Cmd;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The variable that names the folder with `plugins/` and `guests/`; without it that is the target folder.
pub const ARTIFACTS_VARIABLE: &str = "ASSAY_ARTIFACTS";
/// Where `assay plugin` keeps the compilers of other languages.
pub const TOOLCHAINS_VARIABLE: &str = "ASSAY_TOOLCHAINS";

/// The workspace of the host.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The folder of the root Cargo.toml.
    pub root: PathBuf,
    /// Cargo's target folder: follows CARGO_TARGET_DIR.
    pub target: PathBuf,
}

impl Workspace {
    pub fn find() -> Result<Self> {
        // What cargo says now goes before what it said at the build: clones that share a build folder share this program.
        let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let metadata = Metadata::of(Path::new(&here), &["--no-deps"])?;
        Ok(Self { root: metadata.workspace_root, target: metadata.target_directory })
    }

    /// Holds `plugins/NAME.wasm` and `guests/NAME.wasm`.
    pub fn artifacts(&self) -> PathBuf {
        std::env::var_os(ARTIFACTS_VARIABLE).map_or_else(|| self.target.clone(), PathBuf::from)
    }

    /// What xtask fetched for this workspace.
    pub fn fetched(&self) -> PathBuf {
        self.root.join(".assay")
    }

    pub fn openvino(&self) -> PathBuf {
        self.fetched().join("openvino").join("libs")
    }

    pub fn onnxruntime(&self) -> PathBuf {
        self.fetched().join("onnxruntime")
    }

    pub fn onnx_tests(&self) -> PathBuf {
        self.fetched().join("onnx-tests")
    }

    /// The Python of the model kit's tests.
    pub fn models_python(&self) -> PathBuf {
        self.target.join("models-python")
    }

    pub fn demo(&self) -> PathBuf {
        self.target.join("demo")
    }

    /// Where the compilers of other languages than Rust are kept: the variable's folder, else one below the target.
    pub fn toolchains(&self) -> PathBuf {
        std::env::var_os(TOOLCHAINS_VARIABLE).map_or_else(|| self.target.join("toolchains"), PathBuf::from)
    }

    /// The built `assay`.
    pub fn assay(&self) -> PathBuf {
        self.target.join("release").join("assay")
    }

    /// `cargo` in the root of the workspace, with the variables by which tests and benchmarks find what xtask made.
    pub fn cargo(&self) -> Cmd {
        self.with_places(cargo(&self.root))
    }

    /// Adds the variables by which a program finds what xtask made.
    pub fn with_places(&self, cmd: Cmd) -> Cmd {
        cmd.env(ARTIFACTS_VARIABLE, self.artifacts())
            .env("ASSAY_OPENVINO_DIR", self.openvino())
            .env("ASSAY_ONNXRUNTIME_DIR", self.onnxruntime())
            .env("ASSAY_ONNX_TESTS_DIR", self.onnx_tests())
            .env("ASSAY_DEMO_DIR", self.demo())
            .env("ASSAY_BIN", self.assay())
            .env(TOOLCHAINS_VARIABLE, self.toolchains())
    }
}

/// `cargo` in a folder. What cargo told xtask about its own build (toolchain override, package variables) stays here:
/// build scripts that watch these variables would run again, and all behind them be compiled again, each time that
/// cargo is called by hand in between.
pub fn cargo(dir: &Path) -> Cmd {
    let told = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| is_of_package(name));
    told.fold(Cmd::new("cargo").dir(dir), |cmd, name| cmd.env_remove(&name))
}

/// Whether `cargo run` sets a variable for what it runs.
fn is_of_package(name: &str) -> bool {
    matches!(name, "CARGO" | "OUT_DIR") || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

/// The parts of `cargo metadata` that xtask reads.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_root: PathBuf,
    pub target_directory: PathBuf,
    #[serde(default)]
    pub resolve: Option<Resolve>,
}

#[derive(Debug, Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub license: Option<String>,
    pub manifest_path: PathBuf,
    pub targets: Vec<Target>,
    /// None for a package of this workspace.
    #[serde(default)]
    pub source: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Target {
    pub name: String,
    pub kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub struct Resolve {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
pub struct Node {
    pub id: String,
}

impl Metadata {
    /// Of the workspace that `dir` is in.
    pub fn of(dir: &Path, options: &[&str]) -> Result<Self> {
        let text = cargo(dir).args(["metadata", "--format-version", "1"]).args(options).read()?;
        serde_json::from_str(&text).with_context(|| format!("cannot read cargo's metadata of {}", dir.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_says_of_xtask_is_not_handed_on_and_a_persons_settings_are() {
        // cargo sets these for its tests as it does for what it runs.
        let package: Vec<String> = std::env::vars().map(|(name, _)| name).filter(|name| is_of_package(name)).collect();
        assert!(package.iter().any(|name| name == "CARGO_PKG_NAME"), "{package:?}");
        assert!(package.iter().any(|name| name == "CARGO_MANIFEST_DIR"), "{package:?}");
        assert!(!["CARGO_TARGET_DIR", "CARGO_HOME", "RUSTFLAGS", "PATH"].into_iter().any(is_of_package));
    }
}
