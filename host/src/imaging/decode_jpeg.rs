use super::decode::{DecodeError, DecodeLimits, Layout};
use super::jpeg_check;
use crate::domain::{BufferPool, Image, PixelFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

fn refuse(error: DecodeErrors) -> DecodeError {
    match error {
        DecodeErrors::Unsupported(kind) => DecodeError::unsupported("JPEG", format_args!("{kind:?}")),
        other => DecodeError::damaged("JPEG", format_args!("{other:?}")),
    }
}

/// Whose bytes a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Just encoded in this process.
    Own,
    Outside,
}

pub(super) fn decode(
    bytes: &[u8],
    origin: Origin,
    limits: &DecodeLimits,
    pool: &BufferPool,
) -> Result<Image, DecodeError> {
    // Strict: by default the decoder paints what is missing grey, and a part would be judged by it.
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(refuse)?;
    let info = decoder.info().ok_or_else(|| DecodeError::damaged("JPEG", "it has no frame header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    limits.check_size(width, height)?;
    if origin == Origin::Outside {
        jpeg_check::check(bytes).map_err(|fault| DecodeError::damaged("JPEG", fault))?;
    }
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, format) =
        if grey { (ColorSpace::Luma, PixelFormat::Gray8) } else { (ColorSpace::RGB, PixelFormat::Rgb8) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    Layout::Plain(format).read("JPEG", (width, height), pool, |buffer| decoder.decode_into(buffer).map_err(refuse))
}
