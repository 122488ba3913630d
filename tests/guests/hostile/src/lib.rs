//! A detector that does one bad thing, chosen by the setting `mode`: each file in `modes` is one. A test of the host
//! runs every file here, and fails for one that it does not name.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

mod modes;

use assay::plugin::config;
use assay::plugin::types::{Finding, FrameInfo, PluginError};
use core::sync::atomic::{AtomicU32, Ordering};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};

pub type Answer = Result<Detection, PluginError>;

/// A correct answer with one finding.
pub fn answer(finding: Finding) -> Answer {
    Ok(Detection { findings: vec![finding], images: Vec::new(), attributes: Vec::new() })
}

/// A correct finding. It is raised, so that a recipe which knows it does not let the part pass.
pub fn finding() -> Finding {
    Finding { label: "survived".to_owned(), score: 0.5, raised: true, region: None, text: None, attributes: Vec::new() }
}

static TRIGGER: AtomicU32 = AtomicU32::new(0);

/// The frame's number.
pub fn trigger() -> u32 {
    TRIGGER.load(Ordering::Relaxed)
}

struct Hostile;

impl Guest for Hostile {
    fn detect(frame: FrameInfo, evidence: Evidence) -> Answer {
        TRIGGER.store(frame.trigger as u32, Ordering::Relaxed);
        let mode = config::get("mode").unwrap_or_default();
        modes::run(mode.trim_matches('"'), evidence)
    }
}

export!(Hostile);
