use crate::deploy::shadow::{self, ShadowRules};
use crate::deploy::trial::{Baseline, Trial, TrialRules};
use crate::deploy::watch::{Fault, Seen};
use crate::domain::VerdictKind::{self, Fail, Pass, Undecided};
use crate::domain::{DeployState, Digest, ShadowReport};
use proptest::prelude::*;

const RULES: TrialRules = TrialRules { max_failures: 0.05, max_timeouts: 0.05, max_shift: 0.1, budget_us: 50_000 };

fn seen(verdict: VerdictKind, fault: Option<Fault>, micros: u64) -> Seen {
    Seen { recipe: Digest::of(b"new"), verdict, fault, micros }
}

fn baseline(frames: usize, rejected: usize) -> Option<f64> {
    let mut baseline = Baseline::default();
    (0..frames).for_each(|frame| baseline.add(if frame < rejected { Fail } else { Pass }));
    baseline.rejected()
}

/// What rolls a trial back, and after how many frames.
fn rolled_back(before: Option<f64>, frames: impl IntoIterator<Item = Seen>) -> Option<(usize, String)> {
    let mut trial = Trial::new(100, before);
    for (count, seen) in frames.into_iter().enumerate() {
        trial.add(&seen);
        if let Some(why) = trial.refusal(&RULES) {
            return Some((count + 1, why));
        }
    }
    None
}

#[test]
fn a_recipe_that_does_as_the_one_before_goes_on() {
    let frames = (0..100).map(|at| seen(if at % 4 == 0 { Fail } else { Pass }, None, 20_000));
    assert_eq!(rolled_back(baseline(300, 75), frames), None);
}

#[test]
fn three_faults_in_a_row_roll_back_at_once_and_one_in_many_does_not() {
    let trap = || seen(Undecided, Some(Fault::Other), 1);
    let (frames, why) = rolled_back(None, (0..9).map(|_| trap())).unwrap();
    assert!(frames == 3 && why.contains("failed on 3 of 3 frames"), "{frames} {why}");
    let rare = (0..100).map(|at| if at % 50 == 10 { trap() } else { seen(Pass, None, 1) });
    assert_eq!(rolled_back(None, rare), None);
}

#[test]
fn one_fault_in_a_trial_that_ends_after_a_few_frames_rolls_back_too() {
    let mut trial = Trial::new(100, None);
    trial.add(&seen(Undecided, Some(Fault::Other), 1));
    trial.add(&seen(Pass, None, 1));
    assert_eq!(trial.refusal(&RULES), None, "more frames may come");
    assert!(trial.refusal_at_end(&RULES).unwrap().contains("failed on 1"));
    let mut fine = Trial::new(100, None);
    fine.add(&seen(Pass, None, 1));
    assert_eq!(fine.refusal_at_end(&RULES), None);
}

#[test]
fn late_frames_roll_back() {
    let (frames, why) = rolled_back(None, (0..9).map(|_| seen(Undecided, Some(Fault::Timeout), 1))).unwrap();
    assert!(frames == 3 && why.contains("late on 3 of 3"), "{frames} {why}");
}

#[test]
fn a_lost_device_rolls_back_at_the_first_frame() {
    let (frames, why) = rolled_back(None, [seen(Undecided, Some(Fault::DeviceLost), 1)]).unwrap();
    assert!(frames == 1 && why.contains("device"), "{frames} {why}");
}

#[test]
fn a_p99_over_the_budget_rolls_back() {
    let (frames, why) = rolled_back(None, (0..100).map(|_| seen(Pass, None, 50_001))).unwrap();
    assert!(frames == 20 && why.contains("p99 is 50.0 ms") && why.contains("budget is 50 ms"), "{frames} {why}");
    assert_eq!(rolled_back(None, (0..100).map(|_| seen(Pass, None, 50_000))), None);
}

#[test]
fn a_mix_of_verdicts_outside_the_limits_rolls_back_in_both_directions() {
    let (_, why) = rolled_back(baseline(300, 3), (0..100).map(|_| seen(Fail, None, 1))).unwrap();
    assert!(why.contains("100 % of 20 frames did not pass, 1 % before"), "{why}");
    let (_, why) = rolled_back(baseline(300, 240), (0..100).map(|_| seen(Pass, None, 1))).unwrap();
    assert!(why.contains("0 % of 20 frames did not pass, 80 % before"), "{why}");
}

