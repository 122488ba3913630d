use super::catalogue::{CatalogueError, bundle_files};
use super::resolve::check_recipe;
use crate::domain::{Digest, with_causes};
use crate::trust::{BundleKind, Manifest, RecipeManifest, inspect, read_bundle};
use std::path::{Path, PathBuf};

/// The bundles of a folder by name, signed or not: what an author pins a recipe from. Not verified; the recipe's
/// signature is what vouches for the digests.
#[derive(Debug, Default)]
pub struct BundleIndex {
    entries: Vec<IndexEntry>,
    /// Files that are no bundles, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

#[derive(Debug)]
struct IndexEntry {
    manifest: Manifest,
    digest: Digest,
    path: PathBuf,
}

impl BundleIndex {
    /// Reads every `*.assay` in `folder`.
    ///
    /// # Errors
    /// When the folder cannot be read or holds too many bundles.
    pub fn read(folder: &Path) -> Result<Self, CatalogueError> {
        let mut index = Self::default();
        for path in bundle_files(folder)? {
            match read_bundle(&path).and_then(|file| inspect(&file)) {
                Ok(bundle) if bundle.problems.is_empty() => {
                    index.entries.push(IndexEntry { manifest: bundle.manifest, digest: bundle.digest, path });
                }
                Ok(bundle) => index.unreadable.push((path, bundle.problems.join("; "))),
                Err(error) => index.unreadable.push((path, with_causes(&error))),
            }
        }
        Ok(index)
    }

    /// What keeps a recipe from running with the bundles of this folder.
    #[must_use]
    pub fn check(&self, recipe: &RecipeManifest) -> Vec<String> {
        check_recipe(recipe, |digest| self.manifest(digest))
    }

    #[must_use]
    pub fn manifest(&self, digest: Digest) -> Option<&Manifest> {
        self.entries.iter().find(|entry| entry.digest == digest).map(|entry| &entry.manifest)
    }

    /// The release with the highest counter, of one version where that is given. The error says what was found.
    pub(super) fn newest(
        &self,
        kind: BundleKind,
        name: &str,
        version: Option<&semver::Version>,
    ) -> Result<Digest, String> {
        let matching = |entry: &&IndexEntry| {
            entry.manifest.kind == kind
                && entry.manifest.name == name
                && version.is_none_or(|version| entry.manifest.version == *version)
        };
        let of_version = version.map(|version| format!(" of version {version}")).unwrap_or_default();
        let Some(newest) = self.entries.iter().filter(matching).max_by_key(|entry| entry.manifest.counter) else {
            let others = if self.unreadable.is_empty() {
                String::new()
            } else {
                format!(" ({} files there are no whole bundles)", self.unreadable.len())
            };
            return Err(format!("no {kind} {name:?}{of_version}{others}"));
        };
        let same =
            |entry: &&IndexEntry| entry.manifest.counter == newest.manifest.counter && entry.digest != newest.digest;
        match self.entries.iter().filter(matching).find(same) {
            Some(other) => Err(format!(
                "two releases of {kind} {name:?} with counter {}: {} and {}",
                newest.manifest.counter,
                newest.path.display(),
                other.path.display()
            )),
            None => Ok(newest.digest),
        }
    }
}
