use super::files::{FileError, read_regular_file, write_atomically};
use super::manifest::BundleKind;
use super::strict::parse_utc;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SCHEMA: u32 = 1;
const MAX_COUNTERS_BYTES: u64 = 4 << 20;

/// The counter of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub kind: BundleKind,
    pub name: String,
    pub counter: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountersFile {
    schema: u32,
    /// The latest time that a commit saw.
    latest_time: String,
    marks: Vec<Mark>,
}

/// Why the counters are not used.
#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{} is not the JSON of counters; restore it from a backup: without it old releases could come back", path.display())]
    BadJson { path: PathBuf, source: serde_json::Error },
    #[error("{}: {what}; restore the file from a backup: without it old releases could come back", path.display())]
    Damaged { path: PathBuf, what: String },
}

/// The highest counter that was committed, by kind and name, and the latest time seen: what keeps an old release, or
/// a clock set back, from passing as new.
///
/// Guarantee: a mark moves only in [`Counters::commit`], only upwards, and only once the new file is on disk. A
/// verification never moves one, so that a trial which is taken back leaves nothing behind.
#[derive(Debug, Clone)]
pub struct Counters {
    path: PathBuf,
    latest_time: Timestamp,
    marks: BTreeMap<(BundleKind, String), u64>,
}

impl Counters {
    /// Reads the file; none there is a station that has committed nothing.
    ///
    /// # Errors
    /// When the file is there and cannot be read: it is never taken for an empty one.
    pub fn open(path: &Path) -> Result<Self, CounterError> {
        let none = Self { path: path.to_owned(), latest_time: Timestamp::UNIX_EPOCH, marks: BTreeMap::new() };
        let json = match read_regular_file(path, MAX_COUNTERS_BYTES) {
            Ok(json) => json,
            Err(FileError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(none),
            Err(error) => return Err(error.into()),
        };
        let file: CountersFile =
            serde_json::from_slice(&json).map_err(|source| CounterError::BadJson { path: path.to_owned(), source })?;
        none.filled(file)
    }

    fn filled(mut self, file: CountersFile) -> Result<Self, CounterError> {
        let damaged = |what: String| CounterError::Damaged { path: self.path.clone(), what };
        if file.schema != SCHEMA {
            return Err(damaged(format!("schema {}, this release reads {SCHEMA}", file.schema)));
        }
        let time = parse_utc(&file.latest_time);
        self.latest_time = time.ok_or_else(|| damaged("latest_time is no time in UTC".to_owned()))?;
        for mark in file.marks {
            let doubled = format!("{} {:?} stands there twice", mark.kind, mark.name);
            if self.marks.insert((mark.kind, mark.name), mark.counter).is_some() {
                return Err(CounterError::Damaged { path: self.path, what: doubled });
            }
        }
        Ok(self)
    }

    /// The highest counter committed for a name; `None` where none was.
    #[must_use]
    pub fn mark(&self, kind: BundleKind, name: &str) -> Option<u64> {
        self.marks.get(&(kind, name.to_owned())).copied()
    }

    /// All of them, by kind and name.
    pub fn marks(&self) -> impl Iterator<Item = (BundleKind, &str, u64)> {
        self.marks.iter().map(|((kind, name), counter)| (*kind, name.as_str(), *counter))
    }

    /// The latest time that a commit saw: a clock behind it is wrong.
    #[must_use]
    pub const fn latest_time(&self) -> Timestamp {
        self.latest_time
    }

    /// Raises the marks, after a set of releases has proved itself. A mark that is higher already stays.
    ///
    /// # Errors
    /// When the file cannot be written; then no mark has moved, neither on disk nor here.
    pub fn commit(&mut self, releases: &[Mark], now: Timestamp) -> Result<(), CounterError> {
        let mut marks = self.marks.clone();
        for release in releases {
            let mark = marks.entry((release.kind, release.name.clone())).or_insert(release.counter);
            *mark = (*mark).max(release.counter);
        }
        let latest_time = self.latest_time.max(now);
        let file = CountersFile {
            schema: SCHEMA,
            latest_time: latest_time.to_string(),
            marks: marks
                .iter()
                .map(|((kind, name), counter)| Mark { kind: *kind, name: name.clone(), counter: *counter })
                .collect(),
        };
        let json = serde_json::to_vec_pretty(&file)
            .map_err(|source| CounterError::BadJson { path: self.path.clone(), source })?;
        write_atomically(&self.path, &json, 0o644)?;
        (self.marks, self.latest_time) = (marks, latest_time);
        Ok(())
    }
}
