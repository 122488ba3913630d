//! Brings a picture to the size that a model takes, with its shape kept: the same way in every plugin that needs the
//! picture as the model saw it.

use crate::error::{Error, Result};
use crate::image::{Image, PixelFormat, Region, ResizeFilter, TensorSpec, filter_by_name};
use crate::settings;
use std::ops::Deref;

/// Largest side that a model may ask for, in pixels.
const MAX_SIDE: f64 = 8192.0;

/// How a picture becomes a model's input.
///
/// | setting | meaning | default |
/// |---|---|---|
/// | `region` | the part of the picture that the model sees: x, y, width, height in pixels; empty: all of it | empty |
/// | `width`, `height` | size of the input, pixels | 224 |
/// | `mean`, `scale` | `(pixel - mean) / scale`; a number, or one per channel | 127, 128 |
/// | `pad` | red, green and blue of the border | 127, 127, 127 |
/// | `filter` | `nearest`, `box`, `bilinear`, `catmull-rom` or `lanczos3` | `bilinear` |
/// | `input` | name of the model's input | `input` |
#[derive(Debug, Clone, PartialEq)]
pub struct Letterbox {
    region: Option<Region>,
    width: u32,
    height: u32,
    pad: [u8; 3],
    filter: ResizeFilter,
    spec: TensorSpec,
    input: String,
}

/// Where the resized picture lies inside the new one, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Left border.
    pub x: u32,
    /// Upper border.
    pub y: u32,
    /// Width of the resized picture.
    pub width: u32,
    /// Height of the resized picture.
    pub height: u32,
}

/// The picture itself where it already fits, or a new one.
#[derive(Debug)]
pub enum Fitted<'a> {
    /// Nothing had to be done.
    Same(&'a Image),
    /// Converted, resized or padded.
    New(Image),
}

impl Deref for Fitted<'_> {
    type Target = Image;

    fn deref(&self) -> &Image {
        match self {
            Self::Same(image) => image,
            Self::New(image) => image,
        }
    }
}

impl Letterbox {
    /// Reads the settings above.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where one has the wrong type or lies outside its range.
    pub fn from_settings() -> Result<Self> {
        let filter: String = settings::get_or("filter", "bilinear".to_owned())?;
        let filters = "nearest, box, bilinear, catmull-rom or lanczos3";
        let filter = filter_by_name(&filter).ok_or_else(|| Error::bad_setting("filter", filters, &filter))?;
        let mean: Vec<f32> = settings::get_or("mean", vec![127.0])?;
        let scale: Vec<f32> = settings::get_or("scale", vec![128.0])?;
        check_channels("mean", &mean)?;
        check_channels("scale", &scale)?;
        if scale.contains(&0.0) {
            return Err(Error::bad_setting("scale", "numbers other than 0", "0"));
        }
        let pad = pad_colour(&settings::get_or("pad", vec![127.0])?)?;
        Ok(Self {
            region: region(&settings::get_or("region", Vec::new())?)?,
            width: side("width")?,
            height: side("height")?,
            pad,
            filter,
            spec: TensorSpec::nchw(mean, scale),
            input: settings::get_or("input", "input".to_owned())?,
        })
    }

    /// Name of the model's input.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// How pixels become numbers.
    #[must_use]
    pub const fn spec(&self) -> &TensorSpec {
        &self.spec
    }

    /// The picture as the model sees it: cut, three channels, resized, padded. Nothing is copied where it fits already.
    ///
    /// # Errors
    /// [`Error::BadSetting`] where `region` reaches out of the picture, else what the host's operations give.
    pub fn fit<'a>(&self, picture: &'a Image) -> Result<Fitted<'a>> {
        let Some(region) = self.region else { return self.fit_whole(picture) };
        let (width, height, _) = picture.info();
        if !is_inside(region, width, height) {
            let Region { x, y, width: w, height: h } = region;
            let expected = format!("a region inside {width} x {height} pixels");
            return Err(Error::bad_setting("region", &expected, &format!("{x}, {y}, {w} x {h}")));
        }
        let part = picture.crop(region)?;
        let fitted = match self.fit_whole(&part)? {
            Fitted::New(image) => Some(image),
            Fitted::Same(_) => None,
        };
        Ok(Fitted::New(fitted.unwrap_or(part)))
    }

    fn fit_whole<'a>(&self, picture: &'a Image) -> Result<Fitted<'a>> {
        let (width, height, format) = picture.info();
        let colour = match format {
            PixelFormat::Rgb8 => Fitted::Same(picture),
            _ => Fitted::New(picture.convert(PixelFormat::Rgb8)?),
        };
        if (width, height) == (self.width, self.height) {
            return Ok(colour);
        }
        let place = place(width, height, self.width, self.height);
        let small = colour.resize(place.width, place.height, self.filter)?;
        if (place.width, place.height) == (self.width, self.height) {
            return Ok(Fitted::New(small));
        }
        let border = Image::filled(self.width, self.height, PixelFormat::Rgb8, &self.pad)?;
        Ok(Fitted::New(border.overlay(&small, place.x, place.y)?))
    }
}

