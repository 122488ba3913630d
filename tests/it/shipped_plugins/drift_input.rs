use super::{Noise, Use, admit, answer, far, meta, pool, reference, usual};
use assay::domain::{Image, PixelFormat, Report, Verdict};
use assay::imaging;
use assay::plugin::{AdmittedPlugin, LogLine, MonitorState, ObserveInput};
use std::sync::Arc;

const FEATURES: [&str; 5] = ["brightness", "contrast", "focus", "saturation", "max_prob"];

/// A line that the monitor watches.
struct Line {
    plugin: Arc<AdmittedPlugin>,
    state: MonitorState,
    noise: Noise,
    frames: u64,
    log: Vec<LogLine>,
}

impl Line {
    fn new() -> Self {
        let plugin = admit("drift-input", Use { reference: Some(reference()), ..Use::default() });
        Self { plugin, state: MonitorState::new(), noise: Noise(9), frames: 1000, log: Vec::new() }
    }

    /// One frame, with the picture changed by `change`; no answer of the model where `certainty` is none.
    fn see(&mut self, change: impl Fn(Image) -> Image, certainty: Option<f32>) -> Vec<Report> {
        self.frames += 1;
        let picture = change(usual(self.frames));
        let answer = certainty.map(|top| answer(&[top, 1.0 - top]));
        let verdict = Verdict::Pass { label: "good".to_owned(), score: 0.8 };
        let input =
            ObserveInput { picture: &picture, verdict: &verdict, answer: answer.as_ref(), findings: &[], outputs: &[] };
        let outcome = self.plugin.observe(&meta(), &input, &mut self.state, far());
        self.log.extend(outcome.log);
        outcome.result.unwrap().reports
    }

    /// `count` frames as they were when the model was made.
    fn usual(&mut self, count: u32) -> Vec<Report> {
        (0..count)
            .flat_map(|_| {
                let certainty = 0.7 + 0.2 * self.noise.next() as f32;
                self.see(|picture| picture, Some(certainty))
            })
            .collect()
    }
}

fn of<'a>(reports: &'a [Report], feature: &str, statistic: &str) -> Vec<&'a Report> {
    reports.iter().filter(|report| report.feature == feature && report.statistic == statistic).collect()
}

/// Twenty grey levels less: a lamp that went out.
fn darker(picture: Image) -> Image {
    let bytes: Vec<u8> = picture.bytes().iter().map(|byte| byte.saturating_sub(20)).collect();
    imaging::from_pixels(picture.width(), picture.height(), PixelFormat::Rgb8, &bytes, &pool()).unwrap()
}

#[test]
fn a_line_without_drift_reports_regularly_and_raises_nothing() {
    let mut line = Line::new();
    let reports = line.usual(100);
    let drifted: Vec<_> = reports.iter().filter(|report| report.drifted).collect();
    assert!(drifted.is_empty(), "{drifted:?}");
    for feature in FEATURES {
        let count = |statistic| of(&reports, feature, statistic).len();
        assert_eq!((count("adwin"), count("mean"), count("ks")), (3, 8, 2), "{feature}");
        assert_eq!(count("psi"), 2, "{feature}");
    }
}

#[test]
fn a_lamp_that_went_out_is_found_in_brightness_by_every_statistic() {
    let mut line = Line::new();
    line.usual(100);
    let reports: Vec<_> = (0..60).flat_map(|_| line.see(darker, Some(0.8))).collect();
    for statistic in ["adwin", "mean", "psi", "ks"] {
        let found = of(&reports, "brightness", statistic);
        assert!(found.iter().any(|report| report.drifted), "{statistic}: {found:?}");
    }
    assert!(of(&reports, "focus", "ks").iter().all(|report| !report.drifted), "only what changed");
}

#[test]
fn its_memory_is_small_and_lasts_over_instances() {
    let mut line = Line::new();
    line.usual(49);
    let size: usize = line.state.values().map(Vec::len).sum();
    assert!((1000..16_384).contains(&size), "{size} bytes");
    let reports = line.usual(1);
    assert_eq!(of(&reports, "brightness", "ks").len(), 1, "the 50th frame fills the window");
    assert!(line.log.is_empty(), "{:?}", line.log);
}

#[test]
fn a_frame_without_an_answer_leaves_the_certainty_alone() {
    let mut line = Line::new();
    line.usual(49);
    let reports = line.see(|picture| picture, None);
    assert_eq!(of(&reports, "brightness", "ks").len(), 1);
    assert!(of(&reports, "max_prob", "ks").is_empty(), "it still has 49 values");
}

#[test]
fn damaged_memory_is_begun_afresh_with_a_word() {
    let mut line = Line::new();
    line.usual(49);
    line.state.values_mut().for_each(|bytes| bytes.truncate(100));
    let reports = line.usual(1);
    assert!(reports.is_empty(), "a window of one frame: {reports:?}");
    assert!(line.log.iter().any(|line| line.text.contains("afresh")), "{:?}", line.log);
}
