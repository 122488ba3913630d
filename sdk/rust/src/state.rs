//! What a monitor remembers between frames. The host keeps it; it survives recycled instances and restarts, and it
//! changes only where the call succeeds.

use crate::bindings::imports::assay::plugin::state as wit;
use crate::error::Result;

/// The bytes under `key`.
#[must_use]
pub fn get(key: &str) -> Option<Vec<u8>> {
    wit::get(key)
}

/// Keeps `value` under `key`.
///
/// # Errors
/// `Other` where the plugin's limit `state_bytes` would be passed.
pub fn set(key: &str, value: &[u8]) -> Result<()> {
    Ok(wit::set(key, value)?)
}

/// Forgets `key`.
pub fn delete(key: &str) {
    wit::delete(key);
}

/// The numbers under `key`; `None` where there are none or the bytes are no numbers.
#[must_use]
pub fn get_numbers(key: &str) -> Option<Vec<f64>> {
    bytes_to_numbers(&wit::get(key)?)
}

/// Keeps numbers under `key`, 8 bytes each.
///
/// # Errors
/// As [`set`].
pub fn set_numbers(key: &str, values: &[f64]) -> Result<()> {
    set(key, &numbers_to_bytes(values))
}

fn numbers_to_bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn bytes_to_numbers(bytes: &[u8]) -> Option<Vec<f64>> {
    let (chunks, rest) = bytes.as_chunks();
    rest.is_empty().then(|| chunks.iter().map(|chunk| f64::from_le_bytes(*chunk)).collect())
}

#[cfg(test)]
mod tests {
    use super::{bytes_to_numbers, numbers_to_bytes};

    #[test]
    fn numbers_survive_the_way_to_bytes_and_back() {
        let values = [0.0, -1.5, f64::MAX];
        assert_eq!(bytes_to_numbers(&numbers_to_bytes(&values)), Some(values.to_vec()));
        assert_eq!(bytes_to_numbers(&[1, 2, 3]), None);
    }
}
