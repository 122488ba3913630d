use super::trial::Tried;
use crate::domain::{BufferPool, Image, PixelFormat, Region};
use crate::imaging::{MAX_SIDE, OpError, ResizeFilter, convert, encode_png, filled, overlay, resize};

/// Between two pictures, in pixels.
const GAP: u32 = 8;
/// Pictures are shown at most that high: a sheet is to be looked at, not measured.
const MAX_HEIGHT: u32 = 480;
const GROUND: [u8; 3] = [32, 34, 38];
const RAISED: [u8; 3] = [255, 64, 48];
const SHOWN: [u8; 3] = [64, 200, 255];

/// The picture that the plugin saw with the regions of its findings (raised ones red), and the pictures that it made,
/// side by side in one PNG.
///
/// # Errors
/// When there is no room for so many pictures in one.
pub fn sheet(tried: &Tried, pool: &BufferPool) -> Result<Vec<u8>, OpError> {
    let mut first = fitted(&tried.seen, pool)?;
    let scale = f64::from(first.width()) / f64::from(tried.seen.width());
    for finding in &tried.answer.findings {
        if let Some(region) = finding.region {
            first = framed(&first, scaled(region, scale), if finding.raised { RAISED } else { SHOWN }, pool)?;
        }
    }
    let mut all = vec![first];
    for made in &tried.images {
        all.push(fitted(&made.image, pool)?);
    }
    let width = all.iter().map(|image| image.width() + GAP).sum::<u32>().saturating_add(GAP).min(MAX_SIDE);
    let height = all.iter().map(Image::height).max().unwrap_or(1) + 2 * GAP;
    let mut sheet = filled(width, height, PixelFormat::Rgb8, &GROUND, pool)?;
    let mut x = GAP;
    for image in &all {
        // What has no room left is left out, the last first.
        if x + image.width() + GAP <= width {
            sheet = overlay(&sheet, image, x, GAP, pool)?;
        }
        x += image.width() + GAP;
    }
    encode_png(&sheet)
}

fn fitted(image: &Image, pool: &BufferPool) -> Result<Image, OpError> {
    let colour = convert(image, PixelFormat::Rgb8, pool)?;
    if colour.height() <= MAX_HEIGHT {
        return Ok(colour);
    }
    let width = (u64::from(colour.width()) * u64::from(MAX_HEIGHT) / u64::from(colour.height())).max(1);
    resize(&colour, u32::try_from(width).unwrap_or(1), MAX_HEIGHT, ResizeFilter::Box, pool)
}

fn scaled(region: Region, scale: f64) -> Region {
    let side = |value: u32| (f64::from(value) * scale) as u32;
    Region {
        x: side(region.x),
        y: side(region.y),
        width: side(region.width).max(1),
        height: side(region.height).max(1),
    }
}

/// A frame of two pixels, inside the region.
fn framed(image: &Image, region: Region, colour: [u8; 3], pool: &BufferPool) -> Result<Image, OpError> {
    let right = region.x.saturating_add(region.width).min(image.width());
    let bottom = region.y.saturating_add(region.height).min(image.height());
    let (width, height) = (right.saturating_sub(region.x), bottom.saturating_sub(region.y));
    if width == 0 || height == 0 {
        return Ok(image.clone());
    }
    let (thick_x, thick_y) = (width.min(2), height.min(2));
    let bars = [
        (region.x, region.y, width, thick_y),
        (region.x, bottom - thick_y, width, thick_y),
        (region.x, region.y, thick_x, height),
        (right - thick_x, region.y, thick_x, height),
    ];
    let mut framed = image.clone();
    for (x, y, width, height) in bars {
        framed = overlay(&framed, &filled(width, height, PixelFormat::Rgb8, &colour, pool)?, x, y, pool)?;
    }
    Ok(framed)
}
