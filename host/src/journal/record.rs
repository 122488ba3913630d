//! A record on its way to the disk. Everything that needs no database happens here, on the caller's thread.

use super::chain::{Content, content_of, real};
use super::pictures::{Class, NewPicture};
use super::sample::is_drawn;
use super::{JournalError, JournalOptions};
use crate::domain::{Digest, FrameId, Inspection, MAX_FRAME_IMAGES, Observation, Stage, Verdict, VerdictKind};
use rusqlite::types::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of one record's JSON; more is refused. Plugins are held to far less.
const MAX_DETAIL_BYTES: usize = 16 << 20;

/// A judged frame, with the bytes that go to the picture store.
#[derive(Debug, Clone)]
pub struct Record {
    pub inspection: Inspection,
    /// The encoded picture as the source gave it: its digest must be `inspection.picture`.
    pub picture: Option<Arc<[u8]>>,
    /// Pictures that plugins made: plugin, name, PNG.
    pub images: Vec<(String, String, Vec<u8>)>,
}

/// A picture that a plugin made, as the record names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredImage {
    pub plugin: String,
    pub name: String,
    pub digest: Digest,
}

/// The JSON text of a record.
#[derive(Serialize)]
struct DetailOut<'a> {
    inspection: &'a Inspection,
    images: &'a [StoredImage],
}

/// The same, read back.
#[derive(Debug, Deserialize)]
pub struct Detail {
    pub inspection: Inspection,
    pub images: Vec<StoredImage>,
}

/// Stages with a column, in the order of the columns. The journal's own time is not known when the row is made.
pub const TIMED: [Stage; 6] =
    [Stage::Source, Stage::Decode, Stage::Preprocess, Stage::Infer, Stage::Detect, Stage::Decide];

/// Columns of `inspections` behind `seq`.
pub const COLUMNS: &str = "station, boot, trigger, captured_at_us, judged_at_us, source, origin, product, serial, \
     simulated, verdict, label, score, code, stage, blame, recipe, recipe_version, recipe_digest, picture, backend, \
     device, flagged, source_us, decode_us, preprocess_us, infer_us, detect_us, decide_us, total_us";
pub const COLUMN_COUNT: usize = 30;

/// One line of `findings`: the strongest raised finding of its label in the frame.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingLine {
    pub label: String,
    pub plugin: String,
    pub score: f32,
}

/// The line of `line_triggers` of a frame whose source has a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTrigger {
    pub source: String,
    pub number: i64,
}

/// A record that only has to be written.
pub struct Prepared {
    pub id: FrameId,
    pub judged_at_us: i64,
    /// In the order of [`COLUMNS`].
    pub columns: Vec<Value>,
    pub detail: Value,
    pub content: Content,
    pub findings: Vec<FindingLine>,
    pub line_trigger: Option<LineTrigger>,
    pub recipe: Digest,
    /// Plugins and model that judged it.
    pub parts: Vec<Digest>,
    /// The rate at which it was drawn for a review; none where it was not.
    pub drawn_one_in: Option<i64>,
    pub pictures: Vec<NewPicture>,
}

