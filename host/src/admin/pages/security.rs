//! What somebody tried, and what keeps them out.

use super::audit::chain;
use super::layout::{badge, utc};
use crate::admin::i18n::Lang;
use crate::admin::security::Squeezer;
use crate::domain::{Digest, Finding, VerdictKind};
use crate::journal::{AuditLine, AuditVerified};
use crate::trust::{BundleKind, Counters, Severity, TrustStore, TrustedKey};
use jiff::Timestamp;
use maud::{Markup, html};
use std::sync::Arc;

/// A picture that a detector takes for adversarial.
pub struct Suspect {
    pub id: String,
    pub judged_at_us: i64,
    pub verdict: VerdictKind,
    /// None where it is not kept any more.
    pub picture: Option<Digest>,
    /// The one whose copy is shown.
    pub squeezer: Squeezer,
    pub findings: Vec<(String, Finding)>,
}

/// Who may sign what.
pub struct TrustView {
    pub store: Arc<TrustStore>,
    /// None where their file cannot be read.
    pub counters: Option<Counters>,
}

pub struct SecurityView<'v> {
    pub lang: Lang,
    pub suspects: &'v [Suspect],
    pub bundles: &'v [AuditLine],
    /// None where the station takes no bundles.
    pub trust: Option<&'v TrustView>,
    pub sign_ins: &'v [AuditLine],
    pub verified: &'v AuditVerified,
    pub now: Timestamp,
}

pub fn content(view: &SecurityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        link rel="stylesheet" href="/assets/report.css";
        h1 { (t("security.title")) }
        section class="panel" {
            h2 { (t("security.suspects")) }
            @if view.suspects.is_empty() { p { (t("security.no-suspects")) } }
            @else {
                p class="dim" { (t("security.suspects-hint")) " " a href="/inspections?finding=adversarial" { (t("security.all")) } }
                div class="suspects" { @for one in view.suspects { (suspect(view.lang, one)) } }
            }
        }
        section class="panel scroll" tabindex="0" { h2 { (t("security.bundles")) } (bundles(view)) }
        @match view.trust {
            Some(trust) => { (trusted(view, trust)) }
            None => { section class="panel" { h2 { (t("security.trust")) } p { (t("security.no-trust")) } } }
        }
        section class="panel scroll" tabindex="0" { h2 { (t("security.sign-ins")) } (sign_ins(view)) }
        h2 { (t("audit.title")) }
        (chain(view.lang, view.verified))
        p { a href="/audit" { (t("security.audit")) } }
    }
}

fn suspect(lang: Lang, one: &Suspect) -> Markup {
    let t = |key: &str| lang.text(key);
    let name = t(squeezer_key(one.squeezer));
    html! {
        article class="suspect" {
            h3 { a href={ "/inspections/" (one.id) } class="mono" { (one.id) } (badge(lang, one.verdict)) span class="dim" { (utc(one.judged_at_us)) } }
            @if let Some(digest) = one.picture {
                @let made = format!("/security/pictures/{digest}?by={}&show=", one.squeezer.name());
                div class="shots" {
                    (figure(&format!("/pictures/{digest}"), t("security.original")))
                    (figure(&format!("{made}squeezed"), name))
                    (figure(&format!("{made}difference"), t("security.difference")))
                }
                p class="dim" { (t("security.others"))
                    @for by in Squeezer::ALL { @if by != one.squeezer {
                        " " a href={ "/security/pictures/" (digest) "?by=" (by.name()) "&show=difference" } { (t(squeezer_key(by))) }
                    } }
                }
            } @else { p class="dim" { (t("list.no-picture")) } }
            @for (plugin, finding) in &one.findings {
                p {
                    b { (plugin) } " " (t("security.score")) " " (format!("{:.3}", finding.score))
                    @for (key, value) in &finding.attributes { " · " span class="dim" { (key) } " " (value) }
                }
            }
        }
    }
}

fn figure(src: &str, caption: &str) -> Markup {
    html! { figure { img src=(src) alt=(caption) width="224" height="224" loading="lazy"; figcaption { (caption) } } }
}

const fn squeezer_key(by: Squeezer) -> &'static str {
    match by {
        Squeezer::Bits => "security.by-bits",
        Squeezer::Median => "security.by-median",
        Squeezer::Jpeg => "security.by-jpeg",
    }
}

