//! Small numeric helpers that many plugins need.

/// Probabilities of logits, computed so that large logits do not overflow. `temperature` above 1 flattens, below 1
/// sharpens; 1 leaves the logits alone. Gives `None` for no logits, a logit that is not finite, or a temperature that
/// is not above 0.
#[must_use]
pub fn softmax(logits: &[f32], temperature: f32) -> Option<Vec<f64>> {
    if logits.is_empty() || temperature.is_nan() || temperature <= 0.0 || !logits.iter().all(|z| z.is_finite()) {
        return None;
    }
    let scaled: Vec<f64> = logits.iter().map(|z| f64::from(*z) / f64::from(temperature)).collect();
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut powers: Vec<f64> = scaled.iter().map(|z| (z - top).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter_mut().for_each(|power| *power /= sum);
    Some(powers)
}

/// Sum of the absolute differences: 0 to 2 for two lists of probabilities.
#[must_use]
pub fn l1_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]
    use super::{l1_distance, softmax};

    #[test]
    fn softmax_gives_probabilities() {
        let p = softmax(&[1.0, 2.0, 3.0], 1.0).unwrap();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((p[2] - 0.665_240_955_774_821_7).abs() < 1e-12);
        assert_eq!(softmax(&[1000.0, 0.0], 1.0).unwrap()[0], 1.0, "large logits do not overflow");
    }

    #[test]
    fn a_temperature_flattens() {
        let hot = softmax(&[0.0, 2.0], 2.0).unwrap();
        assert!((hot[1] - 1.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-12);
    }

    #[test]
    fn what_gives_no_probabilities_is_none() {
        assert_eq!(softmax(&[], 1.0), None);
        assert_eq!(softmax(&[f32::NAN], 1.0), None);
        assert_eq!(softmax(&[1.0], 0.0), None);
        assert_eq!(softmax(&[1.0], f32::NAN), None);
    }

    #[test]
    fn opposite_certainties_are_two_apart() {
        assert_eq!(l1_distance(&[1.0, 0.0], &[0.0, 1.0]), 2.0);
    }
}
