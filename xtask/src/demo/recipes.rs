//! The recipes that the demo can run.

use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::PathBuf;

/// One recipe with its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Surfaces, with plugins in Rust.
    Surface,
    /// Labelled parts, with plugins in C, C++, Zig, Python and JavaScript.
    Labels,
}

impl Recipe {
    pub const ALL: [Self; 2] = [Self::Surface, Self::Labels];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Surface => "surface",
            Self::Labels => "labels",
        }
    }

    pub fn parse(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|recipe| recipe.name() == text) {
            Some(recipe) => Ok(recipe),
            None => bail!("--recipe takes {}, not `{text}`", Self::ALL.map(Self::name).join(" or ")),
        }
    }

    /// `recipe.toml`, pictures and self-test, relative to the root.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Surface => "sdk/models/demo",
            Self::Labels => "sdk/models/labels",
        }
    }

    /// Keys, trust store, signed bundles and records.
    pub fn home(self, workspace: &Workspace) -> PathBuf {
        match self {
            Self::Surface => workspace.demo(),
            Self::Labels => workspace.demo().join("labels"),
        }
    }

    /// The station that runs it; its frames are called after it.
    pub const fn station(self) -> &'static str {
        match self {
            Self::Surface => "demo",
            Self::Labels => "labels",
        }
    }

    /// What its station needs further in station.toml.
    pub const fn station_toml(self) -> &'static str {
        match self {
            Self::Surface => "",
            Self::Labels => {
                "\n# fixture-align refuses one picture of sixteen, since the part reaches out of it: no sign of a failing plugin.\n\
                 [[alarm]]\nkind = \"plugin-failures\"\nraise = 30.0\nclear = 15.0\n"
            }
        }
    }

    /// Plugins that are made by the tools of their own language; folders below `plugins/`.
    pub const fn foreign(self) -> &'static [&'static str] {
        match self {
            Self::Surface => &[],
            Self::Labels => &["code-check", "exposure", "fixture-align", "spc-monitor", "statistics-rule"],
        }
    }

    /// Whether further releases of it are packed, to be deployed on the running station.
    pub const fn has_releases(self) -> bool {
        matches!(self, Self::Surface)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn every_recipe_is_found_by_its_name_and_has_its_files() {
        let workspace = Workspace::find().unwrap();
        for recipe in Recipe::ALL {
            assert_eq!(Recipe::parse(recipe.name()).unwrap(), recipe);
            let source = workspace.root.join(recipe.source());
            assert!(source.join("recipe.toml").is_file() && source.join("pictures/truth.json").is_file());
        }
        assert!(Recipe::parse("label").unwrap_err().to_string().contains("surface or labels"));
    }

    #[test]
    fn a_recipe_that_needs_compilers_says_which_plugins_do() {
        let workspace = Workspace::find().unwrap();
        for name in Recipe::Labels.foreign() {
            let manifest = workspace.root.join("plugins").join(name).join("plugin.toml");
            let text = std::fs::read_to_string(manifest).unwrap();
            assert!(text.contains("\n[build]\n"), "{name}");
            let recipe = workspace.root.join(Recipe::Labels.source()).join("recipe.toml");
            assert!(std::fs::read_to_string(recipe).unwrap().contains(&format!("plugin = \"{name}\"")), "{name}");
        }
        assert!(Recipe::Surface.foreign().is_empty(), "the first demo needs no compilers of other languages");
    }
}
