//! Targets with a fault in each: what shows that the fuzzer would find one.

use super::target::{Target, Try};
use anyhow::{Result, ensure};

/// Not among the targets that are put through.
pub const PLANTED: &[Target] = &[
    planted("planted-panic", || Ok(Box::new(|bytes| if is_bad(bytes) { panic() } else { Ok(true) }))),
    planted("planted-caught-panic", || Ok(Box::new(|bytes| Ok(!is_bad(bytes) || caught())))),
    planted("planted-wrong", || {
        Ok(Box::new(|bytes| {
            ensure!(!is_bad(bytes), "what must hold does not");
            Ok(true)
        }))
    }),
    planted("planted-memory", || Ok(Box::new(|bytes| Ok(!is_bad(bytes) || hoard())))),
    planted("planted-hang", || {
        Ok(Box::new(|bytes| {
            while is_bad(std::hint::black_box(bytes)) {
                std::thread::park_timeout(std::time::Duration::from_millis(1));
            }
            Ok(true)
        }))
    }),
];

const fn planted(name: &'static str, begin: fn() -> Result<Try>) -> Target {
    let (seeds, max_bytes, heap_bytes) = (seeds as fn() -> Result<Vec<Vec<u8>>>, 64, 1 << 20);
    Target { name, what: "a fault that was planted", seeds, begin, max_bytes, heap_bytes }
}

fn seeds() -> Result<Vec<Vec<u8>>> {
    Ok(vec![b"length=16".to_vec()])
}

/// Two steps from the seed.
fn is_bad(bytes: &[u8]) -> bool {
    bytes.contains(&0xff) && bytes.contains(&0) && bytes.starts_with(b"len")
}

#[allow(clippy::panic, reason = "it is the planted fault")]
fn panic() -> Result<bool> {
    panic!("planted")
}

fn caught() -> bool {
    std::panic::catch_unwind(|| panic().is_ok()).unwrap_or(false)
}

fn hoard() -> bool {
    std::hint::black_box(vec![1_u8; 8 << 20]).is_empty()
}
