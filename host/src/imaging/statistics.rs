use super::colour::luma;
use super::sample::channels;
use super::widest::widest;
use crate::domain::{Image, PixelFormat};

/// Statistics of luma, Y = (77 R + 150 G + 29 B + 128) >> 8 for colour, the value itself for grey (16-bit grey is
/// divided by 257 first, to the nearest).
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Mean luma, 0 to 255.
    pub mean: f64,
    /// Population standard deviation of luma.
    pub sd: f64,
    /// Population variance of the 4-neighbour Laplacian over interior pixels. 0 where there are none.
    pub laplacian_variance: f64,
    /// Share of pixels with luma <= 4.
    pub dark_share: f64,
    /// Share of pixels with luma >= 251.
    pub bright_share: f64,
    /// Mean of each channel in the order of the format, in the format's own range.
    pub channel_means: Vec<f64>,
}

const DARK: u8 = 4;
const BRIGHT: u8 = 251;

/// Values that are summed in 32 bits before they go to 64: 1020^2 * 4096 is just under 2^32.
const BLOCK: usize = 4096;

/// Sums of whole numbers: the result depends neither on the order nor on rounding.
#[derive(Default)]
struct Moments {
    count: u64,
    sum: i64,
    squares: u64,
}

impl Moments {
    fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 }
    }

    fn variance(&self) -> f64 {
        if self.count == 0 {
            return 0.0;
        }
        let (count, sum) = (i128::from(self.count), i128::from(self.sum));
        let scaled = count * i128::from(self.squares) - sum * sum;
        scaled as f64 / (self.count as f64 * self.count as f64)
    }

    fn add_luma(&mut self, row: &[u8]) {
        for block in row.chunks(BLOCK) {
            let (sum, squares) = luma_sums(block);
            self.sum += i64::from(sum);
            self.squares += u64::from(squares);
        }
        self.count += row.len() as u64;
    }

    /// Adds the Laplacian of the pixels of `here` that have all four neighbours.
    fn add_laplacian(&mut self, above: &[u8], here: &[u8], below: &[u8]) {
        let Some(inner) = here.len().checked_sub(2).filter(|inner| *inner > 0) else { return };
        for start in (0..inner).step_by(BLOCK) {
            let len = BLOCK.min(inner - start);
            let part = |row, offset| slice(row, start + offset, len);
            let sides = [part(above, 1), part(here, 0), part(here, 2), part(below, 1)];
            let (sum, squares) = laplacian_sums(part(here, 1), sides);
            self.sum += i64::from(sum);
            self.squares += u64::from(squares);
        }
        self.count += inner as u64;
    }
}

widest! {
    /// Sum and sum of squares of at most [`BLOCK`] values.
    fn luma_sums(block: &[u8]) -> (u32, u32) {
        let (mut sum, mut squares) = (0u32, 0u32);
        for &luma in block {
            sum += u32::from(luma);
            squares += u32::from(luma) * u32::from(luma);
        }
        (sum, squares)
    }
}

widest! {
    /// Sum and sum of squares of the Laplacian of at most [`BLOCK`] pixels.
    fn laplacian_sums(centre: &[u8], sides: [&[u8]; 4]) -> (i32, u32) {
        let [up, left, right, down] = sides;
        let (mut sum, mut squares) = (0i32, 0u32);
        for ((((&up, &left), &centre), &right), &down) in up.iter().zip(left).zip(centre).zip(right).zip(down) {
            let value = i32::from(up) + i32::from(left) + i32::from(right) + i32::from(down) - 4 * i32::from(centre);
            sum += value;
            squares += (value * value) as u32;
        }
        (sum, squares)
    }
}

fn slice(row: &[u8], start: usize, len: usize) -> &[u8] {
    row.get(start..start + len).unwrap_or_default()
}

/// Rows of the picture with their luma, one by one, from the top.
fn each_luma_row(image: &Image, mut use_row: impl FnMut(&[u8], &[u8])) {
    let width = image.width() as usize;
    let mut row_luma = vec![0u8; width];
    for row in image.bytes().chunks_exact(width * image.format().bytes_per_pixel()) {
        luma(image.format(), row, &mut row_luma);
        use_row(row, &row_luma);
    }
}

