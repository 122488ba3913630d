//! JSON that two readers could read in two ways.

use super::support::{
    accepted, blobs_of, envelope, envelope_of, file_around, key, payload_of, refusal, signature, signed,
    signed_payload, store,
};
use assay::trust::{
    Check, MAX_SIGNATURES, PAYLOAD_TYPE, PrivateKey, TrustStore, VerifyPolicy, pre_authentication_encoding,
};

/// Refusals of a bundle whose envelope was changed as text. Its signature stays good.
fn envelope_refused(change: impl Fn(&str) -> String) -> (Check, String) {
    let key = key();
    let file = signed(&key);
    let envelope = envelope_of(&file);
    let changed = change(&envelope);
    assert_ne!(changed, envelope, "the change hit nothing");
    refusal(&file_around(&changed, blobs_of(&file)), &store(&[&key]), &VerifyPolicy::install())
}

/// Refusals of a bundle whose manifest was changed as text and then signed by a trusted key.
fn manifest_refused(change: impl Fn(&str) -> String) -> (Check, String) {
    let key = key();
    let file = signed(&key);
    let payload = payload_of(&file);
    let changed = change(&payload);
    assert_ne!(changed, payload, "the change hit nothing");
    refusal(&signed_payload(&changed, &[&key], blobs_of(&file)), &store(&[&key]), &VerifyPolicy::install())
}

#[test]
fn an_unchanged_manifest_signed_by_hand_is_accepted() {
    let key = key();
    let file = signed(&key);
    accepted(&signed_payload(&payload_of(&file), &[&key], blobs_of(&file)), &store(&[&key]));
}

#[test]
fn duplicate_keys_in_the_envelope_are_refused() {
    let changes: [fn(&str) -> String; 4] = [
        |text| text.replacen('{', &format!("{{\"payloadType\":{PAYLOAD_TYPE:?},"), 1),
        |text| text.replacen('{', "{\"payload\":\"e30=\",", 1),
        |text| text.replacen('{', "{\"signatures\":[],", 1),
        |text| text.replace("{\"keyid\":", "{\"keyid\":\"\",\"keyid\":"),
    ];
    for change in changes {
        let (check, message) = envelope_refused(change);
        assert_eq!(check, Check::Envelope, "{message}");
        assert!(message.contains("duplicate field"), "{message}");
    }
}

#[test]
fn unknown_and_missing_keys_in_the_envelope_are_refused() {
    let changes: [fn(&str) -> String; 4] = [
        |text| text.replacen('{', "{\"note\":1,", 1),
        |text| text.replace("{\"keyid\":", "{\"cert\":\"\",\"keyid\":"),
        |text| text.replacen("\"payloadType\"", "\"payload_type\"", 1),
        |text| text.replace("\"sig\"", "\"signature\""),
    ];
    for change in changes {
        let (check, message) = envelope_refused(change);
        assert_eq!(check, Check::Envelope, "{message}");
    }
}

#[test]
fn bytes_behind_the_envelopes_json_are_refused() {
    assert_eq!(envelope_refused(|text| format!("{text}{{}}")).0, Check::Envelope);
    assert_eq!(envelope_refused(|text| format!("{text}x")).0, Check::Envelope);
}

#[test]
fn another_payload_type_is_refused_though_its_signature_is_good() {
    let key = key();
    let payload = payload_of(&signed(&key));
    for payload_type in ["application/vnd.in-toto+json", "application/vnd.assay.bundle.v2+json", ""] {
        let bytes = key.sign(&pre_authentication_encoding(payload_type, payload.as_bytes()));
        let envelope = envelope(payload_type, payload.as_bytes(), &signature("", &bytes));
        let file = file_around(&envelope, b"component bytes");
        let (check, message) = refusal(&file, &store(&[&key]), &VerifyPolicy::install());
        assert_eq!(check, Check::Envelope);
        assert!(message.contains("payloadType"), "{message}");
    }
}

#[test]
fn base64_in_a_second_spelling_is_refused() {
    let changes: [fn(&str) -> String; 4] = [
        // No padding, and bits that no byte uses: an Ed25519 signature ends with two of padding.
        |text| text.replace("==\"}", "\"}"),
        |text| {
            let at = text.find("==\"}").unwrap() - 1;
            let last = text.as_bytes()[at];
            let other = if last == b'A' { 'B' } else { char::from(last + 1) };
            format!("{}{other}{}", &text[..at], &text[at + 1..])
        },
        |text| text.replace("\"payload\":\"", "\"payload\":\" "),
        |text| text.replace("\"payload\":\"", "\"payload\":\"\\n"),
    ];
    for change in changes {
        let (check, message) = envelope_refused(change);
        assert_eq!(check, Check::Envelope, "{message}");
        assert!(message.contains("base64"), "{message}");
    }
}

#[test]
fn signatures_of_another_length_are_no_signatures() {
    let key = key();
    let payload = payload_of(&signed(&key));
    let good = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload.as_bytes()));
    for bytes in [&[][..], &good[..63], &[&good[..], &[0]].concat()] {
        let envelope = envelope(PAYLOAD_TYPE, payload.as_bytes(), &signature("", bytes));
        let file = file_around(&envelope, b"component bytes");
        assert_eq!(refusal(&file, &store(&[&key]), &VerifyPolicy::install()).0, Check::Signature);
    }
}

