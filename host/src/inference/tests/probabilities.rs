//! From logits to probabilities.

use super::*;

#[test]
fn probabilities_sum_to_one_and_keep_the_order() {
    let p = softmax(&[1000.0, 1001.0, -1000.0], 1.0);
    assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    assert!((p[1] - 0.731_058_6).abs() < 1e-6 && p[2] == 0.0, "{p:?}");
}

#[test]
fn a_higher_temperature_is_less_sure() {
    let (cold, warm) = (softmax(&[2.0, 0.0], 1.0), softmax(&[2.0, 0.0], 2.0));
    assert!((cold[0] - 0.880_797).abs() < 1e-6 && (warm[0] - 0.731_058_6).abs() < 1e-6);
}

#[test]
fn logits_or_temperatures_that_are_no_numbers_give_no_answer() {
    for (logits, temperature) in
        [([1.0, f32::NAN], 1.0), ([1.0, f32::INFINITY], 1.0), ([1.0, 2.0], 0.0), ([1.0, 2.0], f32::NAN)]
    {
        let p = softmax(&logits, temperature);
        assert!(p.len() == 2 && p.iter().all(|p| p.is_nan()), "{p:?}");
    }
    assert!(softmax(&[], 1.0).is_empty());
}
