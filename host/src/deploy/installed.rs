use crate::domain::Digest;
use crate::trust::{FileError, read_regular_file, write_atomically};
use std::path::{Path, PathBuf};

const MAX_BYTES: u64 = 4096;

/// Which recipe a station runs after a restart, and what it ran before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstalledRecipe {
    pub recipe: Digest,
    /// What a rollback goes back to.
    pub previous: Option<Digest>,
    /// The recipe of station.toml when this one was committed: a file that has changed since then wins.
    pub configured: Option<Digest>,
}

impl InstalledRecipe {
    /// True of a recipe that this station committed before: it may go on whatever has expired since.
    #[must_use]
    pub fn knows(&self, recipe: Digest) -> bool {
        self.recipe == recipe || self.previous == Some(recipe) || self.configured == Some(recipe)
    }
}

/// The file that says which recipe is committed. Replacing it is the one step that commits or rolls back.
#[derive(Debug, Clone)]
pub struct Installed {
    path: PathBuf,
}

impl Installed {
    #[must_use]
    pub fn at(data_dir: &Path) -> Self {
        Self { path: data_dir.join("installed-recipe") }
    }

    /// None where nothing was committed yet, or the file says nothing that can be understood: then what
    /// station.toml names has to pass as new.
    #[must_use]
    pub fn read(&self) -> Option<InstalledRecipe> {
        let text = String::from_utf8(read_regular_file(&self.path, MAX_BYTES).ok()?).ok()?;
        let mut lines = text.lines();
        let recipe = lines.next()?.trim().parse().ok()?;
        let mut installed = InstalledRecipe { recipe, previous: None, configured: None };
        for line in lines {
            match line.split_once(' ') {
                Some(("previous", digest)) => installed.previous = digest.trim().parse().ok(),
                Some(("configured", digest)) => installed.configured = digest.trim().parse().ok(),
                _ => {}
            }
        }
        Some(installed)
    }

    /// Either the old recipe or the new one stands in the file, whenever the power goes.
    ///
    /// # Errors
    /// When the file cannot be written; then the old one stands there.
    pub fn set(&self, installed: &InstalledRecipe) -> Result<(), FileError> {
        if self.read().as_ref() == Some(installed) {
            return Ok(());
        }
        let InstalledRecipe { recipe, previous, configured } = installed;
        let mut text = format!("{recipe}\n");
        for (key, digest) in [("previous", previous), ("configured", configured)] {
            if let Some(digest) = digest {
                text.push_str(&format!("{key} {digest}\n"));
            }
        }
        write_atomically(&self.path, text.as_bytes(), 0o644)
    }
}