#[test]
fn too_many_signatures_are_refused() {
    let key = key();
    let payload = payload_of(&signed(&key));
    let bytes = key.sign(&pre_authentication_encoding(PAYLOAD_TYPE, payload.as_bytes()));
    let of = |count: usize| {
        let all = vec![signature("", &bytes); count].join(",");
        file_around(&envelope(PAYLOAD_TYPE, payload.as_bytes(), &all), b"component bytes")
    };
    accepted(&of(MAX_SIGNATURES), &store(&[&key]));
    let (check, message) = refusal(&of(MAX_SIGNATURES + 1), &store(&[&key]), &VerifyPolicy::install());
    assert_eq!(check, Check::Envelope);
    assert!(message.contains("17 signatures"), "{message}");
}

#[test]
fn an_unverified_payload_is_not_parsed() {
    let (stranger, trusted) = (key(), key());
    for payload in ["", "not json", "{\"schema\":", "[[[[[["] {
        let file = signed_payload(payload, &[&stranger], b"");
        assert_eq!(refusal(&file, &store(&[&trusted]), &VerifyPolicy::install()).0, Check::Signature, "{payload}");
        let file = signed_payload(payload, &[&trusted], b"");
        assert_eq!(refusal(&file, &store(&[&trusted]), &VerifyPolicy::install()).0, Check::Payload, "{payload}");
    }
}

#[test]
fn duplicate_keys_in_the_manifest_are_refused() {
    let changes: [fn(&str) -> String; 5] = [
        |text| text.replacen('{', "{\"kind\":\"plugin\",", 1),
        |text| text.replacen("\"name\":", "\"name\":\"harmless\",\"name\":", 1),
        |text| text.replace("\"world\":", "\"world\":\"monitor\",\"world\":"),
        |text| text.replace("\"deadline_ms\":", "\"deadline_ms\":1,\"deadline_ms\":"),
        |text| text.replace("\"size\":", "\"size\":0,\"size\":"),
    ];
    for change in changes {
        let (check, message) = manifest_refused(change);
        assert_eq!(check, Check::Payload, "{message}");
        assert!(message.contains("duplicate field"), "{message}");
    }
}

#[test]
fn duplicate_keys_in_settings_are_refused() {
    let (check, message) = manifest_refused(|text| text.replace("\"width\":", "\"width\":1,\"width\":"));
    assert_eq!(check, Check::Payload);
    assert!(message.contains("duplicate setting \"width\""), "{message}");
    // Also where the one is written with an escape.
    let (check, _) = manifest_refused(|text| text.replace("\"width\":", "\"\\u0077idth\":1,\"width\":"));
    assert_eq!(check, Check::Payload);
}

#[test]
fn unknown_keys_in_the_manifest_are_refused() {
    let changes: [fn(&str) -> String; 4] = [
        |text| text.replacen('{', "{\"min_host\":\"9\",", 1),
        |text| text.replace("\"world\":", "\"network\":true,\"world\":"),
        |text| text.replace("\"deadline_ms\":", "\"deadline\":1,\"deadline_ms\":"),
        |text| text.replace("\"size\":", "\"path\":\"/etc\",\"size\":"),
    ];
    for change in changes {
        let (check, message) = manifest_refused(change);
        assert_eq!(check, Check::Payload, "{message}");
        assert!(message.contains("unknown field"), "{message}");
    }
}

#[test]
fn bytes_behind_the_manifest_are_refused() {
    assert_eq!(manifest_refused(|text| format!("{text}{text}")).0, Check::Payload);
}

#[test]
fn deep_json_is_refused_without_a_panic() {
    let deep = format!("{}1{}", "[".repeat(60_000), "]".repeat(60_000));
    let check = manifest_refused(|text| text.replace("\"width\":224", &format!("\"width\":{deep}"))).0;
    assert_eq!(check, Check::Payload);
    let key = key();
    assert_eq!(refusal(&file_around(&deep, b""), &store(&[&key]), &VerifyPolicy::install()).0, Check::Envelope);
}

fn store_text(keys: &[&PrivateKey]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trust.json");
    store(keys).save(&path).unwrap();
    TrustStore::load(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_trust_store_survives_its_file() {
    let key = key();
    let read = TrustStore::parse(store_text(&[&key]).as_bytes()).unwrap();
    accepted(&signed(&key), &read);
}

#[test]
fn a_trust_store_with_anything_odd_is_refused() {
    let key = key();
    let text = store_text(&[&key]);
    let id = key.public().id().to_string();
    let other = self::key().public().id().to_string();
    let entry_start = text.find("    {").unwrap();
    let entry_end = text.find("    }\n  ],").unwrap() + 5;
    let entry = &text[entry_start..entry_end];
    let changes = [
        text.replacen('{', "{\"extra\":1,", 1),
        text.replacen("\"threshold\"", "\"threshold\":{\"plugin\":1,\"model\":1,\"recipe\":1},\"threshold\"", 1),
        text.replace("\"plugin\": 1", "\"plugin\": 0"),
        text.replace("\"plugin\": 1", "\"plugin\": 1, \"plugin\": 1"),
        text.replace("\"schema\": 1", "\"schema\": 2"),
        text.replace(&id, &other),
        text.replace("\"*\"", "\"a*b\""),
        text.replace("BEGIN PUBLIC KEY", "BEGIN PRIVATE KEY"),
        text.replace(entry, &format!("{entry},\n{entry}")),
        text.replace("\"roles\"", "\"not_after\": \"tomorrow\", \"roles\""),
        format!("{text}x"),
    ];
    for changed in changes {
        assert_ne!(changed, text, "the change hit nothing");
        assert!(TrustStore::parse(changed.as_bytes()).is_err(), "{changed}");
    }
}
