//! Watches the share of parts that do not pass, window by window.

use assay_plugin::{Frame, Inspection, Monitor, Observation, Report, Result, settings, state};

/// What is remembered: frames and rejects of the window so far. The host keeps it, because the next frame meets a
/// fresh instance.
const SEEN: &str = "seen";

struct Plugin {
    window: f64,
    limit: f64,
}

impl Monitor for Plugin {
    fn new() -> Result<Self> {
        let window = settings::number_in("window", 1.0..=10_000.0, 50.0)?;
        Ok(Self { window, limit: settings::number_in("limit", 0.0..=1.0, 0.2)? })
    }

    fn observe(&mut self, _frame: &Frame, inspection: &Inspection) -> Result<Observation> {
        let seen = state::get_numbers(SEEN).unwrap_or_default();
        let before = |index: usize| seen.get(index).copied().unwrap_or(0.0);
        let frames = before(0) + 1.0;
        let rejects = before(1) + if inspection.verdict == "pass" { 0.0 } else { 1.0 };
        if frames < self.window {
            state::set_numbers(SEEN, &[frames, rejects])?;
            return Ok(Observation::default());
        }
        state::delete(SEEN);
        let rate = rejects / frames;
        let report = Report {
            feature: "reject_rate".to_owned(),
            statistic: "share".to_owned(),
            value: rate,
            threshold: self.limit,
            drifted: rate >= self.limit,
            window: frames as u64,
            attributes: Vec::new(),
        };
        Ok(Observation { reports: vec![report], ..Observation::default() })
    }
}

assay_plugin::export_monitor!(Plugin);
