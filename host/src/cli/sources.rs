//! From a station's configuration to its sources.

use super::stored::StoredPictures;
use crate::config::{
    AfterReading, BurstSource as BurstConfig, FolderMode, FolderSource as FolderConfig, SourceConfig, SourceKind,
    StationConfig,
};
use crate::journal::{Filter, Reader};
use crate::source::{
    self, BurstOptions, BurstSource, FolderOptions, FolderSource, Intake, IntakeOptions, NameFields, QueueLimits,
    RecordedFile, ReplaySource, Source, SourceCard, SourceSetup, intake, load_pictures,
};
use anyhow::Context as _;
use std::time::Duration;

/// What gives frames to a line, and where uploads are handed over.
pub struct Sources {
    pub sources: Vec<Box<dyn Source>>,
    pub intakes: Vec<Intake>,
}

/// All sources that a configuration describes; `reader` reads the journal of this station.
pub fn sources(config: &StationConfig, reader: &Reader) -> anyhow::Result<Sources> {
    let mut all = Sources { sources: Vec::new(), intakes: Vec::new() };
    for one in &config.sources {
        let made = make(config, one, reader, &mut all.intakes);
        all.sources.push(made.with_context(|| format!("the source {:?} cannot start", one.name))?);
    }
    Ok(all)
}

fn make(
    config: &StationConfig,
    source: &SourceConfig,
    reader: &Reader,
    intakes: &mut Vec<Intake>,
) -> anyhow::Result<Box<dyn Source>> {
    let max_file_bytes = config.image_limits.max_file_bytes;
    let name = source.name.as_str();
    Ok(match &source.kind {
        SourceKind::Folder(folder) => {
            let recorded = recorded_files(name, folder, reader)?;
            Box::new(FolderSource::new(folder_options(name, folder, max_file_bytes, recorded)))
        }
        SourceKind::Http(http) => {
            let (source, way_in) = intake(IntakeOptions {
                name: name.to_owned(),
                queue_frames: http.queue_frames,
                max_file_bytes,
                read_ms: http.read_ms,
                answer_ms: http.answer_ms,
            });
            intakes.push(way_in);
            Box::new(source)
        }
        SourceKind::Replay(replay) => {
            let filter = Filter {
                verdict: replay.verdict,
                from_us: replay.from_us,
                to_us: Some(replay.to_us.unwrap_or_else(crate::pipeline::now_us)),
                ..Filter::default()
            };
            let pictures = StoredPictures::new(reader.clone(), name, filter, replay.limit);
            Box::new(ReplaySource::new(name, Box::new(pictures), replay.pace_ms))
        }
        SourceKind::Burst(burst) => Box::new(burst_source(name, burst, max_file_bytes)?),
    })
}

fn folder_options(
    name: &str,
    folder: &FolderConfig,
    max_file_bytes: u64,
    recorded: Vec<RecordedFile>,
) -> FolderOptions {
    let mode = match folder.mode {
        FolderMode::Watch => source::FolderMode::Watch,
        FolderMode::Once if folder.repeat => source::FolderMode::Repeat,
        FolderMode::Once => source::FolderMode::Once,
    };
    let after = match &folder.after {
        AfterReading::Keep => source::AfterReading::Leave,
        AfterReading::Move(folder) => source::AfterReading::MoveTo(folder.clone()),
    };
    FolderOptions {
        name: name.to_owned(),
        path: folder.path.clone(),
        mode,
        poll_ms: folder.poll_ms,
        quiet_ms: folder.quiet_ms,
        pace_ms: folder.pace_ms,
        after,
        max_file_bytes,
        name_fields: if folder.product_and_serial { NameFields::ProductSerial } else { NameFields::Nothing },
        // Going round and round is a demonstration, not a line.
        simulated: folder.repeat,
        recorded,
    }
}

/// What a crash may have left behind between a record and the move of its file.
fn recorded_files(name: &str, folder: &FolderConfig, reader: &Reader) -> anyhow::Result<Vec<RecordedFile>> {
    if folder.after == AfterReading::Keep {
        return Ok(Vec::new());
    }
    let files = reader.recorded_files(name)?.into_iter().map(|file| RecordedFile {
        name: file.origin,
        picture: file.picture,
        captured_at_us: file.captured_at_us,
    });
    Ok(files.collect())
}

fn burst_source(name: &str, burst: &BurstConfig, max_file_bytes: u64) -> anyhow::Result<BurstSource> {
    let pictures = load_pictures(&burst.path, max_file_bytes)
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("folder {}", burst.path.display()))?;
    let every = Duration::from_secs(1).saturating_mul(burst.burst) / burst.per_second.max(1);
    Ok(BurstSource::new(name, pictures, BurstOptions { count: burst.count, burst: burst.burst, every }))
}

/// What the admin shows of the sources.
pub fn setup(config: &StationConfig) -> SourceSetup {
    let queue = QueueLimits { frames: config.queue.frames, bytes: config.queue.payload_bytes };
    SourceSetup { sources: config.sources.iter().map(card).collect(), queue }
}

fn card(source: &SourceConfig) -> SourceCard {
    let (kind, settings) = match &source.kind {
        SourceKind::Folder(folder) => ("folder", folder_settings(folder)),
        SourceKind::Http(http) => (
            "http",
            vec![
                ("queue_frames", http.queue_frames.to_string()),
                ("read_ms", http.read_ms.to_string()),
                ("answer_ms", http.answer_ms.to_string()),
            ],
        ),
        SourceKind::Replay(replay) => (
            "replay",
            vec![
                ("verdict", replay.verdict.map_or("any", |verdict| verdict.name()).to_owned()),
                ("limit", replay.limit.to_string()),
                ("pace_ms", replay.pace_ms.to_string()),
            ],
        ),
        SourceKind::Burst(burst) => (
            "burst",
            vec![
                ("path", burst.path.display().to_string()),
                ("count", burst.count.to_string()),
                ("per_second", burst.per_second.to_string()),
                ("burst", burst.burst.to_string()),
            ],
        ),
    };
    SourceCard { name: source.name.clone(), kind, settings }
}

fn folder_settings(folder: &FolderConfig) -> Vec<(&'static str, String)> {
    let watch = folder.mode == FolderMode::Watch;
    let mut settings = vec![
        ("path", folder.path.display().to_string()),
        ("mode", if watch { "watch" } else { "once" }.to_owned()),
        ("pace_ms", folder.pace_ms.to_string()),
        ("names", if folder.product_and_serial { "product-serial" } else { "plain" }.to_owned()),
    ];
    if watch {
        settings.push(("poll_ms", folder.poll_ms.to_string()));
        settings.push(("quiet_ms", folder.quiet_ms.to_string()));
    } else {
        settings.push(("repeat", folder.repeat.to_string()));
    }
    match &folder.after {
        AfterReading::Keep => settings.push(("after", "keep".to_owned())),
        AfterReading::Move(to) => {
            settings.push(("after", "move".to_owned()));
            settings.push(("move_to", to.display().to_string()));
        }
    }
    settings
}
