use crate::domain::Digest;
use std::path::PathBuf;

/// When the folder's pictures are taken, always in order of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderMode {
    /// What is there, then the source ends.
    Once,
    /// What is there, again and again.
    Repeat,
    /// What is there and what comes. A file is taken when it was closed after writing or moved in, or, where the
    /// system did not tell of its writer, has stayed the same for two looks. A file that is written again is taken again.
    Watch,
}

/// What becomes of a file whose record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterReading {
    Leave,
    /// Into this folder on the same file system, under its name or, where that is taken, with a number added.
    MoveTo(PathBuf),
}

/// What a file's name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameFields {
    #[default]
    Nothing,
    /// `PRODUCT_SERIAL.png` or `PRODUCT_SERIAL_anything.png`; a part that is empty is not set.
    ProductSerial,
}

/// A file that an earlier run handed over and whose record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    pub name: String,
    pub picture: Digest,
    pub captured_at_us: i64,
}

/// What a folder source needs to know.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// The source's name in the station's configuration.
    pub name: String,
    pub path: PathBuf,
    pub mode: FolderMode,
    /// Time between two looks into the folder where the system does not tell of new files.
    pub poll_ms: u32,
    /// A file that the system tells is being written is taken without having been closed only after so long without
    /// a change.
    pub quiet_ms: u32,
    /// Time to let pass after each picture; 0 for none.
    pub pace_ms: u32,
    pub after: AfterReading,
    pub max_file_bytes: u64,
    pub name_fields: NameFields,
    /// True where the pictures do not come from the line (a demonstration).
    pub simulated: bool,
    /// With [`AfterReading::MoveTo`]: the newest records of this source. A file among them that has not changed since
    /// was left behind by a crash between its record and its move: it is moved, not judged again.
    pub recorded: Vec<RecordedFile>,
}
