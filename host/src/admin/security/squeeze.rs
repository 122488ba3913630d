//! What feature squeezing does to a picture, for a person to look at: the settings are those that `adv-squeeze` has
//! where a recipe says nothing else.

use crate::domain::{BufferPool, Finding, Image, ImageError, PixelFormat};
use crate::imaging::{
    DecodeError, DecodeLimits, OpError, ResizeFilter, convert, decode, encode_png, jpeg_round_trip, median_blur,
    reduce_bit_depth, resize,
};

pub const BITS: u32 = 5;
pub const MEDIAN: u32 = 3;
pub const JPEG_QUALITY: u32 = 75;
/// How much larger a difference is shown than it is: a few grey values are not seen.
pub const AMPLIFIED: u8 = 8;
/// A larger picture is made smaller first: about what a model sees, and a bound on the time that it takes.
const MAX_SIDE: u32 = 320;
/// What may be decoded for it.
const LIMITS: DecodeLimits =
    DecodeLimits { max_file_bytes: 32 << 20, max_width: 16_384, max_height: 16_384, max_pixels: 25_000_000 };

/// A way to take details from a picture that a camera does not care about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Squeezer {
    Bits,
    Median,
    Jpeg,
}

/// What is shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    Squeezed,
    Difference,
}

impl Squeezer {
    pub const ALL: [Self; 3] = [Self::Bits, Self::Median, Self::Jpeg];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bits => "bits",
            Self::Median => "median",
            Self::Jpeg => "jpeg",
        }
    }

    /// The one that moved the model's answer most, as the finding's attributes say.
    #[must_use]
    pub fn of_most_effect(finding: &Finding) -> Option<Self> {
        let moved = |squeezer: Self| {
            let key = format!("l1-{}", squeezer.name());
            let (_, value) = finding.attributes.iter().find(|(name, _)| *name == key)?;
            Some((squeezer, value.parse::<f64>().ok().filter(|value| value.is_finite())?))
        };
        let moved = Self::ALL.into_iter().filter_map(moved);
        moved.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(squeezer, _)| squeezer)
    }
}

