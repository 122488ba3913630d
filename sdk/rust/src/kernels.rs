//! Pixel loops for plugins that want the pixels themselves.
//!
//! A station stops runaway plugins by a check at the head of every loop. A loop over single pixels pays that check
//! per pixel and is no longer vectorised: two to three times slower. So all loops here go block by block: one check
//! per block of 64 to 240 bytes, and a body that the compiler unrolls into SIMD. Where the host offers the same
//! operation on [`crate::Image`], that is faster still: the pixels do not have to come in.

/// Bytes per block of the loops that write numbers.
const BLOCK: usize = 64;

/// Bytes per block of the loop that only sums.
const SUM_BLOCK: usize = 128;

/// Bytes per block of the loop that counts: a multiple of a register's 16 bytes that a byte can still count, so that the
/// lanes are added up as rarely as can be.
const COUNT_BLOCK: usize = 240;

/// Writes `(pixel - mean) / scale` for each byte. The shorter of both slices decides.
pub fn normalise(pixels: &[u8], mean: f32, scale: f32, out: &mut [f32]) {
    let (factor, offset) = (1.0 / scale, -mean / scale);
    let (blocks, rest) = pixels.as_chunks::<BLOCK>();
    let (out_blocks, out_rest) = out.split_at_mut((blocks.len() * BLOCK).min(out.len()));
    for (block, target) in blocks.iter().zip(out_blocks.as_chunks_mut::<BLOCK>().0) {
        for (pixel, value) in block.iter().zip(target) {
            *value = f32::from(*pixel) * factor + offset;
        }
    }
    for (pixel, value) in rest.iter().zip(out_rest) {
        *value = f32::from(*pixel) * factor + offset;
    }
}

/// Number of bytes that are at least `threshold`.
#[must_use]
pub fn count_at_least(pixels: &[u8], threshold: u8) -> u64 {
    let (blocks, rest) = pixels.as_chunks::<COUNT_BLOCK>();
    let mut total = 0u64;
    for block in blocks {
        // A block cannot overflow a byte, so the sum stays in byte lanes.
        let mut count = 0u8;
        for pixel in block {
            count += u8::from(*pixel >= threshold);
        }
        total += u64::from(count);
    }
    total + rest.iter().map(|pixel| u64::from(*pixel >= threshold)).sum::<u64>()
}

/// Writes 255 where a byte is at least `threshold`, else 0: a mask. The shorter of both slices decides.
pub fn threshold(pixels: &[u8], threshold: u8, out: &mut [u8]) {
    let count = pixels.len().min(out.len());
    let (Some(pixels), Some(out)) = (pixels.get(..count), out.get_mut(..count)) else { return };
    let ((blocks, rest), (out_blocks, out_rest)) = (pixels.as_chunks::<BLOCK>(), out.as_chunks_mut::<BLOCK>());
    for (block, target) in blocks.iter().zip(out_blocks) {
        for (pixel, mask) in block.iter().zip(target) {
            *mask = if *pixel >= threshold { u8::MAX } else { 0 };
        }
    }
    for (pixel, mask) in rest.iter().zip(out_rest) {
        *mask = if *pixel >= threshold { u8::MAX } else { 0 };
    }
}

/// Sum of all bytes.
#[must_use]
pub fn sum(pixels: &[u8]) -> u64 {
    let (blocks, rest) = pixels.as_chunks::<SUM_BLOCK>();
    let mut total = 0u64;
    for block in blocks {
        let mut sum = 0u16;
        for pixel in block {
            sum += u16::from(*pixel);
        }
        total += u64::from(sum);
    }
    total + rest.iter().map(|pixel| u64::from(*pixel)).sum::<u64>()
}

/// How often each value occurs. Eight pixels come with one load, as a plugin's every load costs an addition more than
/// native code's, and four loads with one check; they count in four tables in turn, so that equal neighbours do not wait
/// for each other.
#[must_use]
#[allow(clippy::indexing_slicing, reason = "a byte is a valid index into 256 counts: no check is left")]
pub fn histogram(pixels: &[u8]) -> [u32; 256] {
    let mut tables = [[0u32; 256]; 4];
    let (blocks, rest) = pixels.as_chunks::<32>();
    for block in blocks {
        for word in block.as_chunks::<8>().0 {
            let word = u64::from_le_bytes(*word);
            let [mut word, mut next] = [word as u32, (word >> 32) as u32];
            for table in &mut tables {
                table[(word & 255) as usize] += 1;
                table[(next & 255) as usize] += 1;
                word >>= 8;
                next >>= 8;
            }
        }
    }
    for pixel in rest {
        tables[0][usize::from(*pixel)] += 1;
    }
    let [mut total, one, two, three] = tables;
    for (((sum, a), b), c) in total.iter_mut().zip(one).zip(two).zip(three) {
        *sum += a + b + c;
    }
    total
}