/// Makes a record ready.
pub fn prepare(record: Record, options: &JournalOptions) -> Result<Prepared, JournalError> {
    let Record { inspection, picture, images } = record;
    let id = inspection.meta.id.clone();
    let refuse = |detail: String| JournalError::BadRecord { id: id.to_string(), detail };
    if images.len() > MAX_FRAME_IMAGES {
        return Err(refuse(format!("{} pictures made by plugins, {MAX_FRAME_IMAGES} are allowed", images.len())));
    }
    let flagged = inspection.findings().any(|(_, finding)| finding.raised);
    let class = class_of(inspection.verdict.kind(), flagged);
    let drawn = inspection.verdict.kind() == VerdictKind::Pass && is_drawn(&id, options.review_one_in);
    let kept = options.pass_one_in > 0 && inspection.meta.id.trigger.is_multiple_of(options.pass_one_in);
    let keep = class.days(&options.keep_days) > 0 && (class != Class::Pass || kept || drawn);
    let mut pictures = Vec::new();
    let mut names = Vec::new();
    if let Some(bytes) = picture.filter(|_| keep) {
        let digest = Digest::of(&bytes);
        if inspection.picture != Some(digest) {
            return Err(refuse(format!("the picture's bytes have digest {digest}, the record says otherwise")));
        }
        pictures.push(NewPicture { digest, bytes, class });
    }
    for (plugin, name, png) in images.into_iter().filter(|_| keep) {
        let digest = Digest::of(&png);
        names.push(StoredImage { plugin, name, digest });
        pictures.push(NewPicture { digest, bytes: png.into(), class });
    }
    let detail = serde_json::to_string(&DetailOut { inspection: &inspection, images: &names })
        .map_err(|error| refuse(error.to_string()))?;
    if detail.len() > MAX_DETAIL_BYTES {
        return Err(refuse(format!("{} bytes of JSON, {MAX_DETAIL_BYTES} are allowed", detail.len())));
    }
    let mut columns = columns_of(&inspection, flagged).map_err(refuse)?;
    columns.push(Value::Text(detail));
    let content = content_of(&columns);
    let detail = columns.pop().unwrap_or(Value::Null);
    let findings = finding_lines(&inspection);
    let line_trigger = line_trigger(&inspection).map_err(refuse)?;
    let judged_at_us = inspection.judged_at_us;
    let (recipe, parts) = (inspection.recipe_digest, parts_of(&inspection));
    let drawn_one_in = i64::try_from(options.review_one_in).ok().filter(|_| drawn);
    Ok(Prepared {
        judged_at_us,
        id,
        columns,
        detail,
        content,
        findings,
        line_trigger,
        recipe,
        parts,
        drawn_one_in,
        pictures,
    })
}

/// Digests of the plugins and of the model that judged it.
pub fn parts_of(inspection: &Inspection) -> Vec<Digest> {
    let model = inspection.answer.as_ref().map(|answer| answer.digest);
    let mut parts: Vec<Digest> = inspection.runs.iter().map(|run| run.component).chain(model).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
}

/// None where the source has no counter.
pub fn line_trigger(inspection: &Inspection) -> Result<Option<LineTrigger>, String> {
    let meta = &inspection.meta;
    let Some(number) = meta.line_trigger else { return Ok(None) };
    let number = i64::try_from(number).map_err(|_| format!("line trigger {number} is above {}", i64::MAX))?;
    Ok(Some(LineTrigger { source: meta.source.clone(), number }))
}

fn class_of(verdict: VerdictKind, flagged: bool) -> Class {
    match verdict {
        VerdictKind::Fail => Class::Fail,
        VerdictKind::Undecided => Class::Undecided,
        VerdictKind::Pass if flagged => Class::Flagged,
        VerdictKind::Pass => Class::Pass,
    }
}

/// The strongest raised finding of each label.
pub fn finding_lines(inspection: &Inspection) -> Vec<FindingLine> {
    let mut best: BTreeMap<&str, FindingLine> = BTreeMap::new();
    for (plugin, finding) in inspection.findings().filter(|(_, finding)| finding.raised) {
        let line = || FindingLine { label: finding.label.clone(), plugin: plugin.to_owned(), score: finding.score };
        match best.get_mut(finding.label.as_str()) {
            Some(known) if known.score >= finding.score => {}
            Some(known) => *known = line(),
            None => {
                best.insert(&finding.label, line());
            }
        }
    }
    best.into_values().collect()
}

