//! One step of the monitor, without a host: values in, reports out.

use crate::adwin::AdwinOptions;
use crate::ks;
use crate::memory::Track;
use crate::psi::Bins;
use assay_plugin::Report;

/// What the settings say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    pub adwin: AdwinOptions,
    /// Frames per window of PSI and KS.
    pub window: usize,
    /// A `mean` report comes with every so many frames.
    pub mean_every: u64,
    /// Shift of the mean that counts as drift, in sd of the reference.
    pub mean_limit: f64,
    /// PSI that counts as drift, unless chance alone reaches more.
    pub psi_limit: f64,
    /// Chance of a false alarm per window and feature, for PSI and for KS.
    pub alpha: f64,
}

/// The reference of one feature, read only when a window is full.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Sorted.
    pub values: Vec<f64>,
    pub bins: Option<Bins>,
}

/// Below this many values the mean says too little.
const LEAST_WIDTH: f64 = 30.0;

/// Takes one value. `sample` is called where the window is full.
///
/// # Errors
/// Those of `sample`.
pub fn step<E>(
    track: &mut Track,
    feature: &str,
    value: f64,
    options: &Options,
    sample: impl FnOnce() -> Result<Sample, E>,
) -> Result<Vec<Report>, E> {
    let mut reports = Vec::new();
    let standard = (value - track.mean) / track.sd;
    if !standard.is_finite() {
        return Ok(reports);
    }
    if let Some(check) = track.adwin.update(standard, &options.adwin) {
        let mean = track.adwin.mean();
        let report = report(feature, "adwin", check.strength, 1.0, check.changed, track.adwin.width);
        reports.push(with(report, "mean-sd", mean));
    }
    if track.adwin.tick.is_multiple_of(options.mean_every.max(1)) && track.adwin.width >= LEAST_WIDTH {
        let (mean, width) = (track.adwin.mean(), track.adwin.width);
        let drifted = mean.abs() >= options.mean_limit;
        reports.push(with(report(feature, "mean", mean.abs(), options.mean_limit, drifted, width), "mean-sd", mean));
    }
    track.window.push(value);
    if track.window.len() >= options.window {
        let mut window = std::mem::take(&mut track.window);
        window.sort_by(f64::total_cmp);
        reports.extend(compare(feature, &window, &sample()?, options));
    }
    Ok(reports)
}

/// PSI and KS of a full, sorted window.
fn compare(feature: &str, window: &[f64], sample: &Sample, options: &Options) -> Vec<Report> {
    let mut reports = Vec::new();
    let (count, width) = (window.len(), window.len() as f64);
    if let Some(bins) = &sample.bins {
        let index = bins.index(window);
        let limit = options.psi_limit.max(bins.chance_limit(options.alpha, count));
        reports.push(report(feature, "psi", index, limit, index >= limit, width));
    }
    if !sample.values.is_empty() {
        let d = ks::statistic(window, &sample.values);
        let limit = ks::critical(options.alpha, count, sample.values.len());
        let p = ks::p_value(d, count, sample.values.len());
        reports.push(with(report(feature, "ks", d, limit, d >= limit, width), "p", p));
    }
    reports
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of frames, 0 or more")]
fn report(feature: &str, statistic: &str, value: f64, threshold: f64, drifted: bool, width: f64) -> Report {
    let (feature, statistic) = (feature.to_owned(), statistic.to_owned());
    Report { feature, statistic, value, threshold, drifted, window: width as u64, attributes: Vec::new() }
}

fn with(mut report: Report, key: &str, value: f64) -> Report {
    report.attributes.push((key.to_owned(), format!("{value:.6}")));
    report
}

#[cfg(test)]
mod tests;
