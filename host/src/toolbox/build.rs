use super::exports::MissingExport;
use super::made::Made;
use super::tools::{COMPONENTIZE_PY, NodePins, ToolError, Tools, written};
use crate::config::{BuildPlan, Language};
use crate::plugin::{ComponentizeError, componentize_with_empty_wasi};
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Why there is no component. The compiler's own message stands above.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("the source {} is not there: name it in [build] source, or move it there", path.display())]
    NoSource { path: PathBuf },
    #[error(
        "{} has no SDK for {language} in {}: set [build] root to the folder that holds sdk/ and wit/ \
         (`assay plugin new` puts both into the project)",
        root.display(), expected.display()
    )]
    NoSdk { language: Language, root: PathBuf, expected: PathBuf },
    #[error("`{command}` cannot be started")]
    Start {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("{name} does not compile: the compiler ended with {status}; its own message stands above")]
    Compile { name: String, status: ExitStatus },
    #[error("{name} compiles, but is no {kind} yet: {missing}")]
    Export { name: String, kind: &'static str, missing: MissingExport },
    #[error("the compiler succeeded but wrote no {}", path.display())]
    NoOutput { path: PathBuf },
    #[error(
        "{name} compiles, but is no {kind} yet: {detail}; does its init function call {kind}.Export, and does [plugin] \
         world say {kind:?}, as its code does?"
    )]
    NoComponent { name: String, kind: &'static str, detail: String },
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the sources in {} cannot be read", path.display())]
    Sources {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Makes the component that the plan names, with the language's own tools.
///
/// # Errors
/// When a tool cannot be had, or the plugin does not compile.
pub fn build(plan: &BuildPlan, tools: &Tools<'_>) -> Result<(), BuildError> {
    check(plan)?;
    if let Some(parent) = plan.component.parent() {
        std::fs::create_dir_all(parent).map_err(|source| BuildError::Write { path: parent.to_owned(), source })?;
    }
    match plan.language {
        Language::Rust => rust(plan, tools),
        Language::C | Language::Cpp | Language::Zig => native(plan, tools),
        Language::Python => unless_made(plan, &format!("componentize-py {COMPONENTIZE_PY}"), || python(plan, tools)),
        // The SDK's files say which versions of its packages.
        Language::JavaScript => unless_made(plan, "node", || javascript(plan, tools)),
        Language::Go => go(plan, tools),
    }?;
    let there = plan.component.is_file();
    if there { Ok(()) } else { Err(BuildError::NoOutput { path: plan.component.clone() }) }
}

fn check(plan: &BuildPlan) -> Result<(), BuildError> {
    if !plan.source.is_file() {
        return Err(BuildError::NoSource { path: plan.source.clone() });
    }
    let expected = sdk(plan, plan.language.name());
    if !expected.is_dir() {
        return Err(BuildError::NoSdk { language: plan.language, root: plan.root.clone(), expected });
    }
    Ok(())
}

fn sdk(plan: &BuildPlan, language: &str) -> PathBuf {
    plan.root.join("sdk").join(language)
}

/// Runs a compiler that does not know by itself whether there is anything to do.
fn unless_made(
    plan: &BuildPlan,
    tools: &str,
    compiler: impl FnOnce() -> Result<Command, BuildError>,
) -> Result<(), BuildError> {
    let made = Made::look(plan, tools);
    if made.is_current() {
        return Ok(());
    }
    run(plan, &mut compiler()?)?;
    made.keep();
    Ok(())
}

/// Runs a compiler in the project's folder; what it says goes to the author's terminal.
fn run(plan: &BuildPlan, command: &mut Command) -> Result<(), BuildError> {
    let words = written(command);
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
    let status = status.map_err(|source| BuildError::Start { command: words, source })?;
    if status.success() { Ok(()) } else { Err(BuildError::Compile { name: plan.name.clone(), status }) }
}

/// Cargo names its output after the crate; the plugin's component may have another name and place.
fn rust(plan: &BuildPlan, tools: &Tools<'_>) -> Result<(), BuildError> {
    let folder = absolute(&plan.folder)?;
    let target = folder.join("build/target");
    let mut cargo = tools.cargo()?;
    // In the project's folder, where cargo finds its `.cargo/config.toml` too. What the SDK stands on is compiled once for all
    // projects; cargo before 1.91 compiles it for each.
    cargo.current_dir(&folder).env("CARGO_BUILD_BUILD_DIR", tools.home().join("rust-build"));
    // Debian's cargo carries an option already: the subcommand stands before all others.
    cargo.args(["build", "--release", "--target", "wasm32-unknown-unknown", "--target-dir"]).arg(&target);
    run(plan, &mut cargo)?;
    let module = format!("{}.wasm", plan.name.replace('-', "_"));
    let built = target.join("wasm32-unknown-unknown/release").join(module);
    if !built.is_file() {
        return Err(BuildError::NoOutput { path: built });
    }
    let copied = std::fs::copy(&built, &plan.component);
    copied.map(drop).map_err(|source| BuildError::Write { path: plan.component.clone(), source })
}

fn python(plan: &BuildPlan, tools: &Tools<'_>) -> Result<Command, BuildError> {
    let mut python = tools.componentize_py()?;
    // The folder is on Python's path: a plugin may have more files than one.
    let code = plan.source.parent().unwrap_or(Path::new("."));
    python.arg(sdk(plan, "python").join("build.py")).args(["--world", plan.kind.name(), "--source"]).arg(code);
    python.arg("--wit").arg(plan.root.join("wit")).arg("--out").arg(&plan.component);
    Ok(python)
}

fn javascript(plan: &BuildPlan, tools: &Tools<'_>) -> Result<Command, BuildError> {
    let sdk = sdk(plan, "js");
    let (mut node, modules) = tools.node(&NodePins::read(&sdk)?)?;
    node.arg(sdk.join("build.mjs")).args(["--world", plan.kind.name(), "--source"]).arg(&plan.source);
    node.arg("--wit").arg(plan.root.join("wit")).arg("--modules").arg(modules).arg("--out").arg(&plan.component);
    Ok(node)
}

/// Go's linker knows nothing of components, and its runtime wants WASI: both are added to what it gives.
fn go(plan: &BuildPlan, tools: &Tools<'_>) -> Result<(), BuildError> {
    let module = plan.component.with_extension("core.wasm");
    let mut go = tools.go()?;
    go.current_dir(&plan.folder).args(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"]);
    // The package of the source file, as a path that does not look like one of the standard library.
    let code = plan.source.parent().unwrap_or(Path::new("."));
    let code = code.strip_prefix(&plan.folder).unwrap_or(code);
    go.arg(absolute(&module)?).arg(Path::new(".").join(code));
    run(plan, &mut go)?;
    let built = std::fs::read(&module).map_err(|source| BuildError::Read { path: module.clone(), source })?;
    let made = componentize_with_empty_wasi(&built, &plan.root.join("wit"), plan.kind);
    let unfit = |ComponentizeError { detail }| BuildError::NoComponent {
        name: plan.name.clone(),
        kind: plan.kind.name(),
        detail,
    };
    let component = made.map_err(unfit)?;
    let written = std::fs::write(&plan.component, component);
    written.map_err(|source| BuildError::Write { path: plan.component.clone(), source })
}

fn absolute(path: &Path) -> Result<PathBuf, BuildError> {
    std::path::absolute(path).map_err(|source| BuildError::Read { path: path.to_owned(), source })
}

const COMPILE: [&str; 8] =
    ["-target", "wasm32-wasi", "-O2", "-msimd128", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra"];
/// The stack lies at the bottom of the memory, so that running over it traps; 128 KiB is plenty for what is shallow.
const LINK: [&str; 5] =
    ["-mexec-model=reactor", "-Wl,--gc-sections", "-Wl,-z,stack-size=131072", "-Wl,--initial-memory=1048576", "-s"];

/// A linker's message is short; one behind so many warnings is not looked for.
const MAX_HEARD_BYTES: u64 = 1 << 20;

/// C, C++ and Zig stand on the C SDK, which is compiled for the plugin's world first. Zig brings the C library; of it
/// only what needs no system is linked.
fn native(plan: &BuildPlan, tools: &Tools<'_>) -> Result<(), BuildError> {
    let made = plan.folder.join("build");
    std::fs::create_dir_all(&made).map_err(|source| BuildError::Write { path: made.clone(), source })?;
    let zig = || {
        let mut zig = tools.zig(plan.language)?;
        zig.env("ZIG_LOCAL_CACHE_DIR", made.join("zig-cache"));
        Ok::<_, BuildError>(zig)
    };
    let (c, object) = (sdk(plan, "c"), made.join("sdk.o"));
    let include = c.join("include");
    let mut library = zig()?;
    library.arg("cc").args(COMPILE).arg("-I").arg(&include).arg("-std=c11");
    library.arg(format!("-DASSAY_WORLD_{}", plan.kind)).arg("-c").arg(c.join("src/assay.c")).arg("-o").arg(&object);
    run(plan, &mut library)?;

    let description = c.join("gen").join(format!("{}_component_type.o", plan.kind));
    let code = plan.source.parent().unwrap_or(Path::new("."));
    let mut plugin = zig()?;
    match plan.language {
        Language::Zig => zig_program(plan, &include, &mut plugin),
        Language::Cpp => {
            plugin.arg("c++").args(COMPILE).arg("-I").arg(&include).arg("-I").arg(sdk(plan, "cpp").join("include"));
            plugin.args(["-std=c++20", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"]);
            plugin.args(sources(code, "cpp")?).args(LINK);
        }
        _ => {
            plugin.arg("cc").args(COMPILE).arg("-I").arg(&include).arg("-std=c11");
            plugin.args(sources(code, "c")?).args(LINK);
        }
    }
    plugin.arg(&object).arg(description);
    match plan.language {
        Language::Zig => plugin.arg(emitted(&plan.component)),
        _ => plugin.arg("-o").arg(&plan.component),
    };
    link(plan, plugin)
}

/// Runs the last step. Where it fails it is run again to read what it says: read the first time, the author would not
/// see the compiler's progress and colours.
fn link(plan: &BuildPlan, mut command: Command) -> Result<(), BuildError> {
    run(plan, &mut command).map_err(|failed| {
        let again = matches!(failed, BuildError::Compile { .. }).then(|| heard(&mut command)).flatten();
        match again.and_then(|said| MissingExport::find(plan, &said)) {
            Some(missing) => BuildError::Export { name: plan.name.clone(), kind: plan.kind.name(), missing },
            None => failed,
        }
    })
}

/// What a command says on its standard error, as far as it is kept.
fn heard(command: &mut Command) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
    let mut said = Vec::new();
    let mut pipe = child.stderr.take()?;
    let read = (&mut pipe).take(MAX_HEARD_BYTES).read_to_end(&mut said);
    // What is not kept is not waited for: the pipe is closed, and the command ends.
    drop(pipe);
    let ended = child.wait();
    (read.is_ok() && ended.is_ok()).then(|| String::from_utf8_lossy(&said).into_owned())
}

/// The root is the SDK's; the author's file is the module `plugin`.
fn zig_program(plan: &BuildPlan, include: &Path, zig: &mut Command) {
    let of = |module: &str, path: PathBuf| {
        let mut argument = OsString::from(format!("-M{module}="));
        argument.push(path);
        argument
    };
    let own = sdk(plan, "zig");
    zig.args(["build-exe", "-target", "wasm32-wasi", "-mcpu=baseline+simd128", "-O", "ReleaseFast", "-fstrip"]);
    zig.args(["-fno-entry", "-mexec-model=reactor", "-lc", "--stack", "131072", "--initial-memory=1048576"]);
    zig.args(["--name", "plugin", "-I"]).arg(include).args(["--dep", "plugin", "--dep", "assay"]);
    zig.arg(of("root", own.join("root.zig"))).args(["--dep", "assay"]).arg(of("plugin", plan.source.clone()));
    zig.arg("-I").arg(include).arg(of("assay", own.join("assay.zig")));
}

fn emitted(path: &Path) -> OsString {
    let mut argument = OsString::from("-femit-bin=");
    argument.push(path);
    argument
}

/// The files of a folder with an extension, by name.
pub(super) fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, BuildError> {
    let unreadable = |source| BuildError::Sources { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
