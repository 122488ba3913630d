use crate::domain::Digest;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Which recipe this station ran last, by digest. Only that one is spared the checks of a new install.
pub struct Installed {
    path: PathBuf,
}

impl Installed {
    pub fn at(data_dir: &Path) -> Self {
        Self { path: data_dir.join("installed-recipe") }
    }

    pub fn is(&self, recipe: Digest) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|text| text.trim().parse() == Ok(recipe))
    }

    /// Either the old digest or the new one stands in the file, whenever the power goes.
    pub fn set(&self, recipe: Digest) -> anyhow::Result<()> {
        if self.is(recipe) {
            return Ok(());
        }
        let part = self.path.with_extension("part");
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&part)?;
            writeln!(file, "{recipe}")?;
            file.sync_all()?;
            std::fs::rename(&part, &self.path)
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}
