//! A detector that was built before `config` had `setting`, `reference-value` and `reference-digest`: against `wit/`
//! beside this file, which is the package as it was then and never changes. It has to be admitted and served for ever.

wit_bindgen::generate!({ path: "wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::config;
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};

struct Detector;

impl Guest for Detector {
    fn detect(_frame: FrameInfo, _evidence: Evidence) -> Result<Detection, PluginError> {
        let attribute = |key: &str, value: Option<String>| (key.to_owned(), value.unwrap_or_else(|| "none".to_owned()));
        let attributes = vec![
            attribute("threshold", config::get("threshold")),
            attribute("gone", config::get("gone")),
            attribute("labels", Some(config::labels().join(","))),
            attribute("reference", config::reference()),
        ];
        Ok(Detection { findings: Vec::new(), images: Vec::new(), attributes })
    }
}

export!(Detector);
