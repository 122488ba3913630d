//! Every step from a bundle's bytes to a verdict about it, as it is shown and kept.

use super::plant::{Plant, Running, engineer};
use crate::deploy::admission::not_compiled;
use crate::deploy::book::{Book, Records};
use crate::deploy::{DeployError, DeployView, FirstQualification};
use crate::domain::DeployState::{Compiled, Failed, Verified};
use crate::domain::{Deployment, QualityCheck};
use arc_swap::ArcSwap;
use std::sync::Arc;

fn names(checks: &[QualityCheck]) -> Vec<&str> {
    checks.iter().map(|check| check.what.as_str()).collect()
}

/// The deployment that was refused last.
fn refused(running: &Running, bytes: &[u8]) -> Deployment {
    let error = running.deploy(bytes, false).unwrap_err();
    let DeployError::Refused { id, .. } = error else { panic!("{error}") };
    running.ledger.deployment(id).unwrap().unwrap()
}

#[test]
fn what_comes_in_is_kept_with_every_step_that_it_passed() {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "pass"), true);
    let verified = [
        "size",
        "layout",
        "envelope",
        "signature",
        "manifest",
        "authority",
        "revocation",
        "expiry",
        "blobs",
        "counter",
    ];
    let all: Vec<&str> = verified.into_iter().chain(["store", "imports", "compile"]).collect();
    assert_eq!(names(&deployment.admission), all);
    assert!(deployment.admission.iter().all(|step| step.passed && !step.asked.is_empty() && !step.found.is_empty()));
    let found = |what: &str| &deployment.admission.iter().find(|step| step.what == what).unwrap().found;
    assert_eq!(*found("signature"), plant.key_id().to_string());
    assert_eq!(*found("counter"), "1 / -", "nothing of that name was committed before");
}

#[test]
fn the_step_that_refuses_is_the_last_one_with_what_it_found() {
    let plant = Plant::new();
    let running = plant.start();
    let foreign = refused(&running, b"no bundle");
    assert_eq!(names(&foreign.admission), ["layout"]);
    let step = &foreign.admission[0];
    assert!(!step.passed && step.found.contains("does not begin as a bundle does"), "{step:?}");
    // Behind the signed manifest, so that all before it passes.
    let mut longer = plant.recipe("1.1.0", "pass");
    longer.push(0);
    let steps = refused(&running, &longer).admission;
    assert_eq!(names(&steps).last(), Some(&"layout"), "trailing bytes: {steps:?}");
    assert!(steps.iter().rev().skip(1).all(|step| step.passed) && steps.len() > 5);
    running.settled(&plant.recipe("1.2.0", "pass"), true);
    let older = refused(&running, &plant.recipe("1.1.0", "pass")).admission;
    let last = older.last().unwrap();
    assert_eq!((last.what.as_str(), last.passed), ("counter", false));
}

#[test]
fn what_cannot_be_made_ready_says_so_in_its_last_step() {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "unbuildable"), false);
    let last = deployment.admission.last().unwrap();
    assert_eq!((last.what.as_str(), last.passed), ("compile", false));
    assert!(last.found.contains("plugin \"x\""), "{last:?}");
}

type View = Arc<ArcSwap<DeployView>>;

/// A deployment of nothing, begun on `view`.
fn begun(running: &Running, view: &View) -> Book {
    let (ledger, view) = (Arc::clone(&running.ledger), Arc::clone(view));
    Book::begin(&Records { ledger, view, entered: Arc::new(|_| ()) }, &engineer(), "").unwrap()
}

fn check(passed: bool) -> QualityCheck {
    QualityCheck { what: "size".into(), asked: "a".into(), found: "b".into(), passed }
}

#[test]
fn checks_of_a_qualification_are_shown_while_it_runs_and_not_after() {
    let plant = Plant::new();
    let running = plant.start();
    let view = View::default();
    let mut book = begun(&running, &view);
    let shown = || view.load().newest.as_ref().unwrap().checks.len();
    let checks = book.checks_shown();
    checks.tell("", &[check(true)]);
    assert_eq!(shown(), 0, "it is not compiled yet");
    book.enter(Verified).unwrap();
    book.enter(Compiled).unwrap();
    checks.tell("", &[check(true)]);
    assert_eq!(shown(), 1);
    checks.tell("", &[check(true), check(false)]);
    assert_eq!(shown(), 2);
    book.enter(Failed).unwrap();
    checks.tell("", &[check(true)]);
    assert_eq!(shown(), 0, "it was given up: what it finds later is not the deployment's");
    let mut next = begun(&running, &view);
    next.enter(Verified).unwrap();
    next.enter(Compiled).unwrap();
    checks.tell("", &[check(true)]);
    assert_eq!(shown(), 0, "nor the next one's");
}

#[test]
fn a_wish_to_end_it_is_no_step_and_a_long_finding_is_cut() {
    let plant = Plant::new();
    let running = plant.start();
    let mut book = begun(&running, &View::default());
    book.enter(Verified).unwrap();
    for code in ["cancelled", "station-stopped"] {
        not_compiled(&mut book, code, "enough");
    }
    assert_eq!(book.deployment.admission, []);
    not_compiled(&mut book, "compile", &"é".repeat(5000));
    let [step] = &book.deployment.admission[..] else { panic!("one step") };
    assert!(step.found.chars().count() < 1100 && step.found.ends_with(" ..."), "{}", step.found.len());
    book.enter(Compiled).unwrap();
    not_compiled(&mut book, "qualification", "too slow");
    assert_eq!(book.deployment.admission.len(), 1, "what comes later has its own table");
}

#[test]
fn a_deployment_of_a_version_without_steps_is_still_read() {
    let plant = Plant::new();
    let running = plant.start();
    let book = begun(&running, &View::default());
    let mut old = serde_json::to_value(&book.deployment).unwrap();
    old.as_object_mut().unwrap().remove("admission");
    let read: Deployment = serde_json::from_value(old).unwrap();
    assert_eq!(read, book.deployment);
}

#[test]
fn what_was_found_of_a_recipe_is_told_by_its_last_qualification() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let running = plant.start();
    let first = running.deployer.running().2;
    assert_eq!(running.deployer.qualified(first).unwrap(), None, "it never qualified here");
    let file = FirstQualification::at(&plant.data());
    file.set(first, 7, &[check(true)]).unwrap();
    let found = running.deployer.qualified(first).unwrap().unwrap();
    assert_eq!((found.at_us, found.deployment, found.checks), (7, None, vec![check(true)]));
    let deployed = running.settled(&plant.recipe("1.1.0", "pass"), true);
    let digest = running.deployer.running().2;
    let found = running.deployer.qualified(digest).unwrap().unwrap();
    assert_eq!((found.deployment, &found.checks), (Some(deployed.id), &deployed.checks));
    assert!(found.checks.iter().any(|check| check.what == QualityCheck::LATENCY));
    file.set(digest, i64::MAX, &[check(true)]).unwrap();
    assert_eq!(running.deployer.qualified(digest).unwrap().unwrap().deployment, None, "the later one counts");
    std::fs::write(plant.data().join("first-qualification.json"), "{").unwrap();
    assert_eq!(running.deployer.qualified(first).unwrap(), None, "what cannot be read is not shown");
}
