use super::colour::convert;
use super::decode::{DecodeLimits, pick};
use super::decode_jpeg;
use super::encode::encode_jpeg;
use super::error::{OpError, internal, invalid};
use crate::domain::{BufferPool, Image, PixelFormat};

/// Encodes as JPEG without chroma subsampling and decodes again. Alpha passes unchanged.
///
/// # Errors
/// When `quality` is not 1 to 100, the picture is 16-bit, or it is over the limits of operations.
pub fn jpeg_round_trip(image: &Image, quality: u32, pool: &BufferPool) -> Result<Image, OpError> {
    if image.format() == PixelFormat::Gray16 {
        return Err(invalid("format for JPEG", "gray16", "gray8, rgb8, bgr8, rgba8: convert first"));
    }
    let file = encode_jpeg(image, quality)?;
    let limits = DecodeLimits::default();
    let decoded = decode_jpeg::decode(&file, decode_jpeg::Origin::Own, &limits, pool)
        .map_err(|error| internal("decoding its own JPEG", error))?;
    if image.format() != PixelFormat::Rgba8 {
        return convert(&decoded, image.format(), pool);
    }
    let mut buffer = pool.take(image.bytes().len());
    pick(image.bytes(), buffer.as_mut_slice(), |pixel: [u8; 4]| pixel);
    let (targets, _) = buffer.as_mut_slice().as_chunks_mut::<4>();
    let (colours, _) = decoded.bytes().as_chunks::<3>();
    for (to, &[r, g, b]) in targets.iter_mut().zip(colours) {
        let [.., alpha] = *to;
        *to = [r, g, b, alpha];
    }
    super::error::finished(image.width(), image.height(), image.format(), buffer)
}
