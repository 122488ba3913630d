//! From the bytes of a bundle to code that is ready to judge: every step is shown as it passes, with what was asked
//! and found, and the first that does not pass is the last one.

use super::book::Book;
use super::desk::Shared;
use super::staging::shelve;
use super::workshop::Ready;
use crate::config::check_model;
use crate::domain::{DeployState, PluginUse, QualityCheck, with_causes};
use crate::trust::{BundleKind, Check, TrustError, VerifiedBundle, VerifyPolicy, verify_telling};
use std::time::Duration;

const ASKED_COMPILE: &str = "plugins admitted, model loaded";

/// Why a bundle is not taken in: the check, and what it found.
pub struct Refusal {
    pub check: &'static str,
    pub asked: &'static str,
    pub detail: String,
}

impl Refusal {
    fn of(check: &'static str, detail: String) -> Self {
        Self { check, asked: asked_of(check), detail }
    }
}

/// What is asked by the checks that are the desk's own.
fn asked_of(check: &str) -> &'static str {
    match check {
        QualityCheck::MODEL => "a model that a backend may read",
        QualityCheck::STORE => "room among the bundles",
        // Of the station's own files, before the bundle is looked at.
        _ => "a file that can be read",
    }
}

impl From<TrustError> for Refusal {
    fn from(error: TrustError) -> Self {
        let check = error.check();
        Self { check: check.name(), asked: check.asked(), detail: with_causes(&error) }
    }
}

impl Shared {
    /// Verifies what comes in with the trust store as it is on the disk now: what was revoked a moment ago is refused.
    pub fn verify_new(&self, bytes: &[u8], book: &mut Book) -> Result<VerifiedBundle, Refusal> {
        let refused = |check, error: &dyn std::error::Error| Refusal::of(check, with_causes(error));
        self.parts.trust.refresh().map_err(|error| refused("trust-store", &error))?;
        let counters = self.counters().map_err(|error| refused("counter", &error))?;
        let now = counters.latest_time().max(jiff::Timestamp::now());
        let mut passed = |check: Check, found| book.step(check.name(), check.asked(), found, true);
        let policy = VerifyPolicy::install().at(now);
        let bundle = verify_telling(bytes, &self.parts.trust.store(), &policy, &mut passed)?;
        let (kind, name, found) = (bundle.manifest().kind, &bundle.manifest().name, bundle.manifest().counter);
        // What a recipe pins by digest is guarded by the recipe's own counter.
        match counters.mark(kind, name).filter(|_| kind == BundleKind::Recipe) {
            Some(mark) if found < mark => {
                Err(TrustError::OlderCounter { kind, name: name.clone(), found, mark }.into())
            }
            mark => {
                if kind == BundleKind::Recipe {
                    let mark = mark.map_or_else(|| "-".to_owned(), |mark| mark.to_string());
                    book.step(Check::Counter.name(), Check::Counter.asked(), format!("{found} / {mark}"), true);
                }
                Ok(bundle)
            }
        }
    }

    /// Puts what was verified among the bundles; a model only where a backend may read it.
    pub fn keep(&self, book: &mut Book, bundle: &VerifiedBundle, bytes: &[u8]) -> Result<(), Refusal> {
        if bundle.manifest().kind == BundleKind::Model {
            check_model(bundle).map_err(|detail| Refusal::of(QualityCheck::MODEL, detail))?;
            book.step(QualityCheck::MODEL, asked_of(QualityCheck::MODEL), "-".to_owned(), true);
        }
        let stored = shelve(&self.parts.bundles_dir, bundle, bytes);
        stored.map_err(|error| Refusal::of(QualityCheck::STORE, with_causes(&error)))?;
        book.step(QualityCheck::STORE, asked_of(QualityCheck::STORE), format!("{} B", bytes.len()), true);
        Ok(())
    }
}

/// The steps that a recipe has passed once it is ready to judge: without them there is none.
pub fn compiled(book: &mut Book, ready: &Ready, took: Duration) {
    let recipe = &ready.live.recipe;
    let plugins = recipe.preprocessors.iter().chain(&recipe.detectors).chain(&recipe.monitors);
    let granted = |plugin: &PluginUse| {
        let names: Vec<String> = plugin.capabilities.iter().map(ToString::to_string).collect();
        format!("{}: {}", plugin.name, listed(&names, " + "))
    };
    let found: Vec<String> = plugins.map(granted).collect();
    book.step(QualityCheck::IMPORTS, "only what is granted", listed(&found, ", "), true);
    book.step(QualityCheck::COMPILE, ASKED_COMPILE, format!("{} ms", took.as_millis()), true);
}

fn listed(words: &[String], between: &str) -> String {
    if words.is_empty() { "-".to_owned() } else { words.join(between) }
}

/// The step that a recipe did not pass which failed with `code` before it was ready to judge. Somebody's wish to end it
/// says nothing of the candidate.
pub fn not_compiled(book: &mut Book, code: &str, why: &str) {
    if book.deployment.state == DeployState::Verified && !matches!(code, "cancelled" | "station-stopped") {
        book.step(QualityCheck::COMPILE, ASKED_COMPILE, why.to_owned(), false);
    }
}
