use super::decode::pick;
use super::error::{OpError, finished, fresh};
use super::widest::widest;
use crate::domain::{BufferPool, Image, PixelFormat};

/// Luma of one colour pixel: Y = (77 R + 150 G + 29 B + 128) >> 8.
#[inline(always)]
pub(super) const fn luma_of(r: u8, g: u8, b: u8) -> u8 {
    // The weights sum to 256: at most 256 * 255 + 128 before the shift, which 16 bits hold, and 255 after it.
    ((77 * r as u16 + 150 * g as u16 + 29 * b as u16 + 128) >> 8) as u8
}

/// 16-bit grey as 8-bit grey: divided by 257, to the nearest.
pub(super) const fn narrowed(sample: u16) -> u8 {
    ((sample as u32 + 128) / 257) as u8
}

const fn narrow([low, high]: [u8; 2]) -> u8 {
    narrowed(u16::from_le_bytes([low, high]))
}

const fn widen(sample: u8) -> [u8; 2] {
    (sample as u16 * 257).to_le_bytes()
}

widest! {
    /// Writes the luma of packed pixels, one byte per pixel.
    pub(super) fn luma(format: PixelFormat, pixels: &[u8], target: &mut [u8]) {
        match format {
            PixelFormat::Gray8 => target.iter_mut().zip(pixels).for_each(|(to, from)| *to = *from),
            PixelFormat::Gray16 => pick(pixels, target, |pixel| [narrow(pixel)]),
            PixelFormat::Rgb8 => pick(pixels, target, |[r, g, b]| [luma_of(r, g, b)]),
            PixelFormat::Bgr8 => pick(pixels, target, |[b, g, r]| [luma_of(r, g, b)]),
            PixelFormat::Rgba8 => pick(pixels, target, |[r, g, b, _]| [luma_of(r, g, b)]),
        }
    }
}

/// The same picture in another format. Colour becomes grey by its luma, grey becomes colour with equal channels, alpha
/// is dropped or made opaque, 8 bits become 16 by times 257 and 16 become 8 by division by 257, to the nearest.
///
/// # Errors
/// When the picture is over the limits of operations.
pub fn convert(image: &Image, format: PixelFormat, pool: &BufferPool) -> Result<Image, OpError> {
    if image.format() == format {
        return Ok(image.clone());
    }
    let mut buffer = fresh(pool, image.width(), image.height(), format)?;
    let (from, to) = (image.bytes(), buffer.as_mut_slice());
    match format {
        PixelFormat::Gray8 => luma(image.format(), from, to),
        PixelFormat::Gray16 => to_gray16(image.format(), from, to),
        PixelFormat::Rgb8 => to_rgb(image.format(), from, to),
        PixelFormat::Bgr8 => to_bgr(image.format(), from, to),
        PixelFormat::Rgba8 => to_rgba(image.format(), from, to),
    }
    finished(image.width(), image.height(), format, buffer)
}

fn to_gray16(format: PixelFormat, from: &[u8], to: &mut [u8]) {
    match format {
        PixelFormat::Gray8 => pick(from, to, |[y]| widen(y)),
        PixelFormat::Gray16 => pick(from, to, |pixel: [u8; 2]| pixel),
        PixelFormat::Rgb8 => pick(from, to, |[r, g, b]| widen(luma_of(r, g, b))),
        PixelFormat::Bgr8 => pick(from, to, |[b, g, r]| widen(luma_of(r, g, b))),
        PixelFormat::Rgba8 => pick(from, to, |[r, g, b, _]| widen(luma_of(r, g, b))),
    }
}

fn to_rgb(format: PixelFormat, from: &[u8], to: &mut [u8]) {
    match format {
        PixelFormat::Gray8 => pick(from, to, |[y]| [y; 3]),
        PixelFormat::Gray16 => pick(from, to, |pixel| [narrow(pixel); 3]),
        PixelFormat::Rgb8 => pick(from, to, |pixel: [u8; 3]| pixel),
        PixelFormat::Bgr8 => pick(from, to, |[b, g, r]| [r, g, b]),
        PixelFormat::Rgba8 => pick(from, to, |[r, g, b, _]| [r, g, b]),
    }
}

fn to_bgr(format: PixelFormat, from: &[u8], to: &mut [u8]) {
    match format {
        PixelFormat::Gray8 => pick(from, to, |[y]| [y; 3]),
        PixelFormat::Gray16 => pick(from, to, |pixel| [narrow(pixel); 3]),
        PixelFormat::Rgb8 => pick(from, to, |[r, g, b]| [b, g, r]),
        PixelFormat::Bgr8 => pick(from, to, |pixel: [u8; 3]| pixel),
        PixelFormat::Rgba8 => pick(from, to, |[r, g, b, _]| [b, g, r]),
    }
}

fn to_rgba(format: PixelFormat, from: &[u8], to: &mut [u8]) {
    match format {
        PixelFormat::Gray8 => pick(from, to, |[y]| [y, y, y, 255]),
        PixelFormat::Gray16 => pick(from, to, |pixel| {
            let y = narrow(pixel);
            [y, y, y, 255]
        }),
        PixelFormat::Rgb8 => pick(from, to, |[r, g, b]| [r, g, b, 255]),
        PixelFormat::Bgr8 => pick(from, to, |[b, g, r]| [r, g, b, 255]),
        PixelFormat::Rgba8 => pick(from, to, |pixel: [u8; 4]| pixel),
    }
}
