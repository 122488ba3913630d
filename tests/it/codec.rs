//! The storage codec of models: what Python writes is decoded here to the same bytes, and nothing else is decoded.

use assay::domain::{Digest, ModelCodec, ModelEncoding};
use assay::inference::decode_model;
use assay_tests::artifacts::root;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(root().join("tests/fixtures/weights-codec").join(name)).unwrap()
}

fn encoding(decoded: &[u8]) -> ModelEncoding {
    let (decoded_bytes, decoded_sha256) = (decoded.len() as u64, Digest::of(decoded));
    ModelEncoding { codec: ModelCodec::Weights1, decoded_bytes, decoded_sha256 }
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(payload).unwrap();
    encoder.finish().unwrap()
}

fn container(header: &Value, stream: &[u8]) -> Vec<u8> {
    let text = header.to_string();
    let length = u32::try_from(text.len()).unwrap();
    [b"ASSAYWC1", &length.to_le_bytes()[..], text.as_bytes(), stream].concat()
}

/// Two bytes as they are, then four values of two groups, then three of i8.
fn payload() -> Vec<u8> {
    let floats = [0.5f32, -1.0, 3.0, 2.0].map(f32::to_le_bytes).concat();
    [b"ab", &floats[..], &[0, 1, 1, 0], &[7, 255], &[1, 0, 1]].concat()
}

/// What comes of it: scale x book, one multiplication.
fn decoded() -> Vec<u8> {
    let floats = [1.5f32, -3.0, -2.0, 1.0].map(f32::to_le_bytes).concat();
    [b"ab", &floats[..], &[255, 7, 255]].concat()
}

fn header() -> Value {
    json!({
        "schema": 1, "decoded_bytes": 21, "decoded_sha256": Digest::of(&decoded()).to_string(), "payload_bytes": 27,
        "segments": [
            { "kind": "copy", "bytes": 2 },
            { "kind": "codebook", "type": "f32", "values": 4, "groups": 2, "entries": 2 },
            { "kind": "codebook", "type": "i8", "values": 3, "groups": 1, "entries": 2 },
        ]
    })
}

fn good() -> Vec<u8> {
    container(&header(), &deflated(&payload()))
}

fn refusal(container: &[u8]) -> String {
    let error = decode_model(container, None).map(|decoded| decoded.len()).unwrap_err();
    assay::domain::with_causes(&error)
}

fn refused(change: impl FnOnce(&mut Value), words: &str) {
    let mut header = header();
    change(&mut header);
    let refusal = refusal(&container(&header, &deflated(&payload())));
    assert!(refusal.contains(words), "{refusal} lacks {words}");
}

#[test]
fn what_python_wrote_is_decoded_to_the_same_bytes() {
    let expected = fixture("mixed.bin");
    assert_eq!(decode_model(&fixture("mixed.awc"), Some(&encoding(&expected))).unwrap(), expected);
}

#[test]
fn books_and_scales_are_multiplied_once() {
    assert_eq!(decode_model(&good(), Some(&encoding(&decoded()))).unwrap(), decoded());
}

#[test]
fn only_what_the_signed_manifest_says_comes_out() {
    let signed = encoding(&decoded());
    let larger = ModelEncoding { decoded_bytes: 22, ..signed };
    let error = decode_model(&good(), Some(&larger)).unwrap_err().to_string();
    assert!(error.contains("decoded_bytes 21, the signed manifest says 22"), "{error}");
    let other = ModelEncoding { decoded_sha256: Digest::of(b"other"), ..signed };
    let error = decode_model(&good(), Some(&other)).unwrap_err().to_string();
    assert!(error.contains("decoded_sha256") && error.contains("the signed manifest says"), "{error}");
    // One value of the book is another one: the digest of what comes out finds it.
    let mut changed = payload();
    changed[22] ^= 1;
    let error = refusal(&container(&header(), &deflated(&changed)));
    assert!(error.contains("has the digest"), "{error}");
}

