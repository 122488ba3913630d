//! Self-tests, qualification, revocations, the records: each part by itself.

use super::plant::{Plant, engineer, fresh, ready};
use crate::deploy::book::{Book, Records};
use crate::deploy::{EXPECTED, TrustFile, qualify, revocation_of, self_tests};
use crate::domain::{DeployState, VerdictKind};
use crate::imaging::DecodeLimits;
use crate::journal::Ledger;
use crate::pipeline::InspectContext;
use crate::trust::{BlobRole, NewBlob, PrivateKey, RevokedKey, Severity, VerifiedBundle, VerifyPolicy, verify};
use std::sync::Arc;

fn context() -> InspectContext {
    InspectContext { limits: DecodeLimits::default(), pool: fresh() }
}

fn labels() -> Vec<String> {
    vec!["good".into(), "pit".into()]
}

/// A recipe bundle with these self-test blobs.
fn with_blobs(blobs: &[(&str, BlobRole, &str)]) -> VerifiedBundle {
    let plant = Plant::new();
    let blobs: Vec<NewBlob> = blobs
        .iter()
        .map(|(name, role, text)| NewBlob { name: (*name).to_owned(), role: *role, bytes: text.as_bytes().to_vec() })
        .collect();
    let bytes = plant.recipe_with("1.1.0", "pass", &blobs);
    verify(&bytes, &plant.store(), &VerifyPolicy::install()).unwrap()
}

const GOOD: &str = r#"{"tolerance": 0.5, "labels": ["good", "pit"],
    "pictures": [{"file": "a.png", "logits": [1.0, 2.0], "verdict": "pass"}]}"#;

#[test]
fn a_bundle_carries_pictures_and_what_they_have_to_give() {
    let test = (BlobRole::SelfTest, "pixels");
    let bundle = with_blobs(&[(EXPECTED, BlobRole::SelfTest, GOOD), ("a.png", test.0, test.1)]);
    let tests = self_tests(&bundle, &labels()).unwrap();
    assert_eq!(tests.len(), 1);
    assert_eq!((tests[0].picture.as_str(), tests[0].bytes.as_ref()), ("a.png", b"pixels".as_slice()));
    assert_eq!((tests[0].logits.as_slice(), tests[0].verdict), ([1.0, 2.0].as_slice(), Some(VerdictKind::Pass)));
    assert!(self_tests(&with_blobs(&[]), &labels()).unwrap().is_empty(), "a bundle may carry none");
}

#[test]
fn a_self_test_whose_parts_do_not_belong_together_is_refused_in_words() {
    let cases = [
        (GOOD.replace("0.5", "-1"), "tolerance is -1"),
        (GOOD.replace("\"good\", ", ""), "labels are [\"pit\"], the model has"),
        (GOOD.replace("[1.0, 2.0]", "[1.0]"), "a.png: expected 2 finite logits"),
        (GOOD.replace("a.png", "b.png"), "names \"b.png\", which is not among its blobs"),
        (GOOD.replace("\"tolerance\"", "\"colour\""), "unknown field"),
        (GOOD[..40].to_owned(), "EOF"),
        (r#"{"tolerance": 1, "labels": ["good", "pit"], "pictures": []}"#.to_owned(), "0 pictures"),
    ];
    for (text, words) in cases {
        let bundle = with_blobs(&[(EXPECTED, BlobRole::SelfTest, &text), ("a.png", BlobRole::SelfTest, "pixels")]);
        let problem = self_tests(&bundle, &labels()).unwrap_err();
        assert!(problem.contains(words) && problem.contains("recipe inspection"), "{problem}\n{words}");
    }
    let missing = with_blobs(&[("a.png", BlobRole::SelfTest, "pixels")]);
    assert!(self_tests(&missing, &labels()).unwrap_err().contains("has no expected.json"));
    let other = with_blobs(&[(EXPECTED, BlobRole::Other, GOOD), ("a.png", BlobRole::SelfTest, "pixels")]);
    assert!(
        self_tests(&other, &labels()).unwrap_err().contains("has no expected.json"),
        "another role is no self-test"
    );
}

#[test]
fn size_latency_and_answers_are_asked_for_one_by_one() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let mut said = Vec::new();
    let mut run = |change: &dyn Fn(&mut crate::deploy::Ready)| {
        let mut ready = ready(&plant, "1.1.0", "pass");
        change(&mut ready);
        qualify(&ready, &context(), &mut |text, _| said.push(text.to_owned()), &|| false)
    };
    assert!(run(&|_| ()).passed());
    let large = run(&|ready| ready.model_bytes = 101);
    assert!(!large.passed() && large.refusal() == "model size: asked at most 100 bytes, found 101 bytes");
    let slow = run(&|ready| ready.limits.max_p95_ms = 0);
    assert!(slow.refusal().starts_with("latency p95: asked at most 0 ms, found "), "{}", slow.refusal());
    let other = run(&|ready| ready.self_tests[0].logits[1] = 9.0);
    assert!(other.refusal().contains("good.png: asked pass, logits within 0.5, found pass, largest difference 9.000"));
    let long = run(&|ready| ready.load_ms = 1001);
    assert_eq!(long.refusal(), "load time: asked at most 1000 ms, found 1001 ms");
    let decoded = run(&|ready| ready.decoded_bytes = Some(4000));
    assert!(decoded.passed() && decoded.checks[0].found == "10 bytes (4000 decoded)", "{:?}", decoded.checks);
    let verdict = run(&|ready| ready.self_tests[0].verdict = Some(VerdictKind::Fail));
    assert!(verdict.refusal().contains("asked fail") && verdict.refusal().contains("found pass"));
    let none = run(&|ready| ready.self_tests.clear());
    assert!(none.passed() && none.notes[0].contains("no self-test frames"));
    assert!(said.contains(&"self-test: 1 frames".to_owned()), "{said:?}");
}

