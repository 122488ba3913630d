use assay_plugin::math::l1_distance;

/// L1 distances between the probabilities of the picture and of its squeezed copies; each in [0, 2].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    pub bits: f64,
    pub median: f64,
    pub jpeg: f64,
    pub largest: f64,
}

impl Score {
    /// `None` where there are not three copies, or one has not as many probabilities as the picture.
    pub fn new(plain: &[f64], squeezed: &[Vec<f64>]) -> Option<Self> {
        let [bits, median, jpeg] = squeezed else { return None };
        if squeezed.iter().any(|copy| copy.len() != plain.len()) {
            return None;
        }
        let (bits, median, jpeg) = (l1_distance(plain, bits), l1_distance(plain, median), l1_distance(plain, jpeg));
        Some(Self { bits, median, jpeg, largest: bits.max(median).max(jpeg) })
    }
}

/// The logits of each picture of a batch. A remainder that is no whole picture is left out: the caller sees too few.
pub fn split_batch(logits: &[f32], pictures: usize) -> impl Iterator<Item = &[f32]> {
    logits.chunks_exact((logits.len() / pictures.max(1)).max(1)).take(pictures)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::{Score, split_batch};

    #[test]
    fn the_largest_distance_counts() {
        let plain = [0.9, 0.1];
        let score = Score::new(&plain, &[vec![0.9, 0.1], vec![0.4, 0.6], vec![0.7, 0.3]]).unwrap();
        assert_eq!((score.bits, score.largest), (0.0, score.median));
        assert!((score.median - 1.0).abs() < 1e-12);
        assert!((score.jpeg - 0.4).abs() < 1e-12);
    }

    #[test]
    fn answers_of_another_length_are_no_score() {
        assert_eq!(Score::new(&[1.0], &[vec![1.0], vec![1.0]]), None);
        assert_eq!(Score::new(&[1.0], &[vec![1.0], vec![1.0], vec![0.5, 0.5]]), None);
    }

    #[test]
    fn a_batch_is_split_by_its_pictures() {
        let parts: Vec<_> = split_batch(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).collect();
        assert_eq!(parts, [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(split_batch(&[1.0, 2.0], 3).count(), 2);
        assert_eq!(split_batch(&[], 3).count(), 0);
    }
}
