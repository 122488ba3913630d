//! The file around the manifest: every flipped byte, every length, every blob.

use super::support::{
    accepted, blobs_of, component, envelope_len, envelope_of, file_around, key, packed, plugin_manifest, refusal,
    signed, store,
};
use assay::trust::{
    BlobRole, Check, MAX_BLOBS, MAX_ENVELOPE_BYTES, NewBlob, TrustError, VerifyPolicy, inspect, pack, read_bundle,
    sign, verify,
};
use proptest::prelude::*;

#[test]
fn every_flipped_bit_is_refused_or_lies_in_a_hint() {
    let key = key();
    let (file, store) = (signed(&key), store(&[&key]));
    let whole = accepted(&file, &store);
    let envelope = envelope_of(&file);
    let hint_start = 12 + envelope.find("\"keyid\":\"").unwrap() + 9;
    let hint = hint_start..hint_start + 32;
    let mut in_hint = 0;
    for position in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[position] ^= 1 << bit;
            let Ok(bundle) = verify(&flipped, &store, &VerifyPolicy::install()) else { continue };
            assert!(hint.contains(&position), "byte {position}, bit {bit} was accepted");
            assert_eq!(bundle.digest(), whole.digest());
            assert_eq!(bundle.manifest(), whole.manifest());
            assert_eq!(bundle.blob(BlobRole::Component), whole.blob(BlobRole::Component));
            in_hint += 1;
        }
    }
    assert!(in_hint > 0, "a hint is only a hint");
}

#[test]
fn every_truncation_is_refused() {
    let key = key();
    let (file, store) = (signed(&key), store(&[&key]));
    for length in 0..file.len() {
        let (check, message) = refusal(&file[..length], &store, &VerifyPolicy::install());
        assert_eq!(check, Check::Layout, "{length}: {message}");
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let key = key();
    for extra in [&b"\0"[..], b"\n", b"more than one byte"] {
        let file = [&signed(&key)[..], extra].concat();
        let (check, message) = refusal(&file, &store(&[&key]), &VerifyPolicy::install());
        assert_eq!(check, Check::Layout);
        assert!(message.contains(&format!("{} bytes lie behind", extra.len())), "{message}");
    }
}

#[test]
fn a_file_that_is_no_bundle_is_told_apart() {
    let store = store(&[&key()]);
    for file in [&b"PK\x03\x04 a zip file"[..], b"\0asm\x0d\0\x01\0", b"ASSAY\0\0\x02rest of a later version"] {
        assert!(matches!(verify(file, &store, &VerifyPolicy::install()), Err(TrustError::NotABundle)));
    }
}

#[test]
fn an_envelope_that_is_said_to_be_huge_is_refused_before_it_is_read() {
    let store = store(&[&key()]);
    for length in [u32::try_from(MAX_ENVELOPE_BYTES).unwrap() + 1, u32::MAX] {
        let file = [&assay::trust::MAGIC[..], &length.to_le_bytes(), b"{}"].concat();
        let error = verify(&file, &store, &VerifyPolicy::install()).unwrap_err();
        assert!(matches!(error, TrustError::EnvelopeTooLarge { .. }), "{error}");
    }
}

#[test]
fn a_length_that_eats_into_the_blobs_is_refused() {
    let key = key();
    let file = signed(&key);
    let blobs = blobs_of(&file).len();
    for shift in [-1i64, 1, blobs as i64, blobs as i64 + 1] {
        let mut wrong = file.clone();
        let length = u32::try_from(envelope_len(&file) as i64 + shift).unwrap();
        wrong[8..12].copy_from_slice(&length.to_le_bytes());
        let check = refusal(&wrong, &store(&[&key]), &VerifyPolicy::install()).0;
        assert!(matches!(check, Check::Envelope | Check::Layout), "{shift}: {check}");
    }
}

#[test]
fn a_blob_from_another_valid_bundle_is_refused() {
    let key = key();
    let store = store(&[&key]);
    let other = sign(&pack(plugin_manifest(), &[component(b"COMPONENT BYTES")]).unwrap(), &key).unwrap();
    let file = signed(&key);
    accepted(&other, &store);
    for (envelope, blobs) in [(&file, &other), (&other, &file)] {
        let swapped = file_around(&envelope_of(envelope), blobs_of(blobs));
        let (check, message) = refusal(&swapped, &store, &VerifyPolicy::install());
        assert_eq!(check, Check::Blobs);
        assert!(message.contains("component.wasm"), "{message}");
    }
}

#[test]
fn blobs_in_another_order_are_refused() {
    let key = key();
    let licence =
        NewBlob { name: "licence.txt".to_owned(), role: BlobRole::Licence, bytes: b"same length here".to_vec() };
    let file = sign(&pack(plugin_manifest(), &[component(b"component bytes!"), licence]).unwrap(), &key).unwrap();
    accepted(&file, &store(&[&key]));
    let (first, second) = blobs_of(&file).split_at(16);
    let swapped = file_around(&envelope_of(&file), &[second, first].concat());
    assert_eq!(refusal(&swapped, &store(&[&key]), &VerifyPolicy::install()).0, Check::Blobs);
}

#[test]
fn signatures_are_checked_before_blobs() {
    let mut file = signed(&key());
    *file.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&file, &store(&[&key()]), &VerifyPolicy::install()).0, Check::Signature);
}

