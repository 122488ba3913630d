use super::plant::{Plant, engineer, on_trial};
use crate::deploy::{DeployError, Installed};
use crate::domain::DeployState::{self, *};
use crate::domain::{Deployment, VerdictKind};
use crate::trust::{RevokedBundle, Severity};

pub fn states(deployment: &Deployment) -> Vec<DeployState> {
    deployment.history.iter().map(|entered| entered.state).collect()
}

#[test]
fn a_good_recipe_goes_all_the_way_and_is_the_stations_after_a_restart() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let running = plant.start();
    assert_eq!(plant.counter(), None);
    let deployment = running.settled(&plant.recipe("1.1.0", "pass"), false);
    assert_eq!(
        states(&deployment),
        [Received, Verified, Compiled, Qualified, Shadow, Trial, Committed],
        "{:?}",
        deployment.outcome
    );
    assert_eq!((running.version().as_str(), plant.counter()), ("1.1.0", Some(1)));
    let (shadow, trial) = (deployment.shadow.as_ref().unwrap(), deployment.trial.as_ref().unwrap());
    assert_eq!((shadow.frames, shadow.failures, shadow.disagreements.len()), (10, 0, 0));
    assert_eq!((trial.frames, trial.pass), (30, 30));
    assert!(deployment.checks.iter().any(|check| check.what == "latency p95") && deployment.notes.is_empty());
    running.stop();
    assert_eq!(plant.start().version(), "1.1.0");
}

#[test]
fn every_state_is_an_audit_row_of_who_did_it() {
    let plant = Plant::new();
    let running = plant.start();
    running.settled(&plant.recipe("1.1.0", "pass"), false);
    let mut lines = running.ledger.audit_lines(None, 100).unwrap();
    lines.reverse();
    let actions: Vec<_> = lines.iter().map(|line| (line.action.as_str(), line.actor.as_str())).collect();
    let all = ["received", "verified", "compiled", "qualified", "shadow", "trial", "committed"];
    let expected: Vec<_> = all.iter().map(|state| format!("deployment-{state}")).collect();
    assert_eq!(actions.iter().map(|(action, _)| *action).collect::<Vec<_>>(), expected);
    assert_eq!((actions[0].1, actions[6].1), ("erin", "station"));
    assert_eq!(lines[0].reason.as_deref(), Some("because"));
}

/// Deploys without a shadow what has no self-test, so that the trial is what finds it.
fn tried(behaviour: &str) -> (Plant, Deployment, String) {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", behaviour), true);
    let version = running.version();
    (plant, deployment, version)
}

#[test]
fn what_misbehaves_on_trial_is_rolled_back_by_itself_and_moves_no_counter() {
    for (behaviour, words) in [("lost", "device"), ("late", "late on"), ("broken", "failed on")] {
        let (plant, deployment, version) = tried(behaviour);
        assert_eq!(deployment.state, RolledBack, "{behaviour}");
        assert!(deployment.outcome.as_ref().unwrap().contains(words), "{:?}", deployment.outcome);
        assert_eq!((version.as_str(), plant.counter()), ("1.0.0", None), "{behaviour}");
        assert_eq!(plant.start().version(), "1.0.0");
    }
}

#[test]
fn a_trial_that_ends_before_there_are_enough_faults_is_judged_by_their_share() {
    let mut plant = Plant::new();
    plant.config.trial_frames = 2;
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "broken"), true);
    assert_eq!((deployment.state, running.version().as_str()), (RolledBack, "1.0.0"));
    let outcome = deployment.outcome.unwrap();
    assert!(outcome.contains("failed on 2 and was late on 0 of 2 frames, all there were"), "{outcome}");
}

#[test]
fn what_the_station_takes_back_by_itself_is_told() {
    let plant = Plant::new();
    let running = plant.start();
    running.settled(&plant.recipe("1.1.0", "broken"), true);
    let told = running.told_back();
    assert!(matches!(&told[..], [one] if one.contains("1.1.0 is rolled back: ")), "{told:?}");
}

#[test]
fn a_recipe_that_rejects_everything_is_rolled_back_by_the_mix_of_verdicts() {
    let plant = Plant::new();
    let running = plant.start();
    // The measure of before.
    for _ in 0..60 {
        assert_eq!(running.outcomes.recv().unwrap().inspection.verdict.kind(), VerdictKind::Pass);
    }
    let deployment = running.settled(&plant.recipe("1.1.0", "reject"), true);
    assert_eq!(deployment.state, RolledBack);
    assert!(deployment.outcome.unwrap().contains("did not pass"));
    assert_eq!(running.version(), "1.0.0");
}

