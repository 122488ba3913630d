//! Remembers a million empty values, each under a short key.

use crate::Answer;
use crate::assay::plugin::state;
use crate::assay::plugin::types::PluginError;

pub fn run() -> Answer {
    for n in 0..1_000_000u32 {
        if let Err(error) = state::set(&format!("{n:x}"), b"") {
            return Err(PluginError::Other(format!("at {n}: {error:?}")));
        }
    }
    crate::answer(Vec::new())
}
