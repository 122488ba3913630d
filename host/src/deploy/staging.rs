use crate::config::{Catalogue, CatalogueError};
use crate::domain::Digest;
use crate::trust::{FileError, VerifiedBundle, write_atomically};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// A bundle cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum StagingError {
    #[error("the staging folder {} cannot be used", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the bundle has more than {max} bytes; `[deploy] max_bundle_mb` sets the limit")]
    TooLarge { max: u64 },
    #[error("the bundle cannot be stored")]
    Store(#[from] FileError),
    #[error("there is no room for the bundle")]
    Full(#[from] CatalogueError),
}

/// Where uploads wait until they are verified. Their names are the station's own; what a client calls its file is
/// never used.
#[derive(Debug, Clone)]
pub struct Staging {
    dir: PathBuf,
    max_bytes: u64,
}

impl Staging {
    /// Empties the folder: what is left there is of an upload that a stop of the station cut off.
    ///
    /// # Errors
    /// When the folder cannot be made or emptied.
    pub fn open(data_dir: &Path, max_bytes: u64) -> Result<Self, StagingError> {
        let dir = data_dir.join("staging");
        let failed = |source| StagingError::Folder { path: dir.clone(), source };
        match std::fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        std::fs::create_dir_all(&dir).map_err(failed)?;
        Ok(Self { dir, max_bytes })
    }

    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// A place for one upload. Its file has no name that could be opened a second time.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(&self) -> Result<Upload, StagingError> {
        let failed = |source| StagingError::Folder { path: self.dir.clone(), source };
        let file = tempfile::tempfile_in(&self.dir).map_err(failed)?;
        Ok(Upload { file, dir: self.dir.clone(), bytes: 0, max_bytes: self.max_bytes })
    }
}

/// One upload on its way in.
#[derive(Debug)]
pub struct Upload {
    file: File,
    dir: PathBuf,
    bytes: u64,
    max_bytes: u64,
}

impl Upload {
    /// # Errors
    /// When the bundle is too large or the disk is full.
    pub fn write(&mut self, part: &[u8]) -> Result<(), StagingError> {
        self.bytes = self.bytes.saturating_add(part.len() as u64);
        if self.bytes > self.max_bytes {
            return Err(StagingError::TooLarge { max: self.max_bytes });
        }
        self.file.write_all(part).map_err(|source| StagingError::Folder { path: self.dir.clone(), source })
    }

    /// The whole upload: the very bytes that are verified, and later run. The file is gone afterwards.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn finish(mut self) -> Result<Vec<u8>, StagingError> {
        let mut all = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        let read = self.file.rewind().and_then(|()| self.file.take(self.max_bytes).read_to_end(&mut all));
        read.map_err(|source| StagingError::Folder { path: self.dir, source })?;
        Ok(all)
    }
}

/// Puts verified bytes among the bundles, under their digest. A file that is there already is replaced by the same
/// signed contents, perhaps with other signatures.
///
/// # Errors
/// When the folder is full or cannot be written.
pub fn shelve(bundles_dir: &Path, bundle: &VerifiedBundle, bytes: &[u8]) -> Result<(), StagingError> {
    let path = shelf_path(bundles_dir, bundle.digest());
    if !path.exists() {
        Catalogue::has_room(bundles_dir, bytes.len() as u64)?;
    }
    Ok(write_atomically(&path, bytes, 0o644)?)
}

fn shelf_path(bundles_dir: &Path, digest: Digest) -> PathBuf {
    bundles_dir.join(format!("{digest}.assay"))
}
