use crate::domain::{Digest, Inspection, PluginKind, PluginRun, Stage, Verdict};
use crate::pipeline::Outcome;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The trace's id is made of the frame's, so that whoever has the one finds the other.
pub fn trace_id(frame: &str) -> TraceId {
    let digest = Digest::of(frame.as_bytes());
    TraceId::from_bytes(digest.as_bytes().first_chunk().copied().unwrap_or_default())
}

fn span_id(frame: &str, path: &str) -> SpanId {
    let digest = Digest::of(format!("{frame}/{path}").as_bytes());
    SpanId::from_bytes(digest.as_bytes().first_chunk().copied().unwrap_or_default())
}

/// The spans of one inspection. Only the time of each stage is recorded, not when it began: they follow one another.
pub fn spans_of(outcome: &Outcome, scope: &InstrumentationScope) -> Vec<SpanData> {
    let inspection = &outcome.inspection;
    let judged = UNIX_EPOCH + micros(u64::try_from(inspection.judged_at_us).unwrap_or(0));
    let before = inspection.stages.iter().filter(|time| time.stage < Stage::Journal);
    let begin = judged.checked_sub(micros(before.map(|time| time.micros).sum())).unwrap_or(judged);
    let maker = Maker { frame: inspection.meta.id.to_string(), scope };
    let root = span_id(&maker.frame, "inspection");
    let mut children = Vec::new();
    let mut at = begin;
    for time in &inspection.stages {
        let id = span_id(&maker.frame, time.stage.name());
        let end = at + micros(time.micros);
        children.push(maker.span(time.stage.name().to_owned(), id, root, (at, end), Vec::new()));
        let mut plugin_at = at;
        for run in inspection.runs.iter().filter(|run| stage_of(run.kind) == time.stage) {
            let span = maker.plugin(run, id, plugin_at);
            plugin_at = span.end_time;
            children.push(span);
        }
        at = end;
    }
    let mut whole =
        maker.span("inspection".to_owned(), root, SpanId::INVALID, (begin, at), attributes(outcome, inspection));
    if let Verdict::Undecided { code, .. } = &inspection.verdict {
        whole.status = Status::Error { description: Cow::Owned(code.clone()) };
    }
    std::iter::once(whole).chain(children).collect()
}

fn attributes(outcome: &Outcome, inspection: &Inspection) -> Vec<KeyValue> {
    let mut all = vec![
        KeyValue::new("assay.frame", inspection.meta.id.to_string()),
        KeyValue::new("assay.verdict", inspection.verdict.kind().name()),
        KeyValue::new("assay.recipe", format!("{} {}", inspection.recipe, inspection.recipe_version)),
        KeyValue::new("assay.source", inspection.meta.source.clone()),
        KeyValue::new("assay.recorded", outcome.row.is_some()),
    ];
    if let Some(answer) = &inspection.answer {
        all.push(KeyValue::new("assay.device", format!("{} {}", answer.device.backend, answer.device.used)));
    }
    if let Some(serial) = &inspection.meta.serial {
        all.push(KeyValue::new("assay.serial", serial.clone()));
    }
    all
}

const fn stage_of(kind: PluginKind) -> Stage {
    match kind {
        PluginKind::Preprocessor => Stage::Preprocess,
        PluginKind::Detector => Stage::Detect,
        PluginKind::Monitor => Stage::Monitor,
    }
}

const fn micros(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

struct Maker<'a> {
    frame: String,
    scope: &'a InstrumentationScope,
}

impl Maker<'_> {
    fn plugin(&self, run: &PluginRun, parent: SpanId, at: SystemTime) -> SpanData {
        let id = span_id(&self.frame, &format!("plugin/{}", run.plugin));
        let about = vec![
            KeyValue::new("assay.plugin", run.plugin.clone()),
            KeyValue::new("assay.component", run.component.to_string()),
            KeyValue::new("assay.host_us", i64::try_from(run.host_micros).unwrap_or(i64::MAX)),
        ];
        let mut span = self.span(format!("plugin {}", run.plugin), id, parent, (at, at + micros(run.micros)), about);
        if let Some(failure) = &run.failure {
            span.status = Status::Error { description: Cow::Owned(failure.to_string()) };
        }
        span
    }

    fn span(
        &self,
        name: String,
        id: SpanId,
        parent: SpanId,
        (start_time, end_time): (SystemTime, SystemTime),
        attributes: Vec<KeyValue>,
    ) -> SpanData {
        let trace = trace_id(&self.frame);
        SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Owned(name),
            start_time,
            end_time,
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}
