use super::sample::{Filter, Sample, Shape, mirrored};

const PASSES: usize = 3;

/// Samples of a row that are blurred together down the columns.
const STRIP: usize = 64;

/// Fraction bits of the values between two passes.
const FRACTION: i32 = 256;

/// Three passes of a box whose outermost pixels count in part, so that its variance is exact (Gwosdek and others,
/// "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011). The cost does not depend on
/// sigma.
pub(super) struct BoxBlur {
    radius: usize,
    /// Of the pixels within the radius.
    inner: f32,
    /// Of the two pixels just outside.
    outer: f32,
}

impl BoxBlur {
    /// `sigma` is at most 50: a window then holds at most 103 values below 2^24, and its sum fits an i32.
    pub(super) fn for_sigma(sigma: f32) -> Self {
        let variance = f64::from(sigma).powi(2) / PASSES as f64;
        let radius = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0).floor();
        let width = 2.0 * radius + 1.0;
        let part =
            width * (radius * (radius + 1.0) - 3.0 * variance) / (6.0 * (variance - (radius + 1.0) * (radius + 1.0)));
        let total = width + 2.0 * part;
        Self { radius: radius as usize, inner: (1.0 / total) as f32, outer: (part / total) as f32 }
    }

    /// Blurs `line`: positions of `lanes` values each, every lane for itself.
    fn blur_line(&self, line: &mut [i32], lanes: usize, scratch: &mut Scratch) {
        for _ in 0..PASSES {
            self.pass(line, lanes, scratch);
        }
    }

    fn pass(&self, line: &mut [i32], lanes: usize, Scratch { padded, sums }: &mut Scratch) {
        let margin = self.radius + 1;
        let positions = line.len() / lanes;
        padded.clear();
        let (first, last) = (-(margin as isize), (positions + margin) as isize);
        for index in first..last {
            let start = mirrored(index, positions) * lanes;
            padded.extend_from_slice(line.get(start..start + lanes).unwrap_or_default());
        }
        sums.clear();
        sums.resize(lanes, 0);
        let width = 2 * self.radius + 1;
        for values in padded.chunks_exact(lanes).skip(1).take(width - 1) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
        // At each position: the value before the window, the window's first and last, the value behind it.
        let from = |position: usize| padded.get(position * lanes..).unwrap_or_default().chunks_exact(lanes);
        let windows = from(0).zip(from(1)).zip(from(width)).zip(from(width + 1));
        for (out, (((before, first), last), behind)) in line.chunks_exact_mut(lanes).zip(windows) {
            let values = before.iter().zip(first).zip(last).zip(behind);
            for ((out, sum), (((before, first), last), behind)) in out.iter_mut().zip(sums.iter_mut()).zip(values) {
                *sum += last;
                *out = (*sum as f32 * self.inner + (before + behind) as f32 * self.outer + 0.5) as i32;
                *sum -= first;
            }
        }
    }
}

/// Memory that all lines share.
#[derive(Default)]
struct Scratch {
    padded: Vec<i32>,
    sums: Vec<i32>,
}

fn load<T: Sample>(sample: T) -> i32 {
    sample.to_i32() * FRACTION
}

fn store<T: Sample>(value: i32) -> T {
    T::from_i32((value + FRACTION / 2) / FRACTION)
}

impl Filter for BoxBlur {
    fn run<T: Sample>(&self, source: &[T], target: &mut [T], shape: Shape) {
        let mut scratch = Scratch::default();
        let mut line = Vec::new();
        for (from, to) in source.chunks_exact(shape.row).zip(target.chunks_exact_mut(shape.row)) {
            line.clear();
            line.extend(from.iter().map(|sample| load(*sample)));
            self.blur_line(&mut line, shape.channels, &mut scratch);
            to.iter_mut().zip(&line).for_each(|(to, value)| *to = store(*value));
        }
        for start in (0..shape.row).step_by(STRIP) {
            let lanes = STRIP.min(shape.row - start);
            line.clear();
            for row in target.chunks_exact(shape.row) {
                line.extend(row.iter().skip(start).take(lanes).map(|sample| load(*sample)));
            }
            self.blur_line(&mut line, lanes, &mut scratch);
            for (row, values) in target.chunks_exact_mut(shape.row).zip(line.chunks_exact(lanes)) {
                row.iter_mut().skip(start).zip(values).for_each(|(to, value)| *to = store(*value));
            }
        }
    }
}
