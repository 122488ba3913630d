//! Does what its setting `case` says; what each case has to give stands in cases.json.

use assay_plugin::{Error, Frame, Inspection, Monitor, Observation, Report, Result, settings, state};

struct Plugin {
    case: String,
}

impl Monitor for Plugin {
    fn new() -> Result<Self> {
        Ok(Self { case: settings::get("case")? })
    }

    fn observe(&mut self, _frame: &Frame, inspection: &Inspection) -> Result<Observation> {
        match self.case.as_str() {
            "inspection" => all(inspection),
            "reports" => Ok(given(vec![report("brightness", "psi", 0.5, 0.25), report("sharpness", "ks", 0.1, 0.2)])),
            "quiet" => Ok(given(Vec::new())),
            "state-count" => count(),
            "state-bytes" => bytes(),
            "state-limit" => state::set("big", &[7; 4096]).map(|()| given(Vec::new())),
            "state-undone" => {
                state::set_numbers("undone", &[1.0])?;
                Err(Error::other(kept("undone")))
            }
            other => Err(Error::bad_setting("case", "a case", other)),
        }
    }
}

const fn given(reports: Vec<Report>) -> Observation {
    Observation { reports, attributes: Vec::new() }
}

fn report(feature: &str, statistic: &str, value: f64, threshold: f64) -> Report {
    Report {
        feature: feature.to_owned(),
        statistic: statistic.to_owned(),
        value,
        threshold,
        drifted: value >= threshold,
        window: 9,
        attributes: Vec::new(),
    }
}

/// One report per part of the inspection.
fn all(inspection: &Inspection) -> Result<Observation> {
    let probabilities = inspection.probabilities.iter().map(|&value| f64::from(value)).sum();
    let first = inspection.findings.first().ok_or_else(|| Error::other("no finding"))?;
    let output = inspection.outputs.get("logits")?.to_f32()?.iter().map(|&value| f64::from(value)).sum();
    Ok(given(vec![
        report("picture", "mean", inspection.picture.statistics().mean, 1000.0),
        report("verdict", &inspection.verdict, 1.0, 1000.0),
        report("label", inspection.label.as_deref().unwrap_or("none"), 1.0, 1000.0),
        report("probabilities", "sum", probabilities, 1000.0),
        report("finding", first.label(), first.score().into(), 1000.0),
        report("output", "sum", output, 1000.0),
    ]))
}

/// Counts frames; forgets after the third.
fn count() -> Result<Observation> {
    let before = state::get_numbers("frames").and_then(|numbers| numbers.first().copied()).unwrap_or(0.0);
    let now = before + 1.0;
    if now < 3.0 {
        state::set_numbers("frames", &[now])?;
    } else {
        state::delete("frames");
    }
    Ok(given(vec![report("frames", "count", now, 1000.0)]))
}

/// Every byte comes back.
fn bytes() -> Result<Observation> {
    let values: Vec<u8> = (0..=255).collect();
    state::set("bytes", &values)?;
    let found = state::get("bytes").unwrap_or_default();
    let weighted: usize = found.iter().enumerate().map(|(at, &byte)| at * usize::from(byte)).sum();
    #[allow(clippy::cast_precision_loss, reason = "a sum below 2^53")]
    Ok(given(vec![report("bytes", "weighted", weighted as f64, 1e9)]))
}

fn kept(key: &str) -> String {
    format!("{} is kept for now", state::get(key).map_or(0, |bytes| bytes.len()))
}

assay_plugin::export_monitor!(Plugin);
