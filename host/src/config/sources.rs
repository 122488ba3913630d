//! `[[source]]` and `[queue]` of station.toml.

use super::fields::Fields;
use crate::domain::VerdictKind;
use crate::trust::{NAME_RULE, is_name};
use std::collections::BTreeSet;
use std::path::PathBuf;

const MAX_SOURCES: usize = 64;
const MB: u64 = 1 << 20;
const KINDS: &str = "\"folder\", \"http\", \"replay\" or \"burst\"";

/// What waits between the sources and the verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueConfig {
    /// Pictures that may wait for a lane.
    pub frames: usize,
    /// Bytes of picture files that may be on their way from source to verdict.
    pub payload_bytes: u64,
    /// How long a number of a line's counter may come behind a higher one before it counts as lost.
    pub trigger_wait_ms: u64,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { frames: 16, payload_bytes: 256 * MB, trigger_wait_ms: 2000 }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Unique in the station.
    pub name: String,
    pub kind: SourceKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    Folder(FolderSource),
    Http(HttpSource),
    Replay(ReplaySource),
    Burst(BurstSource),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSource {
    pub path: PathBuf,
    pub mode: FolderMode,
    /// Time between two looks into the folder where the system does not tell of new files.
    pub poll_ms: u32,
    /// With `watch`: how long a file that is being written and was not closed has to stay the same to be taken.
    pub quiet_ms: u32,
    /// With `once`: begin again at the end.
    pub repeat: bool,
    /// Least time between two pictures; 0 is as fast as the line takes them.
    pub pace_ms: u32,
    pub after: AfterReading,
    /// True: a file is called `PRODUCT_SERIAL.png` or `PRODUCT_SERIAL_anything.png`.
    pub product_and_serial: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderMode {
    /// The pictures that are there, in order of name, then the source ends.
    Once,
    /// Those and all that come.
    Watch,
}

/// What becomes of a picture's file once its record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterReading {
    Keep,
    Move(PathBuf),
}

/// Uploads to `POST /api/v1/inspect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpSource {
    /// Pictures that may wait for a place in the line; one more is answered 429.
    pub queue_frames: usize,
    /// The longest an upload may take.
    pub read_ms: u64,
    /// The longest an answer is waited for.
    pub answer_ms: u64,
}

/// Stored inspections that are judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaySource {
    pub verdict: Option<VerdictKind>,
    /// Judged at this time or later, in microseconds since 1970.
    pub from_us: Option<i64>,
    /// Judged before this time.
    pub to_us: Option<i64>,
    /// The newest so many of them.
    pub limit: usize,
    pub pace_ms: u32,
}

/// Pictures at a rate of their own, for tests and benchmarks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurstSource {
    pub path: PathBuf,
    /// Pictures in all; the folder's go round.
    pub count: u64,
    pub per_second: u32,
    /// Pictures of one burst.
    pub burst: u32,
}

pub(super) fn queue(fields: &Fields<'_>) -> Option<QueueConfig> {
    let default = QueueConfig::default();
    let frames = fields.number("frames", 1..=4096, Some(16u16));
    let payload_mb = fields.number("payload_mb", 1..=65_536, Some(default.payload_bytes / MB));
    let trigger_wait_ms = fields.number("trigger_wait_ms", 0..=600_000, Some(default.trigger_wait_ms));
    Some(QueueConfig {
        frames: frames?.into(),
        payload_bytes: payload_mb?.saturating_mul(MB),
        trigger_wait_ms: trigger_wait_ms?,
    })
}

pub(super) fn sources(root: &Fields<'_>) -> Option<Vec<SourceConfig>> {
    let sources = root.sections("source", source)?;
    let distinct: BTreeSet<_> = sources.iter().map(|source| &source.name).collect();
    if distinct.len() != sources.len() || sources.len() > MAX_SOURCES {
        let found = format!("{} sources with {} different names", sources.len(), distinct.len());
        root.wrong_because("source", &found, &format!("a name of its own for each, at most {MAX_SOURCES} sources"));
        return None;
    }
    Some(sources)
}

