use super::layout::{PageFrame, ms, utc};
use crate::admin::i18n::Lang;
use crate::deploy::DeployView;
use crate::domain::{DeployState, Deployment, Digest, QualityCheck, Role, ShadowReport, TrialReport};
use maud::{Markup, html};

/// What the page of deployments shows.
pub struct DeploymentsView<'a> {
    pub frame: &'a PageFrame,
    /// The newest first.
    pub deployments: &'a [Deployment],
    pub view: &'a DeployView,
    /// Name, version, digest.
    pub running: &'a (String, String, Digest),
    /// Why the last wish was not granted: its kind, and the detail.
    pub problem: Option<(&'a str, &'a str)>,
}

impl DeploymentsView<'_> {
    fn may_deploy(&self) -> bool {
        self.frame.identity.as_ref().is_some_and(|identity| identity.actor.role >= Role::Engineer)
    }
}

/// The whole page.
pub fn content(view: &DeploymentsView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    html! {
        h1 { (t("deployments.title")) }
        @if let Some((kind, detail)) = view.problem {
            p class="note fail" role="alert" { b { (t("deployments.refused")) " (" (kind) ")" } " " (detail) }
        }
        div class="stack" {
            (fragment(view))
            @if view.may_deploy() { (forms(view)) }
        }
    }
}

/// What changes while a deployment is on its way; it asks for itself again and again.
pub fn fragment(view: &DeploymentsView<'_>) -> Markup {
    let lang = view.frame.lang;
    let every = if view.view.in_progress { "every 1s" } else { "every 5s" };
    html! {
        div class="stack" id="deployments" hx-get="/deployments/progress" hx-trigger=(every) hx-swap="outerHTML" {
            @for alarm in &view.view.alarms { p class="note fail" role="alert" { (alarm) } }
            (running(view))
            @if let Some(newest) = view.deployments.first() { (one(lang, newest)) }
            (list(lang, view.deployments))
        }
    }
}

fn running(view: &DeploymentsView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let (name, version, digest) = view.running;
    html! {
        section class="panel" {
            h2 { (t("deployments.running")) }
            dl class="facts" {
                dt { (t("live.recipe")) } dd { b { (name) " " (version) } }
                dt { (t("detail.digest")) } dd class="mono" { (digest) }
                @if let Some(previous) = view.view.installed.and_then(|installed| installed.previous) {
                    dt { (t("deployments.previous")) } dd class="mono" { (previous) }
                } @else {
                    dt { (t("deployments.previous")) } dd class="dim" { (t("deployments.nothing-before")) }
                }
            }
        }
    }
}

fn forms(view: &DeploymentsView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let token = view.frame.identity.as_ref().and_then(|identity| identity.form_token.as_deref()).unwrap_or("");
    let action = format!("/deployments?csrf={}", super::layout::percent(token));
    html! {
        section class="panel" {
            h2 { (t("deployments.deploy")) }
            form class="filter" method="post" action=(action) enctype="multipart/form-data" {
                label { (t("deployments.reason")) input type="text" name="reason" maxlength="300"; }
                label class="check" { input type="checkbox" name="shadow" value="skip"; (t("deployments.skip-shadow")) }
                label { (t("deployments.bundle")) input type="file" name="bundle" accept=".assay" required; }
                button type="submit" { (t("deployments.deploy")) }
            }
        }
        section class="panel" {
            h2 { (t("deployments.roll-back")) }
            form class="filter" method="post" action="/deployments/rollback" {
                (view.frame.form_token())
                label { (t("deployments.reason")) input type="text" name="reason" maxlength="300"; }
                button type="submit" { (t("deployments.roll-back")) }
            }
        }
    }
}

/// The newest deployment with all that is known of it.
fn one(lang: Lang, deployment: &Deployment) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel" tabindex="0" {
            h2 { (t("deployments.newest")) " " (deployment.id) " " (badge(lang, deployment.state)) }
            p { (name_of(lang, deployment)) }
            ol class="states" {
                @for entered in &deployment.history {
                    li { (state_word(lang, entered.state)) " " span class="dim" { (utc(entered.at_us)) } }
                }
            }
            @if let Some(outcome) = &deployment.outcome { p class="note" { (outcome) } }
            @for note in &deployment.notes { p class="dim" { (note) } }
            @if !deployment.checks.is_empty() { (checks(lang, &deployment.checks)) }
            @if let Some(report) = &deployment.shadow { (shadow(lang, report)) }
            @if let Some(report) = &deployment.trial { (trial(lang, report)) }
        }
    }
}

fn checks(lang: Lang, checks: &[QualityCheck]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h3 { (t("deployments.qualification")) }
        table {
            thead { tr {
                th { (t("deployments.check")) } th { (t("deployments.asked")) } th { (t("deployments.found")) } th {}
            } }
            tbody { @for check in checks {
                tr {
                    td { (what_word(lang, &check.what)) } td { (asked_word(lang, &check.asked)) } td { (check.found) }
                    td { @if check.passed { (t("deployments.passed")) } @else { b class="fail" { (t("deployments.not-passed")) } } }
                }
            } }
        }
    }
}