#[test]
fn a_mix_is_not_judged_by_chance_nor_without_a_measure() {
    // 4 of 20 where one in ten was rejected before is within three standard deviations.
    let unlucky = (0..20).map(|at| seen(if at < 4 { Fail } else { Pass }, None, 1));
    assert_eq!(rolled_back(baseline(300, 30), unlucky), None);
    assert_eq!(baseline(19, 0), None, "too few frames are no measure");
    assert_eq!(rolled_back(None, (0..100).map(|_| seen(Fail, None, 1))), None);
}

const SHADOW: ShadowRules =
    ShadowRules { max_escapes: 0, max_disagreements: 0.2, max_failures: 0.05, max_timeouts: 0.05 };

fn report(frames: u64, failures: u64, kinds: &[(&str, u64)]) -> ShadowReport {
    let disagreements = kinds.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
    ShadowReport { frames, failures, disagreements, ..ShadowReport::default() }
}

#[test]
fn a_shadow_that_passes_what_was_rejected_is_stopped_at_once() {
    for kind in ["fail->pass", "undecided->pass"] {
        let why = shadow::refusal(&report(100, 0, &[(kind, 1)]), &SHADOW, false).unwrap();
        assert!(why.contains("passed 1 of 100"), "{why}");
    }
    let lenient = ShadowRules { max_escapes: 1, ..SHADOW };
    assert_eq!(shadow::refusal(&report(100, 0, &[("fail->pass", 1)]), &lenient, true), None);
}

#[test]
fn a_shadow_may_disagree_a_little_and_not_much() {
    let some = report(100, 0, &[("pass->fail", 15), ("pass->undecided", 5)]);
    assert_eq!(shadow::refusal(&some, &SHADOW, true), None);
    let many = report(100, 0, &[("pass->fail", 16), ("pass->undecided", 5)]);
    assert_eq!(shadow::refusal(&many, &SHADOW, false), None, "a share counts at the end");
    assert!(shadow::refusal(&many, &SHADOW, true).unwrap().contains("disagreed on 21 of 100"));
}

#[test]
fn a_shadow_that_fails_again_and_again_is_stopped_at_once() {
    assert_eq!(shadow::refusal(&report(2, 2, &[]), &SHADOW, false), None);
    assert!(shadow::refusal(&report(3, 3, &[]), &SHADOW, false).unwrap().contains("failed on 3 of 3"));
    assert!(shadow::refusal(&report(2, 2, &[]), &SHADOW, true).is_some());
    let late = ShadowReport { timeouts: 3, ..report(3, 0, &[]) };
    assert!(shadow::refusal(&late, &SHADOW, false).unwrap().contains("was late on 3 of 3"));
}

fn state() -> impl Strategy<Value = DeployState> {
    proptest::sample::select(DeployState::ALL.to_vec())
}

proptest! {
    /// Whatever is asked for: what never drove is never rolled back, what drove never just fails, and what has ended
    /// stays ended.
    #[test]
    fn no_sequence_of_wishes_leaves_the_way(wishes in proptest::collection::vec(state(), 0..60)) {
        let mut way = vec![DeployState::Received];
        for wish in wishes {
            if way.last().unwrap().may_become(wish) {
                way.push(wish);
            }
        }
        let at = |state| way.iter().position(|entered| *entered == state);
        let drove = at(DeployState::Trial).is_some();
        prop_assert!(way.iter().collect::<std::collections::HashSet<_>>().len() == way.len(), "no state twice: {way:?}");
        if at(DeployState::RolledBack).is_some() || at(DeployState::Committed).is_some() {
            prop_assert!(drove, "{way:?}");
        }
        if at(DeployState::Failed).is_some() {
            prop_assert!(!drove, "{way:?}");
        }
        if drove {
            let needed = [DeployState::Verified, DeployState::Compiled, DeployState::Qualified];
            prop_assert!(needed.iter().all(|state| at(*state) < at(DeployState::Trial) && at(*state).is_some()), "{way:?}");
        }
        for (index, state) in way.iter().enumerate() {
            let ends = state.is_settled() && *state != DeployState::Committed;
            prop_assert!(!ends || index + 1 == way.len(), "{way:?}");
        }
    }
}

#[test]
fn every_state_has_a_name_of_its_own_and_is_read_back() {
    for state in DeployState::ALL {
        assert_eq!(DeployState::from_name(state.name()), Some(state));
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
    }
}
