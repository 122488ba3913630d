//! What an author is told who made a mistake: one message, with what to do. The texts are compared whole, but for the
//! folder of the project.

use super::{command, plugin, succeeds};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// One mistake, the command that meets it, and the last line of what it says.
struct Mistake {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    words: &'static [&'static str],
    says: &'static str,
}

const MANIFEST: &str = "plugin.toml";
const CHECK: &[&str] = &["check", "--no-build"];
const TEST: &[&str] = &["test", "--no-build"];

const MISTAKES: [Mistake; 14] = [
    Mistake {
        what: "it does not compile",
        file: "src/plugin.c",
        from: "#include",
        to: "int x = ;\n#include",
        words: &["build"],
        says: "assay: blotch does not compile: the compiler ended with exit status: 1; its own message stands above",
    },
    Mistake {
        what: "an export of its world that is not there",
        file: "src/plugin.c",
        from: "assay_status assay_detect(",
        to: "assay_status inspect(",
        words: &["build"],
        says: "assay: blotch compiles, but is no detector yet: its code lacks the export `assay_detect`: write `assay_status \
               assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection)` in \
               ./src/plugin.c",
    },
    Mistake {
        what: "another world than its code is written for",
        file: MANIFEST,
        from: "world = \"detector\"",
        to: "world = \"monitor\"",
        words: &["build"],
        says: "assay: blotch compiles, but is no monitor yet: its code lacks the export `assay_observe`, but ./src/plugin.c \
               has `assay_detect`, which makes a detector: set [plugin] world to \"detector\", or write `assay_status \
               assay_observe(const assay_frame *frame, const assay_inspection *inspection, assay_observation \
               *observation)` in ./src/plugin.c",
    },
    Mistake {
        what: "another world than it was built for",
        file: MANIFEST,
        from: "world = \"detector\"",
        to: "world = \"monitor\"",
        words: CHECK,
        says: "assay: no station would take this plugin: plugin blotch: exports [\"assay:plugin/detect@0.1.0\"], a monitor \
               exports assay:plugin/observe: set \"world\" in its manifest to the world it was built for",
    },
    Mistake {
        what: "a word that is no world",
        file: MANIFEST,
        from: "world = \"detector\"",
        to: "world = \"classifier\"",
        words: &["build"],
        says: "assay: ./plugin.toml:12: plugin.world: found \"classifier\", expected \"preprocessor\", \"detector\" or \"monitor\"",
    },
    Mistake {
        what: "an import that it does not ask for",
        file: MANIFEST,
        from: "\"imaging\", \"config\"",
        to: "\"imaging\"",
        words: CHECK,
        says: "assay: no station would take this plugin: plugin blotch: imports assay:plugin/config@0.1.0, its manifest does \
               not ask for that: add \"config\" to \"capabilities\" in its manifest and to \"grants\" in the recipe",
    },
    Mistake {
        what: "a component that is not there",
        file: MANIFEST,
        from: "build/blotch.wasm",
        to: "build/nothing.wasm",
        words: &["pack", "--no-build"],
        says: "assay: ./plugin.toml:14: plugin.component: found ./build/nothing.wasm (No such file or directory (os error 2)), \
               expected a file that can be read; build it first, or correct the path",
    },
    Mistake {
        what: "a language that nobody knows",
        file: MANIFEST,
        from: "language = \"c\"",
        to: "language = \"cobol\"",
        words: &["build"],
        says: "assay: ./plugin.toml:9: build.language: found \"cobol\", expected one of \"rust\", \"c\", \"cpp\", \"zig\", \
               \"python\", \"js\", \"go\"",
    },
    Mistake {
        what: "less memory than it starts with",
        file: MANIFEST,
        from: "memory_bytes = 8388608",
        to: "memory_bytes = 65536",
        words: CHECK,
        says: "assay: no station would take this plugin: plugin blotch: the trial instantiation failed: detect blotch: \
               memory-limit (plugin): wanted 1048576 bytes of linear memory, its limit is 65536: raise limits.memory_bytes \
               in its manifest (and the station's cap) or use less",
    },
    Mistake {
        what: "a setting that it does not have",
        file: "golden/settings.json",
        from: "",
        to: "{\"limmit\": 0.5}",
        words: TEST,
        says: "assay: there is no setting \"limmit\": [plugin.settings] of the manifest has limit",
    },
    Mistake {
        what: "a setting of another type",
        file: "golden/settings.json",
        from: "",
        to: "{\"limit\": \"bright\"}",
        words: TEST,
        says: "assay: the setting \"limit\" is a text, expected a number as in [plugin.settings] of the manifest",
    },
    Mistake {
        what: "a golden file that is none",
        file: "golden/part.json",
        from: "{",
        to: "[",
        words: TEST,
        says: "assay: ./golden/part.json is no golden file: remove it and run `assay plugin test --bless`: ",
    },
    Mistake {
        what: "a picture that is none",
        file: "golden/note.png",
        from: "",
        to: "no picture",
        words: TEST,
        says: "assay: ./golden/note.png is no picture that a station reads: no picture of an allowed format: the file starts \
               with \"no pictu\"; expected PNG, JPEG, BMP or PNM",
    },
    Mistake {
        what: "it prints to a console",
        file: "src/plugin.c",
        from: "    double brightness",
        to: "    extern int printf(const char *, ...);\n    printf(\"x\");\n    double brightness",
        words: &["check"],
        says: "assay: making a component of the plugin's module: not a component and not a core module that can become one (it \
               needs the WIT metadata that wit-bindgen embeds): it imports fd_close of WASI, and a station has no console, \
               files, environment or clock: take out what wants them (printf, std::cout, assert, std::debug::print and the \
               like); the SDK's log takes their place",
    },
];