#[test]
fn a_shadow_that_disagrees_or_fails_never_drives() {
    for (behaviour, words) in [("reject", "disagreed on 10 of 10"), ("broken", "failed on 3 of 3")] {
        let plant = Plant::new();
        let running = plant.start();
        let deployment = running.settled(&plant.recipe("1.1.0", behaviour), false);
        assert_eq!(states(&deployment).last(), Some(&Failed));
        assert!(!states(&deployment).contains(&Trial));
        assert!(deployment.outcome.as_ref().unwrap().contains(words), "{:?}", deployment.outcome);
        let kept = &deployment.shadow.as_ref().unwrap().kept;
        assert!(kept.first().is_some_and(|one| one.frame.starts_with("s-1-")), "{kept:?}");
        assert_eq!(running.version(), "1.0.0");
    }
}

#[test]
fn a_recipe_that_answers_its_self_test_wrongly_is_refused_with_what_was_asked_and_found() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "reject"), false);
    assert_eq!(deployment.state, Failed);
    let outcome = deployment.outcome.unwrap();
    assert!(
        outcome.contains("good.png: asked pass, logits within 0.5, found fail, largest difference 5.000"),
        "{outcome}"
    );
}

#[test]
fn a_recipe_that_cannot_be_built_is_refused_by_name() {
    let plant = Plant::new();
    let running = plant.start();
    let deployment = running.settled(&plant.recipe("1.1.0", "unbuildable"), false);
    assert_eq!(states(&deployment), [Received, Verified, Failed]);
    assert!(deployment.outcome.unwrap().contains("plugin \"x\""));
}

#[test]
fn what_was_changed_after_signing_is_refused_and_told_which_check_found_it() {
    let plant = Plant::new();
    let running = plant.start();
    let mut bytes = plant.recipe("1.1.0", "pass");
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    let error = running.deploy(&bytes, false).unwrap_err();
    let DeployError::Refused { id, check, .. } = error else { panic!("{error}") };
    assert!(["signature", "envelope"].contains(&check.as_str()), "{check}");
    let deployment = running.ledger.deployment(id).unwrap().unwrap();
    assert_eq!((deployment.state, deployment.bundle), (Failed, None));
    assert_eq!((running.version().as_str(), plant.counter()), ("1.0.0", None));
}

#[test]
fn the_running_recipe_and_an_older_release_are_refused() {
    let plant = Plant::new();
    let running = plant.start();
    running.settled(&plant.recipe("1.2.0", "pass"), true);
    let again = running.deploy(&plant.recipe("1.2.0", "pass"), true).unwrap_err();
    assert!(matches!(again, DeployError::Running { .. }), "{again}");
    let code = || running.ledger.audit_lines(None, 1).unwrap().remove(0).refused;
    assert_eq!(code().as_deref(), Some("already-running"));
    let older = running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap_err();
    assert!(matches!(&older, DeployError::Refused { check, .. } if check == "counter"), "{older}");
    assert_eq!((code().as_deref(), running.version().as_str()), (Some("counter"), "1.2.0"));
}

#[test]
fn one_deployment_at_a_time() {
    let mut plant = Plant::new();
    plant.config.shadow_frames = 1_000_000;
    let running = plant.start();
    let first = running.deploy(&plant.recipe("1.1.0", "pass"), false).unwrap();
    running.wait_for(first.id, |deployment| deployment.state == Shadow);
    let second = running.deploy(&plant.recipe("1.2.0", "pass"), false).unwrap_err();
    assert!(matches!(second, DeployError::Busy), "{second}");
    let refused = running.ledger.audit_lines(None, 1).unwrap().remove(0);
    assert_eq!((refused.action.as_str(), refused.refused.as_deref()), ("deploy", Some("in-progress")));

    // Somebody takes back what is in progress: it never drove, so it failed.
    let ended = running.deployer.roll_back(&engineer(), "not today").unwrap().unwrap();
    assert_eq!(
        (ended.id, ended.state, ended.outcome.as_deref()),
        (first.id, Failed, Some("taken back by erin: not today"))
    );
    assert_eq!(running.settled(&plant.recipe("1.2.0", "pass"), true).state, Committed);
}