fn source(fields: &Fields<'_>) -> Option<SourceConfig> {
    let name = fields.required_parsed("name", NAME_RULE, |text| is_name(text).then(|| text.to_owned()));
    let kind = fields.required_parsed("kind", KINDS, |text| match text {
        "folder" => Some(folder as fn(&Fields<'_>) -> Option<SourceKind>),
        "http" => Some(http),
        "replay" => Some(replay),
        "burst" => Some(burst),
        _ => None,
    });
    let Some(read) = kind else {
        // The other keys belong to a kind: with an unknown one they would be reported as unknown too.
        fields.accept_all();
        return None;
    };
    let kind = read(fields);
    Some(SourceConfig { name: name?, kind: kind? })
}

fn folder(fields: &Fields<'_>) -> Option<SourceKind> {
    let path = fields.required_path("path");
    let mode = fields.required_parsed("mode", "\"once\" or \"watch\"", |text| match text {
        "once" => Some(FolderMode::Once),
        "watch" => Some(FolderMode::Watch),
        _ => None,
    });
    let poll_ms = fields.number("poll_ms", 10..=600_000, Some(200));
    let quiet_ms = fields.number("quiet_ms", 1_000..=3_600_000, Some(60_000));
    let repeat = fields.or("repeat", false);
    let pace_ms = pace_ms(fields);
    let after = after(fields);
    let names = if fields.has("names") {
        fields.parsed("names", "\"plain\" or \"product-serial\"", |text| match text {
            "plain" => Some(false),
            "product-serial" => Some(true),
            _ => None,
        })
    } else {
        Some(false)
    };
    if repeat && mode == Some(FolderMode::Watch) {
        fields.wrong("repeat", "false with mode \"watch\": a watched folder has no end to begin again at");
    }
    if repeat && after.as_ref().is_some_and(|after| *after != AfterReading::Keep) {
        fields.wrong("after", "\"keep\" with repeat: the pictures are read again");
    }
    let (path, mode, after, product_and_serial) = (path?, mode?, after?, names?);
    let (poll_ms, quiet_ms, pace_ms) = (poll_ms?, quiet_ms?, pace_ms?);
    Some(SourceKind::Folder(FolderSource { path, mode, poll_ms, quiet_ms, repeat, pace_ms, after, product_and_serial }))
}

fn after(fields: &Fields<'_>) -> Option<AfterReading> {
    let move_to = fields.path("move_to");
    let word = if fields.has("after") {
        fields
            .parsed("after", "\"keep\" or \"move\"", |text| matches!(text, "keep" | "move").then(|| text.to_owned()))?
    } else {
        "keep".to_owned()
    };
    match (word.as_str(), move_to) {
        ("move", Some(folder)) => Some(AfterReading::Move(folder)),
        ("move", None) => {
            fields.wrong("move_to", "a path in quotes: after = \"move\" needs it");
            None
        }
        (_, Some(_)) => {
            fields.wrong("move_to", "no such key, unless after = \"move\"");
            None
        }
        _ => Some(AfterReading::Keep),
    }
}

fn http(fields: &Fields<'_>) -> Option<SourceKind> {
    let queue_frames = fields.number("queue_frames", 1..=1024, Some(16u16));
    let read_ms = fields.number("read_ms", 100..=600_000, Some(10_000));
    let answer_ms = fields.number("answer_ms", 100..=600_000, Some(10_000));
    let queue_frames = queue_frames?.into();
    Some(SourceKind::Http(HttpSource { queue_frames, read_ms: read_ms?, answer_ms: answer_ms? }))
}

fn replay(fields: &Fields<'_>) -> Option<SourceKind> {
    let kinds = [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided];
    let expected = "\"pass\", \"fail\" or \"undecided\"; without the key any";
    let verdict = fields.parsed("verdict", expected, |text| kinds.into_iter().find(|kind| kind.name() == text));
    let (from_us, to_us) = (time_us(fields, "from"), time_us(fields, "to"));
    let limit = fields.number("limit", 1..=100_000, Some(1000u32));
    let pace_ms = pace_ms(fields);
    if (fields.has("verdict") && verdict.is_none())
        || (fields.has("from") && from_us.is_none())
        || (fields.has("to") && to_us.is_none())
    {
        return None;
    }
    if let (Some(from), Some(to)) = (from_us, to_us)
        && from >= to
    {
        fields.wrong("to", "a time after `from`");
        return None;
    }
    let limit = usize::try_from(limit?).ok()?;
    Some(SourceKind::Replay(ReplaySource { verdict, from_us, to_us, limit, pace_ms: pace_ms? }))
}

fn time_us(fields: &Fields<'_>, key: &'static str) -> Option<i64> {
    let expected = "a time in quotes such as \"2026-11-24T06:00:00Z\"";
    fields.parsed(key, expected, |text| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond))
}

fn burst(fields: &Fields<'_>) -> Option<SourceKind> {
    let path = fields.required_path("path");
    let count = fields.number("count", 1..=100_000_000u64, None);
    let per_second = fields.number("per_second", 1..=100_000, None);
    let burst = fields.number("burst", 1..=100_000, Some(1));
    Some(SourceKind::Burst(BurstSource { path: path?, count: count?, per_second: per_second?, burst: burst? }))
}

fn pace_ms(fields: &Fields<'_>) -> Option<u32> {
    fields.number("pace_ms", 0..=600_000, Some(0))
}
