use super::target::Try;
use anyhow::{Result, ensure};
use assay::domain::{BufferPool, Image, PixelFormat};
use assay::imaging::{DecodeLimits, decode, encode_jpeg, encode_png};

const SIDE: u32 = 1024;
const LIMITS: DecodeLimits =
    DecodeLimits { max_file_bytes: 64 << 10, max_width: SIDE, max_height: SIDE, max_pixels: 256 << 10 };

/// Of the largest picture that is decoded: 16 bits of four channels as they come, what becomes of them, and what a
/// decoder holds beside (all coefficients of a progressive JPEG).
pub const HEAP: usize = 24 << 20;

pub fn decodes() -> Result<Try> {
    let pool = BufferPool::new(0, 0);
    Ok(Box::new(move |bytes| {
        let Ok(image) = decode(bytes, &LIMITS, &pool) else { return Ok(false) };
        let (width, height) = (image.width(), image.height());
        let pixels = u64::from(width) * u64::from(height);
        ensure!(width > 0 && height > 0, "a picture of {width} x {height}");
        ensure!(
            width <= SIDE && height <= SIDE && pixels <= LIMITS.max_pixels,
            "{width} x {height} is over its limits"
        );
        let needed = pixels * image.format().bytes_per_pixel() as u64;
        ensure!(image.bytes().len() as u64 == needed, "{} bytes for {width} x {height}", image.bytes().len());
        Ok(true)
    }))
}

/// A picture with something in it.
fn image(width: u32, height: u32, format: PixelFormat) -> Result<Image> {
    let bytes = (width * height) as usize * format.bytes_per_pixel();
    let pixels: Vec<u8> = (0..bytes).map(|at| (at.wrapping_mul(31) ^ (at >> 3)) as u8).collect();
    Ok(Image::new(width, height, format, pixels.into())?)
}

pub fn png() -> Result<Vec<Vec<u8>>> {
    let formats = [PixelFormat::Gray8, PixelFormat::Gray16, PixelFormat::Rgb8];
    formats.into_iter().map(|format| Ok(encode_png(&image(9, 7, format)?)?)).collect()
}

pub fn jpeg() -> Result<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    for (width, height, format, quality) in
        [(16, 8, PixelFormat::Gray8, 90), (17, 11, PixelFormat::Rgb8, 50), (40, 33, PixelFormat::Rgb8, 95)]
    {
        all.push(encode_jpeg(&image(width, height, format)?, quality)?);
    }
    Ok(all)
}

pub fn bmp() -> Result<Vec<Vec<u8>>> {
    Ok(vec![bmp_file(24, &[]), bmp_file(8, &grey_palette()), bmp_file(32, &[])])
}

fn grey_palette() -> Vec<u8> {
    (0..=255_u8).flat_map(|grey| [grey, grey, grey, 0]).collect()
}

/// 4 x 3 pixels, bottom first, rows filled up to four bytes.
fn bmp_file(bits: u16, palette: &[u8]) -> Vec<u8> {
    let row = (4 * usize::from(bits) / 8).next_multiple_of(4);
    let (head, data) = (54 + palette.len(), row * 3);
    let u32_of = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = b"BM".to_vec();
    file.extend([u32_of(head + data), u32_of(0), u32_of(head), u32_of(40), u32_of(4), u32_of(3)].concat());
    file.extend([1_u16.to_le_bytes(), bits.to_le_bytes()].concat());
    file.extend([u32_of(0), u32_of(data), u32_of(2835), u32_of(2835), u32_of(palette.len() / 4), u32_of(0)].concat());
    file.extend(palette);
    file.extend((0..data).map(|at| (at * 7) as u8));
    file
}

pub fn pnm() -> Result<Vec<Vec<u8>>> {
    let binary = |head: &str, bytes: u8| [head.as_bytes(), &(0..bytes).collect::<Vec<u8>>()].concat();
    Ok(vec![
        binary("P5\n4 3\n255\n", 12),
        binary("P6\n# a comment\n2 2\n255\n", 12),
        binary("P5 2 2 65535\n", 8),
        b"P2\n3 2\n255\n0 1 2\n253 254 255\n".to_vec(),
        b"P3\n1 2\n255\n1 2 3 4 5 6\n".to_vec(),
        b"P1\n4 2\n0 1 0 1\n1 0 1 0\n".to_vec(),
        binary("P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n", 12),
    ])
}