/// The values of [`COLUMNS`].
fn columns_of(inspection: &Inspection, flagged: bool) -> Result<Vec<Value>, String> {
    let meta = &inspection.meta;
    let device = inspection.answer.as_ref().map(|answer| &answer.device);
    let mut columns = Vec::with_capacity(COLUMN_COUNT + 1);
    columns.extend([
        text(&meta.id.station),
        whole("boot", meta.id.boot)?,
        whole("trigger", meta.id.trigger)?,
        Value::Integer(meta.captured_at_us),
        Value::Integer(inspection.judged_at_us),
        text(&meta.source),
        maybe(meta.origin.as_deref()),
        maybe(meta.product.as_deref()),
        maybe(meta.serial.as_deref()),
        Value::Integer(meta.simulated.into()),
        text(inspection.verdict.kind().name()),
    ]);
    columns.extend(verdict_columns(inspection));
    columns.extend([
        text(&inspection.recipe),
        text(&inspection.recipe_version),
        digest(&inspection.recipe_digest),
        inspection.picture.as_ref().map_or(Value::Null, digest),
        maybe(device.map(|device| device.backend.as_str())),
        maybe(device.map(|device| device.used.as_str())),
        Value::Integer(flagged.into()),
    ]);
    columns.extend(TIMED.iter().map(|stage| micros(stage_micros(inspection, *stage))));
    let total = inspection.stages.iter().fold(0u64, |sum, time| sum.saturating_add(time.micros));
    columns.push(micros(Some(total)));
    Ok(columns)
}

/// `label, score, code, stage, blame`. An undecided frame keeps the model's top label, so that it is found by it.
fn verdict_columns(inspection: &Inspection) -> [Value; 5] {
    match &inspection.verdict {
        Verdict::Pass { label, score } | Verdict::Fail { reason: label, score } => {
            [text(label), real(f64::from(*score)), Value::Null, Value::Null, Value::Null]
        }
        Verdict::Undecided { stage, blame, code, .. } => {
            let top = inspection.answer.as_ref().and_then(|answer| answer.top());
            let (label, score) = top.map_or((Value::Null, Value::Null), |(l, p)| (text(l), real(f64::from(p))));
            [label, score, text(code), text(stage.name()), text(blame.name())]
        }
    }
}

fn stage_micros(inspection: &Inspection, stage: Stage) -> Option<u64> {
    let times = inspection.stages.iter().filter(|time| time.stage == stage);
    times.fold(None, |sum: Option<u64>, time| Some(sum.unwrap_or(0).saturating_add(time.micros)))
}

/// The rows of one observation, in the order of the columns behind `seq`.
pub fn observation_rows(
    frame: &FrameId,
    plugin: &str,
    observation: &Observation,
    at_us: i64,
) -> Result<Vec<Vec<Value>>, JournalError> {
    let refuse = |detail| JournalError::BadRecord { id: frame.to_string(), detail };
    let mut rows = Vec::with_capacity(observation.reports.len());
    for (ord, report) in (0i64..).zip(&observation.reports) {
        rows.push(vec![
            Value::Integer(ord),
            whole("boot", frame.boot).map_err(refuse)?,
            whole("trigger", frame.trigger).map_err(refuse)?,
            Value::Integer(at_us),
            text(plugin),
            text(&report.feature),
            text(&report.statistic),
            real(report.value),
            real(report.threshold),
            Value::Integer(report.drifted.into()),
            micros(Some(report.window)),
        ]);
    }
    Ok(rows)
}

pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

pub fn maybe(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn digest(digest: &Digest) -> Value {
    Value::Blob(digest.as_bytes().to_vec())
}

/// A count that names something: it must fit, because two that are cut off would be the same.
pub fn whole(name: &str, number: u64) -> Result<Value, String> {
    i64::try_from(number).map(Value::Integer).map_err(|_| format!("{name} {number} is above {}", i64::MAX))
}

/// A duration or another amount: the largest there is stands for all beyond it.
fn micros(number: Option<u64>) -> Value {
    number.map_or(Value::Null, |number| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX)))
}
