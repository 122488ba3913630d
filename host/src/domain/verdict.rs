use super::{Blame, Failure, FailureCode, Finding, ModelAnswer, Stage, VerdictPolicy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of the station for one part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Verdict {
    Pass { label: String, score: f32 },
    Fail { reason: String, score: f32 },
    Undecided { stage: Stage, blame: Blame, code: String, detail: String },
}

/// A verdict without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VerdictKind {
    Pass,
    Fail,
    Undecided,
}

impl VerdictKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Undecided => "undecided",
        }
    }
}

impl std::fmt::Display for VerdictKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Verdict {
    #[must_use]
    pub const fn kind(&self) -> VerdictKind {
        match self {
            Self::Pass { .. } => VerdictKind::Pass,
            Self::Fail { .. } => VerdictKind::Fail,
            Self::Undecided { .. } => VerdictKind::Undecided,
        }
    }

    /// The probability or score behind a pass or a fail.
    #[must_use]
    pub const fn score(&self) -> Option<f32> {
        match self {
            Self::Pass { score, .. } | Self::Fail { score, .. } => Some(*score),
            Self::Undecided { .. } => None,
        }
    }

    /// Label, defect or code.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Pass { label, .. } => label,
            Self::Fail { reason, .. } => reason,
            Self::Undecided { code, .. } => code,
        }
    }

    #[must_use]
    pub fn undecided_by(failure: &Failure) -> Self {
        Self::Undecided {
            stage: failure.stage,
            blame: failure.blame,
            code: failure.code.name().to_owned(),
            detail: failure.to_string(),
        }
    }
}

/// What the stages gave to `decide`.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    pub answer: Option<&'a ModelAnswer>,
    pub findings: &'a [&'a Finding],
    pub failure: Option<&'a Failure>,
    pub failed_by_policy: bool,
}

/// Turns what the stages gave into a verdict. Pure: the same evidence gives the same verdict.
///
/// In this order: a failed plugin whose policy is `fail`; any other failure; findings that fail the part; findings
/// that leave it undecided; the model's top label against the thresholds. A missing answer is never a pass.
#[must_use]
pub fn decide(policy: &VerdictPolicy, evidence: &Evidence<'_>) -> Verdict {
    if let Some(failure) = evidence.failure {
        if evidence.failed_by_policy {
            return Verdict::Fail { reason: failure.code.name().to_owned(), score: 1.0 };
        }
        return Verdict::undecided_by(failure);
    }
    let raised = |labels: &[String]| {
        evidence.findings.iter().find(|finding| finding.raised && labels.contains(&finding.label)).copied()
    };
    if let Some(finding) = raised(&policy.fail_on) {
        return Verdict::Fail { reason: finding.label.clone(), score: finding.score };
    }
    if let Some(finding) = raised(&policy.undecided_on) {
        return Verdict::Undecided {
            stage: Stage::Detect,
            blame: Blame::Source,
            code: finding.label.clone(),
            detail: finding.text.clone().unwrap_or_else(|| format!("{} {:.3}", finding.label, finding.score)),
        };
    }
    by_label(policy, evidence.answer)
}

fn by_label(policy: &VerdictPolicy, answer: Option<&ModelAnswer>) -> Verdict {
    let Some((label, p)) = answer.and_then(ModelAnswer::top).filter(|(_, p)| p.is_finite()) else {
        let detail = "the model gave no finite probability";
        return Verdict::undecided_by(&Failure::new(Stage::Decide, Blame::Model, FailureCode::BadTensor, detail));
    };
    let passes = policy.pass_labels.iter().any(|good| good == label);
    let needed = if passes { policy.min_pass_probability } else { policy.min_fail_probability };
    if p < needed {
        return Verdict::Undecided {
            stage: Stage::Decide,
            blame: Blame::Model,
            code: "unsure".to_owned(),
            detail: format!("{label} at {p:.3}, {needed:.3} is needed"),
        };
    }
    if passes {
        Verdict::Pass { label: label.to_owned(), score: p }
    } else {
        Verdict::Fail { reason: label.to_owned(), score: p }
    }
}
