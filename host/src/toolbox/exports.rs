//! C, C++ and Zig: the linker knows nothing of worlds. What it says of an export that nobody defines, in an author's words.

use super::build::sources;
use crate::config::{BuildPlan, Language};
use crate::domain::PluginKind;
use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

const KINDS: [PluginKind; 3] = [PluginKind::Preprocessor, PluginKind::Detector, PluginKind::Monitor];

/// The export of its world that a plugin's code does not define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingExport {
    kind: PluginKind,
    language: Language,
    /// Where the export belongs.
    source: PathBuf,
    /// What the code exports instead, and where: that of another world.
    other: Option<(PluginKind, PathBuf)>,
}

impl MissingExport {
    /// Reads it out of what the linker said. `None` where the build failed for another reason.
    pub(super) fn find(plan: &BuildPlan, linker: &str) -> Option<Self> {
        undefined(linker, symbol(plan.kind)).then(|| Self {
            kind: plan.kind,
            language: plan.language,
            source: plan.source.clone(),
            other: other_world(plan),
        })
    }
}

impl Display for MissingExport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (kind, language) = (self.kind, self.language);
        write!(f, "its code lacks the export `{}`", symbol(kind))?;
        if let Some((other, path)) = &self.other {
            let (word, path) = (export(language, *other), path.display());
            write!(
                f,
                ", but {path} has `{word}`, which makes a {other}: set [plugin] world to {:?}, or",
                other.name()
            )?;
        } else {
            f.write_str(":")?;
        }
        let path = self.source.display();
        match language {
            Language::Cpp => {
                let line = export(language, kind);
                write!(f, " write `{line}(Plugin)` in {path}, for your class that derives from assay::{}", class(kind))
            }
            Language::Zig => {
                let line = export(language, kind);
                write!(
                    f,
                    " write `comptime {{ assay.{line}(Plugin); }}` in {path}, for your struct with `{}`",
                    method(kind)
                )
            }
            _ => write!(f, " write `{}` in {path}", signature(kind)),
        }
    }
}

/// The function that the SDK's glue calls.
const fn symbol(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Preprocessor => "assay_preprocess",
        PluginKind::Detector => "assay_detect",
        PluginKind::Monitor => "assay_observe",
    }
}

/// As `assay.h` declares it.
const fn signature(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Preprocessor => {
            "assay_status assay_preprocess(const assay_frame *frame, const assay_image *picture, assay_prepared *prepared)"
        }
        PluginKind::Detector => {
            "assay_status assay_detect(const assay_frame *frame, const assay_evidence *evidence, assay_detection *detection)"
        }
        PluginKind::Monitor => {
            "assay_status assay_observe(const assay_frame *frame, const assay_inspection *inspection, \
             assay_observation *observation)"
        }
    }
}

/// The class of `assay.hpp` that a plugin in C++ is made from.
const fn class(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Preprocessor => "Preprocessor",
        PluginKind::Detector => "Detector",
        PluginKind::Monitor => "Monitor",
    }
}

/// The function of a plugin's struct in Zig.
const fn method(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Preprocessor => "pub fn preprocess",
        PluginKind::Detector => "pub fn detect",
        PluginKind::Monitor => "pub fn observe",
    }
}

/// The word by which a plugin's code exports a world; a bracket follows it.
const fn export(language: Language, kind: PluginKind) -> &'static str {
    match (language, kind) {
        (Language::Cpp, PluginKind::Preprocessor) => "ASSAY_EXPORT_PREPROCESSOR",
        (Language::Cpp, PluginKind::Detector) => "ASSAY_EXPORT_DETECTOR",
        (Language::Cpp, PluginKind::Monitor) => "ASSAY_EXPORT_MONITOR",
        (Language::Zig, PluginKind::Preprocessor) => "exportPreprocessor",
        (Language::Zig, PluginKind::Detector) => "exportDetector",
        (Language::Zig, PluginKind::Monitor) => "exportMonitor",
        (_, kind) => symbol(kind),
    }
}

/// Whether the linker misses a symbol. It says so in one form (`wasm-ld: error: sdk.o: undefined symbol: NAME`), Zig puts
/// its own `error:` before it.
fn undefined(linker: &str, symbol: &str) -> bool {
    let mut names = linker.lines().filter_map(|line| line.split_once("undefined symbol: "));
    names.any(|(_, name)| name.trim_end() == symbol)
}