const CPP: [Mistake; 2] = [
    Mistake {
        what: "an export of its world that is not there",
        file: "src/plugin.cpp",
        from: "ASSAY_EXPORT_DETECTOR(Plugin)",
        to: "",
        words: &["build"],
        says: "assay: blotch compiles, but is no detector yet: its code lacks the export `assay_detect`: write \
               `ASSAY_EXPORT_DETECTOR(Plugin)` in ./src/plugin.cpp, for your class that derives from assay::Detector",
    },
    Mistake {
        what: "another world than its code is written for",
        file: MANIFEST,
        from: "world = \"detector\"",
        to: "world = \"preprocessor\"",
        words: &["build"],
        says: "assay: blotch compiles, but is no preprocessor yet: its code lacks the export `assay_preprocess`, but \
               ./src/plugin.cpp has `ASSAY_EXPORT_DETECTOR`, which makes a detector: set [plugin] world to \"detector\", or \
               write `ASSAY_EXPORT_PREPROCESSOR(Plugin)` in ./src/plugin.cpp, for your class that derives from \
               assay::Preprocessor",
    },
];

const ZIG: [Mistake; 2] = [
    Mistake {
        what: "an export of its world that is not there",
        file: "src/plugin.zig",
        from: "    assay.exportDetector(Plugin);\n",
        to: "",
        words: &["build"],
        says: "assay: blotch compiles, but is no detector yet: its code lacks the export `assay_detect`: write `comptime { \
               assay.exportDetector(Plugin); }` in ./src/plugin.zig, for your struct with `pub fn detect`",
    },
    Mistake {
        what: "another world than its code is written for",
        file: MANIFEST,
        from: "world = \"detector\"",
        to: "world = \"monitor\"",
        words: &["build"],
        says: "assay: blotch compiles, but is no monitor yet: its code lacks the export `assay_observe`, but \
               ./src/plugin.zig has `exportDetector`, which makes a detector: set [plugin] world to \"detector\", or write \
               `comptime { assay.exportMonitor(Plugin); }` in ./src/plugin.zig, for your struct with `pub fn observe`",
    },
];

/// Makes the mistake, runs the command, and takes the mistake back.
fn meets(project: &Path, mistake: &Mistake) -> Result<()> {
    let path = project.join(mistake.file);
    let before = fs::read_to_string(&path).ok();
    let text = before.clone().unwrap_or_default();
    ensure!(text.contains(mistake.from), "{} has no {:?}", mistake.file, mistake.from);
    let changed =
        if mistake.from.is_empty() { mistake.to.to_owned() } else { text.replacen(mistake.from, mistake.to, 1) };
    fs::write(&path, changed)?;
    let output = plugin(project, mistake.words)?;
    match before {
        Some(text) => fs::write(&path, text)?,
        None => fs::remove_file(&path)?,
    }
    ensure!(output.status.code() == Some(1), "{}: exit {:?}", mistake.what, output.status.code());
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    ensure!(last.starts_with(mistake.says), "{}:\nfound    {last}\nexpected {}", mistake.what, mistake.says);
    Ok(())
}

pub fn blotch(folder: &Path) -> Result<std::path::PathBuf> {
    succeeds(folder, &["new", "--lang", "c", "--kind", "detector", "blotch"])?;
    let project = folder.join("blotch");
    succeeds(&project, &["build"])?;
    Ok(project)
}

#[test]
fn each_mistake_has_its_own_message() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    for mistake in &MISTAKES {
        meets(&project, mistake).with_context(|| mistake.what)?;
    }
    // The last mistake left its own component behind.
    succeeds(&project, &["test"]).map(drop)
}

fn says(folder: &Path, words: &[&str], wanted: &str) -> Result<()> {
    let output = plugin(folder, words)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1), "{words:?}: exit {:?}\n{said}", output.status.code());
    ensure!(said.lines().last().is_some_and(|line| line == wanted), "{words:?}:\nfound    {said}\nexpected {wanted}");
    Ok(())
}

