//! Who did what, for engineers and above.

use super::asked::Asked;
use super::pages::audit::{AuditView, content};
use super::pages::layout::{Tab, page};
use super::request::Visitor;
use super::serve::AdminState;
use super::users::ask;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Rows on one page.
const PAGE_ROWS: usize = 100;

#[derive(serde::Deserialize)]
pub struct AuditQuery {
    before: Option<i64>,
}

pub async fn show(visitor: Visitor, State(state): State<AdminState>, Asked(query): Asked<AuditQuery>) -> Response {
    let before = query.before;
    let read = ask(&state, move |access| {
        let ledger = access.ledger();
        Ok((ledger.audit_lines(before, PAGE_ROWS)?, ledger.verify_recent_audit()?))
    });
    let Ok((lines, verified)) = read.await else {
        return visitor.problem(&state, StatusCode::INTERNAL_SERVER_ERROR, "error.internal");
    };
    let older = lines.last().filter(|last| last.seq > 1).map(|last| last.seq);
    let view = AuditView { lines: &lines, verified: &verified, before: query.before, older };
    let content = content(visitor.lang, &view);
    page(&visitor.frame(&state), Some(Tab::Audit), visitor.lang.text("audit.title"), &content).into_response()
}
