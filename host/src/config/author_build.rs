use super::author::{WORLDS, required_word};
use super::fields::{Document, Fields};
use super::problem::ConfigErrors;
use crate::domain::PluginKind;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A language that there is an SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Rust,
    C,
    Cpp,
    Zig,
    Python,
    JavaScript,
    Go,
}

impl Language {
    pub const ALL: [Self; 7] = [Self::Rust, Self::C, Self::Cpp, Self::Zig, Self::Python, Self::JavaScript, Self::Go];

    /// As it is written in a manifest and on the command line; also the SDK's folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::Python => "python",
            Self::JavaScript => "js",
            Self::Go => "go",
        }
    }

    /// Also knows what people call the language elsewhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|language| language.name() == text);
        known.or(match text {
            "rs" => Some(Self::Rust),
            "c++" | "cxx" => Some(Self::Cpp),
            "py" => Some(Self::Python),
            "javascript" | "typescript" | "ts" => Some(Self::JavaScript),
            "golang" => Some(Self::Go),
            _ => None,
        })
    }

    /// Where the plugin's code is when the manifest does not say, from the project's folder.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::C => "src/plugin.c",
            Self::Cpp => "src/plugin.cpp",
            Self::Zig => "src/plugin.zig",
            Self::Python => "src/plugin.py",
            Self::JavaScript => "src/plugin.js",
            Self::Go => "src/plugin.go",
        }
    }

    /// For messages: every name that a manifest may have.
    #[must_use]
    pub fn choices() -> String {
        Self::ALL.map(|language| format!("{:?}", language.name())).join(", ")
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| format!("expected one of {}", Self::choices()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a plugin's component is made from its source: what the author manifest says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildPlan {
    /// The plugin's name.
    pub name: String,
    pub kind: PluginKind,
    pub language: Language,
    /// The folder of the manifest: the project.
    pub folder: PathBuf,
    pub source: PathBuf,
    /// The folder with `sdk/` and `wit/`: a project's own, or the repository's.
    pub root: PathBuf,
    /// The component that building writes.
    pub component: PathBuf,
}

impl BuildPlan {
    /// Reads what building needs from an author manifest, and nothing else: the component need not be there yet.
    ///
    /// # Errors
    /// With every problem of these parts at once.
    pub fn load(manifest: &Path) -> Result<Self, ConfigErrors> {
        let folder = manifest.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Document::load(manifest)?.read(|root| {
            root.accept_all();
            let name = root.required_section("bundle", |fields| {
                fields.accept_all();
                fields.required::<String>("name")
            });
            let plugin = root.required_section("plugin", |fields| {
                fields.accept_all();
                let kind = required_word(fields, "world", WORLDS);
                let component = fields.required_path("component");
                Some((kind?, component?))
            });
            let build = root.required_section("build", build);
            let ((kind, component), (language, source, root)) = (plugin?, build?);
            let folder = folder.to_owned();
            let source = source.unwrap_or_else(|| folder.join(language.source()));
            let root = root.unwrap_or_else(|| folder.clone());
            Some(Self { name: name?, kind, language, folder, source, root, component })
        })
    }
}

type Build = (Language, Option<PathBuf>, Option<PathBuf>);

/// The section `[build]`. Packing reads it too, so that a wrong word in it is told at once.
pub(super) fn build(fields: &Fields<'_>) -> Option<Build> {
    let expected = format!("one of {}", Language::choices());
    let language = fields.required_parsed("language", &expected, Language::parse);
    let (source, root) = (fields.path("source"), fields.path("root"));
    Some((language?, source, root))
}
