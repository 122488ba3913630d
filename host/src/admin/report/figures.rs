//! A report as data: what the page draws and the API gives.

use super::wish::Asked;
use crate::domain::{Alarm, Deployment, Digest, ShiftPlan};
use crate::journal::{
    AuditLine, Counts, DriftSummary, JournalError, Latency, Ledger, LedgerError, Reader, Reason, Reasons, SpanFigures,
    SpanUs, Undecided,
};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// For all that is counted in the journal. Whoever waits for a turn meanwhile is told to come again sooner.
const FIGURES_LIMIT: Duration = Duration::from_secs(15);
/// Alarms, and changes, of one report.
const MOST_ROWS: usize = 200;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("the journal cannot be read")]
    Journal(#[from] JournalError),
    #[error("the station's records cannot be read")]
    Ledger(#[from] LedgerError),
}

/// What a shift, or another span, came to. What was not measured is null.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportJson {
    pub station: String,
    pub span: SpanJson,
    pub counts: CountsJson,
    /// Triggers without a record.
    pub lost: u64,
    /// Passes of all frames, 0 to 1; null where nothing was judged.
    pub pass_share: Option<f64>,
    pub rejects: RejectsJson,
    pub undecided: UndecidedJson,
    /// By stage, the whole last; of the newest frames of the span, `frames` of them.
    pub latency: Vec<LatencyJson>,
    pub drift: Vec<DriftJson>,
    /// What stood at any time of the span, the newest first; at most 200.
    pub alarms: Vec<Alarm>,
    /// Deployments that entered a state within the span, the newest first; at most 200.
    pub deployments: Vec<DeploymentJson>,
    /// What people said within the span, by what they say the part is.
    pub reviews: CountsJson,
    /// Other changes, the newest first, at most 200; null for who may not read the audit log.
    pub changes: Option<Vec<AuditJson>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SpanJson {
    /// Microseconds since 1970, UTC; the end is not included.
    pub from_us: i64,
    pub to_us: i64,
    /// The day and the shift, where it is of one.
    pub date: Option<String>,
    pub shift: Option<String>,
    /// By whose clock shifts begin.
    pub time_zone: String,
    /// False while the span is not over.
    pub ended: bool,
    /// Not told: the answer would never be the same as before.
    #[serde(skip)]
    pub made_at_us: i64,
}

#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct CountsJson {
    pub total: u64,
    pub pass: u64,
    pub fail: u64,
    pub undecided: u64,
}

/// Why parts were rejected.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectsJson {
    /// Rejects that were looked at: the newest ones, at most 200,000.
    pub of: u64,
    /// The most frequent first, at most 20.
    pub reasons: Vec<ReasonJson>,
    /// Rejects for other reasons.
    pub others: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonJson {
    pub label: String,
    pub count: u64,
    /// Of the rejects that were looked at, 0 to 1.
    pub share: f64,
    /// Together with all before it.
    pub cumulative: f64,
    /// The newest such frame whose picture is still kept, and the picture.
    pub example: Option<String>,
    pub picture: Option<Digest>,
}

/// Frames without a verdict.
#[derive(Debug, Serialize, ToSchema)]
pub struct UndecidedJson {
    /// Undecided frames that were looked at: the newest ones, at most 200,000.
    pub of: u64,
    /// The most frequent first, at most 20.
    pub by: Vec<UndecidedByJson>,
    pub others: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UndecidedByJson {
    pub stage: String,
    pub blame: String,
    pub code: String,
    pub count: u64,
}

/// Exact percentiles of a stage.
#[derive(Debug, Serialize, ToSchema)]
pub struct LatencyJson {
    /// Null: all stages together.
    #[schema(value_type = Option<String>)]
    pub stage: Option<&'static str>,
    pub frames: u64,
    pub p50_us: u64,
    pub p95_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

/// What a monitor said of one series.
#[derive(Debug, Serialize, ToSchema)]
pub struct DriftJson {
    pub plugin: String,
    pub feature: String,
    pub statistic: String,
    /// The newest reports of the span that were looked at, at most 5,000, and those of them that report drift.
    pub reports: u64,
    pub drifted: u64,
    /// The newest, the highest, and where drift begins; null where the monitor had no number.
    pub value: Option<f64>,
    pub highest: Option<f64>,
    pub threshold: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DeploymentJson {
    pub id: u64,
    /// Kind, name and version; null for a bundle that was not verified.
    pub bundle: Option<String>,
    /// Where it stands now.
    #[schema(value_type = crate::domain::DeployState)]
    pub state: &'static str,
    pub actor: String,
    pub reason: String,
    pub outcome: Option<String>,
    pub received_at_us: i64,
}

/// A row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditJson {
    pub at_us: i64,
    pub actor: String,
    pub role: String,
    pub action: String,
    pub target: String,
    pub reason: Option<String>,
}

/// Where a report is read from.
pub struct Sources<'s> {
    pub station: &'s str,
    pub journal: &'s Reader,
    pub ledger: &'s Ledger,
}

/// What a report is of, and for whom.
pub struct Of<'o> {
    pub asked: &'o Asked,
    pub shifts: &'o ShiftPlan,
    pub now_us: i64,
    pub with_audit: bool,
}

