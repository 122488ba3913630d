//! From a station's configuration to its sources.

use crate::config::{AfterReading, FolderMode, SourceConfig, SourceKind};
use crate::source::{self, FolderOptions, FolderSource, NameFields, Source};

/// The source that a `[[source]]` section describes.
pub fn source(config: &SourceConfig, max_file_bytes: u64) -> Box<dyn Source> {
    let SourceKind::Folder(folder) = &config.kind;
    let mode = match folder.mode {
        FolderMode::Watch => source::FolderMode::Watch,
        FolderMode::Once if folder.repeat => source::FolderMode::Repeat,
        FolderMode::Once => source::FolderMode::Once,
    };
    let after = match &folder.after {
        AfterReading::Keep => source::AfterReading::Leave,
        AfterReading::Move(folder) => source::AfterReading::MoveTo(folder.clone()),
    };
    Box::new(FolderSource::new(FolderOptions {
        name: config.name.clone(),
        path: folder.path.clone(),
        mode,
        poll_ms: folder.poll_ms,
        pace_ms: folder.pace_ms,
        after,
        max_file_bytes,
        name_fields: NameFields::Nothing,
        // Going round and round is a demonstration, not a line.
        simulated: folder.repeat,
    }))
}
