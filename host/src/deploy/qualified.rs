use super::desk::{DeployError, Deployer};
use crate::domain::{DeployState, Digest, Qualified, QualityCheck};
use crate::trust::{FileError, read_regular_file, write_atomically};
use std::path::{Path, PathBuf};

/// A table of 64 self-test frames has some ten thousand bytes.
const MAX_BYTES: u64 = 256 << 10;
/// States of a deployment whose recipe may drive.
const DROVE: [DeployState; 3] = [DeployState::Trial, DeployState::Committed, DeployState::RolledBack];

/// What was found of the recipe that qualified at a start of the station: no deployment brought it. One file, which the
/// next such recipe replaces.
pub struct FirstQualification {
    path: PathBuf,
}

impl FirstQualification {
    #[must_use]
    pub fn at(data_dir: &Path) -> Self {
        Self { path: data_dir.join("first-qualification.json") }
    }

    /// # Errors
    /// When the file cannot be written; then the one before stands there.
    pub fn set(&self, recipe: Digest, at_us: i64, checks: &[QualityCheck]) -> Result<(), FileError> {
        let qualified = Qualified { recipe, at_us, deployment: None, checks: checks.to_vec() };
        let bytes = serde_json::to_vec(&qualified).unwrap_or_default();
        write_atomically(&self.path, &bytes, 0o644)
    }

    /// None where there is none, or none that can be understood: it is shown, and nothing depends on it.
    #[must_use]
    pub fn read(&self) -> Option<Qualified> {
        serde_json::from_slice(&read_regular_file(&self.path, MAX_BYTES).ok()?).ok()
    }
}

impl Deployer {
    /// What the last qualification of `recipe` on this station found; none where that is not known.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn qualified(&self, recipe: Digest) -> Result<Option<Qualified>, DeployError> {
        let all = self.ledger().deployments_in(&DROVE)?;
        let deployed = all.into_iter().find(|one| one.bundle.as_ref().is_some_and(|bundle| bundle.digest == recipe));
        let deployed = deployed.and_then(|one| {
            let entered = one.history.iter().find(|entered| entered.state == DeployState::Qualified)?;
            Some(Qualified { recipe, at_us: entered.at_us, deployment: Some(one.id), checks: one.checks })
        });
        let first = FirstQualification::at(self.data_dir()).read().filter(|first| first.recipe == recipe);
        Ok([deployed, first].into_iter().flatten().max_by_key(|qualified| qualified.at_us))
    }
}
