use super::layout::utc;
use crate::admin::i18n::Lang;
use crate::journal::{AuditFault, AuditLine, AuditVerified};
use maud::{Markup, html};

pub struct AuditView<'v> {
    /// Newest first.
    pub lines: &'v [AuditLine],
    pub verified: &'v AuditVerified,
    /// Where this page begins; none on the first.
    pub before: Option<i64>,
    /// Where the next page begins.
    pub older: Option<i64>,
}

pub fn content(lang: Lang, view: &AuditView<'_>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h1 { (t("audit.title")) }
        (chain(lang, view.verified))
        section class="panel scroll" tabindex="0" {
            @if view.lines.is_empty() {
                div class="empty" { b { (t("audit.empty")) } }
            } @else {
                table class="list tight" {
                    thead { tr {
                        th class="num" { (t("audit.row")) } th { (t("list.time")) } th { (t("audit.actor")) } th { (t("users.role")) }
                        th { (t("audit.action")) } th { (t("audit.target")) } th { (t("audit.outcome")) } th { (t("audit.reason")) }
                    } }
                    tbody { @for line in view.lines { (row(lang, line)) } }
                }
            }
        }
        nav class="pager" {
            @if view.before.is_some() { a class="button quiet" href="/audit" { (t("list.newest")) } }
            @if let Some(older) = view.older { a class="button" rel="next" href={ "/audit?before=" (older) } { (t("list.older")) } }
        }
    }
}

pub(super) fn chain(lang: Lang, verified: &AuditVerified) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class={ "panel chain " (if verified.fault.is_some() { "fail" } else { "pass" }) } {
            @if let Some(fault) = &verified.fault {
                b { (t("audit.broken")) } p { (t(fault_key(fault))) " " (fault.row()) }
            } @else {
                b { (t("audit.holds")) " (" (verified.rows) ")" }
            }
            p class="dim" { (t("audit.checkpoint")) " " span class="mono" { (verified.checkpoint) } }
        }
    }
}

fn row(lang: Lang, line: &AuditLine) -> Markup {
    html! {
        tr {
            td class="num" { (line.seq) }
            td class="time" { (utc(line.at_us)) }
            td { b { (line.actor) } " " span class="dim" { (lang.text(kind_key(&line.kind))) } }
            td { (role(lang, &line.role)) }
            td { code { (line.action) } }
            td class="words" { (line.target) }
            td {
                @if let Some(code) = &line.refused {
                    span class="badge fail" { (lang.text("audit.refused")) } " " code { (code) }
                } @else { (lang.text("audit.done")) }
            }
            td class="words" { (line.reason.as_deref().unwrap_or("")) }
        }
    }
}

const fn fault_key(fault: &AuditFault) -> &'static str {
    match fault {
        AuditFault::Gap { .. } => "audit.fault-gap",
        AuditFault::Changed { .. } => "audit.fault-changed",
        AuditFault::CutOff { .. } => "audit.fault-cut-off",
        AuditFault::Rewritten { .. } => "audit.fault-rewritten",
        AuditFault::Unreadable { .. } => "audit.fault-unreadable",
    }
}

fn kind_key(kind: &str) -> &'static str {
    match kind {
        "user" => "audit.kind-user",
        "token" => "audit.kind-token",
        "local" => "audit.kind-local",
        _ => "audit.kind-unknown",
    }
}

fn role(lang: Lang, role: &str) -> &'static str {
    role.parse().map_or("", |role| super::layout::role_word(lang, role))
}