/// The largest size of the shape `width` x `height` inside `inside_width` x `inside_height`, centred; an odd pixel of
/// border goes to the right and to the bottom.
#[must_use]
pub fn place(width: u32, height: u32, inside_width: u32, inside_height: u32) -> Placement {
    let (w, h) = (f64::from(width.max(1)), f64::from(height.max(1)));
    let factor = (f64::from(inside_width) / w).min(f64::from(inside_height) / h);
    let width = scaled(w, factor, inside_width);
    let height = scaled(h, factor, inside_height);
    Placement { x: (inside_width - width) / 2, y: (inside_height - height) / 2, width, height }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before the cast")]
fn scaled(side: f64, factor: f64, most: u32) -> u32 {
    (side * factor).round().clamp(1.0, f64::from(most.max(1))) as u32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range before the cast")]
fn side(key: &str) -> Result<u32> {
    Ok(settings::number_in(key, 1.0..=MAX_SIDE, 224.0)? as u32)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range before the cast")]
fn region(values: &[f32]) -> Result<Option<Region>> {
    // Up to here every whole number is one of `f32`, too.
    let is_pixel = |value: &f32| (0.0..=65_535.0).contains(value) && value.fract() == 0.0;
    match values {
        [] => Ok(None),
        [x, y, width, height] if values.iter().all(is_pixel) && *width > 0.0 && *height > 0.0 => {
            Ok(Some(Region { x: *x as u32, y: *y as u32, width: *width as u32, height: *height as u32 }))
        }
        _ => Err(Error::bad_setting("region", "x, y, width and height in pixels, or nothing", &format!("{values:?}"))),
    }
}

/// Sides are at most 65,535 pixels, so nothing overflows.
const fn is_inside(region: Region, width: u32, height: u32) -> bool {
    region.x + region.width <= width && region.y + region.height <= height
}

fn check_channels(key: &str, values: &[f32]) -> Result<()> {
    if matches!(values.len(), 1 | 3) {
        return Ok(());
    }
    Err(Error::bad_setting(key, "1 number, or 3", &format!("{} numbers", values.len())))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range before the cast")]
fn pad_colour(values: &[f32]) -> Result<[u8; 3]> {
    let bad = || Error::bad_setting("pad", "1 number, or 3, from 0 to 255", &format!("{values:?}"));
    if !values.iter().all(|value| (0.0..=255.0).contains(value)) {
        return Err(bad());
    }
    match values {
        [one] => Ok([*one as u8; 3]),
        [red, green, blue] => Ok([*red as u8, *green as u8, *blue as u8]),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::{Placement, Region, is_inside, pad_colour, place, region};

    #[test]
    fn a_wide_picture_gets_borders_above_and_below() {
        assert_eq!(place(640, 480, 224, 224), Placement { x: 0, y: 28, width: 224, height: 168 });
    }

    #[test]
    fn a_high_picture_gets_borders_at_its_sides_with_the_odd_pixel_right() {
        assert_eq!(place(101, 200, 200, 200), Placement { x: 49, y: 0, width: 101, height: 200 });
    }

    #[test]
    fn a_picture_of_the_same_shape_fills_all() {
        assert_eq!(place(1000, 1000, 224, 224), Placement { x: 0, y: 0, width: 224, height: 224 });
    }

    #[test]
    fn a_thin_line_keeps_at_least_one_pixel() {
        assert_eq!(place(10_000, 1, 224, 224), Placement { x: 0, y: 111, width: 224, height: 1 });
    }

    #[test]
    fn a_region_is_four_whole_pixels_or_nothing() {
        let wanted = Region { x: 28, y: 32, width: 254, height: 250 };
        assert_eq!(region(&[28.0, 32.0, 254.0, 250.0]).unwrap(), Some(wanted));
        assert_eq!(region(&[]).unwrap(), None);
        for wrong in [&[0.0, 0.0, 10.0][..], &[0.0, 0.0, 0.0, 10.0], &[0.5, 0.0, 9.0, 9.0], &[-1.0, 0.0, 9.0, 9.0]] {
            assert!(region(wrong).is_err(), "{wrong:?}");
        }
        assert!(is_inside(wanted, 282, 282) && !is_inside(wanted, 281, 282) && !is_inside(wanted, 282, 281));
    }

    #[test]
    fn a_border_colour_is_one_or_three_bytes() {
        assert_eq!(pad_colour(&[127.0]).unwrap(), [127, 127, 127]);
        assert_eq!(pad_colour(&[1.0, 2.0, 3.0]).unwrap(), [1, 2, 3]);
        assert!(pad_colour(&[256.0]).is_err());
        assert!(pad_colour(&[1.0, 2.0]).is_err());
        assert!(pad_colour(&[f32::NAN]).is_err());
    }
}
