//! Says that it cannot.

use crate::assay::plugin::types::PluginError;
use crate::Answer;
use crate::exports::assay::plugin::detect::Evidence;

pub fn run(_: Evidence) -> Answer {
    Err(PluginError::BadSetting("mode: \u{1b}[31mred\n".to_owned()))
}
