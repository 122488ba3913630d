//! What a deployment was asked and what was found, step by step as it passes them.

use crate::admin::i18n::Lang;
use crate::domain::{Deployment, QualityCheck};
use maud::{Markup, html};

/// Both tables of a deployment, as far as it has come.
pub fn steps(lang: Lang, deployment: &Deployment) -> Markup {
    let both = [("deployments.admission", &deployment.admission), ("deployments.qualification", &deployment.checks)];
    let both = both.map(|(key, checks)| (lang.text(key), checks));
    html! {
        @for (title, checks) in both {
            @if !checks.is_empty() { h3 { (title) } (table(lang, title, checks)) }
        }
    }
}

/// Checks with what was asked and found.
pub fn table(lang: Lang, title: &str, checks: &[QualityCheck]) -> Markup {
    let t = |key: &str| lang.text(key);
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(title) {
            table class="steps" {
                thead { tr {
                    th { (t("deployments.check")) } th { (t("deployments.asked")) } th { (t("deployments.found")) }
                    th { (t("deployments.result")) }
                } }
                tbody { @for check in checks { (row(lang, check)) } }
            }
        }
    }
}

fn row(lang: Lang, check: &QualityCheck) -> Markup {
    let (class, mark, word) = if check.passed {
        ("outcome pass", "✓", "deployments.passed")
    } else {
        ("outcome fail", "✗", "deployments.not-passed")
    };
    html! {
        tr data-check=(check.what) data-passed=(check.passed) {
            th scope="row" { (what_word(lang, &check.what)) }
            td { (asked_word(lang, check)) }
            td class="found" { (check.found) }
            td { span class=(class) { span aria-hidden="true" { (mark) " " } (lang.text(word)) } }
        }
    }
}

/// What a check looked at, in the reader's language; the station writes it in English.
fn what_word(lang: Lang, what: &str) -> String {
    if let Some(picture) = what.strip_prefix(QualityCheck::SELF_TEST) {
        return format!("{}{picture}", lang.text("check.self-test"));
    }
    let key = match what {
        QualityCheck::SIZE => "check.size",
        QualityCheck::LOAD_TIME => "check.load-time",
        QualityCheck::DEVICE => "check.device",
        QualityCheck::LATENCY => "check.latency",
        _ => match step(what) {
            Some((key, _)) => key,
            None => return what.to_owned(),
        },
    };
    lang.text(key).to_owned()
}

fn asked_word(lang: Lang, check: &QualityCheck) -> String {
    if let Some((_, key)) = step(&check.what) {
        return lang.text(key).to_owned();
    }
    let asked = &check.asked;
    let limit = asked.strip_prefix("at most ");
    limit.map_or_else(|| asked.clone(), |limit| format!("{} {limit}", lang.text("check.at-most")))
}

/// The texts of a step of the admission: its name, and what it asks. Who reads a step that this list does not have, as
/// one of a later version, reads it in English.
fn step(what: &str) -> Option<(&'static str, &'static str)> {
    Some(match what {
        "read" => ("step.read", "step.read-asked"),
        "size" => ("step.size", "step.size-asked"),
        "layout" => ("step.layout", "step.layout-asked"),
        "envelope" => ("step.envelope", "step.envelope-asked"),
        "signature" => ("step.signature", "step.signature-asked"),
        "payload" => ("step.payload", "step.payload-asked"),
        "manifest" => ("step.manifest", "step.manifest-asked"),
        "kind" => ("step.kind", "step.kind-asked"),
        "authority" => ("step.authority", "step.authority-asked"),
        "revocation" => ("step.revocation", "step.revocation-asked"),
        "expiry" => ("step.expiry", "step.expiry-asked"),
        "counter" => ("step.counter", "step.counter-asked"),
        "blobs" => ("step.blobs", "step.blobs-asked"),
        "trust-store" => ("step.trust-store", "step.trust-store-asked"),
        QualityCheck::MODEL => ("step.model", "step.model-asked"),
        QualityCheck::STORE => ("step.store", "step.store-asked"),
        QualityCheck::IMPORTS => ("step.imports", "step.imports-asked"),
        QualityCheck::COMPILE => ("step.compile", "step.compile-asked"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{step, table};
    use crate::admin::i18n::Lang;
    use crate::domain::QualityCheck;
    use crate::trust::Check;

    #[test]
    fn every_step_of_an_admission_has_its_texts() {
        let own =
            [QualityCheck::MODEL, QualityCheck::STORE, QualityCheck::IMPORTS, QualityCheck::COMPILE, "trust-store"];
        for what in Check::ALL.map(Check::name).into_iter().chain(own) {
            assert!(step(what).is_some(), "{what}");
        }
    }

    #[test]
    fn a_table_says_what_was_asked_and_found_in_words_and_lets_no_markup_through() {
        let check = |what: &str, asked: &str, passed: bool| QualityCheck {
            what: what.into(),
            asked: asked.into(),
            found: "<i>x</i>".into(),
            passed,
        };
        let checks = [
            check("signature", "by a trusted key in force", true),
            check("latency p95", "at most 90 ms", false),
            check("self-test a.png", "pass", true),
            check("<b>new", "<b>asked", true),
        ];
        let english = table(Lang::En, "T", &checks).into_string();
        for text in [
            "data-check=\"signature\" data-passed=\"true\"",
            "data-check=\"latency p95\" data-passed=\"false\"",
            "<td>at most 90 ms</td>",
            "Self-test a.png",
            "not passed",
            "&lt;i&gt;x&lt;/i&gt;",
            "<td>&lt;b&gt;asked</td>",
        ] {
            assert!(english.contains(text), "{text}: {english}");
        }
        let chinese = table(Lang::ZhCn, "T", &checks).into_string();
        for text in ["签名", "由有效的受信任密钥签名", "最多 90 ms", "未通过"] {
            assert!(chinese.contains(text), "{text}: {chinese}");
        }
        assert!(!chinese.contains("trusted key"));
    }
}