/// Makes a report; may take seconds.
///
/// # Errors
/// When the journal or the station's records cannot be read.
pub fn make(sources: &Sources<'_>, of: &Of<'_>) -> Result<ReportJson, ReportError> {
    let span = of.asked.span;
    let SpanFigures { counts, lost, reasons, undecided, latencies, drift, reviews } =
        sources.journal.figures(span, FIGURES_LIMIT)?;
    let ledger = sources.ledger;
    let changes = of.with_audit.then(|| ledger.changes_within(span, MOST_ROWS)).transpose()?;
    Ok(ReportJson {
        station: sources.station.to_owned(),
        span: span_json(of),
        counts: counts.into(),
        lost,
        pass_share: share(counts.pass, counts.total()),
        rejects: rejects(reasons),
        undecided: undecided_json(undecided),
        latency: latencies.into_iter().map(LatencyJson::from).collect(),
        drift: drift.into_iter().map(DriftJson::from).collect(),
        alarms: ledger.alarms_within(span, MOST_ROWS)?,
        deployments: ledger.deployments_within(span, MOST_ROWS)?.into_iter().map(DeploymentJson::from).collect(),
        reviews: reviews.into(),
        changes: changes.map(|lines| lines.into_iter().map(AuditJson::from).collect()),
    })
}

fn span_json(of: &Of<'_>) -> SpanJson {
    let Asked { span: SpanUs { from_us, to_us }, date, shift } = of.asked;
    SpanJson {
        from_us: *from_us,
        to_us: *to_us,
        date: date.map(|date| date.to_string()),
        shift: shift.as_ref().map(|shift| shift.name.clone()),
        time_zone: of.shifts.zone_name().to_owned(),
        ended: *to_us <= of.now_us,
        made_at_us: of.now_us,
    }
}

/// None of nothing.
fn share(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}

fn rejects(Reasons { of, ranked }: Reasons) -> RejectsJson {
    let mut counted = 0;
    let reasons: Vec<ReasonJson> = ranked
        .into_iter()
        .map(|Reason { label, count, example }| {
            counted += count;
            ReasonJson {
                label,
                count,
                share: share(count, of).unwrap_or(0.0),
                cumulative: share(counted, of).unwrap_or(0.0),
                picture: example.as_ref().and_then(|line| line.picture),
                example: example.map(|line| line.id.to_string()),
            }
        })
        .collect();
    RejectsJson { of, reasons, others: of.saturating_sub(counted) }
}

fn undecided_json(Undecided { of, ranked }: Undecided) -> UndecidedJson {
    let counted: u64 = ranked.iter().map(|one| one.count).sum();
    let by = ranked.into_iter().map(|one| UndecidedByJson {
        stage: one.stage,
        blame: one.blame,
        code: one.code,
        count: one.count,
    });
    UndecidedJson { of, by: by.collect(), others: of.saturating_sub(counted) }
}

impl From<Counts> for CountsJson {
    fn from(counts: Counts) -> Self {
        let total = counts.total();
        let Counts { pass, fail, undecided } = counts;
        Self { total, pass, fail, undecided }
    }
}

impl From<Latency> for LatencyJson {
    fn from(Latency { stage, frames, p50_us, p95_us, p99_us, max_us }: Latency) -> Self {
        Self { stage: stage.map(|stage| stage.name()), frames, p50_us, p95_us, p99_us, max_us }
    }
}

impl From<DriftSummary> for DriftJson {
    fn from(one: DriftSummary) -> Self {
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        Self {
            plugin: one.plugin,
            feature: one.feature,
            statistic: one.statistic,
            reports: one.reports,
            drifted: one.drifted,
            value: finite(one.value),
            highest: finite(one.highest),
            threshold: finite(one.threshold),
        }
    }
}

impl From<Deployment> for DeploymentJson {
    fn from(one: Deployment) -> Self {
        Self {
            id: one.id,
            received_at_us: one.received_at_us(),
            bundle: one.bundle.map(|bundle| bundle.to_string()),
            state: one.state.name(),
            actor: one.actor,
            reason: one.reason,
            outcome: one.outcome,
        }
    }
}

impl From<AuditLine> for AuditJson {
    fn from(line: AuditLine) -> Self {
        let AuditLine { at_us, actor, role, action, target, reason, .. } = line;
        Self { at_us, actor, role, action, target, reason }
    }
}
