//! Panics on the deployments' thread, and beside it.

use super::plant::{Plant, Running, engineer};
use super::way::until;
use crate::deploy::{DeployError, Installed};
use crate::domain::DeployState::{self, *};
use std::sync::atomic::{AtomicBool, Ordering};

/// A station whose thread panics once, when a deployment enters `at`.
fn panics_at(plant: &Plant, at: DeployState) -> Running {
    let calm = AtomicBool::new(false);
    plant.start_with(move |deployment| {
        assert!(deployment.state != at || calm.swap(true, Ordering::AcqRel), "a bug at {at}");
    })
}

#[test]
fn a_panic_ends_the_deployment_as_a_restart_would_and_neither_the_thread_nor_the_line() {
    for (at, ended, version) in [
        (Compiled, Failed, "1.0.0"),
        (Shadow, Failed, "1.0.0"),
        (Trial, RolledBack, "1.0.0"),
        (Committed, Committed, "1.1.0"),
    ] {
        let plant = Plant::new();
        let running = panics_at(&plant, at);
        let deployment = running.settled(&plant.recipe("1.1.0", "pass"), false);
        assert_eq!((deployment.state, running.version().as_str()), (ended, version), "{at}");
        let told = |alarm: &String| alarm.contains("panicked") && alarm.contains(&format!("a bug at {at}"));
        until("an alarm", || running.deployer.view().alarms.iter().any(told));
        if ended == Committed {
            assert_eq!(plant.counter(), Some(1));
        } else {
            assert!(deployment.outcome.unwrap().contains(&format!("internal error: a bug at {at}")));
            assert_eq!(plant.counter(), None);
        }
        let rows = running.ledger.audit_lines(None, 50).unwrap();
        assert_eq!(rows.iter().any(|row| row.refused.as_deref() == Some("internal")), ended == Failed);
        assert_eq!(running.told_back().len(), usize::from(ended == RolledBack));
        let next = running.settled(&plant.recipe("1.2.0", "pass"), false);
        assert_eq!((next.state, running.version().as_str()), (Committed, "1.2.0"), "{:?}", next.outcome);
        until("the alarm ends", || running.deployer.view().alarms.is_empty());
    }
}

#[test]
fn a_panic_in_a_compiler_fails_the_candidate_only() {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "panics-compiling"), true);
    assert_eq!(deployment.state, Failed);
    assert_eq!(deployment.outcome.as_deref(), Some("its compilation panicked: a bug in a compiler"));
    assert_eq!(running.settled(&plant.recipe("1.2.0", "pass"), true).state, Committed);
}

#[test]
fn a_panic_in_a_rollback_is_told_and_what_is_installed_drives() {
    let plant = Plant::new();
    let running = panics_at(&plant, RolledBack);
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    let error = running.deployer.roll_back(&engineer(), "complaints").unwrap_err();
    assert!(matches!(&error, DeployError::Internal { detail } if detail.contains("a bug at")), "{error}");
    let installed = Installed::at(&plant.data()).read().unwrap().recipe;
    assert_eq!((running.version().as_str(), running.deployer.running().2), ("1.0.0", installed));
    assert_eq!(running.settled(&plant.recipe("1.2.0", "pass"), true).state, Committed);
}
