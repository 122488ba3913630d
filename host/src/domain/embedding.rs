//! A model's view of a picture as a short row of numbers: pictures of like parts have like ones.

use std::sync::Arc;

/// The output of a model that is one.
pub const EMBEDDING_OUTPUT: &str = "embedding";
/// Numbers of one, at most.
pub const MAX_EMBEDDING: usize = 4096;

/// An embedding in eight bits a number, each a share of the largest: its length says nothing, only its direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedding {
    /// Signed bytes, as they are stored.
    bytes: Arc<[u8]>,
}

impl Embedding {
    /// None of no numbers, of more than [`MAX_EMBEDDING`], where one is not finite, or where all are zero.
    #[must_use]
    pub fn of(values: &[f32]) -> Option<Self> {
        if values.len() > MAX_EMBEDDING || !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        if largest <= 0.0 {
            return None;
        }
        // A quotient first: the largest may be so small that 127 over it is not finite.
        let byte = |value: &f32| ((value / largest * 127.0).round() as i8).cast_unsigned();
        Some(Self { bytes: values.iter().map(byte).collect() })
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Cosine of the angle between two embeddings, -1 to 1, by their bytes. None where they differ in length, as those of
/// different models may, or where one has no direction.
#[must_use]
pub fn likeness(one: &[u8], other: &[u8]) -> Option<f64> {
    // A sum of 4096 products of bytes is less than 2^27.
    if one.len() != other.len() || one.len() > MAX_EMBEDDING {
        return None;
    }
    let dot = |one: &[u8], other: &[u8]| {
        let product = |(one, other): (&u8, &u8)| i32::from(one.cast_signed()) * i32::from(other.cast_signed());
        f64::from(one.iter().zip(other).map(product).sum::<i32>())
    };
    let lengths = dot(one, one).sqrt() * dot(other, other).sqrt();
    (lengths > 0.0).then(|| (dot(one, other) / lengths).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn between(one: &[f32], other: &[f32]) -> f64 {
        likeness(Embedding::of(one).unwrap().bytes(), Embedding::of(other).unwrap().bytes()).unwrap()
    }

    #[test]
    fn likeness_is_the_cosine_whatever_the_lengths() {
        assert!((between(&[1.0, 2.0, -3.0], &[10.0, 20.0, -30.0]) - 1.0).abs() < 1e-9);
        assert!((between(&[1.0, 0.0], &[-2.0, 0.0]) + 1.0).abs() < 1e-9);
        assert!(between(&[1.0, 0.0], &[0.0, 5.0]).abs() < 1e-9);
        assert!((between(&[1.0, 0.0], &[1.0, 1.0]) - 0.5f64.sqrt()).abs() < 1e-9);
        assert!((between(&[1e-42, 0.0], &[3e38, 0.0]) - 1.0).abs() < 1e-9, "also the smallest and the largest");
        let long = vec![1.0; MAX_EMBEDDING];
        assert!((between(&long, &long) - 1.0).abs() < 1e-9, "the longest does not overflow");
    }

    #[test]
    fn eight_bits_change_the_cosine_by_less_than_a_two_hundredth() {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        for _ in 0..200 {
            let one: Vec<f32> = (0..256).map(|_| next()).collect();
            let other: Vec<f32> = one.iter().map(|value| value + 0.5 * next()).collect();
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            let exact = dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt();
            assert!((between(&one, &other) - exact).abs() < 0.005);
        }
    }

    #[test]
    fn what_has_no_direction_is_no_embedding() {
        for values in [&[][..], &[0.0, 0.0], &[1.0, f32::NAN], &[f32::INFINITY], &[1.0; MAX_EMBEDDING + 1]] {
            assert_eq!(Embedding::of(values), None);
        }
        assert_eq!(likeness(&[1, 2], &[1, 2, 3]), None, "embeddings of two models");
        assert_eq!(likeness(&[0, 0], &[1, 2]), None);
        assert_eq!(likeness(&[], &[]), None);
    }
}
