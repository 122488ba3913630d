//! Sixteen pictures of four million pixels to look at, none of which a PNG makes smaller.

use crate::assay::plugin::imaging::{Image, PixelFormat};
use crate::exports::assay::plugin::detect::{Detection, Evidence};
use crate::{Answer, finding};

pub fn run(_: Evidence) -> Answer {
    let mut noise = 1u32;
    let pixels: Vec<u8> = core::iter::repeat_with(|| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    })
    .take(256 * 256)
    .collect();
    let tile = Image::from_pixels(256, 256, PixelFormat::Gray8, &pixels).unwrap();
    let image = |n| (format!("picture-{n}"), tile.resize(2048, 1900, crate::assay::plugin::imaging::ResizeFilter::Nearest).unwrap());
    Ok(Detection { findings: vec![finding()], images: (0..16).map(image).collect(), attributes: Vec::new() })
}