#[test]
fn a_recipe_that_is_wrong_in_every_way_is_told_of_all_of_them_at_once() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let mut ready = ready(&plant, "1.1.0", "pass");
    (ready.model_bytes, ready.load_ms, ready.limits.max_p95_ms) = (101, 1001, 0);
    ready.self_tests[0].logits[1] = 9.0;
    let found = qualify(&ready, &context(), &mut |_, _| (), &|| false);
    let rows: Vec<_> = found.checks.iter().map(|check| (check.what.as_str(), check.passed)).collect();
    let all = [
        ("model size", false),
        ("load time", false),
        ("device", true),
        ("self-test good.png", false),
        ("latency p95", false),
    ];
    assert_eq!(rows, all);
    for (what, _) in all.iter().filter(|(_, passed)| !passed) {
        assert!(found.refusal().contains(what), "{}", found.refusal());
    }
}

#[test]
fn what_never_comes_to_an_answer_is_not_fast() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let found = qualify(&ready(&plant, "1.1.0", "broken"), &context(), &mut |_, _| (), &|| false);
    let latency = found.checks.iter().find(|check| check.what == "latency p95").unwrap();
    assert!(!latency.passed && latency.found == "no inspection came to an answer", "{latency:?}");
}

#[test]
fn a_self_test_frame_on_which_the_recipe_fails_is_not_passed() {
    let mut plant = Plant::new();
    plant.tests_for_pass();
    let found = qualify(&ready(&plant, "1.1.0", "broken"), &context(), &mut |_, _| (), &|| false);
    assert!(!found.passed() && found.refusal().contains("undecided: infer: inference-failed"), "{}", found.refusal());
}

#[test]
fn a_revoked_key_counts_where_too_few_others_signed() {
    let plant = Plant::new();
    let live = ready(&plant, "1.1.0", "pass").live;
    assert_eq!(revocation_of(&live, &plant.store()), None);
    let revoked = |severity| {
        let mut store = plant.store();
        store.revoke_key(RevokedKey { id: plant.key_id(), severity, reason: "lost".into() }).unwrap();
        store
    };
    let found = revocation_of(&live, &revoked(Severity::Stop)).unwrap();
    assert!(found.severity == Severity::Stop && found.what.contains("lost"), "{found:?}");
    assert_eq!(revocation_of(&live, &revoked(Severity::BlockNew)).unwrap().severity, Severity::BlockNew);
    let stranger = PrivateKey::generate().unwrap().public().id();
    let mut store = plant.store();
    store.revoke_key(RevokedKey { id: stranger, severity: Severity::Stop, reason: "x".into() }).unwrap();
    assert_eq!(revocation_of(&live, &store), None, "a key that signed nothing of it");
}

#[test]
fn a_trust_store_is_read_again_only_when_it_says_something_else() {
    let plant = Plant::new();
    let file = TrustFile::open(&plant.dir.path().join("trust.json")).unwrap();
    assert!(!file.refresh().unwrap());
    plant.trust(|store| {
        let id = PrivateKey::generate().unwrap().public().id();
        store.revoke_key(RevokedKey { id, severity: Severity::Stop, reason: "x".into() }).unwrap();
    });
    assert!(file.refresh().unwrap() && !file.refresh().unwrap());
    std::fs::write(plant.dir.path().join("trust.json"), "{").unwrap();
    assert!(file.refresh().is_err() && !file.store().keys().is_empty(), "the store before stays for what runs");
}

#[test]
fn the_records_take_no_other_way_than_that_of_the_states() {
    let plant = Plant::new();
    let ledger = Arc::new(Ledger::open(&plant.data().join("journal"), "s").unwrap());
    let records = Records { ledger: Arc::clone(&ledger), view: Arc::default(), entered: Arc::new(|_: &_| ()) };
    let mut book = Book::begin(&records, &engineer(), "why").unwrap();
    let rows = || ledger.audit_lines(None, 100).unwrap().len();
    assert_eq!((book.deployment.id, rows()), (1, 1));
    for state in DeployState::ALL {
        if !DeployState::Received.may_become(state) {
            assert!(book.enter(state).is_err(), "{state}");
        }
    }
    assert_eq!((book.deployment.state, rows()), (DeployState::Received, 1), "neither moved nor written down");
    book.enter(DeployState::Verified).unwrap();
    assert_eq!(ledger.deployment(1).unwrap().unwrap(), book.deployment);
    assert_eq!(ledger.deployments_in(&[DeployState::Received]).unwrap().len(), 0);
    assert_eq!(Book::begin(&records, &engineer(), "again").unwrap().deployment.id, 2);
    let ids: Vec<u64> = ledger.deployments(None, 10).unwrap().iter().map(|one| one.id).collect();
    assert_eq!((ids, ledger.deployments(Some(2), 10).unwrap().len()), (vec![2, 1], 1));
}
