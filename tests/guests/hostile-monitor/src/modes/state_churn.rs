//! Remembers large keys and forgets each at once, without end.

use crate::Answer;
use crate::assay::plugin::state;

pub fn run() -> Answer {
    let mut key = "k".repeat(500_000);
    for n in 0u64.. {
        key.push_str(&(n % 10).to_string());
        state::set(&key, b"").unwrap();
        state::delete(&key);
    }
    crate::answer(Vec::new())
}
