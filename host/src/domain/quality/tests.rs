#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::*;

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "found {found}, expected {expected}");
}

/// statsmodels 0.15.0, `proportion_confint(hits, n, alpha=0.05, method="wilson")`.
#[test]
fn wilsons_interval_is_that_of_statsmodels() {
    let reference = [
        (0.0, 10.0, 0.0, 0.277_532_799_862_889_26),
        (3.0, 10.0, 0.107_791_267_406_301_04, 0.603_221_852_538_854_6),
        (10.0, 10.0, 0.722_467_200_137_110_6, 1.0),
        (1.0, 1.0, 0.206_549_314_377_237_4, 1.0),
        (47.5, 133.25, 0.280_218_676_511_293_7, 0.440_770_505_972_873_54),
        (2.0, 5000.0, 0.000_109_701_282_077_635_04, 0.001_457_386_501_423_444_2),
    ];
    for (hits, n, low, high) in reference {
        let found = wilson(hits, n).unwrap();
        near(found.low, low);
        near(found.high, high);
    }
    assert_eq!(wilson(0.0, 0.0), None);
    assert_eq!(wilson(0.0, f64::NAN), None);
}

/// scikit-learn 1.9.1, `cohen_kappa_score`.
#[test]
fn kappa_is_that_of_scikit_learn() {
    use VerdictKind::{Fail, Pass, Undecided};
    let table = |rows: [[u64; 3]; 3]| {
        let kinds = [Pass, Fail, Undecided];
        let cells = (0..3).flat_map(|a| (0..3).map(move |b| (kinds[a], kinds[b], rows[a][b])));
        cells.collect::<Vec<_>>()
    };
    near(kappa(&table([[20, 5, 0], [10, 15, 0], [0; 3]])).unwrap(), 0.4);
    near(kappa(&table([[45, 3, 1], [2, 30, 4], [0, 6, 9]])).unwrap(), 0.736_971_888_870_623);
    assert_eq!(kappa(&table([[3, 0, 0], [0; 3], [0; 3]])), None, "scikit-learn says nan");
    assert_eq!(kappa(&[]), None);
}

fn row(verdict: VerdictKind, truth: VerdictKind, one_in: Option<u64>) -> Labelled {
    Labelled {
        row: 0,
        judged_at_us: 0,
        verdict,
        label: Some("good".to_owned()),
        score: Some(0.9),
        code: None,
        truth,
        truth_label: None,
        one_in,
    }
}

/// 14 rejects looked at of 35, all 26 drawn passes of one in 50.
fn reviewed() -> (Vec<Labelled>, Strata) {
    use VerdictKind::{Fail, Pass};
    let mut rows = vec![row(Fail, Fail, None); 10];
    rows.extend(vec![row(Fail, Pass, None); 4]);
    rows.extend(vec![row(Pass, Fail, Some(50)); 2]);
    rows.extend(vec![row(Pass, Pass, Some(50)); 24]);
    (rows, Strata { fail: 35, undecided: 0, drawn: 26, drawn_for: 1300 })
}

/// scikit-learn 1.9.1 with `sample_weight`: 2.5 for rejects, 50 for drawn passes.
#[test]
fn figures_are_weighted_by_how_likely_a_part_was_looked_at() {
    let (rows, strata) = reviewed();
    let sample = Sample::new(&rows, &strata);
    near(sample.accuracy().unwrap().value, 0.917_602_996_254_681_7);
    near(sample.f1().unwrap(), 0.3125);
    near(sample.escapes().unwrap().value, 0.8);
    near(sample.false_rejects().unwrap().value, 0.008_264_462_809_917_356);
    assert_eq!(sample.held().unwrap().value, 0.0);
    // Kish's number of equal parts: (Σw)² / Σw², here twice that of half the rows, and statsmodels' interval for it.
    let half: Vec<_> = rows.iter().step_by(2).cloned().collect();
    let sample = Sample::new(&half, &Strata { fail: 17, drawn: 13, ..strata });
    let weights = (sample.parts[0].weight, sample.parts.last().unwrap().weight);
    near(weights.0, 17.0 / 7.0);
    near(weights.1, 50.0);
}

/// statsmodels 0.15.0, `proportion_confint(p * n_eff, n_eff, method="wilson")` with Kish's `n_eff`.
#[test]
fn the_interval_of_a_weighted_share_is_that_of_as_many_equal_parts() {
    let parts = |hits: usize, hit: f64, misses: usize, miss: f64| {
        let hits = std::iter::repeat_n((true, hit), hits);
        share(hits.chain(std::iter::repeat_n((false, miss), misses))).unwrap()
    };
    let escapes = parts(1, 50.0, 5, 2.5);
    near(escapes.effective, 1.543_209_876_543_209_8);
    near(escapes.interval.low, 0.186_039_867_201_920_95);
    near(escapes.interval.high, 0.985_916_102_234_226_9);
    let rejects = parts(2, 2.5, 12, 50.0);
    near(rejects.effective, 12.195_751_770_095_793);
    near(rejects.interval.low, 0.000_206_198_260_026_019_26);
    near(rejects.interval.high, 0.251_897_586_976_909_45);
    assert_eq!(share(std::iter::empty()), None);
}