#[test]
fn headers_that_do_not_hold_are_refused_before_anything_is_inflated() {
    refused(|header| header["schema"] = 2.into(), "schema 2, expected 1");
    refused(|header| header["more"] = 1.into(), "unknown field `more`");
    refused(|header| header["segments"][0]["more"] = 1.into(), "unknown field");
    refused(|header| header["decoded_bytes"] = 20.into(), "its segments give 21 decoded bytes, its header says 20");
    refused(|header| header["payload_bytes"] = 26.into(), "its segments give 27 stream bytes, its header says 26");
    refused(|header| header["segments"][1]["entries"] = 257.into(), "segment 1: 257 entries in its book");
    refused(|header| header["segments"][1]["entries"] = 0.into(), "segment 1: 0 entries");
    refused(|header| header["segments"][1]["groups"] = 3.into(), "segment 1: 4 values are not divided by 3 groups");
    refused(|header| header["segments"][1]["groups"] = 0.into(), "segment 1: 0 groups");
    refused(|header| header["segments"][2]["groups"] = 3.into(), "segment 2: 3 groups, expected 1");
    refused(|header| header["segments"][2]["values"] = 0.into(), "segment 2: it gives nothing");
    refused(|header| header["segments"][0]["bytes"] = 0.into(), "segment 0: it gives nothing");
    refused(|header| header["segments"] = json!([]), "it has 0 segments");
    let one = json!({ "kind": "copy", "bytes": 1 });
    refused(|header| header["segments"] = vec![one; 65_537].into(), "its header has 1704109 bytes, at most 1048576");
    let bomb = json!([{ "kind": "copy", "bytes": 1u64 << 40 }]);
    let huge = |header: &mut Value| {
        header["segments"] = bomb;
        header["decoded_bytes"] = (1u64 << 40).into();
        header["payload_bytes"] = (1u64 << 40).into();
    };
    refused(huge, "1099511627776 stream bytes are stated, at most");
    let text = header().to_string().replacen("\"schema\":1", "\"schema\":1,\"schema\":1", 1);
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    let doubled = [b"ASSAYWC1", &length[..], text.as_bytes(), &deflated(&payload())].concat();
    assert!(refusal(&doubled).contains("duplicate field"), "{}", refusal(&doubled));
}

#[test]
fn streams_that_are_short_long_or_no_streams_are_refused() {
    let stream = deflated(&payload());
    for length in [0, 1, 5, stream.len() - 1] {
        assert!(refusal(&container(&header(), &stream[..length])).contains("its stream "), "{length}");
    }
    let trailing = [&stream[..], b"x"].concat();
    assert!(refusal(&container(&header(), &trailing)).contains("bytes follow"));
    let more = deflated(&[&payload()[..], b"x"].concat());
    assert!(refusal(&container(&header(), &more)).contains("bytes follow"));
    let less = deflated(&payload()[..20]);
    assert!(refusal(&container(&header(), &less)).contains("its stream is damaged"));
    // A bomb: of 64 MiB behind a header of 27 bytes no more than those are inflated.
    let bomb = deflated(&vec![0; 64 << 20]);
    assert!(
        refusal(&container(&header(), &bomb)).contains("bytes follow"),
        "{}",
        refusal(&container(&header(), &bomb))
    );
}

#[test]
fn entries_that_are_not_in_the_book_and_numbers_that_are_none_are_refused() {
    let mut outside = payload();
    outside[18] = 2;
    assert!(refusal(&container(&header(), &deflated(&outside))).contains("value 0 is entry 2 of a book of 2"));
    let mut outside = payload();
    outside[24] = 9;
    assert!(refusal(&container(&header(), &deflated(&outside))).contains("entry 9 of a book of 2"));
    for at in [2, 10] {
        let mut infinite = payload();
        infinite[at..at + 4].copy_from_slice(&f32::INFINITY.to_le_bytes());
        assert!(refusal(&container(&header(), &deflated(&infinite))).contains("a number is not finite"));
    }
}

#[test]
fn what_is_no_container_is_told_apart_from_one_that_was_cut() {
    assert!(refusal(b"ONNX").contains("does not begin as a container"));
    assert!(refusal(&good()[..10]).contains("ends inside its header"));
    assert!(refusal(&good()[..40]).contains("ends inside its header"));
    let long = [b"ASSAYWC1", &(2u32 << 20).to_le_bytes()[..]].concat();
    assert!(refusal(&long).contains("its header has 2097152 bytes"));
    assert!(refusal(&container(&json!([1]), b"")).contains("not the JSON of this codec"));
}

proptest! {
    #[test]
    fn no_damage_gives_other_bytes(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        let mut bytes = fixture("mixed.awc");
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        let expected = fixture("mixed.bin");
        if let Ok(decoded) = decode_model(&bytes, Some(&encoding(&expected))) {
            prop_assert!(decoded == expected);
        }
    }
}
