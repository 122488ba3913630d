//! The station is cut off at every state: what is on the disk at that moment is copied, and a station started on it.

use super::plant::{Plant, on_trial};
use crate::deploy::{Installed, InstalledRecipe};
use crate::domain::DeployState::{self, *};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &target);
        } else {
            // SQLite takes its temporary files away at any time.
            let _ = std::fs::copy(&path, &target);
        }
    }
}

type Cuts = Arc<Mutex<BTreeMap<&'static str, PathBuf>>>;

/// Deploys once, and keeps a copy of the disk at every state that it enters, from before anything is done in it.
fn cuts(plant: &Plant, behaviour: &str) -> BTreeMap<&'static str, PathBuf> {
    let cuts = Cuts::default();
    let (data, copies, kept) = (plant.data(), plant.dir.path().join("cuts"), Arc::clone(&cuts));
    let running = plant.start_on(&plant.data(), move |deployment| {
        let to = copies.join(deployment.state.name());
        copy(&data, &to);
        kept.lock().unwrap().insert(deployment.state.name(), to);
    });
    running.settled(&plant.recipe("1.1.0", behaviour), false);
    running.stop();
    cuts.lock().unwrap().clone()
}

#[test]
fn a_cut_at_any_state_leaves_the_old_recipe_or_the_new_one_and_a_settled_deployment() {
    let plant = Plant::new();
    let cuts = cuts(&plant, "pass");
    let expected: [(DeployState, &str, DeployState); 7] = [
        (Received, "1.0.0", Failed),
        (Verified, "1.0.0", Failed),
        (Compiled, "1.0.0", Failed),
        (Qualified, "1.0.0", Failed),
        (Shadow, "1.0.0", Failed),
        (Trial, "1.0.0", RolledBack),
        (Committed, "1.1.0", Committed),
    ];
    assert_eq!(cuts.len(), expected.len());
    for (cut, version, state) in expected {
        let data = &cuts[cut.name()];
        let running = plant.start_on(data, |_| ());
        let deployment = running.ledger.deployment(1).unwrap().unwrap();
        assert_eq!((running.version().as_str(), deployment.state), (version, state), "cut at {cut}");
        assert!(state == Committed || deployment.outcome.is_some(), "it says why: {deployment:?}");
        let next = running.settled(&plant.recipe("1.2.0", "pass"), true);
        assert_eq!(next.state, Committed, "a station that came up deploys on: {next:?}");
    }
}

#[test]
fn a_cut_between_the_pointer_and_its_record_is_a_commit() {
    let plant = Plant::new();
    let cuts = cuts(&plant, "pass");
    let (trial, done) = (&cuts["trial"], Installed::at(&cuts["committed"]).read().unwrap());
    Installed::at(trial).set(&done).unwrap();
    let running = plant.start_on(trial, |_| ());
    let deployment = running.ledger.deployment(1).unwrap().unwrap();
    assert_eq!((running.version().as_str(), deployment.state), ("1.1.0", Committed));
}

#[test]
fn a_cut_between_the_pointer_and_the_record_of_a_rollback_is_a_rollback() {
    let plant = Plant::new();
    let cuts = cuts(&plant, "pass");
    let data = &cuts["committed"];
    let done = Installed::at(data).read().unwrap();
    let back = InstalledRecipe { recipe: done.previous.unwrap(), previous: None, ..done };
    Installed::at(data).set(&back).unwrap();
    let running = plant.start_on(data, |_| ());
    let deployment = running.ledger.deployment(1).unwrap().unwrap();
    assert_eq!((running.version().as_str(), deployment.state), ("1.0.0", RolledBack));
}

#[test]
fn an_end_of_the_station_during_a_trial_is_a_rollback_that_says_so() {
    let (plant, running, deployment) = on_trial();
    running.stop();
    let running = plant.start();
    let deployment = running.ledger.deployment(deployment.id).unwrap().unwrap();
    assert_eq!((running.version().as_str(), deployment.state), ("1.0.0", RolledBack));
    assert!(deployment.outcome.unwrap().contains("ended during the trial"));
}
