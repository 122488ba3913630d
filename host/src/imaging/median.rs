use super::error::{OpError, invalid};
use super::sample::{Filter, Sample, Shape, filtered, mirror_pad, mirrored_row};
use crate::domain::{BufferPool, Image};
use std::collections::VecDeque;

/// Median over a square window of `size` pixels, channel by channel; edges are mirrored as in scipy's
/// `median_filter(mode="reflect")`.
///
/// # Errors
/// When `size` is not 3, 5 or 7, or the picture is over the limits of operations.
pub fn median_blur(image: &Image, size: u32, pool: &BufferPool) -> Result<Image, OpError> {
    match size {
        3 => filtered(image, pool, &Median3),
        5 => filtered(image, pool, &MedianSearch::<5>),
        7 => filtered(image, pool, &MedianSearch::<7>),
        _ => Err(invalid("window of the median", size, "3, 5 or 7")),
    }
}

/// Sorts the three samples of each column once, then takes the middle of (greatest of the lowest, middle of the
/// middles, lowest of the greatest): no branch, so that the compiler works on 16 samples or more at a time.
struct Median3;

impl Filter for Median3 {
    fn run<T: Sample>(&self, source: &[T], target: &mut [T], shape: Shape) {
        let step = shape.channels;
        let mut columns = Columns::new(shape.row + 2 * step);
        for (y, out) in (0isize..).zip(target.chunks_exact_mut(shape.row)) {
            let rows = [y - 1, y, y + 1].map(|row| mirrored_row(source, shape, row));
            columns.sort(rows, step);
            columns.take_medians(out, step);
        }
    }
}

/// A row of sorted columns with one mirrored pixel at each end.
struct Columns<T> {
    low: Vec<T>,
    middle: Vec<T>,
    high: Vec<T>,
}

impl<T: Sample> Columns<T> {
    fn new(len: usize) -> Self {
        let row = || vec![T::default(); len];
        Self { low: row(), middle: row(), high: row() }
    }

    fn sort(&mut self, [above, here, below]: [&[T]; 3], step: usize) {
        let inner = |row: &mut [T]| row.len().saturating_sub(step);
        let end = inner(&mut self.low);
        let (Some(low), Some(middle), Some(high)) =
            (self.low.get_mut(step..end), self.middle.get_mut(step..end), self.high.get_mut(step..end))
        else {
            return;
        };
        let sorted = low.iter_mut().zip(middle).zip(high);
        for (((low, middle), high), ((&a, &b), &c)) in sorted.zip(above.iter().zip(here).zip(below)) {
            let (small, large) = (a.min(b), a.max(b));
            let rest = small.max(c);
            *low = small.min(c);
            *middle = large.min(rest);
            *high = large.max(rest);
        }
        for row in [&mut self.low, &mut self.middle, &mut self.high] {
            let len = row.len();
            row.copy_within(step..2 * step, 0);
            row.copy_within(len - 2 * step..len - step, len - step);
        }
    }

    fn take_medians(&self, out: &mut [T], step: usize) {
        let three = |row| Neighbours::of(row, step, out.len());
        let (low, middle, high) = (three(&self.low), three(&self.middle), three(&self.high));
        let columns = low.zip().zip(middle.zip()).zip(high.zip());
        for (to, ((l, m), h)) in out.iter_mut().zip(columns) {
            let low = (*l.0.0).max(*l.0.1).max(*l.1);
            let high = (*h.0.0).min(*h.0.1).min(*h.1);
            *to = middle_of(low, middle_of(*m.0.0, *m.0.1, *m.1), high);
        }
    }
}

/// A row seen from each pixel's left neighbour, itself and its right neighbour.
struct Neighbours<'a, T> {
    left: &'a [T],
    here: &'a [T],
    right: &'a [T],
}

type Three<'a, T> = ((&'a T, &'a T), &'a T);

impl<'a, T> Neighbours<'a, T> {
    fn of(row: &'a [T], step: usize, len: usize) -> Self {
        let from = |start: usize| row.get(start..start + len).unwrap_or_default();
        Self { left: from(0), here: from(step), right: from(2 * step) }
    }

    fn zip(&self) -> impl Iterator<Item = Three<'a, T>> + use<'a, T> {
        self.left.iter().zip(self.here).zip(self.right)
    }
}

fn middle_of<T: Sample>(a: T, b: T, c: T) -> T {
    a.min(b).max(a.max(b).min(c))
}

/// Samples that are searched together.
const BLOCK: usize = 64;

/// Finds each median bit by bit, from the highest: a bit belongs to it when at least half of the window reaches that
/// far. The time depends on the number of pixels alone, never on what they show.
struct MedianSearch<const SIZE: usize>;

impl<const SIZE: usize> Filter for MedianSearch<SIZE> {
    fn run<T: Sample>(&self, source: &[T], target: &mut [T], shape: Shape) {
        let radius = SIZE / 2;
        let padded = shape.row.next_multiple_of(BLOCK) + 2 * radius * shape.channels;
        let reach = isize::try_from(radius).unwrap_or(0);
        let pad = |index: isize, mut into: Vec<T>| {
            mirror_pad(mirrored_row(source, shape, index), shape.channels, radius, &mut into);
            into
        };
        let mut window: VecDeque<Vec<T>> = (-reach..reach).map(|row| pad(row, vec![T::default(); padded])).collect();
        let mut spare = vec![T::default(); padded];
        for (y, out) in (0isize..).zip(target.chunks_exact_mut(shape.row)) {
            window.push_back(pad(y + reach, spare));
            for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                let medians = search::<T, SIZE>(&window, block * BLOCK, shape.channels);
                out.iter_mut().zip(medians).for_each(|(to, median)| *to = median);
            }
            spare = window.pop_front().unwrap_or_default();
        }
    }
}

fn search<T: Sample, const SIZE: usize>(window: &VecDeque<Vec<T>>, start: usize, step: usize) -> [T; BLOCK] {
    // SIZE is at most 7: 49 samples, and half of them, fit a byte.
    let half = (SIZE * SIZE / 2) as u8;
    let mut found = [T::default(); BLOCK];
    let mut bit = T::HIGHEST_BIT;
    while bit > T::default() {
        let candidate = found.map(|value| value.or(bit));
        let mut reached = [0u8; BLOCK];
        for row in window {
            for offset in 0..SIZE {
                let samples = row.get(start + offset * step..).and_then(<[T]>::first_chunk::<BLOCK>);
                let Some(samples) = samples else { continue };
                for ((count, sample), candidate) in reached.iter_mut().zip(samples).zip(&candidate) {
                    *count += u8::from(sample >= candidate);
                }
            }
        }
        for ((value, candidate), reached) in found.iter_mut().zip(&candidate).zip(&reached) {
            *value = if *reached > half { *candidate } else { *value };
        }
        bit = bit.half();
    }
    found
}
