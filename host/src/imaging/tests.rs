#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod decoding;
mod filters;
mod jpeg_damage;
mod numbers;
mod shapes;

use super::*;
use crate::domain::{BufferPool, Image, PixelFormat};

fn pool() -> BufferPool {
    BufferPool::new(4, 1 << 20)
}

/// The test picture of the reference values: (13 x² + 57 y + 29 x y + 83 channel + 11) mod 256.
fn value(x: usize, y: usize, channel: usize) -> u8 {
    ((13 * x * x + 57 * y + 29 * x * y + 83 * channel + 11) % 256) as u8
}

fn grey(width: usize, height: usize) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| value(x, y, 0))).collect()
}

fn colour(width: usize, height: usize) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..3).map(move |channel| value(x, y, channel)))).collect()
}

fn image(width: u32, height: u32, format: PixelFormat, pixels: &[u8]) -> Image {
    from_pixels(width, height, format, pixels, &pool()).unwrap()
}

fn grey_image(width: u32, height: u32) -> Image {
    image(width, height, PixelFormat::Gray8, &grey(width as usize, height as usize))
}

fn colour_image(width: u32, height: u32) -> Image {
    image(width, height, PixelFormat::Rgb8, &colour(width as usize, height as usize))
}

/// One channel of interleaved samples.
fn channel<T: Copy>(samples: &[T], index: usize, count: usize) -> Vec<T> {
    samples.iter().skip(index).step_by(count).copied().collect()
}

fn wide(samples: &[u16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn samples_16(image: &Image) -> Vec<u16> {
    image.bytes().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// What was found and what is allowed, in words.
fn refused<T: std::fmt::Debug>(result: Result<T, OpError>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, OpError::InvalidArgument { .. }), "{error}");
    error.to_string()
}

fn assert_near(found: &[u8], expected: &[u8], tolerance: u8) {
    assert_eq!(found.len(), expected.len());
    let off = found.iter().zip(expected).position(|(a, b)| a.abs_diff(*b) > tolerance);
    assert_eq!(off, None, "\nfound    {found:?}\nexpected {expected:?}");
}
