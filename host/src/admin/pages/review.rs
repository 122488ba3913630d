//! What people say of parts: the form, the history, the queue.

use super::kit;
use super::layout::{PageFrame, badge, shape, utc};
use super::list::ListRow;
use crate::admin::draft::Draft;
use crate::admin::i18n::Lang;
use crate::admin::review::Queue;
use crate::domain::{FrameId, Role, VerdictKind};
use crate::journal::{MAX_LABEL_CHARS, MAX_REASON_CHARS, Review, Reviewed};
use maud::{Markup, html};

/// What a part is, in a reviewer's words.
#[must_use]
pub fn truth_word(lang: Lang, truth: VerdictKind) -> &'static str {
    match truth {
        VerdictKind::Pass => lang.text("review.good"),
        VerdictKind::Fail => lang.text("review.defective"),
        VerdictKind::Undecided => lang.text("review.unclear"),
    }
}

/// What the reviews of a part come to, as a badge.
#[must_use]
pub fn said(lang: Lang, reviewed: &Reviewed) -> Markup {
    let kind = reviewed.verdict;
    html! {
        span class={ "badge review " (kind.name()) } title=(lang.text("review.said")) { (shape(kind)) (truth_word(lang, kind)) }
        @if reviewed.is_disputed() { " " span class="badge undecided" { (lang.text("review.disputed")) } }
    }
}

/// The reviews of one part with the form for another.
pub struct Panel<'p> {
    pub frame: &'p PageFrame,
    pub id: &'p FrameId,
    pub reviews: &'p [Review],
    pub draft: &'p Draft,
    /// Labels that the model knows.
    pub labels: &'p [String],
    /// Text of what was wrong with the form.
    pub wrong: Option<String>,
}

impl Panel<'_> {
    pub fn draw(&self) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        let may = self.frame.identity.as_ref().is_some_and(|identity| identity.actor.role >= Role::Operator);
        html! {
            section class="panel" id="review" {
                h2 { (t("review.title")) }
                @if let Some(wrong) = &self.wrong { p class="wrong" role="alert" { (wrong) } }
                (self.history())
                @if may { (self.form()) }
            }
        }
    }

    fn history(&self) -> Markup {
        let lang = self.frame.lang;
        html! {
            @if self.reviews.is_empty() { p class="dim" { (lang.text("review.none")) } }
            @else {
                table class="tight" { tbody { @for review in self.reviews {
                    tr {
                        td class="time" { (utc(review.at_us)) }
                        td { b { (review.reviewer) } }
                        td { span class={ "badge " (review.verdict.name()) } { (shape(review.verdict)) (truth_word(lang, review.verdict)) } }
                        td { (review.label.as_deref().unwrap_or("")) }
                        td class="words" { (review.reason.as_deref().unwrap_or("")) }
                    }
                } } }
            }
        }
    }

    fn form(&self) -> Markup {
        let t = |key: &str| self.frame.lang.text(key);
        let seen = self.reviews.last().map_or(0, |review| review.row);
        html! {
            form class="review" method="post" action={ "/inspections/" (self.id) "/reviews" } {
                (self.frame.form_token())
                input type="hidden" name="seen" value=(seen);
                input type="hidden" name="back" value=(self.draft.back);
                fieldset {
                    legend { (t("review.what")) }
                    @for kind in [VerdictKind::Pass, VerdictKind::Fail, VerdictKind::Undecided] {
                        label class={ "pick " (kind.name()) } {
                            input type="radio" name="verdict" value=(kind.name()) required checked[self.draft.verdict == kind.name()];
                            (shape(kind)) (truth_word(self.frame.lang, kind))
                        }
                    }
                }
                label { (t("review.label"))
                    input type="text" name="label" list="labels" value=(self.draft.label) maxlength=(MAX_LABEL_CHARS) autocomplete="off";
                }
                datalist id="labels" { @for label in self.labels { option value=(label) {} } }
                label class="wide" { (t("review.reason")) " " span class="dim" { (t("review.reason-when")) }
                    input type="text" name="reason" value=(self.draft.reason) maxlength=(MAX_REASON_CHARS) autocomplete="off";
                }
                button type="submit" { (t("review.send")) }
            }
        }
    }
}