/// Mean of each pixel's 3x3 neighbourhood of a grey picture, rounded to the nearest; at the edges the outermost
/// pixels are repeated. Gives `None` where `pixels` or `out` are not `width * height` bytes.
pub fn box_blur_3x3(pixels: &[u8], width: usize, height: usize, out: &mut [u8]) -> Option<()> {
    let count = width.checked_mul(height).filter(|count| *count > 0)?;
    if pixels.len() != count || out.len() != count {
        return None;
    }
    let row = |y: usize| pixels.get(y * width..(y + 1) * width);
    // One column sum per pixel, with the edge repeated at both ends.
    let mut sums = vec![0u16; width + 2];
    for (y, target) in out.chunks_exact_mut(width).enumerate() {
        let above = row(y.saturating_sub(1))?;
        let below = row((y + 1).min(height - 1))?;
        column_sums(above, row(y)?, below, sums.get_mut(1..=width)?);
        let (first, last) = (*sums.get(1)?, *sums.get(width)?);
        *sums.first_mut()? = first;
        *sums.last_mut()? = last;
        row_means(&sums, target);
    }
    Some(())
}

fn column_sums(above: &[u8], here: &[u8], below: &[u8], sums: &mut [u16]) {
    let (a, a_rest) = above.as_chunks::<BLOCK>();
    let (b, b_rest) = here.as_chunks::<BLOCK>();
    let (c, c_rest) = below.as_chunks::<BLOCK>();
    let (target, target_rest) = sums.as_chunks_mut::<BLOCK>();
    for (((a, b), c), target) in a.iter().zip(b).zip(c).zip(target) {
        for (((a, b), c), sum) in a.iter().zip(b).zip(c).zip(target) {
            *sum = u16::from(*a) + u16::from(*b) + u16::from(*c);
        }
    }
    for (((a, b), c), sum) in a_rest.iter().zip(b_rest).zip(c_rest).zip(target_rest) {
        *sum = u16::from(*a) + u16::from(*b) + u16::from(*c);
    }
}

/// `sums` has one more value at each end than `target`.
fn row_means(sums: &[u16], target: &mut [u8]) {
    let (Some(here), Some(right)) = (sums.get(1..), sums.get(2..)) else { return };
    let whole = target.len() / BLOCK * BLOCK;
    let (blocks, rest) = target.as_chunks_mut::<BLOCK>();
    let left_blocks = sums.as_chunks::<BLOCK>().0.iter();
    let others = here.as_chunks::<BLOCK>().0.iter().zip(right.as_chunks::<BLOCK>().0);
    for ((left, (here, right)), target) in left_blocks.zip(others).zip(blocks) {
        for (((left, here), right), mean) in left.iter().zip(here).zip(right).zip(target) {
            *mean = ninth(*left + *here + *right);
        }
    }
    for (at, mean) in rest.iter_mut().enumerate() {
        if let Some([left, here, right]) = sums.get(whole + at..whole + at + 3) {
            *mean = ninth(*left + *here + *right);
        }
    }
}

/// Half of the window of [`mscn`]: it has 7x7 pixels.
const REACH: usize = 3;
/// A Gaussian of sigma 7/6 over seven pixels, of sum 1.
const GAUSSIAN: [f32; 7] =
    [0.012_560_2, 0.078_827_96, 0.237_296_08, 0.342_631_5, 0.237_296_08, 0.078_827_96, 0.012_560_2];
/// Pixels at a time: what is worked out of them stays in registers.
const WINDOWED: usize = 16;
/// Those and what the window reaches on both sides.
const REACHED: usize = WINDOWED + 2 * REACH;

/// Mean-subtracted, contrast-normalised coefficients of a grey picture: `(pixel - mean) / (deviation + 1)`, with mean and
/// standard deviation of a 7x7 Gaussian window (sigma 7/6) around each pixel; at the edges the outermost pixels are
/// repeated. Of an undistorted picture they are spread much like a Gaussian, and blur, noise and compression change how.
/// Gives `None` where `pixels` or `out` are not `width * height` long.
///
/// As in BRISQUE: Mittal, Moorthy, Bovik, "No-Reference Image Quality Assessment in the Spatial Domain", IEEE TIP 21(12),
/// 2012, equations 1 to 3, and its authors' `brisquefeature.m` for window and edges.
pub fn mscn(pixels: &[u8], width: usize, height: usize, out: &mut [f32]) -> Option<()> {
    let count = width.checked_mul(height).filter(|count| *count > 0)?;
    if pixels.len() != count || out.len() != count {
        return None;
    }
    // Whole blocks, so that no row has a rest; what is behind its end is never written out.
    let stride = width.next_multiple_of(WINDOWED);
    // The rows of the window as numbers, each made once: row y lies in the place y modulo 7.
    let mut rows = vec![0.0f32; stride * GAUSSIAN.len()];
    let place = |y: usize| y % GAUSSIAN.len() * stride;
    // One weighted sum of a column per pixel, with the edge repeated at both ends.
    let (mut sums, mut squares) = (vec![0.0f32; stride + 2 * REACH], vec![0.0f32; stride + 2 * REACH]);
    let mut made = 0;
    for (y, target) in out.chunks_exact_mut(width).enumerate() {
        while made <= (y + REACH).min(height - 1) {
            let from = pixels.get(made * width..(made + 1) * width)?;
            centre(from, rows.get_mut(place(made)..place(made) + width)?);
            made += 1;
        }
        let row = |at: usize| {
            let place = place((y + at).saturating_sub(REACH).min(height - 1));
            rows.get(place..place + stride).unwrap_or_default().as_chunks::<WINDOWED>().0
        };
        let window = [row(0), row(1), row(2), row(3), row(4), row(5), row(6)];
        columns(window, sums.get_mut(REACH..REACH + stride)?, squares.get_mut(REACH..REACH + stride)?);
        for line in [&mut sums, &mut squares] {
            let (first, last) = (*line.get(REACH)?, *line.get(REACH + width - 1)?);
            line.get_mut(..REACH)?.fill(first);
            line.get_mut(REACH + width..)?.fill(last);
        }
        coefficients(row(REACH), &sums, &squares, target);
    }
    Some(())
}