/// The first file of the plugin's that exports another world than the one it is built for.
fn other_world(plan: &BuildPlan) -> Option<(PluginKind, PathBuf)> {
    let code = plan.source.parent().unwrap_or(Path::new("."));
    let files = match plan.language {
        Language::Zig => vec![plan.source.clone()],
        Language::Cpp => sources(code, "cpp").ok()?,
        _ => sources(code, "c").ok()?,
    };
    files.into_iter().find_map(|path| {
        let text = std::fs::read_to_string(&path).ok()?;
        let mut kinds = KINDS.into_iter().filter(|kind| *kind != plan.kind);
        let found = kinds.find(|kind| text.contains(&format!("{}(", export(plan.language, *kind))));
        found.map(|kind| (kind, path))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    // As `python -m ziglang cc`, `c++` and `build-exe` of Zig 0.15.2 wrote it.
    const C: &str = "wasm-ld: error: ./build/sdk.o: undefined symbol: assay_detect\n";
    const C_MONITOR: &str = "wasm-ld: error: ./build/sdk.o: undefined symbol: assay_observe\n";
    const ZIG_MONITOR: &str = "error: wasm-ld: ./build/sdk.o: undefined symbol: assay_observe\n";
    const ZIG_PREPROCESSOR: &str = "error: wasm-ld: ./build/sdk.o: undefined symbol: assay_preprocess\n";
    const OTHER_ERRORS: [&str; 4] = [
        "wasm-ld: error: ./build/plugin.o: undefined symbol: assay_detect_parts\n",
        "wasm-ld: error: ./build/plugin.o: undefined symbol: assay_observe\n",
        "src/plugin.c:10:21: error: static declaration of 'assay_detect' follows non-static declaration\n",
        "",
    ];

    fn plan(folder: &Path, language: Language, kind: PluginKind) -> BuildPlan {
        BuildPlan {
            name: "blotch".to_owned(),
            kind,
            language,
            folder: folder.to_owned(),
            source: folder.join(language.source()),
            root: folder.to_owned(),
            component: folder.join("build/blotch.wasm"),
        }
    }

    /// What an author of one file is told, with the project's folder left out.
    fn told(language: Language, kind: PluginKind, code: &str, linker: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path(), language, kind);
        std::fs::create_dir(folder.path().join("src")).unwrap();
        std::fs::write(&plan.source, code).unwrap();
        let found = MissingExport::find(&plan, linker)?;
        Some(found.to_string().replace(folder.path().to_str().unwrap(), "."))
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_write_and_where() {
        let told = |language, kind, linker| told(language, kind, "", linker).unwrap();
        assert_eq!(
            told(Language::C, PluginKind::Detector, C),
            "its code lacks the export `assay_detect`: write `assay_status assay_detect(const assay_frame *frame, \
             const assay_evidence *evidence, assay_detection *detection)` in ./src/plugin.c"
        );
        assert_eq!(
            told(Language::Cpp, PluginKind::Monitor, C_MONITOR),
            "its code lacks the export `assay_observe`: write `ASSAY_EXPORT_MONITOR(Plugin)` in ./src/plugin.cpp, \
             for your class that derives from assay::Monitor"
        );
        assert_eq!(
            told(Language::Zig, PluginKind::Preprocessor, ZIG_PREPROCESSOR),
            "its code lacks the export `assay_preprocess`: write `comptime { assay.exportPreprocessor(Plugin); }` in \
             ./src/plugin.zig, for your struct with `pub fn preprocess`"
        );
    }

    #[test]
    fn code_of_another_world_is_told_which() {
        let told = |language, code, linker| told(language, PluginKind::Monitor, code, linker).unwrap();
        assert_eq!(
            told(Language::C, "assay_status assay_detect(const assay_frame *frame,", C_MONITOR),
            "its code lacks the export `assay_observe`, but ./src/plugin.c has `assay_detect`, which makes a detector: \
             set [plugin] world to \"detector\", or write `assay_status assay_observe(const assay_frame *frame, \
             const assay_inspection *inspection, assay_observation *observation)` in ./src/plugin.c"
        );
        assert_eq!(
            told(Language::Cpp, "ASSAY_EXPORT_DETECTOR(Plugin)", C_MONITOR),
            "its code lacks the export `assay_observe`, but ./src/plugin.cpp has `ASSAY_EXPORT_DETECTOR`, which makes a \
             detector: set [plugin] world to \"detector\", or write `ASSAY_EXPORT_MONITOR(Plugin)` in ./src/plugin.cpp, \
             for your class that derives from assay::Monitor"
        );
        assert_eq!(
            told(Language::Zig, "comptime { assay.exportPreprocessor(Plugin); }", ZIG_MONITOR),
            "its code lacks the export `assay_observe`, but ./src/plugin.zig has `exportPreprocessor`, which makes a \
             preprocessor: set [plugin] world to \"preprocessor\", or write `comptime { assay.exportMonitor(Plugin); }` \
             in ./src/plugin.zig, for your struct with `pub fn observe`"
        );
    }

    /// Names that only begin alike are not the export.
    #[test]
    fn what_a_world_gives_to_its_plugin_is_no_export() {
        let code = "void more(assay_detection *to) { assay_detection_finding(to, NULL); }";
        let told = told(Language::C, PluginKind::Monitor, code, C_MONITOR).unwrap();
        assert!(told.starts_with("its code lacks the export `assay_observe`: write "), "{told}");
    }

    #[test]
    fn other_errors_stay_the_compilers() {
        for linker in OTHER_ERRORS {
            assert_eq!(told(Language::C, PluginKind::Detector, "", linker), None, "{linker}");
        }
    }
}
