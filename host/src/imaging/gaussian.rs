use super::box_blur::BoxBlur;
use super::error::{OpError, invalid};
use super::sample::{Filter, Sample, Shape, filtered, mirror_pad, mirrored_row};
use crate::domain::{BufferPool, Image};

/// Up to here the kernel itself is applied; its cost grows with sigma. Above, three box passes cost the same for any
/// sigma.
const MAX_EXACT_SIGMA: f32 = 8.0;

/// Gaussian blur; `sigma` in pixels, 0.1 to 50; edges are mirrored.
///
/// Up to a sigma of 8 the kernel reaches to 4 sigma, as scipy's `gaussian_filter(mode="reflect")` does; above, three
/// box passes of the same variance stand in for it.
///
/// # Errors
/// When `sigma` is out of its range, or the picture is over the limits of operations.
pub fn gaussian_blur(image: &Image, sigma: f32, pool: &BufferPool) -> Result<Image, OpError> {
    // A sigma that is not a number is in no range.
    if !(0.1..=50.0).contains(&sigma) {
        return Err(invalid("sigma of the Gaussian blur", sigma, "0.1 to 50"));
    }
    if sigma > MAX_EXACT_SIGMA {
        return filtered(image, pool, &BoxBlur::for_sigma(sigma));
    }
    filtered(image, pool, &Gaussian::new(sigma))
}

struct Gaussian {
    centre: f32,
    /// Weights of the pixels 1, 2, ... away; both sides share them.
    sides: Vec<f32>,
}

impl Gaussian {
    fn new(sigma: f32) -> Self {
        let sigma = f64::from(sigma);
        let radius = (4.0 * sigma + 0.5) as u32;
        let weight = |distance: u32| (-0.5 * (f64::from(distance) / sigma).powi(2)).exp();
        let total = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
        let sides = (1..=radius).map(|distance| (weight(distance) / total) as f32).collect();
        Self { centre: (1.0 / total) as f32, sides }
    }

    /// Blurs down the columns: one row of sums.
    fn vertical<T: Sample>(&self, source: &[T], shape: Shape, y: isize, sums: &mut [f32]) {
        let row = |index| mirrored_row(source, shape, index);
        sums.iter_mut().zip(row(y)).for_each(|(sum, sample)| *sum = self.centre * sample.to_f32());
        for (distance, weight) in (1isize..).zip(&self.sides) {
            let pairs = row(y - distance).iter().zip(row(y + distance));
            for (sum, (above, below)) in sums.iter_mut().zip(pairs) {
                *sum += weight * T::pair_to_f32(*above, *below);
            }
        }
    }

    /// Blurs along a row that has mirrored margins.
    fn horizontal<T: Sample>(&self, padded: &[f32], step: usize, out: &mut [T]) {
        let margin = self.sides.len() * step;
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let start = block * BLOCK + margin;
            let at = |start: usize| padded.get(start..).and_then(<[f32]>::first_chunk::<BLOCK>);
            let Some(here) = at(start) else { continue };
            let mut sums = here.map(|value| self.centre * value);
            let mut reach = 0;
            for weight in &self.sides {
                reach += step;
                let (Some(left), Some(right)) = (at(start - reach), at(start + reach)) else { continue };
                for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
                    *sum += weight * (left + right);
                }
            }
            out.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::nearest(sum));
        }
    }
}

/// Samples that are summed together: as many as the vector registers hold.
const BLOCK: usize = 32;

impl Filter for Gaussian {
    fn run<T: Sample>(&self, source: &[T], target: &mut [T], shape: Shape) {
        let radius = self.sides.len();
        let mut sums = vec![0f32; shape.row];
        let mut padded = vec![0f32; shape.row.next_multiple_of(BLOCK) + 2 * radius * shape.channels];
        for (y, out) in (0isize..).zip(target.chunks_exact_mut(shape.row)) {
            self.vertical(source, shape, y, &mut sums);
            mirror_pad(&sums, shape.channels, radius, &mut padded);
            self.horizontal(&padded, shape.channels, out);
        }
    }
}