/// Numbers around zero, which changes no coefficient: squares of smaller numbers lose fewer digits.
fn centre(pixels: &[u8], row: &mut [f32]) {
    let ((blocks, rest), (targets, last)) = (pixels.as_chunks::<BLOCK>(), row.as_chunks_mut::<BLOCK>());
    let number = |pixel: u8| f32::from(i16::from(pixel) - 128);
    for (block, target) in blocks.iter().zip(targets) {
        for (pixel, value) in block.iter().zip(target) {
            *value = number(*pixel);
        }
    }
    for (pixel, value) in rest.iter().zip(last) {
        *value = number(*pixel);
    }
}

/// The rows of a window by their weights: sums of the pixels of each column, and of their squares.
#[allow(clippy::indexing_slicing, reason = "an index below the length of every block: no check is left")]
fn columns(window: [&[[f32; WINDOWED]]; 7], sums: &mut [f32], squares: &mut [f32]) {
    let [a, b, c, d, e, f, g] = window;
    let [far, wide, near, own, ..] = GAUSSIAN;
    let targets = sums.as_chunks_mut::<WINDOWED>().0.iter_mut().zip(squares.as_chunks_mut::<WINDOWED>().0);
    let outer = a.iter().zip(g).zip(b.iter().zip(f));
    let inner = c.iter().zip(e).zip(d);
    for ((((a, g), (b, f)), ((c, e), d)), (sums, squares)) in outer.zip(inner).zip(targets) {
        for at in 0..WINDOWED {
            let (a, b, c, d, e, f, g) = (a[at], b[at], c[at], d[at], e[at], f[at], g[at]);
            sums[at] = own * d + near * (c + e) + wide * (b + f) + far * (a + g);
            squares[at] = own * d * d + near * (c * c + e * e) + wide * (b * b + f * f) + far * (a * a + g * g);
        }
    }
}

/// `sums` and `squares` have [`REACH`] more values at each end than `row`; `target` may end within the last block.
#[allow(clippy::indexing_slicing, reason = "an index below the length of every block: no check is left")]
fn coefficients(row: &[[f32; WINDOWED]], sums: &[f32], squares: &[f32], target: &mut [f32]) {
    for ((at, row), target) in (0..).step_by(WINDOWED).zip(row).zip(target.chunks_mut(WINDOWED)) {
        let near = |line: &[f32]| line.get(at..).and_then(|line| line.first_chunk::<REACHED>().copied());
        let (Some(sums), Some(squares)) = (near(sums), near(squares)) else { return };
        let mut block = [0.0f32; WINDOWED];
        for at in 0..WINDOWED {
            let mean = across(&sums, at);
            block[at] = (row[at] - mean) / ((across(&squares, at) - mean * mean).abs().sqrt() + 1.0);
        }
        match target.first_chunk_mut::<WINDOWED>() {
            Some(target) => *target = block,
            None => target.iter_mut().zip(block).for_each(|(target, value)| *target = value),
        }
    }
}

/// The window across a line.
#[inline]
#[allow(clippy::indexing_slicing, reason = "at most six behind an index of a block: no check is left")]
fn across(line: &[f32; REACHED], at: usize) -> f32 {
    let [far, wide, near, own, ..] = GAUSSIAN;
    let (outer, middle, inner) = (line[at] + line[at + 6], line[at + 1] + line[at + 5], line[at + 2] + line[at + 4]);
    own * line[at + 3] + near * inner + wide * middle + far * outer
}

/// A ninth, rounded to the nearest: exact for every sum of nine bytes.
#[allow(clippy::cast_possible_truncation, reason = "a ninth of nine bytes is a byte")]
const fn ninth(sum: u16) -> u8 {
    (((sum as u32) * 7282 + 32_768) >> 16) as u8
}

// By its path: the benchmark compiles this file natively from where it stands.
#[cfg(test)]
#[path = "kernels/tests.rs"]
mod tests;
