#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
use super::{critical, one_sample_p, p_asymptotic, p_exact, p_limit, p_value, statistic};

fn numbers(text: &str) -> Vec<f64> {
    text.split(' ').map(|value| value.parse().unwrap()).collect()
}

#[test]
fn the_published_reference_is_reproduced() {
    let a = [38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0];
    let b = [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8];
    assert_eq!(statistic(&a, &b), 0.625);
    assert!((p_exact(0.625, 8, 8) - 0.087_024_087_0).abs() < 1e-9);
    assert!((p_asymptotic(0.625, 8, 8) - 0.049_316_4).abs() < 1e-6);
}

#[test]
fn statistics_and_p_values_agree_with_scipy() {
    for row in include_str!("../../fixtures/ks.txt").lines() {
        let parts: Vec<_> = row.split('|').map(numbers).collect();
        let ([d, exact, asymptotic, limit], a, b) = (parts[0][..].try_into().unwrap(), &parts[1], &parts[2]);
        let (m, n) = (a.len(), b.len());
        assert!((statistic(a, b) - d).abs() < 1e-12, "{row}");
        assert!((p_exact(d, m, n) - exact).abs() < 1e-9, "{} {exact}: {m} {n}", p_exact(d, m, n));
        assert!((p_asymptotic(d, m, n) - asymptotic).abs() < 1e-6, "{} {asymptotic}", p_asymptotic(d, m, n));
        assert!((p_limit(d, m, n) - limit).abs() < 1e-9, "{} {limit}", p_limit(d, m, n));
    }
}

#[test]
fn the_limit_of_equal_samples_of_a_hundred_is_the_published_one() {
    for (d, p) in [(0.10, 0.69937), (0.15, 0.21055), (0.20, 0.03663)] {
        assert!((p_limit(d, 100, 100) - p).abs() < 5e-6, "{d}");
    }
}

#[test]
fn both_ways_to_the_one_sample_p_value_meet() {
    for n in [50usize, 83, 160, 333] {
        let meet = (2.5 / n as f64).sqrt();
        let (matrix, tails) = (one_sample_p(meet - 1e-9, n), one_sample_p(meet + 1e-9, n));
        assert!((matrix - tails).abs() < 1e-6, "{n}: {matrix} {tails}");
    }
}

#[test]
fn p_values_stay_in_range_at_the_ends() {
    for (m, n) in [(1, 1), (3, 200), (50, 200), (400, 2000)] {
        for d in [0.0, 1e-9, 0.5, 1.0] {
            let p = p_value(d, m, n);
            assert!((0.0..=1.0).contains(&p), "{d} {m} {n}: {p}");
        }
    }
    assert_eq!(p_exact(0.5, 0, 5), 1.0);
    assert_eq!(statistic(&[], &[1.0]), 0.0);
    assert!((p_exact(1.0, 3, 3) - 0.1).abs() < 1e-12, "two of the twenty orders keep the samples apart");
}

#[test]
fn the_critical_value_is_the_smallest_that_is_significant() {
    for (m, n) in [(50, 200), (100, 200), (500, 2000)] {
        let limit = critical(0.001, m, n);
        let step = 1.0 / (m * n) as f64;
        assert!(p_value(limit, m, n) <= 0.001, "{m} {n}");
        assert!(p_value(limit - 2.0 * step, m, n) > 0.001 || limit - 2.0 * step < 0.0, "{m} {n}: {limit}");
    }
    assert!(critical(1e-12, 2, 2) > 1.0, "two values can never be that significant");
}