fn bundles(view: &SecurityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        @if view.bundles.is_empty() { p { (t("security.no-bundles")) } }
        @else {
            table {
                thead { tr { th { (t("list.time")) } th { (t("security.check")) } th { (t("audit.target")) } th { (t("audit.reason")) } th { (t("audit.actor")) } } }
                tbody { @for line in view.bundles { tr {
                    td { (utc(line.at_us)) } td { code { (line.refused.as_deref().unwrap_or("")) } }
                    td class="words" { (line.target) } td class="words" { (line.reason.as_deref().unwrap_or("")) } td { (line.actor) }
                } } }
            }
        }
    }
}

fn trusted(view: &SecurityView<'_>, trust: &TrustView) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let store = &trust.store;
    html! {
        section class="panel scroll" tabindex="0" {
            h2 { (t("security.trust")) }
            table {
                thead { tr { th { (t("security.key")) } th { (t("security.may-sign")) } th { (t("security.not-after")) } th { (t("security.comment")) } } }
                tbody { @for key in store.keys() { (key_row(view, store, key)) } }
            }
            p { (t("security.thresholds")) ": " @for kind in BundleKind::ALL { code { (kind) " " (store.thresholds().of(kind)) } " " } }
            (revoked(view.lang, store))
            h3 { (t("security.counters")) }
            (counters(view.lang, trust.counters.as_ref()))
        }
    }
}

fn key_row(view: &SecurityView<'_>, store: &TrustStore, key: &TrustedKey) -> Markup {
    let t = |key: &str| view.lang.text(key);
    let id = key.public.id();
    let expired = key.not_after.is_some_and(|end| end < view.now);
    html! {
        tr {
            td { span class="mono" { (id) } @if store.key_revocation(id).is_some() { " " span class="badge fail" { (t("security.revoked")) } } }
            td { @for role in &key.roles { code { (role) } " " } }
            td { @match key.not_after { Some(end) => { (end.strftime("%Y-%m-%d %H:%M")) @if expired { " " span class="badge undecided" { (t("security.expired")) } } } None => { (t("security.no-end")) } } }
            td class="words" { (key.comment.as_deref().unwrap_or("")) }
        }
    }
}

fn revoked(lang: Lang, store: &TrustStore) -> Markup {
    let t = |key: &str| lang.text(key);
    let word = |severity: Severity| match severity {
        Severity::BlockNew => t("security.block-new"),
        Severity::Stop => t("security.stop"),
    };
    let keys = store.revoked_keys().iter().map(|one| (one.id.to_string(), one.severity, &one.reason));
    let bundles = store.revoked_bundles().iter().map(|one| (one.bundle.to_string(), one.severity, &one.reason));
    let all: Vec<_> = keys.chain(bundles).collect();
    html! {
        h3 { (t("security.revocations")) }
        @if all.is_empty() { p { (t("security.no-revocations")) } }
        @else { table { tbody { @for (what, severity, reason) in &all { tr {
            td class="mono words" { (what) } td { (word(*severity)) } td class="words" { (reason) }
        } } } } }
    }
}

fn counters(lang: Lang, counters: Option<&Counters>) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        @match counters {
            None => { p class="note fail" role="alert" { (t("security.counters-unreadable")) } }
            Some(counters) => {
                @if counters.marks().next().is_none() { p { (t("security.no-counters")) } }
                @else { table { tbody { @for (kind, name, counter) in counters.marks() { tr { td { (kind) } td { (name) } td class="num" { (counter) } } } } } }
                p class="dim" { (t("security.latest-time")) " " (counters.latest_time().strftime("%Y-%m-%d %H:%M:%S")) }
            }
        }
    }
}

fn sign_ins(view: &SecurityView<'_>) -> Markup {
    let t = |key: &str| view.lang.text(key);
    html! {
        @if view.sign_ins.is_empty() { p { (t("security.no-sign-ins")) } }
        @else {
            table {
                thead { tr { th { (t("list.time")) } th { (t("audit.actor")) } th { (t("audit.action")) } th { (t("audit.target")) } th { (t("audit.outcome")) } } }
                tbody { @for line in view.sign_ins { tr {
                    td { (utc(line.at_us)) } td { (line.actor) } td { code { (line.action) } } td class="words" { (line.target) }
                    td { @match &line.refused { Some(code) => { span class="badge fail" { (t("audit.refused")) " " code { (code) } } } None => { (t("audit.done")) } } }
                } } }
            }
        }
    }
}
