//! Who may sign what, what is revoked, expired or too old.

use super::support::{
    accepted, component, envelope, file_around, key, packed, plugin_manifest, refusal, signature, signed, store,
    trusted,
};
use assay::trust::{
    BlobRole, BundleKind, Check, Counters, Mark, PAYLOAD_TYPE, Purpose, RevokedBundle, RevokedKey, Severity,
    StoreError, TrustStore, VerifyPolicy, pack, pre_authentication_encoding, sign, verify,
};
use jiff::Timestamp;

#[test]
fn a_bundle_signed_by_a_trusted_key_is_accepted() {
    let key = key();
    let bundle = accepted(&signed(&key), &store(&[&key]));
    assert_eq!(bundle.signers(), [key.public().id().to_string()]);
    assert_eq!(bundle.manifest().name, "letterbox");
    assert_eq!(&*bundle.blob(BlobRole::Component).unwrap(), b"component bytes");
}

#[test]
fn an_unsigned_bundle_is_refused() {
    let (check, message) = refusal(&packed(), &store(&[&key()]), &VerifyPolicy::install());
    assert_eq!(check, Check::Signature);
    assert!(message.contains("not signed"), "{message}");
}

#[test]
fn a_key_outside_the_store_is_refused() {
    let (check, message) = refusal(&signed(&key()), &store(&[&key()]), &VerifyPolicy::install());
    assert_eq!(check, Check::Signature);
    assert!(message.contains("no signature is by a key of the trust store"), "{message}");
}

#[test]
fn an_empty_store_trusts_nobody() {
    assert_eq!(refusal(&signed(&key()), &TrustStore::new(), &VerifyPolicy::install()).0, Check::Signature);
}

#[test]
fn another_keys_hint_does_not_make_a_signature_good() {
    let (good, other) = (key(), key());
    let payload = super::support::payload_of(&signed(&other));
    let bytes = other.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload.as_bytes()));
    let envelope = envelope(PAYLOAD_TYPE, payload.as_bytes(), &signature(&good.public().id().to_string(), &bytes));
    let (check, message) =
        refusal(&file_around(&envelope, b"component bytes"), &store(&[&good]), &VerifyPolicy::install());
    assert_eq!(check, Check::Signature);
    assert!(message.contains(&good.public().id().to_string()), "{message}");
}

#[test]
fn a_signature_over_another_payload_type_does_not_count() {
    let key = key();
    let payload = super::support::payload_of(&signed(&key));
    let bytes = key.sign(&pre_authentication_encoding("application/json", payload.as_bytes()));
    let envelope = envelope(PAYLOAD_TYPE, payload.as_bytes(), &signature("", &bytes));
    let check = refusal(&file_around(&envelope, b"component bytes"), &store(&[&key]), &VerifyPolicy::install()).0;
    assert_eq!(check, Check::Signature);
}

#[test]
fn a_signature_over_the_bare_payload_does_not_count() {
    let key = key();
    let payload = super::support::payload_of(&signed(&key));
    let envelope = envelope(PAYLOAD_TYPE, payload.as_bytes(), &signature("", &key.sign(payload.as_bytes())));
    let check = refusal(&file_around(&envelope, b"component bytes"), &store(&[&key]), &VerifyPolicy::install()).0;
    assert_eq!(check, Check::Signature);
}

#[test]
fn the_digest_does_not_change_with_another_signature() {
    let (first, second) = (key(), key());
    let once = signed(&first);
    let twice = sign(&once, &second).unwrap();
    let store = store(&[&first, &second]);
    assert_eq!(accepted(&once, &store).digest(), accepted(&twice, &store).digest());
    assert_eq!(accepted(&twice, &store).signers().len(), 2);
}

#[test]
fn signing_again_replaces_the_signature() {
    let key = key();
    let once = signed(&key);
    assert_eq!(sign(&once, &key).unwrap(), once);
}

#[test]
fn a_broken_bundle_is_not_signed() {
    let mut file = packed();
    *file.last_mut().unwrap() ^= 1;
    assert_eq!(sign(&file, &key()).unwrap_err().check(), Check::Blobs);
}

