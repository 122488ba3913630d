use super::tools::{NodePins, ToolError, Tools, written};
use crate::config::{BuildPlan, Language};
use crate::domain::PluginKind;
use std::io;
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
    #[error("the compiler succeeded but wrote no {}", path.display())]
    NoOutput { path: PathBuf },
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
        Language::C | Language::Cpp | Language::Zig => run(plan, c(plan, tools)?),
        Language::Python => run(plan, python(plan, tools)?),
        Language::JavaScript => run(plan, javascript(plan, tools)?),
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

/// Runs a compiler in the project's folder; what it says goes to the author's terminal.
fn run(plan: &BuildPlan, mut command: Command) -> Result<(), BuildError> {
    let words = written(&command);
    let status = command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).status();
    let status = status.map_err(|source| BuildError::Start { command: words, source })?;
    if status.success() { Ok(()) } else { Err(BuildError::Compile { name: plan.name.clone(), status }) }
}

/// Cargo names its output after the crate; the plugin's component may have another name and place.
fn rust(plan: &BuildPlan, tools: &Tools<'_>) -> Result<(), BuildError> {
    let target = plan.folder.join("build/target");
    let mut cargo = tools.cargo()?;
    // Debian's cargo carries an option already: the subcommand stands before all others.
    cargo.args(["build", "--release", "--target", "wasm32-unknown-unknown", "--manifest-path"]);
    cargo.arg(plan.folder.join("Cargo.toml")).arg("--target-dir").arg(&target);
    run(plan, cargo)?;
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

/// The stack lies at the bottom of the memory, so that running over it traps; 128 KiB is plenty for what is shallow.
const LINK: [&str; 4] = ["-Wl,--gc-sections", "-Wl,-z,stack-size=131072", "-Wl,--initial-memory=1048576", "-s"];
const COMPILE: [&str; 9] = [
    "-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-msimd128", "-ffunction-sections", "-fdata-sections",
    "-Wall", "-Wextra",
];

/// C by `zig cc`: its C library comes along, and of it only what needs no system.
fn c(plan: &BuildPlan, tools: &Tools<'_>) -> Result<Command, BuildError> {
    let mut zig = tools.zig(plan.language)?;
    zig.arg("cc").args(COMPILE).arg("-std=c11").arg(world_define(plan.kind));
    zig.arg("-I").arg(sdk(plan, "c").join("include"));
    zig.args(sources(plan.source.parent().unwrap_or(Path::new(".")), "c")?).args(c_sdk(plan)?);
    zig.args(LINK).arg("-o").arg(&plan.component);
    Ok(zig)
}

/// The files of the C SDK that a plugin of this world is linked with.
fn c_sdk(plan: &BuildPlan) -> Result<Vec<PathBuf>, BuildError> {
    let (sdk, world) = (sdk(plan, "c"), plan.kind.name());
    let mut files = sources(&sdk.join("src"), "c")?;
    files.push(sdk.join("gen").join(format!("{world}.c")));
    files.push(sdk.join("gen").join(format!("{world}_component_type.o")));
    Ok(files)
}

fn world_define(kind: PluginKind) -> String {
    format!("-DASSAY_WORLD_{kind}")
}

/// The files of a folder with an extension, by name.
fn sources(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, BuildError> {
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