/// All statistics in one pass over the pixels.
#[must_use]
pub fn statistics(image: &Image) -> Statistics {
    let width = image.width() as usize;
    let (mut lumas, mut laplacian) = (Moments::default(), Moments::default());
    let (mut dark, mut bright) = (0u64, 0u64);
    let mut totals = [0u64; 4];
    let (mut above, mut here) = (vec![0u8; width], vec![0u8; width]);
    let mut rows = 0usize;
    each_luma_row(image, |row, below| {
        lumas.add_luma(below);
        dark += count(below, |luma| luma <= DARK);
        bright += count(below, |luma| luma >= BRIGHT);
        add_channels(&mut totals, row, image.format());
        rows += 1;
        if rows >= 3 {
            laplacian.add_laplacian(&above, &here, below);
        }
        std::mem::swap(&mut above, &mut here);
        here.copy_from_slice(below);
    });
    let pixels = lumas.count as f64;
    let share = |count: u64| count as f64 / pixels;
    Statistics {
        mean: lumas.mean(),
        sd: lumas.variance().sqrt(),
        laplacian_variance: laplacian.variance(),
        dark_share: share(dark),
        bright_share: share(bright),
        channel_means: totals.iter().take(channels(image.format())).map(|total| share(*total)).collect(),
    }
}

fn count(row: &[u8], holds: impl Fn(u8) -> bool) -> u64 {
    // Blocks of at most 255 are counted in a byte, which the compiler does many at a time.
    row.chunks(128).map(|block| u64::from(block.iter().map(|luma| u8::from(holds(*luma))).sum::<u8>())).sum()
}

fn add_channels(totals: &mut [u64; 4], row: &[u8], format: PixelFormat) {
    match format {
        PixelFormat::Gray8 => add_bytes::<1>(totals, row),
        PixelFormat::Rgb8 | PixelFormat::Bgr8 => add_bytes::<3>(totals, row),
        PixelFormat::Rgba8 => add_bytes::<4>(totals, row),
        PixelFormat::Gray16 => {
            let (samples, _) = row.as_chunks::<2>();
            let [total, ..] = totals;
            *total += samples.iter().map(|sample| u64::from(u16::from_le_bytes(*sample))).sum::<u64>();
        }
    }
}

/// Lanes that are summed apart. A multiple of every number of channels: each lane always meets the same channel.
const LANES: usize = 48;

/// Adds interleaved bytes to the totals of their channels.
fn add_bytes<const CHANNELS: usize>(totals: &mut [u64; 4], row: &[u8]) {
    for block in row.chunks(LANES * 256) {
        let (whole, rest) = block.as_chunks::<LANES>();
        add_lanes::<CHANNELS>(totals, lane_sums(whole).iter().map(|sum| u64::from(*sum)));
        add_lanes::<CHANNELS>(totals, rest.iter().map(|byte| u64::from(*byte)));
    }
}

widest! {
    /// Sums of at most 256 bytes per lane, which 16 bits hold.
    fn lane_sums(rows: &[[u8; LANES]]) -> [u16; LANES] {
        let mut sums = [0u16; LANES];
        for bytes in rows {
            sums.iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += u16::from(*byte));
        }
        sums
    }
}

fn add_lanes<const CHANNELS: usize>(totals: &mut [u64; 4], lanes: impl Iterator<Item = u64>) {
    for (lane, value) in lanes.enumerate() {
        if let Some(total) = totals.get_mut(lane % CHANNELS) {
            *total += value;
        }
    }
}

/// 256 counts of luma.
#[must_use]
pub fn histogram(image: &Image) -> [u64; 256] {
    // Four tables, so that equal neighbours do not wait for each other's count.
    let mut tables = [[0u32; 256]; 4];
    let mut counts = [0u64; 256];
    each_luma_row(image, |_, row| {
        let [a, b, c, d] = &mut tables;
        let add = |table: &mut [u32; 256], luma: u8| {
            if let Some(count) = table.get_mut(usize::from(luma)) {
                *count += 1;
            }
        };
        let (fours, rest) = row.as_chunks::<4>();
        for &[p, q, r, s] in fours {
            add(a, p);
            add(b, q);
            add(c, r);
            add(d, s);
        }
        rest.iter().for_each(|luma| add(a, *luma));
    });
    for table in &tables {
        counts.iter_mut().zip(table).for_each(|(total, count)| *total += u64::from(*count));
    }
    counts
}
