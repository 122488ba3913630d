//! Counts inspections in its state. The setting `fail` makes it fail after it has changed the state; `fill` is a
//! number of bytes that it tries to remember.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/monitor", generate_all });

use assay::plugin::types::{FrameInfo, PluginError};
use assay::plugin::{config, state};
use exports::assay::plugin::observe::{Guest, Inspection, Observation, Report};

struct Monitor;

impl Guest for Monitor {
    fn observe(_frame: FrameInfo, inspection: Inspection) -> Result<Observation, PluginError> {
        let before = state::get("count").and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        let count = before + 1;
        let set =
            |key: &str, value: &[u8]| state::set(key, value).map_err(|error| PluginError::Other(format!("{error:?}")));
        set("count", &count.to_le_bytes())?;
        set("gone", b"soon")?;
        state::delete("gone");
        if let Some(bytes) = config::get("fill").and_then(|text| text.parse().ok()) {
            set("fill", &vec![7; bytes])?;
        }
        if config::get("fail").is_some() {
            return Err(PluginError::Other(format!("told to fail on a {}", inspection.verdict)));
        }
        let report = Report {
            feature: "count".to_owned(),
            statistic: "sum".to_owned(),
            value: count as f64,
            threshold: 1e9,
            drifted: false,
            window: count,
            attributes: Vec::new(),
        };
        Ok(Observation { reports: vec![report], attributes: Vec::new() })
    }
}

export!(Monitor);