#[test]
fn a_role_for_another_kind_is_refused() {
    let key = key();
    let mut store = TrustStore::new();
    store.trust(trusted(&key, &["model:*", "recipe:*"])).unwrap();
    let (check, message) = refusal(&signed(&key), &store, &VerifyPolicy::install());
    assert_eq!(check, Check::Authority);
    assert!(message.contains("--role plugin:letterbox"), "{message}");
}

#[test]
fn a_role_for_another_name_is_refused() {
    let key = key();
    for role in ["plugin:letter", "plugin:letterbox2", "plugin:acme-*", "plugin:letterboxes*"] {
        let mut store = TrustStore::new();
        store.trust(trusted(&key, &[role])).unwrap();
        assert_eq!(refusal(&signed(&key), &store, &VerifyPolicy::install()).0, Check::Authority, "{role}");
    }
}

#[test]
fn a_role_for_the_name_or_its_beginning_is_enough() {
    let key = key();
    for role in ["plugin:letterbox", "plugin:letter*", "plugin:*", "plugin:other,letterbox"] {
        let mut store = TrustStore::new();
        store.trust(trusted(&key, &[role])).unwrap();
        accepted(&signed(&key), &store);
    }
}

#[test]
fn roles_are_names_and_beginnings_only() {
    for role in ["plugin", "plugin:", "plugin:a*b", "plugin:**", "widget:*", "plugin:A", "plugin:../x", "plugin:a,"] {
        assert!(role.parse::<assay::trust::Role>().is_err(), "{role}");
    }
}

#[test]
fn one_key_twice_does_not_meet_a_threshold_of_two() {
    let key = key();
    let mut store = store(&[&key]);
    store.set_threshold(BundleKind::Plugin, 2).unwrap();
    let payload = super::support::payload_of(&signed(&key));
    let bytes = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload.as_bytes()));
    // Different hints, as a forger would write them.
    let twice = [signature("one", &bytes), signature("two", &bytes)].join(",");
    let file = file_around(&envelope(PAYLOAD_TYPE, payload.as_bytes(), &twice), b"component bytes");
    let (check, message) = refusal(&file, &store, &VerifyPolicy::install());
    assert_eq!(check, Check::Authority);
    assert!(message.contains("2 different keys, found 1"), "{message}");
}

#[test]
fn two_keys_meet_a_threshold_of_two_only_with_the_role_each() {
    let (first, second) = (key(), key());
    let file = sign(&signed(&first), &second).unwrap();
    let mut both = store(&[&first, &second]);
    both.set_threshold(BundleKind::Plugin, 2).unwrap();
    accepted(&file, &both);
    let mut one = store(&[&first]);
    one.trust(trusted(&second, &["model:*"])).unwrap();
    one.set_threshold(BundleKind::Plugin, 2).unwrap();
    assert_eq!(refusal(&file, &one, &VerifyPolicy::install()).0, Check::Authority);
}

#[test]
fn a_threshold_of_another_kind_does_not_count() {
    let key = key();
    let mut store = store(&[&key]);
    store.set_threshold(BundleKind::Recipe, 2).unwrap();
    accepted(&signed(&key), &store);
}

#[test]
fn a_threshold_of_nobody_is_refused() {
    assert!(matches!(
        TrustStore::new().set_threshold(BundleKind::Plugin, 0),
        Err(StoreError::BadThreshold { kind: BundleKind::Plugin, found: 0 })
    ));
}

fn revoked(key: &assay::trust::PrivateKey, severity: Severity) -> RevokedKey {
    RevokedKey { id: key.public().id(), severity, reason: "stolen".to_owned() }
}

#[test]
fn a_revoked_key_is_refused_and_the_reason_is_told() {
    let key = key();
    let mut store = store(&[&key]);
    store.revoke_key(revoked(&key, Severity::Stop)).unwrap();
    for policy in [VerifyPolicy::install(), VerifyPolicy::run()] {
        let (check, message) = refusal(&signed(&key), &store, &policy);
        assert_eq!(check, Check::Signature);
        assert!(message.contains("revoked (stolen)"), "{message}");
    }
}

