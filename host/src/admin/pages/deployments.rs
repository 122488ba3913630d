use super::deploy_forms;
use super::deploy_steps::steps;
use super::layout::{PageFrame, ms, utc};
use crate::admin::i18n::Lang;
use crate::deploy::DeployView;
use crate::domain::{DeployState, Deployment, Digest, Role, ShadowReport, TrialReport};
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
    /// Of a bundle that may be handed in.
    pub max_bundle_bytes: u64,
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
        link rel="stylesheet" href="/assets/deploy.css";
        script src="/assets/deploy.js" defer {}
        div class="stack" {
            @if view.may_deploy() { (deploy_forms::hand_in(view)) }
            (fragment(view))
            @if view.may_deploy() { (deploy_forms::roll_back(view)) }
        }
    }
}

/// What changes while a deployment is on its way; it asks for itself again and again.
pub fn fragment(view: &DeploymentsView<'_>) -> Markup {
    let lang = view.frame.lang;
    // `look` is asked for by the page's own script, while a bundle is verified.
    let every = if view.view.in_progress { "every 1s, look" } else { "every 5s, look" };
    html! {
        div class="stack" id="deployments" hx-get="/deployments/progress" hx-trigger=(every) hx-swap="outerHTML" {
            @for alarm in &view.view.alarms { p class="note fail" role="alert" { (alarm) } }
            (running(view))
            @if let Some(newest) = view.deployments.first() { (one(view, newest)) }
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

/// The newest deployment with all that is known of it.
fn one(view: &DeploymentsView<'_>, deployment: &Deployment) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    let ends = view.may_deploy() && view.view.in_progress && !deployment.state.is_settled();
    html! {
        section class="panel" tabindex="0" {
            h2 { (t("deployments.newest")) " " (deployment.id) " " (badge(lang, deployment.state)) }
            p { (name_of(lang, deployment)) }
            @if ends { (deploy_forms::cancel(view, deployment.id)) }
            ol class="states" {
                @for entered in &deployment.history {
                    li { (state_word(lang, entered.state)) " " span class="dim" { (utc(entered.at_us)) } }
                }
            }
            @if let Some(outcome) = &deployment.outcome { p class="note" { (outcome) } }
            @for note in &deployment.notes { p class="dim" { (note) } }
            (steps(lang, deployment))
            @if let Some(report) = &deployment.shadow { (shadow(lang, report)) }
            @if let Some(report) = &deployment.trial { (trial(lang, report)) }
        }
    }
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
