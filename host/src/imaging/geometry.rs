use super::error::{OpError, checked_len, finished, fresh, internal, invalid};
use crate::domain::{BufferPool, Image, PixelBuffer, PixelFormat, Region};

/// Copies packed pixels into a new picture.
///
/// # Errors
/// When the size is over the limits or `pixels` has another length than the size and format need.
pub fn from_pixels(
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: &[u8],
    pool: &BufferPool,
) -> Result<Image, OpError> {
    let needed = checked_len(width, height, format)?;
    if needed != pixels.len() {
        let allowed = format!("exactly {needed} for {width}x{height} {}", format.name());
        return Err(invalid("bytes of pixels", pixels.len(), allowed));
    }
    let mut buffer = pool.take(needed);
    buffer.as_mut_slice().copy_from_slice(pixels);
    finished(width, height, format, buffer)
}

/// A picture of one colour; `value` holds the bytes of one pixel.
///
/// # Errors
/// When the size is over the limits or `value` is not one pixel of `format`.
pub fn filled(width: u32, height: u32, format: PixelFormat, value: &[u8], pool: &BufferPool) -> Result<Image, OpError> {
    let needed = format.bytes_per_pixel();
    if value.len() != needed {
        let allowed = format!("exactly {needed} for {}", format.name());
        return Err(invalid("bytes of the filling colour", value.len(), allowed));
    }
    let mut buffer = fresh(pool, width, height, format)?;
    let bytes = buffer.as_mut_slice();
    match value {
        [single] => bytes.fill(*single),
        _ => bytes.chunks_exact_mut(needed).for_each(|pixel| pixel.copy_from_slice(value)),
    }
    finished(width, height, format, buffer)
}

fn check_region(image: &Image, region: &Region) -> Result<(), OpError> {
    if region.fits(image.width(), image.height()) {
        return Ok(());
    }
    let found = format!("{}x{} at {},{}", region.width, region.height, region.x, region.y);
    let allowed = format!("at least 1x1, inside {}x{}", image.width(), image.height());
    Err(invalid("region", found, allowed))
}

/// The rows of a region that fits.
fn region_rows<'a>(image: &'a Image, region: &Region) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let pixel = image.format().bytes_per_pixel();
    let (start, len) = (region.x as usize * pixel, region.width as usize * pixel);
    image
        .bytes()
        .chunks_exact(image.width() as usize * pixel)
        .skip(region.y as usize)
        .take(region.height as usize)
        .map(move |row| row.get(start..start + len).unwrap_or_default())
}

/// The pixels of a region, packed.
///
/// # Errors
/// When the region is empty or not wholly inside the picture.
pub fn read_region(image: &Image, region: &Region) -> Result<Vec<u8>, OpError> {
    check_region(image, region)?;
    let len = region.width as usize * region.height as usize * image.format().bytes_per_pixel();
    let mut pixels = Vec::with_capacity(len);
    region_rows(image, region).for_each(|row| pixels.extend_from_slice(row));
    Ok(pixels)
}

/// The pixels of `count` rows from row `first`, packed; not copied.
///
/// # Errors
/// When `count` is 0 or a row is not inside the picture.
pub fn read_rows(image: &Image, first: u32, count: u32) -> Result<&[u8], OpError> {
    let rows = Region { x: 0, y: first, width: image.width(), height: count };
    if !rows.fits(image.width(), image.height()) {
        let allowed = format!("at least 1, inside 0 to {}", image.height());
        return Err(invalid("rows", format_args!("{count} from row {first}"), allowed));
    }
    let row = image.width() as usize * image.format().bytes_per_pixel();
    let start = first as usize * row;
    image.bytes().get(start..start + count as usize * row).ok_or_else(|| internal("reading rows", "short buffer"))
}

/// The region as a picture of its own.
///
/// # Errors
/// When the region is empty or not wholly inside the picture.
pub fn crop(image: &Image, region: &Region, pool: &BufferPool) -> Result<Image, OpError> {
    check_region(image, region)?;
    let mut buffer = fresh(pool, region.width, region.height, image.format())?;
    let row_len = region.width as usize * image.format().bytes_per_pixel();
    let targets = buffer.as_mut_slice().chunks_exact_mut(row_len);
    targets.zip(region_rows(image, region)).for_each(|(to, from)| to.copy_from_slice(from));
    finished(region.width, region.height, image.format(), buffer)
}

/// `base` with `top` in place of what lies under it; the top-left corner of `top` comes to `x`, `y`. Alpha is copied,
/// not blended.
///
/// # Errors
/// When the formats differ or `top` is not wholly inside `base`.
pub fn overlay(base: &Image, top: &Image, x: u32, y: u32, pool: &BufferPool) -> Result<Image, OpError> {
    if base.format() != top.format() {
        return Err(invalid("format of the upper picture", top.format().name(), base.format().name()));
    }
    let region = Region { x, y, width: top.width(), height: top.height() };
    check_region(base, &region)?;
    let mut buffer = fresh(pool, base.width(), base.height(), base.format())?;
    lay_over(&mut buffer, base, top, &region);
    finished(base.width(), base.height(), base.format(), buffer)
}

fn lay_over(buffer: &mut PixelBuffer, base: &Image, top: &Image, region: &Region) {
    let pixel = base.format().bytes_per_pixel();
    let (start, len) = (region.x as usize * pixel, region.width as usize * pixel);
    let bytes = buffer.as_mut_slice();
    bytes.copy_from_slice(base.bytes());
    let targets = bytes.chunks_exact_mut(base.width() as usize * pixel).skip(region.y as usize);
    for (row, from) in targets.zip(top.bytes().chunks_exact(len)) {
        if let Some(to) = row.get_mut(start..start + len) {
            to.copy_from_slice(from);
        }
    }
}