#[test]
fn a_bundle_may_have_as_many_blobs_as_allowed_and_no_more() {
    let blob = |index: usize| NewBlob { name: format!("f{index}"), role: BlobRole::Other, bytes: vec![0] };
    let mut blobs = vec![component(b"x")];
    blobs.extend((1..MAX_BLOBS).map(blob));
    pack(plugin_manifest(), &blobs).unwrap();
    blobs.push(blob(MAX_BLOBS));
    assert!(pack(plugin_manifest(), &blobs).is_err());
}

#[test]
fn packing_is_reproducible() {
    assert_eq!(packed(), packed());
}

#[test]
fn inspecting_a_damaged_bundle_says_what_is_wrong() {
    let mut file = packed();
    *file.last_mut().unwrap() ^= 1;
    let inspected = inspect(&file).unwrap();
    assert_eq!(inspected.problems.len(), 1);
    assert!(inspected.problems[0].contains("component.wasm"), "{:?}", inspected.problems);
}

#[test]
fn a_link_a_folder_a_pipe_and_a_huge_file_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("real.assay"), packed()).unwrap();
    std::os::unix::fs::symlink(path("real.assay"), path("link.assay")).unwrap();
    std::fs::create_dir(path("folder.assay")).unwrap();
    std::fs::File::create(path("huge.assay")).unwrap().set_len((256 << 20) + 1).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path("pipe.assay")).status().unwrap().success());
    read_bundle(&path("real.assay")).unwrap();
    for name in ["link.assay", "folder.assay", "pipe.assay", "none.assay"] {
        assert_eq!(read_bundle(&path(name)).unwrap_err().check(), Check::Read, "{name}");
    }
    assert_eq!(read_bundle(&path("huge.assay")).unwrap_err().check(), Check::Size);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let store = store(&[]);
        prop_assert!(verify(&bytes, &store, &VerifyPolicy::install()).is_err());
        let framed = file_around("", &bytes);
        prop_assert!(verify(&framed, &store, &VerifyPolicy::install()).is_err());
        let _ = inspect(&framed);
    }

    #[test]
    fn random_envelopes_never_panic(text in "\\PC{0,300}", blobs in prop::collection::vec(any::<u8>(), 0..64)) {
        let file = file_around(&text, &blobs);
        prop_assert!(verify(&file, &store(&[]), &VerifyPolicy::install()).is_err());
        let _ = inspect(&file);
    }

    #[test]
    fn a_signed_bundle_with_random_damage_is_refused(
        start in 0usize..2000, length in 1usize..64, noise in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let key = key();
        let file = signed(&key);
        let start = start % file.len();
        let end = (start + length).min(file.len());
        let mut damaged = file.clone();
        damaged.splice(start..end, noise);
        match verify(&damaged, &store(&[&key]), &VerifyPolicy::install()) {
            Err(_) => {}
            // Only a hint can have changed.
            Ok(bundle) => prop_assert_eq!(bundle.digest(), accepted(&file, &store(&[&key])).digest()),
        }
    }

    #[test]
    fn a_random_trust_store_never_panics(text in "\\PC{0,300}") {
        prop_assert!(assay::trust::TrustStore::parse(text.as_bytes()).is_err());
    }

    #[test]
    fn random_names_pass_only_by_the_rule(text in "[a-zA-Z0-9._/*\\-]{0,70}") {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = text.len() <= 64
            && text.chars().next().is_some_and(letters)
            && text.chars().all(|c| letters(c) || "._-".contains(c));
        prop_assert_eq!(assay::trust::is_name(&text), fits);
    }
}
