//! Handing a bundle in, and taking a deployment back. Both work without scripts; `deploy.js` adds dropping a file, how
//! far the upload is, and a way to end it.

use super::deployments::DeploymentsView;
use super::layout::{bytes, percent};
use maud::{Markup, html};

pub fn hand_in(view: &DeploymentsView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    let token = view.frame.identity.as_ref().and_then(|identity| identity.form_token.as_deref()).unwrap_or("");
    let action = format!("/deployments?csrf={}", percent(token));
    html! {
        section class="panel" {
            h2 { (t("deployments.deploy")) }
            form id="hand-in" method="post" action=(action) enctype="multipart/form-data"
                data-token=(token) data-max=(view.max_bundle_bytes)
                data-one=(t("upload.one")) data-large=(t("upload.large")) data-kind=(t("upload.kind"))
                data-sending=(t("upload.sending")) data-checking=(t("upload.checking"))
                data-received=(t("upload.received")) data-broken=(t("upload.broken")) data-ended=(t("upload.ended")) {
                div class="drop" {
                    label { (t("deployments.bundle")) input type="file" name="bundle" accept=".assay" required; }
                    p class="hint dim" {
                        span class="drop-hint" hidden { (t("upload.drop")) " " }
                        (t("upload.at-most")) " " (bytes(view.max_bundle_bytes))
                    }
                }
                div class="filter" {
                    label { (t("deployments.reason")) input type="text" name="reason" maxlength="300"; }
                    label class="check" {
                        input type="checkbox" name="shadow" value="skip"; (t("deployments.skip-shadow"))
                    }
                    button type="submit" { (t("deployments.deploy")) }
                }
                div class="upload" hidden {
                    progress max="1" value="0" aria-label=(t("upload.progress")) {}
                    button type="button" class="quiet" { (t("upload.end")) }
                }
                p class="told" role="status" {}
                p class="refused" role="alert" {}
            }
        }
    }
}

pub fn roll_back(view: &DeploymentsView<'_>) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    html! {
        section class="panel" {
            h2 { (t("deployments.roll-back")) }
            form class="filter" method="post" action="/deployments/rollback" {
                (view.frame.form_token())
                label { (t("deployments.reason")) input type="text" name="reason" maxlength="300"; }
                label class="check" { input type="checkbox" required; (t("deployments.sure")) }
                button type="submit" { (t("deployments.roll-back")) }
            }
        }
    }
}

/// Ends this deployment, where it is under way still. Nothing is lost by it, so that it asks nothing.
pub fn cancel(view: &DeploymentsView<'_>, id: u64) -> Markup {
    let t = |key: &str| view.frame.lang.text(key);
    html! {
        form class="cancel" method="post" action="/deployments/rollback" {
            (view.frame.form_token())
            input type="hidden" name="reason" value=(t("deployments.cancel-reason"));
            input type="hidden" name="deployment" value=(id);
            button id="cancel-deployment" class="quiet" type="submit" { (t("deployments.cancel")) }
        }
    }
}
