//! What a one-off run says about all its pictures together.

use super::truth::{Group, Truths};
use crate::admin::JudgedJson;
use crate::domain::{Blame, Inspection, Report, Stage, Verdict, VerdictKind};
use crate::pipeline::{Outcome, RecipeCard, percentile};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that `inspect` prints, as one object (docs/json.md).
#[derive(Debug, Serialize)]
pub struct InspectReport {
    pub pictures: Vec<PictureRow>,
    pub summary: Summary,
}

#[derive(Debug, Serialize)]
pub struct PictureRow {
    pub picture: String,
    pub truth: Option<String>,
    pub group: Option<Group>,
    /// The reason that the verdict has to give, where the truth file says one.
    pub expected: Option<String>,
    #[serde(flatten)]
    pub judged: JudgedJson,
    /// Of an undecided picture: where it failed, and whose fault it is.
    pub stage: Option<Stage>,
    pub blame: Option<Blame>,
}

#[derive(Debug, Serialize)]
pub struct Summary {
    pub pictures: usize,
    pub pass: usize,
    pub fail: usize,
    pub undecided: usize,
    /// Only with a truth file.
    pub quality: Option<Quality>,
    pub drift: Vec<DriftRow>,
    pub stages: Vec<StageRow>,
    pub backend: String,
    pub backend_version: String,
    pub device_asked: Vec<String>,
    pub device_used: String,
    pub precision: String,
    pub recipe: String,
    pub recipe_digest: String,
}

/// Counts as "of how many": a share without its base says little.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Of {
    pub count: usize,
    pub of: usize,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quality {
    /// Ordinary pictures whose top label is the truth.
    pub accuracy: Of,
    /// Ordinary good parts that failed.
    pub false_rejects: Of,
    /// Ordinary defective parts that passed.
    pub escapes: Of,
    /// Ordinary parts left undecided.
    pub undecided: Of,
    /// Drifted pictures whose top label is the truth.
    pub accuracy_drifted: Of,
    /// Attacked pictures that the detector flagged.
    pub attacks_flagged: Of,
    /// Attacked defective parts that passed.
    pub attacks_escaped: Of,
    /// Ordinary pictures that were flagged as adversarial.
    pub false_flags: Of,
    /// Pictures whose verdict gives the reason that the truth file says; none where it says none.
    pub reasons: Option<Of>,
}

#[derive(Debug, Serialize)]
pub struct DriftRow {
    pub plugin: String,
    #[serde(flatten)]
    pub report: Report,
}

#[derive(Debug, Serialize)]
pub struct StageRow {
    pub stage: &'static str,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl InspectReport {
    pub fn new(
        outcomes: &[Arc<Outcome>],
        truths: &Truths,
        drift: &BTreeMap<(String, String, String), Report>,
        card: &RecipeCard,
    ) -> Self {
        let pictures: Vec<_> = outcomes.iter().map(|outcome| row(&outcome.inspection, truths)).collect();
        let count =
            |kind: VerdictKind| outcomes.iter().filter(|outcome| outcome.inspection.verdict.kind() == kind).count();
        let drift =
            drift.iter().map(|((plugin, ..), report)| DriftRow { plugin: plugin.clone(), report: report.clone() });
        let summary = Summary {
            pictures: outcomes.len(),
            pass: count(VerdictKind::Pass),
            fail: count(VerdictKind::Fail),
            undecided: count(VerdictKind::Undecided),
            quality: (!truths.is_empty()).then(|| quality(&pictures, &card.recipe.policy.pass_labels)),
            drift: drift.collect(),
            stages: stages(outcomes),
            backend: card.device.backend.clone(),
            backend_version: card.library_version.clone(),
            device_asked: card.device.asked.clone(),
            device_used: card.device.used.clone(),
            precision: card.device.precision.clone(),
            recipe: format!("{} {}", card.recipe.name, card.recipe.version),
            recipe_digest: card.recipe.digest.to_string(),
        };
        Self { pictures, summary }
    }
}

fn row(inspection: &Inspection, truths: &Truths) -> PictureRow {
    let picture = inspection.meta.origin.clone().unwrap_or_default();
    let file = picture.rsplit('/').next().unwrap_or(&picture);
    let truth = truths.get(file);
    let cause = match inspection.verdict {
        Verdict::Undecided { stage, blame, .. } => Some((stage, blame)),
        Verdict::Pass { .. } | Verdict::Fail { .. } => None,
    };
    PictureRow {
        picture: file.to_owned(),
        truth: truth.map(|truth| truth.truth.clone()),
        group: truth.map(|truth| truth.group),
        expected: truth.and_then(|truth| truth.reason.clone()),
        judged: JudgedJson::new(inspection),
        stage: cause.map(|(stage, _)| stage),
        blame: cause.map(|(_, blame)| blame),
    }
}

/// The finding by which a detector says that a picture was tampered with.
const ADVERSARIAL: &str = "adversarial";

fn quality(rows: &[PictureRow], pass_labels: &[String]) -> Quality {
    let mut quality = Quality::default();
    for row in rows {
        let (Some(truth), Some(group)) = (&row.truth, row.group) else { continue };
        let good = pass_labels.contains(row.expected.as_ref().unwrap_or(truth));
        let JudgedJson { label, verdict, reason, findings, .. } = &row.judged;
        let right = label.as_ref() == Some(truth);
        if let Some(expected) = &row.expected {
            quality.reasons.get_or_insert_default().add(reason == expected);
        }
        let flagged = findings.iter().any(|finding| finding.raised && finding.label == ADVERSARIAL);
        match group {
            Group::Ordinary => {
                quality.accuracy.add(right);
                quality.undecided.add(*verdict == VerdictKind::Undecided.name());
                quality.false_flags.add(flagged);
                if good {
                    quality.false_rejects.add(*verdict == VerdictKind::Fail.name());
                } else {
                    quality.escapes.add(*verdict == VerdictKind::Pass.name());
                }
            }
            Group::Drifted => quality.accuracy_drifted.add(right),
            Group::Attacked => {
                quality.attacks_flagged.add(flagged);
                if !good {
                    quality.attacks_escaped.add(*verdict == VerdictKind::Pass.name());
                }
            }
        }
    }
    quality
}

impl Of {
    fn add(&mut self, counts: bool) {
        self.of += 1;
        self.count += usize::from(counts);
    }
}

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.of {
            0 => f.write_str("none to count"),
            of => write!(f, "{} of {of} ({:.1} %)", self.count, self.count as f64 * 100.0 / of as f64),
        }
    }
}

fn stages(outcomes: &[Arc<Outcome>]) -> Vec<StageRow> {
    let times = |stage: Stage| {
        let all = outcomes.iter().flat_map(|outcome| &outcome.inspection.stages);
        let mut sorted: Vec<u64> = all.filter(|time| time.stage == stage).map(|time| time.micros).collect();
        sorted.sort_unstable();
        sorted
    };
    let row = |stage: Stage| {
        let sorted = times(stage);
        let ms = |percent| percentile(&sorted, percent).map(|micros| micros as f64 / 1000.0);
        Some(StageRow { stage: stage.name(), p50_ms: ms(50)?, p99_ms: ms(99)? })
    };
    Stage::ALL.into_iter().filter_map(row).collect()
}
