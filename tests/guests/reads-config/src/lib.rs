//! Says what `config` gives: for each key of the setting `keys` and for each path of the setting `paths`, an attribute
//! with the value as Rust prints it.

wit_bindgen::generate!({ path: "../../../wit", world: "assay:plugin/detector", generate_all });

use assay::plugin::config::{self, Value};
use assay::plugin::types::{FrameInfo, PluginError};
use exports::assay::plugin::detect::{Detection, Evidence, Guest};

struct Detector;

fn list(key: &str) -> Vec<String> {
    match config::setting(key) {
        Some(Value::Texts(texts)) => texts,
        _ => Vec::new(),
    }
}

impl Guest for Detector {
    fn detect(_frame: FrameInfo, _evidence: Evidence) -> Result<Detection, PluginError> {
        let mut attributes = Vec::new();
        for key in list("keys") {
            attributes.push((format!("typed-{key}"), format!("{:?}", config::setting(&key))));
            attributes.push((format!("json-{key}"), format!("{:?}", config::get(&key))));
        }
        for path in list("paths") {
            attributes.push((path.clone(), format!("{:?}", config::reference_value(&path))));
        }
        attributes.push(("digest".to_owned(), format!("{:?}", config::reference_digest())));
        Ok(Detection { findings: Vec::new(), images: Vec::new(), attributes })
    }
}

export!(Detector);
