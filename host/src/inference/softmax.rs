/// Probabilities of logits, after division by the temperature of the model's calibration.
///
/// Never panics. A logit that is not finite, or a temperature that is not above zero, gives only NaN: `decide` takes
/// that as no answer, so that a broken model can't pass a part.
#[must_use]
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let usable = temperature.is_finite() && temperature > 0.0 && logits.iter().all(|logit| logit.is_finite());
    if !usable {
        return vec![f32::NAN; logits.len()];
    }
    let scale = 1.0 / f64::from(temperature);
    let scaled: Vec<f64> = logits.iter().map(|&logit| f64::from(logit) * scale).collect();
    let largest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scaled.iter().map(|value| (value - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    #[allow(clippy::cast_possible_truncation, reason = "a probability fits f32")]
    powers.iter().map(|power| (power / sum) as f32).collect()
}