#[test]
fn a_page_of_a_moment_ago_cancels_no_other_deployment_and_nothing_that_has_ended() {
    let mut plant = Plant::new();
    plant.config.shadow_frames = 1_000_000;
    let running = plant.start();
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    let shadowed = running.deploy(&plant.recipe("1.2.0", "pass"), false).unwrap();
    running.wait_for(shadowed.id, |deployment| deployment.state == Shadow);
    let cancel = |id: u64| running.deployer.cancel(&engineer(), "not today", id);
    let of_another = cancel(shadowed.id - 1).unwrap_err();
    assert!(matches!(of_another, DeployError::Ended { .. }), "{of_another}");
    assert_eq!(cancel(shadowed.id).unwrap().state, Failed);
    let too_late = cancel(shadowed.id).unwrap_err();
    assert!(matches!(too_late, DeployError::Ended { .. }), "{too_late}");
    assert_eq!(running.version(), "1.1.0", "what drives is not taken back by it");
}

#[test]
fn who_takes_something_back_without_a_reason_is_its_outcome_on_every_way_and_has_a_row_of_the_wish() {
    let mut plant = Plant::new();
    plant.config.shadow_frames = 1_000_000;
    let running = plant.start();
    let rows = |running: &super::plant::Running| {
        let lines = running.ledger.audit_lines(None, 2).unwrap();
        lines.into_iter().map(|line| (line.action, line.actor, line.refused)).collect::<Vec<_>>()
    };
    let row = |action: &str, refused: Option<&str>| (action.to_owned(), "erin".to_owned(), refused.map(str::to_owned));
    let nameless = Some("taken back by erin, who gave no reason");
    let shadowed = running.deploy(&plant.recipe("1.1.0", "pass"), false).unwrap();
    running.wait_for(shadowed.id, |deployment| deployment.state == Shadow);
    let ended = running.deployer.roll_back(&engineer(), " ").unwrap().unwrap();
    assert_eq!((ended.state, ended.outcome.as_deref()), (Failed, nameless));
    assert_eq!(rows(&running), [row("deployment-failed", Some("cancelled")), row("roll-back", None)]);
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    let back = running.deployer.roll_back(&engineer(), "").unwrap().unwrap();
    assert_eq!((back.state, back.outcome.as_deref()), (RolledBack, nameless));
    assert_eq!(rows(&running), [row("deployment-rolled-back", None), row("roll-back", None)]);
    let (_plant, running, _) = on_trial();
    let back = running.deployer.roll_back(&engineer(), "").unwrap().unwrap();
    assert_eq!((back.state, back.outcome.as_deref()), (RolledBack, nameless));
    assert_eq!(rows(&running), [row("deployment-rolled-back", None), row("roll-back", None)]);
}

#[test]
fn a_trial_is_taken_back_by_hand() {
    let (plant, running, _) = on_trial();
    let back = running.deployer.roll_back(&engineer(), "a smell").unwrap().unwrap();
    assert_eq!((back.state, back.outcome.as_deref()), (RolledBack, Some("taken back by erin: a smell")));
    assert_eq!((running.version().as_str(), plant.counter()), ("1.0.0", None));
    assert!(running.told_back().is_empty(), "who takes it back knows");
}

#[test]
fn a_bundle_on_its_way_in_holds_up_no_rollback_and_no_second_one_comes_beside_it() {
    let plant = Plant::new();
    let running = plant.start();
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    let upload = running.deployer.reserve(&engineer()).unwrap();
    let second = running.deployer.reserve(&engineer()).map(drop).unwrap_err();
    assert!(matches!(second, DeployError::Busy), "{second}");
    let back = running.deployer.roll_back(&engineer(), "complaints").unwrap().unwrap();
    assert_eq!((back.state, running.version().as_str()), (RolledBack, "1.0.0"));
    drop(upload);
    running.deployer.reserve(&engineer()).map(drop).unwrap();
}

#[test]
fn of_many_that_roll_back_at_once_one_waits_and_the_others_are_told() {
    let (_plant, running, _) = on_trial();
    let begin = std::sync::Barrier::new(8);
    let told = std::thread::scope(|scope| {
        let wish = || {
            begin.wait();
            running.deployer.roll_back(&engineer(), "a smell").is_err_and(|e| matches!(e, DeployError::RollingBack))
        };
        let all: Vec<_> = (0..8).map(|_| scope.spawn(wish)).collect();
        all.into_iter().map(|one| one.join().unwrap()).filter(|told| *told).count()
    });
    assert!(told > 0, "nobody was told");
    assert_eq!(running.version(), "1.0.0");
}

