//! Detector: is the picture itself as pictures were while the model was made? Brightness, contrast, focus and
//! saturation against the reference in the model's bundle.

mod quality;

use assay_plugin::reference;
use assay_plugin::{Detection, Detector, Evidence, Finding, Frame, Result, settings};
use quality::{Kind, Range, Remark};

struct Plugin {
    ranges: Vec<Range>,
    max_sd: f64,
}

impl Detector for Plugin {
    fn new() -> Result<Self> {
        let max_sd = settings::number_in("max-sd", 0.5..=100.0, 4.0)?;
        let range = |kind: &Kind| {
            let feature = reference::feature(kind.name());
            Range::new(*kind, feature.number("mean")?, feature.number("sd")?, feature.numbers("quantiles")?)
        };
        Ok(Self { ranges: Kind::ALL.iter().map(range).collect::<Result<_>>()?, max_sd })
    }

    fn detect(&mut self, _frame: &Frame, evidence: &Evidence) -> Result<Detection> {
        let statistics = evidence.picture.statistics();
        let mut detection = Detection::new();
        for range in &self.ranges {
            let value = match range.kind {
                Kind::Brightness => statistics.mean,
                Kind::Contrast => statistics.sd,
                Kind::Focus => statistics.laplacian_variance,
                Kind::Saturation => statistics.dark_share + statistics.bright_share,
            };
            detection = detection.attribute(range.kind.name(), format!("{value:.4}"));
            if let Some(remark) = range.judge(value, self.max_sd) {
                detection = detection.finding(finding(range, value, &remark));
            }
        }
        Ok(detection)
    }
}

fn finding(range: &Range, value: f64, remark: &Remark) -> Finding {
    let (name, distance) = (range.kind.name(), remark.distance_sd);
    let text = format!("{name} {value:.3}, reference {:.3} to {:.3}: {distance:.1} sd off", range.min, range.max);
    Finding::new(remark.label, remark.score).raised(remark.raised).text(text).attribute("sd", format!("{distance:.3}"))
}

assay_plugin::export_detector!(Plugin);
