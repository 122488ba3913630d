//! The host's operations on pictures: what a plugin in any language gets when it asks for them.

use crate::figure::{Figure, Times};
use crate::fixture::Fixture;
use assay::domain::{Image, PixelFormat};
use assay::imaging::{self, PixelElement, ResizeFilter, TensorLayout, TensorSpec};
use std::hint::black_box;

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 1024;
const SAMPLES: usize = 15;

pub fn measure(fixture: &Fixture) -> anyhow::Result<Vec<Figure>> {
    let count = u64::from(WIDTH * HEIGHT * 3);
    // A slope with noise: flat pictures would flatter the encoder and the median.
    let pixel = |at: u64| ((at / 64 % 160) + (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59)) as u8;
    let pixels: Vec<u8> = (0..count).map(pixel).collect();
    let image = Image::new(WIDTH, HEIGHT, PixelFormat::Rgb8, pixels.into())?;
    let small = imaging::resize(&image, 224, 224, ResizeFilter::Bilinear, fixture.pool())?;
    let pool = fixture.pool();
    let spec =
        TensorSpec { layout: TensorLayout::Nchw, element: PixelElement::F32, mean: vec![127.0], scale: vec![128.0] };
    let work: [(&str, &dyn Fn() -> bool); 10] = [
        ("resize to 224x224, bilinear", &|| imaging::resize(&image, 224, 224, ResizeFilter::Bilinear, pool).is_ok()),
        ("resize to 224x224, box", &|| imaging::resize(&image, 224, 224, ResizeFilter::Box, pool).is_ok()),
        ("convert to grey", &|| imaging::convert(&image, PixelFormat::Gray8, pool).is_ok()),
        ("gaussian blur, sigma 2", &|| imaging::gaussian_blur(&image, 2.0, pool).is_ok()),
        ("median 3x3", &|| imaging::median_blur(&image, 3, pool).is_ok()),
        ("5 bits per channel", &|| imaging::reduce_bit_depth(&image, 5, pool).is_ok()),
        ("JPEG round trip, quality 75", &|| imaging::jpeg_round_trip(&image, 75, pool).is_ok()),
        ("histogram", &|| black_box(imaging::histogram(&image)).len() == 256),
        ("statistics", &|| black_box(imaging::statistics(&image)).mean > 0.0),
        ("224x224 to tensor", &|| imaging::to_tensor(&[&small], &spec).is_ok()),
    ];
    let mut figures = Vec::new();
    for (name, run) in work {
        anyhow::ensure!(run(), "{name} does not work");
        let time = Times::of(2, SAMPLES, || _ = black_box(run())).p50();
        let against = "1280x1024 colour, one thread, called directly";
        figures.push(Figure::plain(&format!("host imaging: {name}"), time, "us", against));
    }
    Ok(figures)
}
