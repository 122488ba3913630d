//! Calls every image operation with arguments it cannot use, and checks that each is refused with an error.

use crate::assay::plugin::imaging::{
    ElementType, Image, ImagingError, PixelFormat, ResizeFilter, TensorLayout, TensorSpec, batch_to_tensor,
};
use crate::assay::plugin::types::Region;
use crate::exports::assay::plugin::detect::Evidence;
use crate::{Answer, answer, finding};

fn refused<T>(what: &str, result: Result<T, ImagingError>) {
    assert!(result.is_err(), "{what} was accepted");
}

fn spec(mean: &[f32], scale: &[f32]) -> TensorSpec {
    TensorSpec {
        layout: TensorLayout::Nchw,
        element: ElementType::Fp32,
        mean: mean.to_vec(),
        scale: scale.to_vec(),
    }
}

pub fn run(evidence: Evidence) -> Answer {
    let picture = &evidence.picture;
    let gray = Image::filled(4, 4, PixelFormat::Gray8, &[9]).unwrap();
    let huge = u32::MAX;
    let region = |x, y, width, height| Region { x, y, width, height };
    for bad in [region(0, 0, 0, 0), region(huge, huge, huge, huge), region(0, 0, huge, 1), region(0, 0, 4096, 4096)] {
        refused("read-region", picture.read_region(bad));
        refused("crop", picture.crop(bad));
    }
    for (first, count) in [(0, huge), (huge, huge), (huge, 1), (0, 5000)] {
        refused("read-rows", picture.read_rows(first, count));
    }
    for (width, height) in [(0, 0), (0, 4), (huge, huge), (huge, 1), (70_000, 2)] {
        refused("filled", Image::filled(width, height, PixelFormat::Gray8, &[1]));
        refused("from-pixels", Image::from_pixels(width, height, PixelFormat::Gray8, &[1]));
        refused("resize", picture.resize(width, height, ResizeFilter::Lanczos3));
    }
    refused("filled", Image::filled(4, 4, PixelFormat::Rgb8, &[1]));
    refused("from-pixels", Image::from_pixels(4, 4, PixelFormat::Rgb8, &[1; 47]));
    refused("overlay", picture.overlay(&Image::filled(4, 4, PixelFormat::Rgba8, &[9; 4]).unwrap(), 0, 0));
    refused("overlay", gray.overlay(&gray, 1, 0));
    refused("overlay", gray.overlay(&gray, huge, huge));
    for sigma in [f32::NAN, f32::INFINITY, -1.0, 0.0, 1e9] {
        refused("gaussian-blur", picture.gaussian_blur(sigma));
    }
    for value in [0, 2, 4, 9, huge] {
        refused("median-blur", picture.median_blur(value));
    }
    for value in [0, 9, huge] {
        refused("reduce-bit-depth", picture.reduce_bit_depth(value));
    }
    for value in [0, 101, huge] {
        refused("jpeg-round-trip", picture.jpeg_round_trip(value));
    }
    for bad in [spec(&[], &[1.0]), spec(&[0.0], &[0.0]), spec(&[0.0; 9], &[1.0]), spec(&[f32::NAN], &[1.0])] {
        refused("to-tensor", picture.to_tensor(&bad));
    }
    refused("batch-to-tensor", batch_to_tensor(&[], &spec(&[0.0], &[1.0])));
    let large = Image::filled(8, 4, PixelFormat::Gray8, &[9]).unwrap();
    refused("batch-to-tensor", batch_to_tensor(&[&gray, &large], &spec(&[0.0], &[1.0])));
    refused("batch-to-tensor", batch_to_tensor(&[&gray; 100], &spec(&[0.0], &[1.0])));
    answer(finding())
}
