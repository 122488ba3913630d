use super::decode::{DecodeError, DecodeLimits, Layout};
use crate::domain::{BufferPool, Image, PixelFormat};
use png::{BitDepth, ColorType, DecodingError, Transformations};
use std::io::Cursor;

/// What a file may make the decoder hold beside the pixels.
const MAX_SIDE_DATA_BYTES: usize = 64 << 20;

fn refuse(error: DecodingError) -> DecodeError {
    match error {
        DecodingError::LimitsExceeded => DecodeError::TooLarge {
            what: "the PNG's data beside its pixels",
            found: "more".to_owned(),
            allowed: format!("{MAX_SIDE_DATA_BYTES} bytes"),
        },
        other => DecodeError::damaged("PNG", other),
    }
}

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits, pool: &BufferPool) -> Result<Image, DecodeError> {
    let side_data = png::Limits { bytes: MAX_SIDE_DATA_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), side_data);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(refuse)?;
    let (width, height) = header.size();
    limits.check_size(width, height)?;
    let grey = matches!(header.color_type, ColorType::Grayscale | ColorType::GrayscaleAlpha);
    let narrow = if grey { Transformations::IDENTITY } else { Transformations::STRIP_16 };
    decoder.set_transformations(Transformations::EXPAND | narrow);
    let mut reader = decoder.read_info().map_err(refuse)?;
    let layout = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => Layout::Plain(PixelFormat::Gray8),
        (ColorType::Grayscale, BitDepth::Sixteen) => Layout::Plain(PixelFormat::Gray16),
        (ColorType::Rgb, BitDepth::Eight) => Layout::Plain(PixelFormat::Rgb8),
        (ColorType::GrayscaleAlpha, BitDepth::Eight) => Layout::GreyAlpha,
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen) => Layout::WideGreyAlpha { big_endian: true },
        (ColorType::Rgba, BitDepth::Eight) => Layout::ColourAlpha,
        other => return Err(DecodeError::unsupported("PNG", format_args!("{other:?}"))),
    };
    layout.read("PNG", (width, height), pool, |buffer| {
        reader.next_frame(buffer).map_err(refuse)?;
        // Up to the end chunk: a file that was cut after its pixels is still one that somebody failed to write.
        reader.finish().map_err(refuse)?;
        if matches!(layout, Layout::Plain(PixelFormat::Gray16)) {
            let (samples, _) = buffer.as_chunks_mut::<2>();
            samples.iter_mut().for_each(|sample| sample.reverse());
        }
        Ok(())
    })
}
