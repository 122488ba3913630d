//! What somebody tried on this station, and what keeps them out: pictures that a detector takes for adversarial, bundles
//! that were refused, who is trusted, who signed in. Reading only.

mod squeeze;

pub use squeeze::Squeezer;

use super::asked::{Asked, Named};
use super::inspections::read;
use super::pages::layout::{Tab, page};
use super::pages::security::{SecurityView, Suspect, TrustView, content};
use super::request::Visitor;
use super::serve::AdminState;
use super::users::ask;
use crate::access::AccessError;
use crate::deploy::Deployer;
use crate::domain::{Digest, Finding, Inspection, with_causes};
use crate::journal::{AuditLine, AuditVerified, Filter, JournalError, Reader, Turn};
use crate::trust::{CounterError, Counters};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use squeeze::Shown;

/// Under this label detectors report pictures that look made to deceive the model.
pub const ADVERSARIAL: &str = "adversarial";
/// Pictures on the page.
const SUSPECTS: usize = 12;
/// Rows of each table.
const ROWS: usize = 30;
/// Where bundles are refused.
const BUNDLES: [&str; 2] = ["deployment-failed", "deploy"];
/// Who comes and goes, and who was not let in.
const SIGN_INS: [&str; 6] = ["sign-in", "sign-out", "set-up", "own-password", "request", "refusals-unlisted"];

/// What the station's records say.
struct Recorded {
    bundles: Vec<AuditLine>,
    sign_ins: Vec<AuditLine>,
    verified: AuditVerified,
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>) -> Response {
    let recorded = ask(&state, |access| {
        let ledger = access.ledger();
        let mut bundles = ledger.audit_lines_of(&BUNDLES, ROWS)?;
        bundles.retain(|line| line.refused.is_some());
        let sign_ins = ledger.audit_lines_of(&SIGN_INS, ROWS)?;
        Ok::<_, AccessError>(Recorded { bundles, sign_ins, verified: ledger.verify_recent_audit()? })
    });
    let recorded = recorded.await.ok();
    let suspects = read(&state, suspects).await;
    let trust = match &state.deployer {
        Some(deployer) => trust(deployer.clone()).await,
        None => Some(None),
    };
    let (Some(Recorded { bundles, sign_ins, verified }), Some(suspects), Some(trust)) = (recorded, suspects, trust)
    else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let view = SecurityView {
        lang: visitor.lang,
        suspects: &suspects,
        bundles: &bundles,
        trust: trust.as_ref(),
        sign_ins: &sign_ins,
        verified: &verified,
        now: jiff::Timestamp::now(),
    };
    let content = content(&view);
    page(&visitor.frame(&state), Some(Tab::Security), visitor.lang.text("security.title"), &content).into_response()
}

/// The newest inspections that a detector has flagged.
fn suspects(reader: &Reader) -> Result<Vec<Suspect>, JournalError> {
    let filter = Filter { finding: Some(ADVERSARIAL.to_owned()), ..Filter::default() };
    let mut suspects = Vec::new();
    for line in reader.search(&filter, &Turn::newest(SUSPECTS))?.lines {
        if let Some(entry) = reader.get_row(line.row)? {
            let picture = entry.inspection.picture.filter(|_| entry.picture_kept);
            suspects.push(suspect(&entry.inspection, picture));
        }
    }
    Ok(suspects)
}

fn suspect(inspection: &Inspection, picture: Option<Digest>) -> Suspect {
    let raised = inspection.findings().filter(|(_, finding)| finding.label == ADVERSARIAL && finding.raised);
    let findings: Vec<(String, Finding)> =
        raised.map(|(plugin, finding)| (plugin.to_owned(), finding.clone())).collect();
    let most = findings.iter().find_map(|(_, finding)| Squeezer::of_most_effect(finding)).unwrap_or(Squeezer::Median);
    Suspect {
        id: inspection.meta.id.to_string(),
        judged_at_us: inspection.judged_at_us,
        verdict: inspection.verdict.kind(),
        picture,
        squeezer: most,
        findings,
    }
}

/// Who may sign what, on a thread that may block: the counters are a file. None inside where they cannot be read.
async fn trust(deployer: Deployer) -> Option<Option<TrustView>> {
    let read = tokio::task::spawn_blocking(move || {
        let counters: Result<Counters, CounterError> = deployer.counters();
        let counters = counters.inspect_err(|error| {
            tracing::error!(error = with_causes(error), "the counters cannot be read");
        });
        TrustView { store: deployer.trust_store(), counters: counters.ok() }
    });
    match read.await {
        Ok(view) => Some(Some(view)),
        Err(error) => {
            tracing::error!(%error, "a look at the trust store panicked");
            None
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PictureQuery {
    by: Squeezer,
    show: Shown,
}

/// A stored picture after a squeezer, or what that changed in it; made when it is asked for.
pub async fn picture(
    State(state): State<AdminState>,
    Named(digest): Named,
    Asked(PictureQuery { by, show }): Asked<PictureQuery>,
) -> Response {
    let missing = || StatusCode::NOT_FOUND.into_response();
    let Ok(digest) = digest.parse::<Digest>() else { return missing() };
    let Some(turn) = state.take_turn().await else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let Some(Some(bytes)) = read(&state, move |reader| reader.picture(&digest)).await else { return missing() };
    let made = tokio::task::spawn_blocking(move || {
        let made = squeeze::made(&bytes, by, show);
        drop(turn);
        made
    });
    match made.await {
        Ok(Ok(png)) => {
            let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, max-age=3600")];
            (headers, png).into_response()
        }
        // A picture that was refused when it came in is kept, too.
        Ok(Err(error)) => {
            tracing::debug!(error = with_causes(&error), "a stored picture cannot be squeezed");
            missing()
        }
        Err(error) => {
            tracing::error!(%error, "squeezing a picture panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