#[test]
fn a_rollback_is_in_the_audit_log_before_it_is_done_and_also_when_it_cannot_be() {
    let plant = Plant::new();
    let running = plant.start();
    let refused = |line: &crate::journal::AuditLine| (line.action.clone(), line.actor.clone(), line.refused.clone());
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    revoke(&plant, "1.0.0", Severity::BlockNew);
    running.deployer.roll_back(&engineer(), "complaints").unwrap_err();
    let line = running.ledger.audit_lines(None, 1).unwrap().remove(0);
    assert_eq!(refused(&line), ("roll-back".into(), "erin".into(), Some("cannot-roll-back".into())));
    running.settled(&plant.recipe("1.2.0", "pass"), true);
    running.deployer.roll_back(&engineer(), "complaints").unwrap();
    let lines = running.ledger.audit_lines(None, 2).unwrap();
    assert_eq!(refused(&lines[0]), ("deployment-rolled-back".into(), "erin".into(), None));
    assert_eq!(refused(&lines[1]), ("roll-back".into(), "erin".into(), None));
    assert_eq!(lines[1].reason.as_deref(), Some("complaints"));
}

#[test]
fn who_takes_a_candidate_back_does_not_wait_for_the_end_of_its_qualification() {
    use super::plant::{GATE_OPEN, GATED_CALLS};
    use std::sync::atomic::Ordering::Acquire;
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let running = plant.start();
    running.deploy(&plant.recipe("1.1.0", "gated"), true).unwrap();
    until("the model is asked", || GATED_CALLS.load(Acquire) == 1);
    let (told_in, told) = crossbeam_channel::bounded(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| told_in.send(running.deployer.roll_back(&engineer(), "not today")).unwrap());
        }
        // As long as the gate is shut one of them waits: the other is told so.
        let second = told.recv().unwrap().unwrap_err();
        GATE_OPEN.store(true, std::sync::atomic::Ordering::Release);
        assert!(matches!(second, DeployError::RollingBack), "{second}");
        assert_eq!(told.recv().unwrap().unwrap().unwrap().state, Failed);
    });
    assert!(GATED_CALLS.load(Acquire) < 10, "it was asked on and on: {GATED_CALLS:?}");
}

#[test]
fn a_committed_recipe_is_taken_back_once_whatever_its_counter_and_stays_back() {
    let plant = Plant::new();
    let running = plant.start();
    let nothing = running.deployer.roll_back(&engineer(), "x").unwrap_err();
    assert!(matches!(nothing, DeployError::NothingToRollBack), "{nothing}");
    running.settled(&plant.recipe("1.1.0", "pass"), true);
    let back = running.deployer.roll_back(&engineer(), "complaints").unwrap().unwrap();
    assert_eq!((back.state, running.version().as_str()), (RolledBack, "1.0.0"));
    assert_eq!(plant.counter(), Some(1), "the mark of what was committed stays");
    let nothing = running.deployer.roll_back(&engineer(), "x").unwrap_err();
    assert!(matches!(nothing, DeployError::NothingToRollBack), "{nothing}");
    running.stop();
    assert_eq!(plant.start().version(), "1.0.0");
}

fn revoke(plant: &Plant, version: &str, severity: Severity) {
    let bytes = plant.recipe(version, "pass");
    let bundle = crate::trust::inspect(&bytes).unwrap().digest;
    plant.trust(|store| store.revoke_bundle(RevokedBundle { bundle, severity, reason: "bad batch".into() }).unwrap());
}

#[test]
fn what_is_revoked_is_refused_from_the_moment_it_is() {
    let plant = Plant::new();
    let running = plant.start();
    revoke(&plant, "1.1.0", Severity::BlockNew);
    let error = running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap_err();
    assert!(
        matches!(&error, DeployError::Refused { check, detail, .. } if check == "revocation" && detail.contains("bad batch")),
        "{error}"
    );
}

#[test]
fn a_candidate_that_is_revoked_on_its_way_never_comes_to_drive_and_stops_no_line() {
    use crate::config::OnRevoked;
    for (at, skip_shadow) in [(Shadow, false), (Trial, true)] {
        let mut plant = Plant::new();
        plant.config.on_revoked = OnRevoked::StopLine;
        // Neither ends by itself: the check before the commit is not what finds it.
        (plant.config.shadow_seconds, plant.config.trial_seconds) = (3600, 3600);
        (plant.config.shadow_frames, plant.config.trial_frames) = (1_000_000, 1_000_000);
        let running = plant.start();
        let id = running.deploy(&plant.recipe("1.1.0", "pass"), skip_shadow).unwrap().id;
        running.wait_for(id, |deployment| deployment.state == at);
        revoke(&plant, "1.1.0", Severity::Stop);
        let ended = running.wait_for(id, |deployment| deployment.state.is_settled());
        let expected = if skip_shadow { RolledBack } else { Failed };
        assert_eq!(ended.state, expected, "{:?}", ended.outcome);
        assert!(ended.outcome.as_deref().is_some_and(|why| why.contains("bad batch")), "{:?}", ended.outcome);
        assert_eq!(running.version(), "1.0.0");
        assert!(!running.line.as_ref().unwrap().stop.is_stopped(), "a bad one does not stop the line");
    }
}

