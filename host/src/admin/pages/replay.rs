//! Judging a stored frame again: the button, and what came of it.

use super::layout::{PageFrame, badge, ms};
use super::live::stage_word;
use crate::admin::replay::Refused;
use crate::deploy::Replayed;
use crate::domain::{Digest, Inspection, Recipe, Role, Stage};
use maud::{Markup, html};

/// The part of a frame's page that judges it again.
pub struct ReplayPanel<'p> {
    pub frame: &'p PageFrame,
    /// Where the form is sent.
    pub action: String,
    /// Text that says why there is nothing to judge; none where there is.
    pub missing: Option<&'static str>,
    /// None before somebody asked.
    pub outcome: Option<&'p Result<Replayed, Refused>>,
    /// What judges the line now.
    pub running: Option<&'p Recipe>,
}

impl ReplayPanel<'_> {
    pub fn draw(&self) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        let may = self.frame.identity.as_ref().is_some_and(|identity| identity.actor.role >= Role::Operator);
        html! {
            @if may || self.outcome.is_some() {
                section class="panel" id="replay" {
                    h2 { (t("detail.replay")) }
                    p class="dim" { (t("replay.what")) }
                    @match self.missing {
                        Some(missing) => p { (t(missing)) },
                        None if may => (self.form()),
                        None => {},
                    }
                    div id="replay-result" aria-live="polite" {
                        @match self.outcome {
                            None => {},
                            Some(Ok(replayed)) => (self.compared(replayed)),
                            Some(Err(refused)) => (self.refused(refused)),
                        }
                    }
                }
            }
        }
    }

    /// A form for everybody; with scripts only the result is put in, and the button stays where it is.
    fn form(&self) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        html! {
            form class="replay" method="post" action={ (self.action) "#replay" } hx-post=(self.action) hx-target="#replay-result"
                hx-select="#replay-result" hx-swap="outerHTML" hx-sync="this:drop" {
                (self.frame.form_token())
                button type="submit" { (t("replay.now")) }
                span class="waits" role="status" { (t("replay.waits")) }
            }
        }
    }

    fn refused(&self, refused: &Refused) -> Markup {
        let text = self.frame.lang.text(&format!("replay.err-{}", refused.code));
        html! {
            p class="wrong" role="alert" { (text) }
            p class="dim words" lang="en" { (refused.detail) }
        }
    }

    fn compared(&self, replayed: &Replayed) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        let Replayed { then, now, differences } = replayed;
        html! {
            @if differences.is_empty() { p class="note" role="status" { (t("replay.same")) } }
            @else { p class="wrong" role="status" { (t("replay.different")) " " (differences.len()) } }
            div class="scroll" tabindex="0" role="region" aria-label=(t("detail.replay")) {
                table class="compared" {
                    thead { tr { th { span class="dim" { (t("replay.compared")) } } th { (t("replay.then")) } th { (t("replay.again")) } } }
                    tbody {
                        tr { th scope="row" { (t("replay-what.verdict")) } td { (self.verdict(then)) } td { (self.verdict(now)) } }
                        tr { th scope="row" { (t("live.device")) } td { (device(then)) } td { (device(now)) } }
                        @for difference in differences {
                            tr class="differs" {
                                th scope="row" { (t(&format!("replay-what.{}", difference.what.name()))) @if let Some(of) = &difference.of { " " b { (of) } } }
                                td { (difference.then) } td { (difference.now) }
                            }
                        }
                        @for stage in stages(then, now) {
                            tr { th scope="row" { (stage_word(self.frame.lang, stage)) " " span class="dim" { "ms" } } td class="num" { (time(then, stage)) } td class="num" { (time(now, stage)) } }
                        }
                    }
                }
            }
            (self.recipes(now))
        }
    }

    fn verdict(&self, inspection: &Inspection) -> Markup {
        let verdict = &inspection.verdict;
        html! {
            (badge(self.frame.lang, verdict.kind())) " " (verdict.reason())
            @if let Some(score) = verdict.score() { " " (format!("{:.1} %", score * 100.0)) }
        }
    }

    /// What judged both times, and whether it is what judges the line now.
    fn recipes(&self, now: &Inspection) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        let named = |name: &str, version: &str, digest: Digest| {
            html! { (name) " " (version) " " span class="mono dim" { (digest.short()) } }
        };
        html! {
            dl class="facts" {
                dt { (t("replay.judged-with")) } dd { (named(&now.recipe, &now.recipe_version, now.recipe_digest)) }
                dt { (t("replay.running")) }
                dd {
                    @match self.running {
                        Some(recipe) if recipe.digest == now.recipe_digest => (t("replay.running-same")),
                        Some(recipe) => { (named(&recipe.name, &recipe.version, recipe.digest)) ". " (t("replay.running-other")) },
                        None => (t("policy.none")),
                    }
                }
            }
        }
    }
}

fn device(inspection: &Inspection) -> String {
    let device = inspection.answer.as_ref().map(|answer| &answer.device);
    device.map_or_else(|| "-".to_owned(), |device| format!("{} {}", device.backend, device.used))
}

/// Stages until the verdict that took time then or now. What comes behind was not done again.
fn stages(then: &Inspection, now: &Inspection) -> impl Iterator<Item = Stage> {
    let took = |one: &Inspection, stage: Stage| one.stages.iter().any(|time| time.stage == stage);
    Stage::ALL.into_iter().filter(move |stage| *stage <= Stage::Decide && (took(then, *stage) || took(now, *stage)))
}

fn time(inspection: &Inspection, stage: Stage) -> String {
    let time = inspection.stages.iter().find(|time| time.stage == stage);
    time.map_or_else(|| "-".to_owned(), |time| ms(time.micros))
}