#[test]
fn nothing_is_measured_before_somebody_looked_at_each_kind() {
    use VerdictKind::{Fail, Pass, Undecided};
    let strata = Strata { fail: 5, undecided: 2, drawn: 4, drawn_for: 200 };
    let measured = |rows: &[Labelled], strata: &Strata| {
        let sample = Sample::new(rows, strata);
        let figures = [sample.accuracy(), sample.escapes(), sample.false_rejects(), sample.held()];
        (figures.map(|figure| figure.is_some()), sample.f1().is_some(), sample.missing().collect::<Vec<_>>())
    };
    let none = ([false; 4], false);
    let (figures, f1, missing) = measured(&[], &strata);
    assert_eq!(((figures, f1), missing), (none, Stratum::ALL.to_vec()));
    let rows = [row(Fail, Fail, None), row(Undecided, Pass, None)];
    let (figures, f1, missing) = measured(&rows, &strata);
    assert_eq!(((figures, f1), missing), (none, vec![Stratum::Drawn]));
    // A pass that somebody chose says nothing of the others.
    let chosen = [rows.to_vec(), vec![row(Pass, Pass, None)]].concat();
    assert_eq!(measured(&chosen, &strata).0, [false; 4]);
    // Nobody can tell: no label.
    let unclear = [rows.to_vec(), vec![row(Pass, Undecided, Some(50))]].concat();
    assert_eq!(measured(&unclear, &strata).0, [false; 4]);
    let whole = [rows.to_vec(), vec![row(Pass, Pass, Some(50))]].concat();
    let (figures, f1, missing) = measured(&whole, &strata);
    assert_eq!((figures, f1, missing), ([true; 4], true, vec![]));
    // A line without rejects has no rejects to look at, but its passes have to be drawn.
    let passes = [row(Pass, Pass, Some(50))];
    let (figures, f1, _) = measured(&passes, &Strata { drawn: 1, drawn_for: 50, ..Strata::default() });
    assert_eq!((figures, f1), ([true, false, true, true], false), "no defect: escapes are not measured");
    assert_eq!(measured(&[row(Fail, Fail, None)], &Strata { fail: 1, ..Strata::default() }).0, [false; 4]);
}

#[test]
fn a_threshold_changes_only_what_it_decided() {
    use VerdictKind::{Fail, Pass, Undecided};
    let with = |verdict, truth, score: f64, code: Option<&str>, one_in| Labelled {
        score: Some(score),
        code: code.map(str::to_owned),
        ..row(verdict, truth, one_in)
    };
    let rows = [
        with(Pass, Pass, 0.95, None, Some(1)),
        with(Pass, Fail, 0.70, None, Some(1)),
        with(Undecided, Pass, 0.55, Some("unsure"), None),
        with(Undecided, Fail, 0.99, Some("adversarial"), None),
        with(Fail, Pass, 0.99, None, None),
    ];
    let sample = Sample::new(&rows, &Strata { fail: 1, undecided: 2, drawn: 2, drawn_for: 2 });
    let labels = ["good".to_owned()];
    let at = |threshold| {
        let found = sample.what_if(&labels, threshold);
        (found.escapes.unwrap().value, found.stopped_good.unwrap().value)
    };
    near(at(0.5).0, 0.5);
    near(at(0.5).1, 1.0 / 3.0);
    near(at(0.6).1, 2.0 / 3.0);
    assert_eq!(at(0.8), (0.0, 2.0 / 3.0));
    assert_eq!(at(1.0), (0.0, 1.0));
    assert_eq!(
        sample.what_if(&[], 0.5).stopped_good.unwrap().value,
        2.0 / 3.0,
        "no label passes, so it was not unsure"
    );
}

#[test]
fn a_span_of_time_has_the_parts_that_were_judged_in_it() {
    use VerdictKind::Pass;
    let at = |judged_at_us| Labelled { judged_at_us, ..row(Pass, Pass, Some(10)) };
    let rows = [at(5), at(19), at(20), at(99)];
    let sample = Sample::new(&rows, &Strata { drawn: 4, drawn_for: 40, ..Strata::default() });
    let spans = sample.over_time(0, 20, 3);
    let found: Vec<_> = spans.iter().map(|span| (span.from_us, span.parts, span.accuracy.is_some())).collect();
    assert_eq!(found, [(0, 2, true), (20, 1, true), (40, 0, false)]);
}