#[test]
fn a_key_revoked_for_new_installs_lets_the_line_run() {
    let key = key();
    let mut store = store(&[&key]);
    store.revoke_key(revoked(&key, Severity::BlockNew)).unwrap();
    assert_eq!(refusal(&signed(&key), &store, &VerifyPolicy::install()).0, Check::Signature);
    verify(&signed(&key), &store, &VerifyPolicy::run()).unwrap();
}

#[test]
fn a_revoked_key_does_not_count_for_the_threshold() {
    let (first, second) = (key(), key());
    let mut store = store(&[&first, &second]);
    store.set_threshold(BundleKind::Plugin, 2).unwrap();
    store.revoke_key(revoked(&second, Severity::Stop)).unwrap();
    let file = sign(&signed(&first), &second).unwrap();
    assert_eq!(refusal(&file, &store, &VerifyPolicy::install()).0, Check::Authority);
}

#[test]
fn a_revoked_key_is_not_trusted_again() {
    let key = key();
    let mut store = store(&[&key]);
    store.revoke_key(revoked(&key, Severity::Stop)).unwrap();
    assert!(matches!(store.trust(trusted(&key, &["plugin:*"])), Err(StoreError::Revoked { .. })));
}

#[test]
fn a_revoked_bundle_is_refused_whatever_key_signs_it() {
    let (first, second) = (key(), key());
    let mut store = store(&[&first, &second]);
    let bundle = accepted(&signed(&first), &store).digest();
    store.revoke_bundle(RevokedBundle { bundle, severity: Severity::Stop, reason: "bad crop".to_owned() }).unwrap();
    for file in [signed(&first), sign(&signed(&first), &second).unwrap()] {
        let (check, message) = refusal(&file, &store, &VerifyPolicy::run());
        assert_eq!(check, Check::Revocation);
        assert!(message.contains("bad crop"), "{message}");
    }
}