/// What a check looked at, in the reader's language; the station writes it in English.
fn what_word(lang: Lang, what: &str) -> String {
    let words = [
        (QualityCheck::SIZE, "check.size"),
        (QualityCheck::LOAD_TIME, "check.load-time"),
        (QualityCheck::DEVICE, "check.device"),
        (QualityCheck::LATENCY, "check.latency"),
    ];
    if let Some((_, key)) = words.iter().find(|(word, _)| *word == what) {
        return lang.text(key).to_owned();
    }
    match what.strip_prefix(QualityCheck::SELF_TEST) {
        Some(picture) => format!("{}{picture}", lang.text("check.self-test")),
        None => what.to_owned(),
    }
}

fn asked_word(lang: Lang, asked: &str) -> String {
    asked
        .strip_prefix("at most ")
        .map_or_else(|| asked.to_owned(), |limit| format!("{} {limit}", lang.text("check.at-most")))
}

fn shadow(lang: Lang, report: &ShadowReport) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h3 { (t("deploy-state.shadow")) }
        dl class="facts" {
            dt { (t("live.total")) } dd { (report.frames) " / " (report.frames_wanted) }
            dt { (t("deployments.failures")) } dd { (report.failures) }
            dt { (t("deployments.timeouts")) } dd { (report.timeouts) }
            dt { (t("deployments.skipped")) } dd { (report.skipped) }
            dt { (t("deployments.disagreements")) } dd {
                @if report.disagreements.is_empty() { (t("deployments.none")) }
                @for (kind, count) in &report.disagreements { span class="mono" { (kind) } " " (count) br; }
            }
            @if !report.kept.is_empty() {
                dt { (t("deployments.frames")) }
                dd { @for kept in &report.kept {
                    a href={ "/inspections/" (kept.frame) } { (kept.frame) } " " span class="dim" { (kept.kind) } br;
                } }
            }
        }
    }
}

fn trial(lang: Lang, report: &TrialReport) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        h3 { (t("deploy-state.trial")) }
        dl class="facts" {
            dt { (t("live.total")) } dd { (report.frames) " / " (report.frames_wanted) }
            dt { (t("verdict.pass")) " / " (t("verdict.fail")) " / " (t("verdict.undecided")) }
            dd { (report.pass) " / " (report.fail) " / " (report.undecided) }
            dt { (t("deployments.failures")) } dd { (report.failures) }
            dt { (t("deployments.timeouts")) } dd { (report.timeouts) }
            dt { (t("live.p99")) } dd { (ms(report.p99_us)) }
            @if let Some(before) = report.rejected_before {
                dt { (t("deployments.rejected-before")) } dd { (format!("{:.0} %", before * 100.0)) }
            }
        }
    }
}

fn list(lang: Lang, deployments: &[Deployment]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        section class="panel scroll" tabindex="0" {
            h2 { (t("deployments.all")) }
            @if deployments.is_empty() { p class="dim" { (t("deployments.no-deployment")) } }
            @else {
                table class="list" {
                    thead { tr {
                        th class="num" { "#" } th { (t("deployments.bundle")) } th { (t("deployments.state")) }
                        th { (t("deployments.by")) } th { (t("deployments.reason")) } th { (t("deployments.when")) }
                    } }
                    tbody { @for deployment in deployments {
                        tr {
                            td class="num" { (deployment.id) }
                            td { (name_of(lang, deployment)) }
                            td { (badge(lang, deployment.state)) @if let Some(outcome) = &deployment.outcome { br; span class="dim" { (outcome) } } }
                            td { (deployment.actor) } td { (deployment.reason) }
                            td { (utc(deployment.received_at_us())) }
                        }
                    } }
                }
            }
        }
    }
}

fn name_of(lang: Lang, deployment: &Deployment) -> Markup {
    html! {
        @match &deployment.bundle {
            Some(bundle) => { (bundle.name) " " (bundle.version) " " span class="dim" { (bundle.kind) " " span class="mono" { (bundle.digest.short()) } } },
            None => span class="dim" { (lang.text("deployments.unknown")) },
        }
    }
}

fn badge(lang: Lang, state: DeployState) -> Markup {
    let class = match state {
        DeployState::Committed | DeployState::Stored => "badge pass",
        DeployState::Failed | DeployState::RolledBack => "badge fail",
        _ => "badge none",
    };
    html! { span class=(class) data-state=(state.name()) { (state_word(lang, state)) } }
}

fn state_word(lang: Lang, state: DeployState) -> &'static str {
    lang.text(match state {
        DeployState::Received => "deploy-state.received",
        DeployState::Verified => "deploy-state.verified",
        DeployState::Stored => "deploy-state.stored",
        DeployState::Compiled => "deploy-state.compiled",
        DeployState::Qualified => "deploy-state.qualified",
        DeployState::Shadow => "deploy-state.shadow",
        DeployState::Trial => "deploy-state.trial",
        DeployState::Committed => "deploy-state.committed",
        DeployState::RolledBack => "deploy-state.rolled-back",
        DeployState::Failed => "deploy-state.failed",
    })
}
