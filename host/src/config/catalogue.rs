use super::resolve::pinned_digests;
use crate::domain::Digest;
use crate::trust::{TrustError, TrustStore, VerifiedBundle, VerifyPolicy, read_bundle, stated_digest, verify};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

const MAX_BUNDLES: usize = 1024;
/// All bundles of a station together, held in memory.
const MAX_TOTAL_BYTES: u64 = 4 << 30;

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("the bundle folder {} cannot be read", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("{} holds {found} bundles, at most {MAX_BUNDLES} are allowed; move old releases away", path.display())]
    TooMany { path: PathBuf, found: usize },
    #[error("the bundles in {} have more than {MAX_TOTAL_BYTES} bytes; move old releases away", path.display())]
    TooLarge { path: PathBuf },
}

/// A file that is not in the catalogue, and why.
#[derive(Debug, thiserror::Error)]
#[error("{} is refused ({} check)", path.display(), source.check())]
pub struct RefusedBundle {
    pub path: PathBuf,
    pub source: TrustError,
}

/// The verified bundles of a folder, by digest. Every file is read once; what is handed on are the bytes that were
/// verified.
#[derive(Debug, Default)]
pub struct Catalogue {
    bundles: BTreeMap<Digest, VerifiedBundle>,
    refused: Vec<RefusedBundle>,
}

impl Catalogue {
    /// Reads and verifies every `*.assay` in `folder`. A bundle that is refused does not stop the others: a bad file
    /// in the folder must not stop the line.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds more than a station can keep.
    pub fn read(folder: &Path, store: &TrustStore, policy: &VerifyPolicy<'_>) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        let mut total = 0u64;
        for path in bundle_files(folder)? {
            let verified = read_bundle(&path).and_then(|file| {
                total = total.saturating_add(file.len() as u64);
                verify(&file, store, policy)
            });
            if total > MAX_TOTAL_BYTES {
                return Err(CatalogueError::TooLarge { path: folder.to_owned() });
            }
            match verified {
                Ok(bundle) => catalogue.insert(bundle),
                Err(source) => catalogue.refused.push(RefusedBundle { path, source }),
            }
        }
        Ok(catalogue)
    }

    /// Reads and verifies one recipe of `folder` and what it pins. Of all other files only the envelope is read, and
    /// one file at a time is held beside what is kept.
    ///
    /// # Errors
    /// When the folder cannot be read, or that is more than a station can keep.
    pub fn read_recipe(
        folder: &Path,
        recipe: Digest,
        store: &TrustStore,
        policy: &VerifyPolicy<'_>,
    ) -> Result<Self, CatalogueError> {
        let stated = |path: PathBuf| Some((stated_digest(&path).ok()?, path));
        let files: Vec<(Digest, PathBuf)> = bundle_files(folder)?.into_iter().filter_map(stated).collect();
        let (mut catalogue, mut total) = (Self::default(), 0u64);
        let mut wanted = vec![recipe];
        while let Some(digest) = wanted.pop() {
            for (_, path) in files.iter().filter(|(stated, _)| *stated == digest) {
                let verified = read_bundle(path).and_then(|file| {
                    total = total.saturating_add(file.len() as u64);
                    verify(&file, store, policy)
                });
                if total > MAX_TOTAL_BYTES {
                    return Err(CatalogueError::TooLarge { path: folder.to_owned() });
                }
                match verified {
                    Ok(bundle) => {
                        catalogue.insert(bundle);
                        break;
                    }
                    Err(source) => catalogue.refused.push(RefusedBundle { path: path.clone(), source }),
                }
            }
            let pins = catalogue.get(digest).and_then(|bundle| bundle.manifest().recipe.as_ref()).map(pinned_digests);
            wanted.extend(pins.into_iter().flatten().filter(|digest| catalogue.get(*digest).is_none()));
        }
        Ok(catalogue)
    }

    /// Whether `folder` can hold one bundle more of that size and still be read: a station must not fill its own folder
    /// until it does not start any more.
    ///
    /// # Errors
    /// When it cannot be read, or would hold more than a station can keep.
    pub fn has_room(folder: &Path, bytes: u64) -> Result<(), CatalogueError> {
        let files = bundle_files(folder)?;
        let path = folder.to_owned();
        if files.len() >= MAX_BUNDLES {
            return Err(CatalogueError::TooMany { path, found: files.len() + 1 });
        }
        let sizes = files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len()));
        if sizes.fold(bytes, u64::saturating_add) > MAX_TOTAL_BYTES {
            return Err(CatalogueError::TooLarge { path });
        }
        Ok(())
    }

    pub fn insert(&mut self, bundle: VerifiedBundle) {
        self.bundles.insert(bundle.digest(), bundle);
    }

    #[must_use]
    pub fn get(&self, digest: Digest) -> Option<&VerifiedBundle> {
        self.bundles.get(&digest)
    }

    pub fn bundles(&self) -> impl Iterator<Item = &VerifiedBundle> {
        self.bundles.values()
    }

    /// Files that were refused: shown to the engineer, never used.
    #[must_use]
    pub fn refused(&self) -> &[RefusedBundle] {
        &self.refused
    }
}

/// Every `*.assay` in `folder`, in order of name.
pub(super) fn bundle_files(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let failed = |source| CatalogueError::Folder { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new("assay")) {
            files.push(path);
        }
    }
    if files.len() > MAX_BUNDLES {
        return Err(CatalogueError::TooMany { path: folder.to_owned(), found: files.len() });
    }
    files.sort();
    Ok(files)
}
