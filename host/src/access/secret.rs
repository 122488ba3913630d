//! Secrets that the station makes: a person or a machine is shown them once, the station keeps their hash.

use super::AccessError;
use crate::domain::Digest;

/// Bytes of a session's or a token's secret.
const SECRET_BYTES: usize = 16;
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Without the letters that are taken for digits.
const TYPED: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a secret that a person types: 80 bits.
const TYPED_CHARS: usize = 16;

/// 128 random bits in hexadecimal digits.
pub fn random_text() -> Result<String, AccessError> {
    let bytes: [u8; SECRET_BYTES] = random()?;
    Ok(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| letter(HEX, half)).collect())
}

/// 80 random bits as four groups of letters and digits.
pub fn random_typed() -> Result<String, AccessError> {
    let bytes: [u8; TYPED_CHARS] = random()?;
    let letters: Vec<char> = bytes.iter().filter_map(|byte| letter(TYPED, byte & 31)).collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    Ok(groups.join("-"))
}

/// Hash of a typed secret, however a person wrote it.
#[must_use]
pub fn typed_hash(secret: &str) -> Digest {
    let plain = secret.chars().filter(char::is_ascii_alphanumeric).take(64).map(|c| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    });
    Digest::of(plain.collect::<String>().as_bytes())
}

fn letter(alphabet: &[u8], at: u8) -> Option<char> {
    alphabet.get(usize::from(at)).copied().map(char::from)
}

fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| AccessError::Random { detail: error.to_string() })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn secrets_have_all_their_bits_and_differ() {
        let text = random_text().unwrap();
        assert_eq!(text.len(), 32);
        assert_ne!(text, random_text().unwrap());
        let typed = random_typed().unwrap();
        assert_eq!((typed.len(), typed.matches('-').count()), (19, 3), "{typed}");
    }

    #[test]
    fn a_typed_secret_is_known_however_it_is_written() {
        assert_eq!(typed_hash("AB10-CDEF"), typed_hash(" abIo cdef\n"));
        assert_ne!(typed_hash("AB10-CDEF"), typed_hash("AB10-CDEG"));
    }
}
