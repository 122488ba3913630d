//! A verdict as JSON (docs/json.md).

use crate::domain::{Inspection, Region, Verdict, VerdictKind};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is told of one judged frame, wherever a program asks for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct JudgedJson {
    pub id: String,
    #[schema(value_type = VerdictKind)]
    pub verdict: &'static str,
    /// Label, defect or code.
    pub reason: String,
    /// Where it says more: the detail of an undecided verdict.
    pub detail: Option<String>,
    pub score: Option<f32>,
    /// The model's top label.
    pub label: Option<String>,
    pub findings: Vec<FindingJson>,
    /// Milliseconds by stage.
    pub stages_ms: BTreeMap<&'static str, f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FindingJson {
    pub plugin: String,
    pub label: String,
    /// Null where the plugin gave no number.
    #[schema(value_type = Option<f32>)]
    pub score: f32,
    pub raised: bool,
    /// In pixels of the picture that the detectors saw.
    pub region: Option<Region>,
    pub attributes: Vec<(String, String)>,
}

impl JudgedJson {
    #[must_use]
    pub fn new(inspection: &Inspection) -> Self {
        let (reason, detail) = reason_of(&inspection.verdict);
        let findings = inspection.findings().map(|(plugin, finding)| FindingJson {
            plugin: plugin.to_owned(),
            label: finding.label.clone(),
            score: finding.score,
            raised: finding.raised,
            region: finding.region,
            attributes: finding.attributes.clone(),
        });
        Self {
            id: inspection.meta.id.to_string(),
            verdict: inspection.verdict.kind().name(),
            reason,
            detail,
            score: inspection.verdict.score(),
            label: inspection.answer.as_ref().and_then(|answer| answer.top()).map(|(label, _)| label.to_owned()),
            findings: findings.collect(),
            stages_ms: inspection.stages.iter().map(|time| (time.stage.name(), time.micros as f64 / 1000.0)).collect(),
        }
    }
}

/// The short reason of a verdict, and where there is one, its long form.
#[must_use]
pub fn reason_of(verdict: &Verdict) -> (String, Option<String>) {
    let detail = if let Verdict::Undecided { detail, .. } = verdict { Some(detail.clone()) } else { None };
    (verdict.reason().to_owned(), detail)
}

/// The answer to an upload.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictJson {
    #[serde(flatten)]
    judged: JudgedJson,
    product: Option<String>,
    serial: Option<String>,
    trigger: Option<u64>,
    /// True where the same trigger was recorded before: this is its verdict.
    duplicate: bool,
    /// The journal's row of the record.
    row: i64,
    recipe: String,
    recipe_digest: String,
}

impl VerdictJson {
    #[must_use]
    pub fn new(inspection: &Inspection, row: i64, duplicate: bool) -> Self {
        Self {
            judged: JudgedJson::new(inspection),
            product: inspection.meta.product.clone(),
            serial: inspection.meta.serial.clone(),
            trigger: inspection.meta.line_trigger,
            duplicate,
            row,
            recipe: format!("{} {}", inspection.recipe, inspection.recipe_version),
            recipe_digest: inspection.recipe_digest.to_string(),
        }
    }
}