/// What the queue shows.
pub struct QueueView<'q> {
    pub frame: &'q PageFrame,
    pub queue: Queue,
    pub rows: &'q [ListRow],
    /// Address of what comes behind these.
    pub older: Option<String>,
    pub stopped: bool,
    pub labels: &'q [String],
    /// One in so many passes is drawn.
    pub note: Option<String>,
}

pub fn queue(view: &QueueView<'_>) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    html! {
        (kit())
        h1 { (t("queue.title")) }
        nav class="tabs" aria-label=(t("queue.title")) {
            @for queue in Queue::ALL {
                a href={ "/review?queue=" (queue.name()) } aria-current=[(queue == view.queue).then_some("page")] { (t(&format!("queue.{}", queue.name()))) }
            }
        }
        p class="dim" { (t(&format!("queue.{}-hint", view.queue.name()))) }
        @if let Some(note) = &view.note { p class="dim" { (note) } }
        @if view.rows.is_empty() {
            section class="panel" { div class="empty" {
                b { (t(if view.stopped { "list.none-yet" } else { "queue.empty" })) }
            } }
        } @else {
            div class="cards" data-cards { @for row in view.rows { (card(view, row)) } }
        }
        datalist id="labels" { @for label in view.labels { option value=(label) {} } }
        nav class="pager" {
            @if let Some(older) = &view.older { a class="button" rel="next" href=(older) { (t(if view.stopped { "list.continue" } else { "list.older" })) } }
        }
        p class="dim keys" { (t("queue.keys")) }
    }
}

/// A part to look at. It shows what the station said, and nothing of what other people said.
fn card(view: &QueueView<'_>, row: &ListRow) -> Markup {
    let lang = view.frame.lang;
    let t = |key: &str| lang.text(key);
    let name = row.serial.as_deref().or(row.origin.as_deref()).unwrap_or("");
    let seen = row.reviewed.as_ref().map_or(0, |reviewed| reviewed.latest);
    html! {
        article class={ "part edge-" (row.verdict.name()) } tabindex="0" data-station=(row.verdict.name()) aria-label=(row.id) {
            a class="shot" href={ "/inspections/" (row.id) } {
                @if let Some(digest) = row.picture { img src={ "/pictures/" (digest) } alt=(name) loading="lazy"; }
                @else { span class="no-picture" { (t("list.no-picture")) } }
            }
            p { (badge(lang, row.verdict)) " " b { (row.reason) } @if let Some(score) = row.score { " " (format!("{:.1} %", score * 100.0)) } }
            p class="dim" { (name) " " span class="mono" { (row.id) } }
            form method="post" action={ "/inspections/" (row.id) "/reviews" } {
                (view.frame.form_token())
                input type="hidden" name="seen" value=(seen);
                input type="hidden" name="back" value={ "/review?queue=" (view.queue.name()) };
                input type="text" name="label" list="labels" maxlength=(MAX_LABEL_CHARS) placeholder=(t("review.label")) aria-label=(t("review.label")) autocomplete="off";
                input type="text" name="reason" maxlength=(MAX_REASON_CHARS) placeholder=(t("review.reason")) aria-label=(t("review.reason")) autocomplete="off";
                div class="answers" {
                    @for (kind, key) in [(VerdictKind::Pass, "G"), (VerdictKind::Fail, "D"), (VerdictKind::Undecided, "U")] {
                        button class={ "answer " (kind.name()) } type="submit" name="verdict" value=(kind.name()) data-key=(key) {
                            (shape(kind)) (truth_word(lang, kind)) " " kbd { (key) }
                        }
                    }
                }
            }
        }
    }
}