#[test]
fn a_bundle_revoked_for_new_installs_lets_the_line_run() {
    let key = key();
    let mut store = store(&[&key]);
    let bundle = accepted(&signed(&key), &store).digest();
    store.revoke_bundle(RevokedBundle { bundle, severity: Severity::BlockNew, reason: String::new() }).unwrap();
    assert_eq!(refusal(&signed(&key), &store, &VerifyPolicy::install()).0, Check::Revocation);
    verify(&signed(&key), &store, &VerifyPolicy::run()).unwrap();
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_expired_bundle_is_not_installed_but_runs_on() {
    let key = key();
    let mut manifest = plugin_manifest();
    manifest.not_after = Some("2026-06-01T00:00:00Z".to_owned());
    let file = sign(&pack(manifest, &[component(b"x")]).unwrap(), &key).unwrap();
    let store = store(&[&key]);
    verify(&file, &store, &VerifyPolicy::install().at(time("2026-06-01T00:00:00Z"))).unwrap();
    let late = time("2026-06-01T00:00:01Z");
    let (check, message) = refusal(&file, &store, &VerifyPolicy::install().at(late));
    assert_eq!(check, Check::Expiry);
    assert!(message.contains("2026-06-01T00:00:00Z"), "{message}");
    verify(&file, &store, &VerifyPolicy::run().at(late)).unwrap();
}

#[test]
fn an_expired_key_signs_no_new_install() {
    let key = key();
    let mut store = TrustStore::new();
    let not_after = Some(time("2026-06-01T00:00:00Z"));
    store.trust(assay::trust::TrustedKey { not_after, ..trusted(&key, &["plugin:*"]) }).unwrap();
    let late = time("2026-07-01T00:00:00Z");
    assert_eq!(refusal(&signed(&key), &store, &VerifyPolicy::install().at(late)).0, Check::Signature);
    verify(&signed(&key), &store, &VerifyPolicy::run().at(late)).unwrap();
}

#[test]
fn a_clock_set_back_does_not_revive_an_expired_bundle() {
    let key = key();
    let mut manifest = plugin_manifest();
    manifest.not_after = Some("2026-06-01T00:00:00Z".to_owned());
    let file = sign(&pack(manifest, &[component(b"x")]).unwrap(), &key).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut counters = Counters::open(&dir.path().join("counters.json")).unwrap();
    counters.commit(&[], time("2026-07-01T00:00:00Z")).unwrap();
    let policy = VerifyPolicy::install().at(time("2026-05-01T00:00:00Z")).not_before(&counters);
    assert_eq!(refusal(&file, &store(&[&key]), &policy).0, Check::Expiry);
}

#[test]
fn another_kind_than_the_expected_one_is_refused() {
    let key = key();
    let policy = VerifyPolicy::install().only(BundleKind::Model);
    let (check, message) = refusal(&signed(&key), &store(&[&key]), &policy);
    assert_eq!(check, Check::Kind);
    assert!(message.contains("expected a model bundle, found a plugin bundle"), "{message}");
}

fn mark(counter: u64) -> Mark {
    Mark { kind: BundleKind::Plugin, name: "letterbox".to_owned(), counter }
}

#[test]
fn an_older_counter_than_the_committed_one_is_refused() {
    let key = key();
    let store = store(&[&key]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counters.json");
    let mut counters = Counters::open(&path).unwrap();
    counters.commit(&[mark(7)], Timestamp::now()).unwrap();
    verify(&signed(&key), &store, &VerifyPolicy::install().not_before(&counters)).unwrap();
    counters.commit(&[mark(8)], Timestamp::now()).unwrap();
    // Also after a restart.
    let counters = Counters::open(&path).unwrap();
    let (check, message) = refusal(&signed(&key), &store, &VerifyPolicy::run().not_before(&counters));
    assert_eq!(check, Check::Counter);
    assert!(message.contains("counter 7, but 8 was committed"), "{message}");
}

#[test]
fn verifying_moves_no_counter() {
    let key = key();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counters.json");
    let counters = Counters::open(&path).unwrap();
    verify(&signed(&key), &store(&[&key]), &VerifyPolicy::install().not_before(&counters)).unwrap();
    assert!(!path.exists());
    assert_eq!(Counters::open(&path).unwrap().mark(BundleKind::Plugin, "letterbox"), None);
}

#[test]
fn a_counter_never_goes_down_and_is_kept_by_kind_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut counters = Counters::open(&dir.path().join("counters.json")).unwrap();
    counters.commit(&[mark(9)], Timestamp::now()).unwrap();
    counters.commit(&[mark(3)], Timestamp::now()).unwrap();
    assert_eq!(counters.mark(BundleKind::Plugin, "letterbox"), Some(9));
    assert_eq!(counters.mark(BundleKind::Model, "letterbox"), None);
    assert_eq!(counters.mark(BundleKind::Plugin, "letter"), None);
}

#[test]
fn a_commit_that_cannot_be_written_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut counters = Counters::open(&dir.path().join("gone").join("counters.json")).unwrap();
    assert!(counters.commit(&[mark(9)], Timestamp::now()).is_err());
    assert_eq!(counters.mark(BundleKind::Plugin, "letterbox"), None);
}

#[test]
fn damaged_counters_are_not_taken_for_none() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counters.json");
    let twice = r#"{"schema":1,"latest_time":"2026-01-01T00:00:00Z","marks":[
        {"kind":"plugin","name":"a","counter":9},{"kind":"plugin","name":"a","counter":1}]}"#;
    for text in ["", "{}", "null", twice, r#"{"schema":2,"latest_time":"2026-01-01T00:00:00Z","marks":[]}"#] {
        std::fs::write(&path, text).unwrap();
        assert!(Counters::open(&path).is_err(), "{text}");
    }
}

#[test]
fn the_purpose_of_a_policy_is_what_its_name_says() {
    assert_eq!(VerifyPolicy::install().purpose, Purpose::Install);
    assert_eq!(VerifyPolicy::run().purpose, Purpose::Run);
}