/// What a plugin exports that was built for two worlds at once.
const TWO_WORLDS: &str = r#"(component
  (instance $nothing)
  (export "assay:plugin/detect@0.1.0" (instance $nothing))
  (export "assay:plugin/observe@0.1.0" (instance $nothing)))"#;

#[test]
fn a_plugin_of_two_worlds_is_told_to_become_two() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let project = blotch(folder.path())?;
    fs::write(project.join("build/blotch.wasm"), wat::parse_str(TWO_WORLDS)?)?;
    let two = "assay: no station would take this plugin: plugin blotch: exports assay:plugin/detect@0.1.0 and \
               assay:plugin/observe@0.1.0: a plugin is of one world: make two plugins of it, each with its own manifest";
    says(&project, CHECK, two)
}

fn meets_all(language: &str, mistakes: &[Mistake]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    succeeds(folder.path(), &["new", "--lang", language, "--kind", "detector", "blotch"])?;
    let project = folder.path().join("blotch");
    for mistake in mistakes {
        meets(&project, mistake).with_context(|| mistake.what)?;
    }
    succeeds(&project, &["build"]).map(drop)
}

#[test]
fn a_plugin_in_cpp_without_the_export_of_its_world_is_told_which() -> Result<()> {
    meets_all("cpp", &CPP)
}

#[test]
fn a_plugin_in_zig_without_the_export_of_its_world_is_told_which() -> Result<()> {
    meets_all("zig", &ZIG)
}

/// Go's linker knows nothing of worlds: the toolbox says what is missing.
#[test]
fn a_plugin_in_go_of_another_world_is_told_what_its_init_function_lacks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    succeeds(folder.path(), &["new", "--lang", "go", "--kind", "detector", "blotch"])?;
    let project = folder.path().join("blotch");
    let manifest = project.join(MANIFEST);
    fs::write(&manifest, fs::read_to_string(&manifest)?.replacen("world = \"detector\"", "world = \"monitor\"", 1))?;
    let output = plugin(&project, &["build"])?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(1), "exit {:?}", output.status.code());
    let last = said.lines().last().unwrap_or_default();
    for words in [
        "assay: blotch compiles, but is no monitor yet: ",
        "`assay:plugin/observe@0.1.0` function `observe`",
        "; does its init function call monitor.Export, and does [plugin] world say \"monitor\", as its code does?",
    ] {
        ensure!(last.contains(words), "no {words:?} in: {said}");
    }
    ensure!(!project.join("build/blotch.wasm").exists(), "a component was written though it is none");
    Ok(())
}

/// A compiler that is not there is installed only where that is allowed.
#[test]
fn nothing_is_installed_offline() -> Result<()> {
    let folder = tempfile::tempdir()?;
    succeeds(folder.path(), &["new", "--lang", "python", "--kind", "detector", "blotch"])?;
    let compilers = folder.path().join("compilers");
    let output = command(&folder.path().join("blotch"), &["build", "--offline"])?
        .env("ASSAY_TOOLCHAINS", &compilers)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let wanted = "assay: componentize-py 0.25.1 is needed and not installed yet, and nothing is fetched here: run `assay plugin doctor \
                  --install` once with a registry in reach\n";
    ensure!(output.status.code() == Some(1) && said == wanted, "found    {said}expected {wanted}");
    ensure!(!compilers.exists(), "something was put into {}", compilers.display());
    Ok(())
}

#[test]
fn what_is_missing_is_named_with_what_to_do() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir()?;
    says(
        folder.path(),
        &["build"],
        "assay: there is no plugin.toml in .: go to the plugin's folder, or name it with --project",
    )?;
    says(
        folder.path(),
        &["test"],
        "assay: there is no plugin.toml in .: go to the plugin's folder, or name it with --project",
    )?;
    let bad_name = "assay: \"A B\" cannot be a plugin's name: use 1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit";
    says(folder.path(), &["new", "--lang", "c", "--kind", "detector", "A B"], bad_name)?;
    let project = blotch(folder.path())?;
    let again = &["new", "--lang", "c", "--kind", "detector", "blotch"];
    says(folder.path(), again, "assay: ./blotch is there already: choose another name, or move it away")?;

    fs::remove_file(project.join("golden/part.json"))?;
    let differs =
        "assay: 1 of 1 pictures are not as their golden files say; if they are right so: `assay plugin test --bless`";
    says(&project, &["test", "--no-build"], differs)?;

    let key = project.join("key.pem");
    fs::write(&key, "not read so far")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644))?;
    let open = "assay: reading the private key key.pem: key.pem can be read by others (mode 0644); a private key is its \
                owner's alone: run chmod 600 key.pem";
    says(&project, &["pack", "--no-build", "--key", "key.pem"], open)?;
    ensure!(!project.join("blotch-0.1.0.assay").exists(), "a bundle was written though the key is refused");
    let gone = "assay: gone.png cannot be read: No such file or directory (os error 2)";
    says(&project, &["run", "--no-build", "gone.png"], gone)
}
