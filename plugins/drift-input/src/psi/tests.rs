#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
use super::{Bins, chi_squared_quantile, normal_quantile, psi, shares_of};

#[test]
fn the_published_reference_is_reproduced() {
    let (a, b) = ([16, 18, 16, 14, 12, 12], [16, 16, 16, 16, 16, 8]);
    let found = psi(&shares_of(&a), &shares_of(&b), 0.5 / 88.0, 0.5 / 88.0);
    assert!((found - 0.037_218_4).abs() < 1e-7, "{found}");
}

#[test]
fn equal_shares_give_nothing_and_an_empty_bin_stays_finite() {
    assert_eq!(psi(&[0.5, 0.5], &[0.5, 0.5], 0.01, 0.01), 0.0);
    let found = psi(&[0.5, 0.5], &[1.0, 0.0], 0.01, 0.01);
    assert!((found - (0.5 * 2.0f64.ln() + 0.49 * 50.0f64.ln())).abs() < 1e-12, "{found}");
}

#[test]
fn an_upper_end_belongs_to_its_bin_and_the_outer_bins_are_open() {
    let bins = Bins::new(&[0.0, 1.0, 2.0, 3.0], &[0.5, 1.5, 2.5]).unwrap();
    assert_eq!(bins.counts(&[-5.0, 1.0, 1.1, 2.0, 2.1, 99.0]), [2, 2, 2]);
}

#[test]
fn a_feature_with_one_value_still_shows_when_it_moves() {
    let bins = Bins::new(&[0.0; 11], &[0.0; 200]).unwrap();
    assert_eq!(bins.index(&[0.0; 50]), 0.0);
    assert!(bins.index(&[0.1; 50]) > 5.0);
}

#[test]
fn what_cannot_be_compared_gives_no_bins() {
    assert_eq!(Bins::new(&[], &[1.0]), None);
    assert_eq!(Bins::new(&[0.0, 1.0], &[1.0]), None, "one bin");
    assert_eq!(Bins::new(&[0.0, 1.0, 2.0], &[]), None);
    assert_eq!(Bins::new(&[0.0, 2.0, 1.0, 3.0], &[1.0]), None, "edges out of order");
}

#[test]
fn quantiles_agree_with_the_tables() {
    for (p, z) in [(0.5, 0.0), (0.975, 1.959_964), (0.999, 3.090_232), (0.000_01, -4.264_891)] {
        assert!((normal_quantile(p) - z).abs() < 1e-5, "{p}: {}", normal_quantile(p));
    }
    for (degrees, q) in [(9.0, 27.877), (4.0, 18.467), (1.0, 10.828)] {
        assert!((chi_squared_quantile(0.999, degrees) / q - 1.0).abs() < 0.035, "{degrees}");
    }
}

#[test]
fn chance_alone_rarely_passes_the_limit() {
    // Deterministic windows of 50 from a pseudo-random stream with the reference's own distribution.
    let mut state = 99u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let edges: Vec<f64> = (0..=10).map(|edge| f64::from(edge) / 10.0).collect();
    let samples: Vec<f64> = (0..200).map(|at| (f64::from(at) + 0.5) / 200.0).collect();
    let bins = Bins::new(&edges, &samples).unwrap();
    let limit = bins.chance_limit(0.001, 50);
    let passed = (0..2000).filter(|_| bins.index(&(0..50).map(|_| next()).collect::<Vec<_>>()) >= limit).count();
    assert!(passed <= 8, "{passed} of 2000 windows without drift are over {limit}");
    let customary = (0..2000).filter(|_| bins.index(&(0..50).map(|_| next()).collect::<Vec<_>>()) >= 0.25).count();
    assert!(customary > 200, "the customary limit would have given {customary} false alarms");
}
