//! Edits that take an input away from its seed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Longest run of bytes that one edit takes away, doubles or brings in from another seed.
const RUN: usize = 64;
/// Numbers where code that counts goes wrong.
const NUMBERS: [u64; 16] =
    [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, u64::MAX];
/// What text formats are made of.
const TOKENS: [&str; 24] = [
    "\"", "\\", "[", "]", "{", "}", "[[", "]]", "=", ":", ",", ".", "\n", "\r\n", "\0", "../", "null", "true", "-1",
    "1e999", "nan", "\u{202e}", "\u{fffd}", "'''",
];

#[derive(Debug, Clone)]
pub enum Edit {
    Flip { at: Index, bit: u8 },
    Set { at: Index, byte: u8 },
    Insert { at: Index, bytes: Vec<u8> },
    Token { at: Index, token: &'static str },
    Number { at: Index, number: u64, width: usize, big_endian: bool },
    Delete { at: Index, len: usize },
    Double { at: Index, len: usize },
    Move { from: Index, to: Index, len: usize },
    Borrow { from: Index, to: Index, len: usize },
    Cut { at: Index },
}

/// One to eight of them.
pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec(edit(), 1..=8)
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let run = || 1..=RUN;
    prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip { at, bit }),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set { at, byte }),
        2 => (at(), vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Edit::Insert { at, bytes }),
        2 => (at(), select(TOKENS.to_vec())).prop_map(|(at, token)| Edit::Token { at, token }),
        4 => (at(), select(NUMBERS.to_vec()), select(vec![1_usize, 2, 4, 8]), any::<bool>())
            .prop_map(|(at, number, width, big_endian)| Edit::Number { at, number, width, big_endian }),
        2 => (at(), run()).prop_map(|(at, len)| Edit::Delete { at, len }),
        2 => (at(), run()).prop_map(|(at, len)| Edit::Double { at, len }),
        2 => (at(), at(), run()).prop_map(|(from, to, len)| Edit::Move { from, to, len }),
        2 => (at(), at(), run()).prop_map(|(from, to, len)| Edit::Borrow { from, to, len }),
        1 => at().prop_map(|at| Edit::Cut { at }),
    ]
}

/// The seed after its edits, at most `max_bytes` long.
pub fn apply(seed: &[u8], other: &[u8], edits: &[Edit], max_bytes: usize) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for edit in edits {
        one(&mut bytes, other, edit);
        bytes.truncate(max_bytes);
    }
    bytes
}

fn one(bytes: &mut Vec<u8>, other: &[u8], edit: &Edit) {
    // A place in an input, or behind its end.
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    match edit {
        Edit::Flip { at, bit } => change(bytes, at, |byte| byte ^ (1_u8 << *bit)),
        Edit::Set { at, byte } => change(bytes, at, |_| *byte),
        Edit::Insert { at, bytes: new } => put(bytes, place(at, bytes), new),
        Edit::Token { at, token } => put(bytes, place(at, bytes), token.as_bytes()),
        Edit::Number { at, number, width, big_endian } => {
            let (little, big) = (number.to_le_bytes(), number.to_be_bytes());
            let low = if *big_endian { big.get(8 - width..) } else { little.get(..*width) };
            let at = place(at, bytes);
            bytes.iter_mut().skip(at).zip(low.unwrap_or_default()).for_each(|(to, from)| *to = *from);
        }
        Edit::Delete { at, len } => {
            let at = place(at, bytes);
            bytes.drain(at..(at + len).min(bytes.len()));
        }
        Edit::Double { at, len } => {
            let at = place(at, bytes);
            let run = run(bytes, at, *len);
            put(bytes, at, &run);
        }
        Edit::Move { from, to, len } => {
            let from = place(from, bytes);
            let run = run(bytes, from, *len);
            bytes.drain(from..from + run.len());
            put(bytes, place(to, bytes), &run);
        }
        Edit::Borrow { from, to, len } => {
            let run = run(other, place(from, other), *len);
            put(bytes, place(to, bytes), &run);
        }
        Edit::Cut { at } => bytes.truncate(place(at, bytes)),
    }
}

fn change(bytes: &mut [u8], at: &Index, new: impl FnOnce(u8) -> u8) {
    if !bytes.is_empty() {
        let byte = at.get_mut(bytes);
        *byte = new(*byte);
    }
}

fn run(bytes: &[u8], at: usize, len: usize) -> Vec<u8> {
    bytes.iter().skip(at).take(len).copied().collect()
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.splice(at..at, new.iter().copied());
}
