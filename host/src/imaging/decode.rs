use super::{decode_jpeg, decode_png};
use crate::domain::{Blame, BufferPool, Failure, FailureCode, Image, PixelBuffer, PixelFormat, Stage};
use image::codecs::bmp::BmpDecoder;
use image::codecs::pnm::PnmDecoder;
use image::{ColorType, ImageDecoder};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a picture file may cost. All of it is checked before memory for pixels is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    pub max_file_bytes: u64,
    pub max_width: u32,
    pub max_height: u32,
    pub max_pixels: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_file_bytes: 32 << 20, max_width: 16_384, max_height: 16_384, max_pixels: 50_000_000 }
    }
}

/// Why bytes did not become a picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the file is empty; expected a PNG, JPEG, BMP or PNM picture")]
    Empty,
    #[error("no picture of an allowed format: the file starts with {found}; expected PNG, JPEG, BMP or PNM")]
    UnknownFormat { found: String },
    #[error("this kind of {format} is not supported: {detail}; save it as plain 8-bit PNG or JPEG")]
    Unsupported { format: &'static str, detail: String },
    #[error("the {format} picture is damaged or ends early: {detail}; write the file again")]
    Damaged { format: &'static str, detail: String },
    #[error("{what} is {found}, at most {allowed} is allowed; make the picture smaller or raise the limit")]
    TooLarge { what: &'static str, found: String, allowed: String },
}

impl DecodeError {
    #[must_use]
    pub const fn code(&self) -> FailureCode {
        match self {
            Self::Empty | Self::UnknownFormat { .. } | Self::Unsupported { .. } => FailureCode::NotAnImage,
            Self::Damaged { .. } => FailureCode::DamagedImage,
            Self::TooLarge { .. } => FailureCode::ImageTooLarge,
        }
    }

    pub(super) fn damaged(format: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Damaged { format, detail: detail.to_string() }
    }

    pub(super) fn unsupported(format: &'static str, detail: impl std::fmt::Display) -> Self {
        Self::Unsupported { format, detail: detail.to_string() }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::new(Stage::Decode, Blame::Source, error.code(), error.to_string())
    }
}

impl DecodeLimits {
    /// Checks a size read from a header.
    pub(super) fn check_size(&self, width: u32, height: u32) -> Result<(), DecodeError> {
        let too_large = |what, found: u64, allowed: u64, unit: &str| {
            let (found, allowed) = (format!("{found}{unit}"), format!("{allowed}{unit}"));
            Err(DecodeError::TooLarge { what, found, allowed })
        };
        if width > self.max_width {
            return too_large("the picture's width", width.into(), self.max_width.into(), " pixels");
        }
        if height > self.max_height {
            return too_large("the picture's height", height.into(), self.max_height.into(), " pixels");
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.max_pixels {
            return too_large("the picture's size", pixels, self.max_pixels, " pixels");
        }
        Ok(())
    }
}

/// Turns a picture file into pixels.
///
/// 8-bit grey becomes `Gray8`, 16-bit grey `Gray16`, everything else `Rgb8`: alpha is dropped, 16-bit colour keeps
/// its upper bytes, palettes and fewer bits are expanded. Embedded colour profiles and orientation are not applied.
/// A picture that is not complete is refused, never filled up. A panic inside a decoder counts as a damaged picture.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(bytes: &[u8], limits: &DecodeLimits, pool: &BufferPool) -> Result<Image, DecodeError> {
    if bytes.len() as u64 > limits.max_file_bytes {
        return Err(DecodeError::TooLarge {
            what: "the file",
            found: format!("{} bytes", bytes.len()),
            allowed: format!("{} bytes", limits.max_file_bytes),
        });
    }
    let format = FileFormat::of(bytes)?;
    // The decoders own all that they touch, and the pool's buffer is dropped with them: nothing half-changed is left.
    let decoded = catch_unwind(AssertUnwindSafe(|| match format {
        FileFormat::Png => decode_png::decode(bytes, limits, pool),
        FileFormat::Jpeg => decode_jpeg::decode(bytes, decode_jpeg::Origin::Outside, limits, pool),
        FileFormat::Bmp => decode_with("BMP", || BmpDecoder::new(Cursor::new(bytes)), limits, pool),
        FileFormat::Pnm => decode_with("PNM", || PnmDecoder::new(Cursor::new(bytes)), limits, pool),
    }));
    decoded.unwrap_or_else(|_| Err(DecodeError::damaged(format.name(), "the decoder gave up on it")))
}

#[derive(Debug, Clone, Copy)]
enum FileFormat {
    Png,
    Jpeg,
    Bmp,
    Pnm,
}

impl FileFormat {
    fn of(bytes: &[u8]) -> Result<Self, DecodeError> {
        match bytes {
            [] => Err(DecodeError::Empty),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Ok(Self::Jpeg),
            [b'B', b'M', ..] => Ok(Self::Bmp),
            [b'P', b'1'..=b'7', b' ' | b'\t' | b'\r' | b'\n' | b'#', ..] => Ok(Self::Pnm),
            _ => {
                let start = bytes.get(..8).unwrap_or(bytes);
                Err(DecodeError::UnknownFormat { found: format!("\"{}\"", start.escape_ascii()) })
            }
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
        }
    }
}

fn decode_with<D: ImageDecoder>(
    format: &'static str,
    open: impl FnOnce() -> image::ImageResult<D>,
    limits: &DecodeLimits,
    pool: &BufferPool,
) -> Result<Image, DecodeError> {
    let refuse = |error: image::ImageError| match error {
        image::ImageError::Unsupported(_) => DecodeError::unsupported(format, error),
        _ => DecodeError::damaged(format, error),
    };
    let decoder = open().map_err(refuse)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let layout = match decoder.color_type() {
        ColorType::L8 => Layout::Plain(PixelFormat::Gray8),
        ColorType::L16 => Layout::Plain(PixelFormat::Gray16),
        ColorType::Rgb8 => Layout::Plain(PixelFormat::Rgb8),
        ColorType::La8 => Layout::GreyAlpha,
        ColorType::La16 => Layout::WideGreyAlpha { big_endian: false },
        ColorType::Rgba8 => Layout::ColourAlpha,
        ColorType::Rgb16 => Layout::WideColour,
        ColorType::Rgba16 => Layout::WideColourAlpha,
        other => return Err(DecodeError::unsupported(format, format_args!("{other:?}"))),
    };
    layout.read(format, (width, height), pool, |buffer| decoder.read_image(buffer).map_err(refuse))
}

/// How a decoder lays out its pixels.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    /// As the picture will lie: decoded straight into its buffer.
    Plain(PixelFormat),
    GreyAlpha,
    WideGreyAlpha {
        big_endian: bool,
    },
    ColourAlpha,
    /// 16-bit samples in little-endian order.
    WideColour,
    WideColourAlpha,
}

impl Layout {
    /// Lets `fill` decode into a buffer of the pool and makes the picture of it, alpha and surplus bits dropped.
    pub(super) fn read(
        self,
        file_format: &'static str,
        (width, height): (u32, u32),
        pool: &BufferPool,
        fill: impl FnOnce(&mut [u8]) -> Result<(), DecodeError>,
    ) -> Result<Image, DecodeError> {
        let (format, decoded_bytes) = match self {
            Self::Plain(format) => (format, format.bytes_per_pixel()),
            Self::GreyAlpha => (PixelFormat::Gray8, 2),
            Self::WideGreyAlpha { .. } => (PixelFormat::Gray16, 4),
            Self::ColourAlpha => (PixelFormat::Rgb8, 4),
            Self::WideColour => (PixelFormat::Rgb8, 6),
            Self::WideColourAlpha => (PixelFormat::Rgb8, 8),
        };
        let pixels = (width as usize).saturating_mul(height as usize);
        let mut buffer = pool.take(pixels.saturating_mul(decoded_bytes));
        fill(buffer.as_mut_slice())?;
        if !matches!(self, Self::Plain(_)) {
            let mut target = pool.take(pixels.saturating_mul(format.bytes_per_pixel()));
            self.reduce(&buffer, target.as_mut_slice());
            buffer = target;
        }
        Image::new(width, height, format, buffer).map_err(|error| DecodeError::damaged(file_format, error))
    }

    fn reduce(self, source: &PixelBuffer, target: &mut [u8]) {
        let source = source.as_slice();
        match self {
            Self::Plain(_) => {}
            Self::GreyAlpha => pick(source, target, |[grey, _]: [u8; 2]| [grey]),
            Self::WideGreyAlpha { big_endian: true } => pick(source, target, |[high, low, ..]: [u8; 4]| [low, high]),
            Self::WideGreyAlpha { big_endian: false } => pick(source, target, |[low, high, ..]: [u8; 4]| [low, high]),
            Self::ColourAlpha => pick(source, target, |[r, g, b, _]: [u8; 4]| [r, g, b]),
            Self::WideColour => pick(source, target, |[_, r, _, g, _, b]: [u8; 6]| [r, g, b]),
            Self::WideColourAlpha => pick(source, target, |[_, r, _, g, _, b, ..]: [u8; 8]| [r, g, b]),
        }
    }
}

/// Makes each pixel of `target` from one of `source`.
#[inline(always)]
pub(super) fn pick<const FROM: usize, const TO: usize>(
    source: &[u8],
    target: &mut [u8],
    pixel: impl Fn([u8; FROM]) -> [u8; TO],
) {
    let (source, _) = source.as_chunks::<FROM>();
    let (target, _) = target.as_chunks_mut::<TO>();
    for (to, from) in target.iter_mut().zip(source) {
        *to = pixel(*from);
    }
}