/// A picture cannot be squeezed.
#[derive(Debug, thiserror::Error)]
pub enum SqueezeError {
    #[error("the picture cannot be decoded")]
    Decode(#[from] DecodeError),
    #[error("an operation of imaging failed")]
    Operation(#[from] OpError),
    #[error("the difference is no picture")]
    Difference(#[from] ImageError),
}

/// The picture, at most 320 pixels a side, after a squeezer, or how far each of its pixels was moved; as PNG.
///
/// # Errors
/// When the bytes are no picture that the station decodes.
pub fn made(bytes: &[u8], by: Squeezer, show: Shown) -> Result<Vec<u8>, SqueezeError> {
    // Nothing is kept: this is asked for now and then.
    let pool = BufferPool::new(0, 0);
    let picture = small(&decode(bytes, &LIMITS, &pool)?, &pool)?;
    let squeezed = match by {
        Squeezer::Bits => reduce_bit_depth(&picture, BITS, &pool)?,
        Squeezer::Median => median_blur(&picture, MEDIAN, &pool)?,
        Squeezer::Jpeg => jpeg_round_trip(&picture, JPEG_QUALITY, &pool)?,
    };
    let shown = match show {
        Shown::Squeezed => squeezed,
        Shown::Difference => difference(&picture, &squeezed)?,
    };
    Ok(encode_png(&shown)?)
}

fn small(picture: &Image, pool: &BufferPool) -> Result<Image, OpError> {
    let picture = match picture.format() {
        PixelFormat::Gray8 | PixelFormat::Rgb8 => picture.clone(),
        PixelFormat::Gray16 => convert(picture, PixelFormat::Gray8, pool)?,
        PixelFormat::Bgr8 | PixelFormat::Rgba8 => convert(picture, PixelFormat::Rgb8, pool)?,
    };
    let (width, height) = (picture.width(), picture.height());
    let longest = width.max(height);
    if longest <= MAX_SIDE {
        return Ok(picture);
    }
    let side = |pixels: u32| {
        let scaled = u64::from(pixels) * u64::from(MAX_SIDE) / u64::from(longest.max(1));
        u32::try_from(scaled).unwrap_or(MAX_SIDE).clamp(1, MAX_SIDE)
    };
    resize(&picture, side(width), side(height), ResizeFilter::Box, pool)
}

fn difference(one: &Image, other: &Image) -> Result<Image, ImageError> {
    let pairs = one.bytes().iter().zip(other.bytes());
    let pixels: Vec<u8> = pairs.map(|(one, other)| one.abs_diff(*other).saturating_mul(AMPLIFIED)).collect();
    Image::new(one.width(), one.height(), one.format(), pixels.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn png(width: u32, height: u32, format: PixelFormat, pixel: impl Fn(usize) -> u8) -> Vec<u8> {
        let bytes = Image::byte_len(width, height, format).unwrap();
        let pixels: Vec<u8> = (0..bytes).map(pixel).collect();
        encode_png(&Image::new(width, height, format, pixels.into()).unwrap()).unwrap()
    }

    fn shown(bytes: &[u8], by: Squeezer, show: Shown) -> Image {
        let made = made(bytes, by, show).unwrap();
        decode(&made, &DecodeLimits::default(), &BufferPool::new(0, 0)).unwrap()
    }

    #[test]
    fn a_difference_is_what_the_squeezer_changed_eight_times_as_large() {
        let file = png(40, 30, PixelFormat::Rgb8, |at| (at * 37 % 251) as u8);
        let pool = BufferPool::new(0, 0);
        let picture = decode(&file, &DecodeLimits::default(), &pool).unwrap();
        let squeezed = shown(&file, Squeezer::Bits, Shown::Squeezed);
        assert_eq!(squeezed.bytes(), reduce_bit_depth(&picture, BITS, &pool).unwrap().bytes());
        let difference = shown(&file, Squeezer::Bits, Shown::Difference);
        let expected: Vec<u8> =
            picture.bytes().iter().zip(squeezed.bytes()).map(|(a, b)| a.abs_diff(*b).saturating_mul(8)).collect();
        assert_eq!(difference.bytes(), expected);
        assert!(expected.iter().any(|value| *value > 0));
    }

    #[test]
    fn every_squeezer_takes_every_format_and_the_picture_stays_small() {
        for format in [PixelFormat::Gray8, PixelFormat::Rgb8, PixelFormat::Rgba8, PixelFormat::Gray16] {
            let file = png(1000, 7, format, |at| (at * 31 % 256) as u8);
            for by in Squeezer::ALL {
                let picture = shown(&file, by, Shown::Squeezed);
                assert_eq!((picture.width(), picture.height()), (320, 2), "{format:?} {by:?}");
            }
        }
        assert!(matches!(made(b"no picture", Squeezer::Jpeg, Shown::Squeezed), Err(SqueezeError::Decode(_))));
    }

    #[test]
    fn the_squeezer_of_most_effect_is_read_from_the_finding() {
        let finding = |attributes: &[(&str, &str)]| Finding {
            label: "adversarial".to_owned(),
            score: 0.4,
            raised: true,
            region: None,
            text: None,
            attributes: attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        };
        let most = |attributes: &[(&str, &str)]| Squeezer::of_most_effect(&finding(attributes));
        assert_eq!(most(&[("l1-bits", "0.1"), ("l1-median", "0.7"), ("l1-jpeg", "0.2")]), Some(Squeezer::Median));
        assert_eq!(most(&[("l1-jpeg", "0.2"), ("l1-bits", "nan"), ("l1-median", "x")]), Some(Squeezer::Jpeg));
        assert_eq!(most(&[("l1", "0.9")]), None);
    }
}