#[test]
fn what_is_revoked_after_the_last_frame_of_its_trial_is_not_committed() {
    let mut plant = Plant::new();
    // No frame and so no look at the store is between the trial's begin and the commit.
    plant.config.trial_frames = 0;
    let bundle = crate::trust::inspect(&plant.recipe("1.1.0", "pass")).unwrap().digest;
    let mut store = plant.store();
    let revoked = RevokedBundle { bundle, severity: Severity::BlockNew, reason: "bad batch".into() };
    store.revoke_bundle(revoked).unwrap();
    let path = plant.dir.path().join("trust.json");
    let running = plant.start_with(move |deployment| {
        if deployment.state == Trial {
            store.save(&path).unwrap();
        }
    });
    let deployment = running.settled(&plant.recipe("1.1.0", "pass"), true);
    assert_eq!(deployment.state, RolledBack, "{:?}", deployment.outcome);
    assert!(deployment.outcome.unwrap().contains("bad batch"));
    assert_eq!((running.version().as_str(), plant.counter()), ("1.0.0", None));
}

#[test]
fn a_revocation_is_seen_also_where_another_reader_of_the_store_saw_it_first() {
    let plant = Plant::new();
    let running = plant.start();
    revoke(&plant, "1.0.0", Severity::BlockNew);
    // This reads the store, before the look at what runs comes round.
    let _ = running.deploy(b"no bundle", true).unwrap_err();
    until("an alarm", || !running.deployer.view().alarms.is_empty());
}

pub fn until(what: &str, done: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !done() {
        assert!(begin.elapsed() < super::plant::LONG, "{what}");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_revocation_of_what_runs_is_an_alarm_or_stops_the_line_as_the_setting_says() {
    use crate::config::OnRevoked;
    for (on_revoked, severity, stops) in [
        (OnRevoked::Alarm, Severity::Stop, false),
        (OnRevoked::StopLine, Severity::BlockNew, false),
        (OnRevoked::StopLine, Severity::Stop, true),
    ] {
        let mut plant = Plant::new();
        plant.config.on_revoked = on_revoked;
        let running = plant.start();
        revoke(&plant, "1.0.0", severity);
        until("an alarm", || !running.deployer.view().alarms.is_empty());
        assert!(running.deployer.view().alarms[0].contains("bad batch"));
        let line = running.line.as_ref().unwrap();
        if stops {
            until("the line stops", || line.stop.is_stopped());
        } else {
            // The next look at the store is past, and the line runs on.
            let seen = line.board.version();
            until("frames go on", || line.board.version() > seen);
            assert!(!line.stop.is_stopped());
        }
    }
}

#[test]
fn a_trust_store_that_cannot_be_read_stops_no_line_and_lets_nothing_new_in() {
    let plant = Plant::new();
    let running = plant.start();
    std::fs::write(plant.dir.path().join("trust.json"), "{").unwrap();
    let error = running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap_err();
    assert!(matches!(&error, DeployError::Refused { check, .. } if check == "trust-store"), "{error}");
    until("an alarm", || !running.deployer.view().alarms.is_empty());
    assert!(!running.line.as_ref().unwrap().stop.is_stopped());
    plant.trust(|_| ());
    until("the alarm clears", || running.deployer.view().alarms.is_empty());
}

#[test]
fn a_bundle_over_the_limit_is_refused() {
    let mut plant = Plant::new();
    plant.config.max_bundle_bytes = 100;
    let running = plant.start();
    let error = running.deploy(&plant.recipe("1.1.0", "pass"), true).unwrap_err();
    assert!(matches!(error, DeployError::TooLarge { max: 100 }), "{error}");
    assert!(!running.deployer.view().in_progress, "the seat is free again");
}

#[test]
fn a_damaged_pointer_is_no_installed_recipe() {
    let plant = Plant::new();
    std::fs::write(plant.data().join("installed-recipe"), "damaged").unwrap();
    assert_eq!(Installed::at(&plant.data()).read(), None, "what cannot be read has to pass as new");
}
