#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
use super::{Options, Sample, step};
use crate::adwin::AdwinOptions;
use crate::memory::Track;
use crate::psi::Bins;
use assay_plugin::Report;
use std::convert::Infallible;

const OPTIONS: Options =
    Options { adwin: ADWIN, window: 50, mean_every: 10, mean_limit: 1.0, psi_limit: 0.25, alpha: 0.001 };
const ADWIN: AdwinOptions = AdwinOptions { delta: 0.002, clock: 32, max_buckets: 5, min_part: 5.0, grace: 10.0 };

/// 200 values from 100 to 200, evenly spread.
fn sample() -> Sample {
    let values: Vec<f64> = (0..200).map(|at| 100.0 + f64::from(at) / 2.0).collect();
    let edges: Vec<f64> = (0..=10).map(|edge| 100.0 + f64::from(edge) * 10.0).collect();
    Sample { bins: Bins::new(&edges, &values), values }
}

fn track() -> Track {
    Track { mean: 150.0, sd: 28.9, ..Track::default() }
}

/// The reference's values in a scrambled order, moved by `shift`.
fn run(track: &mut Track, count: u32, shift: f64) -> Vec<Report> {
    let values = (0..count).map(|at| 100.0 + f64::from(at * 77 % 100) + shift);
    values
        .flat_map(|value| step(track, "brightness", value, &OPTIONS, || Ok::<_, Infallible>(sample())).unwrap())
        .collect()
}

fn of<'a>(reports: &'a [Report], statistic: &str) -> Vec<&'a Report> {
    reports.iter().filter(|report| report.statistic == statistic).collect()
}

#[test]
fn a_line_as_it_was_reports_without_drift() {
    let reports = run(&mut track(), 400, 0.0);
    assert!(reports.iter().all(|report| !report.drifted && report.value < report.threshold), "{reports:?}");
    assert_eq!((of(&reports, "psi").len(), of(&reports, "ks").len()), (8, 8), "one per full window");
    assert_eq!((of(&reports, "adwin").len(), of(&reports, "mean").len()), (12, 38));
    assert!(of(&reports, "ks").iter().all(|report| report.window == 50));
}

#[test]
fn nothing_is_reported_before_it_is_due() {
    assert_eq!(run(&mut track(), 9, 0.0), []);
}

#[test]
fn a_shift_is_reported_by_every_statistic() {
    let mut track = track();
    run(&mut track, 200, 0.0);
    let reports = run(&mut track, 200, 60.0);
    for statistic in ["adwin", "mean", "psi", "ks"] {
        let found = of(&reports, statistic);
        assert!(found.iter().any(|report| report.drifted), "{statistic}: {found:?}");
        assert!(found.iter().all(|report| report.drifted == (report.value >= report.threshold)), "{statistic}");
    }
}

#[test]
fn a_value_that_is_no_number_is_left_out() {
    let mut track = track();
    let reports = step(&mut track, "x", f64::NAN, &OPTIONS, || Ok::<_, Infallible>(sample())).unwrap();
    assert!(reports.is_empty() && track.window.is_empty() && track.adwin.tick == 0);
}
