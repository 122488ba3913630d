use super::colour;
use super::error::{OpError, internal, invalid};
use crate::domain::{BufferPool, Image, PixelFormat};
use jpeg_encoder::{ColorType as JpegColour, Encoder as JpegEncoder, SamplingFactor};

/// The picture as a PNG file: fast rather than small.
///
/// # Errors
/// Only when the encoder itself fails.
pub fn encode_png(image: &Image) -> Result<Vec<u8>, OpError> {
    let failed = |error: png::EncodingError| internal("encoding as PNG", error);
    let (colour, depth) = match image.format() {
        PixelFormat::Gray8 => (png::ColorType::Grayscale, png::BitDepth::Eight),
        PixelFormat::Gray16 => (png::ColorType::Grayscale, png::BitDepth::Sixteen),
        PixelFormat::Rgb8 | PixelFormat::Bgr8 => (png::ColorType::Rgb, png::BitDepth::Eight),
        PixelFormat::Rgba8 => (png::ColorType::Rgba, png::BitDepth::Eight),
    };
    let mut file = Vec::with_capacity(image.bytes().len() / 2 + 1024);
    let mut encoder = png::Encoder::new(&mut file, image.width(), image.height());
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    match image.format() {
        PixelFormat::Gray8 | PixelFormat::Rgb8 | PixelFormat::Rgba8 => writer.write_image_data(image.bytes()),
        PixelFormat::Bgr8 => {
            let turned = colour::convert(image, PixelFormat::Rgb8, &BufferPool::new(0, 0))?;
            writer.write_image_data(turned.bytes())
        }
        PixelFormat::Gray16 => {
            let mut swapped = image.bytes().to_vec();
            let (samples, _) = swapped.as_chunks_mut::<2>();
            samples.iter_mut().for_each(|sample| sample.reverse());
            writer.write_image_data(&swapped)
        }
    }
    .map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// The picture as a baseline JPEG file without chroma subsampling; alpha is dropped.
///
/// # Errors
/// When `quality` is not 1 to 100, or the picture is 16-bit or has a side over 65,535 pixels.
pub fn encode_jpeg(image: &Image, quality: u32) -> Result<Vec<u8>, OpError> {
    let accepted = u8::try_from(quality).ok().filter(|quality| (1..=100).contains(quality));
    let quality = accepted.ok_or_else(|| invalid("JPEG quality", quality, "1 to 100"))?;
    let colour = match image.format() {
        PixelFormat::Gray8 => JpegColour::Luma,
        PixelFormat::Rgb8 => JpegColour::Rgb,
        PixelFormat::Bgr8 => JpegColour::Bgr,
        PixelFormat::Rgba8 => JpegColour::Rgba,
        PixelFormat::Gray16 => {
            return Err(invalid("format for JPEG", "gray16", "gray8, rgb8, bgr8, rgba8: convert first"));
        }
    };
    let side = |pixels: u32| u16::try_from(pixels).map_err(|_| invalid("side for JPEG", pixels, "65535 pixels"));
    let (width, height) = (side(image.width())?, side(image.height())?);
    let mut file = Vec::with_capacity(image.bytes().len() / 4 + 1024);
    let mut encoder = JpegEncoder::new(&mut file, quality);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    encoder.encode(image.bytes(), width, height, colour).map_err(|error| internal("encoding as JPEG", error))?;
    Ok(file)
}
