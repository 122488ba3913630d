use super::decode::{DecodeError, DecodeLimits, Layout};
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

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits, pool: &BufferPool) -> Result<Image, DecodeError> {
    // Strict: by default the decoder paints what is missing grey, and a part would be judged by it.
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(refuse)?;
    let info = decoder.info().ok_or_else(|| DecodeError::damaged("JPEG", "it has no frame header"))?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    limits.check_size(width, height)?;
    if !is_complete(bytes) {
        return Err(DecodeError::damaged("JPEG", "its end marker is missing"));
    }
    let grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (space, format) =
        if grey { (ColorSpace::Luma, PixelFormat::Gray8) } else { (ColorSpace::RGB, PixelFormat::Rgb8) };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    Layout::Plain(format).read("JPEG", (width, height), pool, |buffer| decoder.decode_into(buffer).map_err(refuse))
}

/// True where the markers lead to an end-of-image marker: the decoder alone does not notice when the last rows are
/// missing.
pub(super) fn is_complete(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let mut rest = bytes;
    // Each round takes at least the two bytes of a marker.
    while let Some(at) = rest.windows(2).position(|pair| matches!(pair, [0xff, 0x01..=0xfe])) {
        let Some((marker, after)) = rest.get(at + 1..).and_then(<[u8]>::split_first) else { return false };
        rest = after;
        match marker {
            &END => return true,
            // Start of image, restarts and the temporary marker stand alone.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                let Some(&[high, low]) = rest.first_chunk::<2>() else { return false };
                let Some(after) = rest.get(usize::from(u16::from_be_bytes([high, low])).max(2)..) else { return false };
                rest = after;
            }
        }
    }
    false
}
