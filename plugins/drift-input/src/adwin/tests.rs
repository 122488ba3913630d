#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
use super::{Adwin, AdwinOptions};

/// A stream of `fixtures/make.py`: what river found, then the values.
struct Stream {
    detections: Vec<usize>,
    width: f64,
    mean: f64,
    variance: f64,
    values: Vec<f64>,
}

fn stream(text: &str) -> Stream {
    let mut lines = text.lines();
    let detections = lines.next().unwrap().split(' ').map(|at| at.parse().unwrap()).collect();
    let window: Vec<f64> = lines.next().unwrap().split(' ').map(|value| value.parse().unwrap()).collect();
    let values = lines.map(|line| line.parse().unwrap()).collect();
    Stream { detections, width: window[0], mean: window[1], variance: window[2], values }
}

fn agrees_with_river(text: &str, options: &AdwinOptions) {
    let stream = stream(text);
    let mut adwin = Adwin::default();
    let checked = |value: &f64| adwin.update(*value, options).is_some_and(|check| check.changed);
    let fired: Vec<bool> = stream.values.iter().map(checked).collect();
    let found: Vec<usize> = (0..fired.len()).filter(|at| fired[*at]).collect();
    assert_eq!(found, stream.detections);
    assert_eq!(adwin.width, stream.width);
    assert!((adwin.mean() - stream.mean).abs() < 1e-12, "{} {}", adwin.mean(), stream.mean);
    assert!((adwin.variance / stream.variance - 1.0).abs() < 1e-10, "{} {}", adwin.variance, stream.variance);
}

#[test]
fn the_stream_of_rivers_own_test_fires_where_river_does() {
    let text = include_str!("../../fixtures/adwin-s1.txt");
    assert_eq!(stream(text).detections, [1023], "the published reference");
    agrees_with_river(text, &AdwinOptions::default());
}

#[test]
fn several_steps_fire_where_river_does() {
    agrees_with_river(include_str!("../../fixtures/adwin-steps.txt"), &AdwinOptions::default());
}

#[test]
fn a_ramp_with_other_options_fires_where_river_does() {
    let options = AdwinOptions { delta: 0.05, clock: 8, max_buckets: 3, ..AdwinOptions::default() };
    agrees_with_river(include_str!("../../fixtures/adwin-ramp.txt"), &options);
}

#[test]
fn a_check_comes_at_every_clock_tick_after_the_grace_period() {
    let mut adwin = Adwin::default();
    let options = AdwinOptions { clock: 4, ..AdwinOptions::default() };
    let due: Vec<usize> = (1..=24).filter(|_| adwin.update(0.0, &options).is_some()).collect();
    assert_eq!(due, [12, 16, 20, 24]);
}

#[test]
fn a_constant_stream_never_fires_and_needs_few_buckets() {
    let mut adwin = Adwin::default();
    for _ in 0..100_000 {
        let check = adwin.update(1.0, &AdwinOptions::default());
        assert!(check.is_none_or(|check| !check.changed && check.strength == 0.0));
    }
    let buckets: usize = adwin.rows.iter().map(Vec::len).sum();
    assert!(buckets < 100, "{buckets}");
    assert_eq!((adwin.width, adwin.mean()), (100_000.0, 1.0));
}

#[test]
fn strength_is_above_one_exactly_where_it_fires() {
    let mut adwin = Adwin::default();
    for value in stream(include_str!("../../fixtures/adwin-steps.txt")).values {
        if let Some(check) = adwin.update(value, &AdwinOptions::default()) {
            assert_eq!(check.changed, check.strength > 1.0);
        }
    }
}
