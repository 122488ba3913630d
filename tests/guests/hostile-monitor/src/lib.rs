//! A monitor that does one bad thing, chosen by the setting `mode`: each file in `modes` is one.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/monitor", generate_all });

mod modes;

use assay::plugin::config;
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::observe::{Guest, Inspection, Observation, Report};

pub type Answer = Result<Observation, PluginError>;

/// A correct report.
pub fn report() -> Report {
    Report {
        feature: "survived".to_owned(),
        statistic: "sum".to_owned(),
        value: 0.5,
        threshold: 1.0,
        drifted: false,
        window: 1,
        attributes: Vec::new(),
    }
}

pub fn answer(reports: Vec<Report>) -> Answer {
    Ok(Observation { reports, attributes: Vec::new() })
}

struct Hostile;

impl Guest for Hostile {
    fn observe(_frame: FrameInfo, _inspection: Inspection) -> Answer {
        let mode = config::get("mode").unwrap_or_default();
        modes::run(mode.trim_matches('"'))
    }
}

export!(Hostile);
