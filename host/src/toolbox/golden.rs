use super::answer::Answer;
use super::trial::{Trial, TrialError};
use crate::domain::Settings;
use crate::trust::{FileError, read_regular_file, write_atomically};
use std::io;
use std::path::{Path, PathBuf};

/// Largest golden file.
const MAX_GOLDEN_BYTES: u64 = 16 << 20;
/// Most pictures of a golden folder.
const MAX_PICTURES: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    #[error(transparent)]
    Trial(#[from] TrialError),
    #[error("the folder {} cannot be read: pictures are expected there", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} holds no picture (PNG, JPEG, BMP)", path.display())]
    NoPictures { path: PathBuf },
    #[error("{} holds over {MAX_PICTURES} pictures", path.display())]
    TooMany { path: PathBuf },
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: FileError,
    },
    #[error("{} is no golden file: remove it and run `assay plugin test --bless`", path.display())]
    Broken {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{}: expected an object of settings as in [plugin.settings]", path.display())]
    Settings {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: FileError,
    },
}

/// The settings of the golden test, over the manifest's defaults: `settings.json` in its folder, an object by key.
/// None where there is no such file.
///
/// # Errors
/// When it is there and cannot be read or understood.
pub fn golden_settings(folder: &Path) -> Result<Settings, GoldenError> {
    let path = folder.join("settings.json");
    if !path.exists() {
        return Ok(Settings::new());
    }
    let text = read_regular_file(&path, MAX_GOLDEN_BYTES)
        .map_err(|source| GoldenError::Read { path: path.clone(), source })?;
    serde_json::from_slice(&text).map_err(|source| GoldenError::Settings { path, source })
}

/// What became of one picture.
#[derive(Debug, Clone, PartialEq)]
pub enum Compared {
    Same,
    /// It was kept anew: there was none, or another answer.
    Blessed,
    /// There is no golden file beside the picture.
    Missing {
        golden: PathBuf,
    },
    /// A line for each difference.
    Differs(Vec<String>),
}

/// The pictures of a folder by name, as the golden test takes them.
///
/// # Errors
/// When the folder cannot be read or holds none.
pub fn pictures(folder: &Path) -> Result<Vec<PathBuf>, GoldenError> {
    let unreadable = |source| GoldenError::Folder { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        if extension.is_some_and(|extension| ["png", "jpg", "jpeg", "bmp"].contains(&extension.as_str())) {
            found.push(path);
        }
        if found.len() > MAX_PICTURES {
            return Err(GoldenError::TooMany { path: folder.to_owned() });
        }
    }
    if found.is_empty() {
        return Err(GoldenError::NoPictures { path: folder.to_owned() });
    }
    found.sort();
    Ok(found)
}

/// Tries the plugin on a picture and compares its answer with the golden file beside it; `bless` keeps the answer.
///
/// # Errors
/// When the picture or its golden file cannot be read, or the new one not be written.
pub fn compare(trial: &mut Trial, picture: &Path, bless: bool) -> Result<Compared, GoldenError> {
    let answer = trial.on(picture)?.answer;
    let golden = picture.with_extension("json");
    let compared = if golden.exists() {
        let differences = answer.differences(&read(&golden)?);
        if differences.is_empty() { Compared::Same } else { Compared::Differs(differences) }
    } else {
        Compared::Missing { golden: golden.clone() }
    };
    if !bless || compared == Compared::Same {
        return Ok(compared);
    }
    let broken = |source| GoldenError::Broken { path: golden.clone(), source };
    let text = serde_json::to_string_pretty(&answer).map_err(broken)? + "\n";
    write_atomically(&golden, text.as_bytes(), 0o644)
        .map_err(|source| GoldenError::Write { path: golden.clone(), source })?;
    Ok(Compared::Blessed)
}

fn read(golden: &Path) -> Result<Answer, GoldenError> {
    let text = read_regular_file(golden, MAX_GOLDEN_BYTES)
        .map_err(|source| GoldenError::Read { path: golden.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|source| GoldenError::Broken { path: golden.to_owned(), source })
}
