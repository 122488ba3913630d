//! Finds pictures that are too bright or too dark.

use assay_plugin::log::{Level, write};
use assay_plugin::{Detection, Detector, Evidence, Finding, Frame, Result, settings};

struct Plugin {
    low: f64,
    high: f64,
}

impl Detector for Plugin {
    /// Read at the start of every instance; a wrong value is an error that names the setting.
    fn new() -> Result<Self> {
        let low = settings::number_in("low", 0.0..=255.0, 40.0)?;
        Ok(Self { low, high: settings::number_in("high", 0.0..=255.0, 220.0)? })
    }

    fn detect(&mut self, frame: &Frame, evidence: &Evidence) -> Result<Detection> {
        let mean = evidence.picture.statistics().mean; // luma, 0 to 255, computed by the host
        write(Level::Debug, &format!("{} {}: mean luma {mean:.1}", frame.source, frame.trigger));
        let detection = Detection::new().attribute("mean-luma", format!("{mean:.3}"));
        let label = match mean {
            mean if mean < self.low => "too-dark",
            mean if mean > self.high => "too-bright",
            _ => return Ok(detection),
        };
        Ok(detection.finding(Finding::new(label, 1.0).raised(true).text(format!("mean luma {mean:.1}"))))
    }
}

assay_plugin::export_detector!(Plugin);
