//! Does nothing: what one call costs without any work. With the setting `calls` it makes that many host calls.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::config;
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};

struct Idle;

impl Guest for Idle {
    fn detect(_frame: FrameInfo, evidence: Evidence) -> Result<Detection, PluginError> {
        let calls = config::get("calls").and_then(|text| text.parse().ok()).unwrap_or(0u32);
        for _ in 0..calls {
            core::hint::black_box(evidence.picture.info());
        }
        Ok(Detection { findings: Vec::new(), images: Vec::new(), attributes: Vec::new() })
    }
}

export!(Idle);
