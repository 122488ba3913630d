use super::error::{OpError, finished, fresh};
use crate::domain::{BufferPool, Image, PixelFormat};

// Gray16 is little-endian by contract; its buffers are read as the machine's own u16.
const _: () = assert!(cfg!(target_endian = "little"), "assay runs on little-endian machines only");

/// One number of a pixel: what the filters work on.
pub(super) trait Sample: Copy + Ord + Default + 'static {
    /// The bit to start with when a value is searched bit by bit.
    const HIGHEST_BIT: Self;
    fn half(self) -> Self;
    fn or(self, other: Self) -> Self;
    fn to_f32(self) -> f32;
    /// The sum of two samples, added as whole numbers.
    fn pair_to_f32(a: Self, b: Self) -> f32;
    /// The nearest sample to a value that is not negative.
    fn nearest(value: f32) -> Self;
    fn to_i32(self) -> i32;
    /// The nearest sample.
    fn from_i32(value: i32) -> Self;
}

macro_rules! sample {
    ($type:ty, $wide:ty, $highest:literal) => {
        impl Sample for $type {
            const HIGHEST_BIT: Self = $highest;

            fn half(self) -> Self {
                self >> 1
            }

            fn or(self, other: Self) -> Self {
                self | other
            }

            fn to_f32(self) -> f32 {
                f32::from(self)
            }

            fn pair_to_f32(a: Self, b: Self) -> f32 {
                (<$wide>::from(a) + <$wide>::from(b)) as f32
            }

            fn nearest(value: f32) -> Self {
                Self::from_i32((value + 0.5) as i32)
            }

            fn to_i32(self) -> i32 {
                i32::from(self)
            }

            fn from_i32(value: i32) -> Self {
                value.clamp(0, i32::from(Self::MAX)) as Self
            }
        }
    };
}

sample!(u8, i16, 0x80);
sample!(u16, i32, 0x8000);

/// Samples per pixel.
pub(super) const fn channels(format: PixelFormat) -> usize {
    match format {
        PixelFormat::Gray8 | PixelFormat::Gray16 => 1,
        PixelFormat::Rgb8 | PixelFormat::Bgr8 => 3,
        PixelFormat::Rgba8 => 4,
    }
}

/// A filter that reads all samples and writes as many.
pub(super) trait Filter {
    fn run<T: Sample>(&self, source: &[T], target: &mut [T], shape: Shape);
}

/// How the samples of a picture lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub height: usize,
    pub channels: usize,
    /// Samples in a row.
    pub row: usize,
}

impl Shape {
    pub(super) fn of(image: &Image) -> Self {
        let channels = channels(image.format());
        Self { height: image.height() as usize, channels, row: image.width() as usize * channels }
    }
}

/// Makes a picture of the same size and format by `filter`, whatever the format.
pub(super) fn filtered(image: &Image, pool: &BufferPool, filter: &impl Filter) -> Result<Image, OpError> {
    let (width, height, format) = (image.width(), image.height(), image.format());
    let mut pixels = fresh(pool, width, height, format)?;
    let shape = Shape::of(image);
    if format == PixelFormat::Gray16 {
        let source: Vec<u16> = bytemuck::pod_collect_to_vec(image.bytes());
        let mut target = vec![0u16; source.len()];
        filter.run(&source, &mut target, shape);
        pixels.as_mut_slice().copy_from_slice(bytemuck::cast_slice(&target));
    } else {
        filter.run(image.bytes(), pixels.as_mut_slice(), shape);
    }
    finished(width, height, format, pixels)
}

/// The index that mirroring at the edges leads to, as scipy's `mode="reflect"`: `d c b a | a b c d | d c b a`.
pub(super) fn mirrored(index: isize, len: usize) -> usize {
    let Ok(len) = isize::try_from(len) else { return 0 };
    if len == 0 {
        return 0;
    }
    let within = index.rem_euclid(2 * len);
    usize::try_from(if within < len { within } else { 2 * len - 1 - within }).unwrap_or(0)
}

/// Writes `row` into `target` with `radius` mirrored pixels on each side; what is left behind them is set to zero.
pub(super) fn mirror_pad<T: Copy + Default>(row: &[T], channels: usize, radius: usize, target: &mut [T]) {
    let pixels = row.len() / channels.max(1);
    let margin = radius * channels;
    let pixel_at = |index: isize| {
        let start = mirrored(index, pixels) * channels;
        row.get(start..start + channels).unwrap_or_default()
    };
    let radius = isize::try_from(radius).unwrap_or(0);
    let count = isize::try_from(pixels).unwrap_or(0);
    let (left, rest) = target.split_at_mut(margin.min(target.len()));
    for (to, index) in left.chunks_exact_mut(channels).zip(-radius..) {
        to.copy_from_slice(pixel_at(index));
    }
    let (middle, rest) = rest.split_at_mut(row.len().min(rest.len()));
    middle.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
    let (right, rest) = rest.split_at_mut(margin.min(rest.len()));
    for (to, index) in right.chunks_exact_mut(channels).zip(count..) {
        to.copy_from_slice(pixel_at(index));
    }
    rest.fill(T::default());
}

/// Row `index` of a packed picture, mirrored at top and bottom.
pub(super) fn mirrored_row<T>(samples: &[T], shape: Shape, index: isize) -> &[T] {
    let start = mirrored(index, shape.height) * shape.row;
    samples.get(start..start + shape.row).unwrap_or_default()
}
