//! A compiler for `wasm32-unknown-unknown`: the installed target, else rustup's, else Debian's own toolchain.

use crate::process::Cmd;
use crate::workspace::cargo;
use crate::{apt, ui};
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};

const TARGET: &str = "wasm32-unknown-unknown";
/// Forces the choice, so that each way can be tested.
const CHOICE_VARIABLE: &str = "ASSAY_WASM_TOOLCHAIN";
/// Debian's Rust for the web, from the security suite of Debian 12.
const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];
/// rustup tries again and again where nothing answers.
const RUSTUP_LIMIT_SECONDS: &str = "120";

/// Where the compiler comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Toolchain {
    /// The compiler that runs now has the target.
    Installed { version: String },
    /// Debian's packages, with the standard library built from source.
    Debian { version: String },
}

impl Toolchain {
    /// The first that can be had.
    pub fn choose() -> Result<Self> {
        match Self::forced().as_deref() {
            Some("installed") => Self::installed().ok_or_else(|| cannot("it was asked for the installed target only")),
            Some("rustup") => {
                Self::rustup().map_err(|error| cannot(&format!("it was asked for rustup only, and {error:#}")))
            }
            Some("debian") => Self::debian(),
            Some(other) => bail!(
                "{CHOICE_VARIABLE} is {other:?}; it may be `installed`, `rustup` or `debian`, or be left out so that the first of them that works is taken"
            ),
            None => Self::first_that_works(),
        }
    }

    /// The choice that the variable forces.
    pub fn forced() -> Option<String> {
        std::env::var(CHOICE_VARIABLE).ok().filter(|value| !value.is_empty())
    }

    /// Whether modules that were built as `how` says are what is asked for now.
    pub fn accepts(how: &str) -> bool {
        Self::forced().is_none_or(|name| how.starts_with(if name == "rustup" { "installed" } else { &name }))
    }

    fn first_that_works() -> Result<Self> {
        if let Some(installed) = Self::installed() {
            return Ok(installed);
        }
        let rustup = match Self::rustup() {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => format!("{error:#}"),
        };
        ui::say(format!("    rustup could not add the target ({rustup}); taking Debian's compiler instead"));
        Self::debian().map_err(|debian| cannot(&format!("rustup: {rustup}; Debian: {debian:#}")))
    }

    fn installed() -> Option<Self> {
        let sysroot = Cmd::new("rustc").args(["--print", "sysroot"]).read().ok()?;
        let libraries = Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib");
        libraries.is_dir().then(|| Self::Installed { version: version("rustc") })
    }

    fn rustup() -> Result<Self> {
        ui::step(format!("Adding the target {TARGET} by rustup: the plugins are compiled for it"));
        Cmd::new("timeout")
            .args([RUSTUP_LIMIT_SECONDS, "rustup", "target", "add", TARGET])
            .read_during("rustup target add")?;
        Self::installed().ok_or_else(|| anyhow::anyhow!("rustup added {TARGET}, but `rustc` does not have it"))
    }

    fn debian() -> Result<Self> {
        apt::ensure(&DEBIAN_PACKAGES, "a Rust compiler and standard library for WebAssembly")?;
        Ok(Self::Debian { version: version("/usr/bin/rustc") })
    }

    /// For people and for the stamp; begins with the name that the variable takes.
    pub fn describe(&self) -> String {
        match self {
            Self::Installed { version } => format!("installed {version}"),
            Self::Debian { version } => format!("debian {version}"),
        }
    }

    /// Folder below the target folder: two compilers would build everything anew in the same one.
    pub const fn target_folder(&self) -> &'static str {
        match self {
            Self::Installed { .. } => "wasm",
            Self::Debian { .. } => "wasm-debian",
        }
    }

    /// `cargo build` of the wasm workspace `dir`.
    pub fn cargo_build(&self, dir: &Path, root: &Path, target_dir: &Path) -> Cmd {
        let cmd = match self {
            Self::Installed { .. } => cargo(dir),
            Self::Debian { .. } => {
                Cmd::new("/usr/bin/cargo").dir(dir).env("RUSTC_BOOTSTRAP", "1").env("RUSTC", "/usr/bin/rustc")
            }
        };
        let cmd = cmd
            .args(["build", "--release", "--target", TARGET, "--target-dir"])
            .arg(target_dir)
            // Flags that are set for the host must not reach the plugins; those of the workspace's own config do.
            .env_remove("RUSTFLAGS")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", path_flags(root));
        match self {
            Self::Installed { .. } => cmd,
            Self::Debian { .. } => cmd.arg("-Zbuild-std=std,panic_abort"),
        }
    }

    /// `--target` for clippy, where the compiler that runs now can do it.
    pub fn clippy_target() -> Option<[&'static str; 2]> {
        Self::installed().map(|_| ["--target", TARGET])
    }
}

/// A panic's message names the source by its place in the project, not by a folder of the machine that built it.
fn path_flags(root: &Path) -> String {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let flags = [(root, "assay"), (cargo_home.as_path(), "cargo")]
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // The variable is split at spaces, so a folder with one can't stand in it.
    flags.into_iter().filter(|flag| !flag.contains(char::is_whitespace)).collect::<Vec<_>>().join(" ")
}

fn version(rustc: &str) -> String {
    Cmd::new(rustc).arg("--version").read().map(|text| text.trim().to_owned()).unwrap_or_default()
}

fn cannot(why: &str) -> anyhow::Error {
    let debian = apt::by_hand(&DEBIAN_PACKAGES);
    anyhow::anyhow!(
        "there is no compiler for {TARGET}: {why}\n\
         Do one of these, then run this command again:\n  \
         rustup target add {TARGET}\n  \
         {debian}\n    \
         (Debian's toolchain; the build is then: RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo build --release \
         --target {TARGET} -Zbuild-std=std,panic_abort)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_compiler_the_message_has_both_ways() {
        let text = cannot("nothing works").to_string();
        assert!(text.contains("nothing works") && text.contains("rustup target add wasm32-unknown-unknown"), "{text}");
        assert!(text.contains("rustc-web cargo-web rust-web-src rust-web-llvm lld-22"), "{text}");
        assert!(text.contains("-Zbuild-std=std,panic_abort"), "{text}");
    }

    #[test]
    fn each_compiler_has_its_own_build_folder() {
        let installed = Toolchain::Installed { version: "rustc 1".to_owned() };
        let debian = Toolchain::Debian { version: "rustc 1".to_owned() };
        assert_ne!(installed.target_folder(), debian.target_folder());
        assert!(debian.describe().starts_with("debian"));
    }
}
